package graphs_test

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/session"
	"tfcnn/session/graphs"
	"tfcnn/session/sessiontest"
)

func TestMain(m *testing.M) { os.Exit(sessiontest.Main(m)) }

type (
	outputs = map[string]tf.Output
	tensors = map[string]tensor.Tensor
	values  = map[string]graphs.Value
)

func open(t *testing.T, scope *op.Scope, o graphs.Options) *graphs.Session {
	t.Helper()
	if o.Device == "" {
		o.Device = "cpu"
	}
	s, err := graphs.Open(scope, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func function(t *testing.T, s *graphs.Session, g graphs.Signature) *graphs.Function {
	t.Helper()
	f, err := s.Function(g)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func placeholder(scope *op.Scope, kind tf.DataType, shape ...int64) tf.Output {
	return op.Placeholder(scope.SubScope("feed"), kind, op.PlaceholderShape(tf.MakeShape(shape...)))
}

func vector(x ...float32) tensor.Tensor { return tensor.Tensor{Shape: []int{len(x)}, Data: x} }

// sums is a graph of two feeds, a sum and a difference.
func sums(t *testing.T, o graphs.Options) (*graphs.Session, *graphs.Function) {
	root := tfgo.NewRoot()
	a, b := placeholder(root, tf.Float, -1), placeholder(root, tf.Float, -1)
	s := open(t, root, o)
	sum, difference := op.Add(root, a, b), op.Sub(root, a, b)
	if _, err := s.Function(graphs.Signature{Fetches: outputs{"sum": sum}}); err == nil || !strings.Contains(err.Error(), `node "Add", which was added after the session was opened`) {
		t.Errorf("a node added after Open: %v", err)
	}
	s = open(t, root, o) // the scope, extended
	return s, function(t, s, graphs.Signature{Feeds: outputs{"a": a, "b": b}, Fetches: outputs{"sum": sum, "difference": difference, "again": sum}})
}

func TestRun(t *testing.T) {
	s, f := sums(t, graphs.Options{})
	feeds := tensors{"a": vector(1, 2, 3), "b": vector(10, 20, 30)}
	ending, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "may end": ending} {
		want := tensors{"sum": vector(11, 22, 33), "difference": vector(-9, -18, -27), "again": vector(11, 22, 33)}
		out, err := f.Run(ctx, feeds)
		if err != nil {
			t.Fatal(err)
		}
		into := tensors{}
		for name := range want {
			into[name] = tensor.MustNew(3)
		}
		if err := f.RunInto(ctx, into, feeds); err != nil {
			t.Fatal(err)
		}
		for fetch, want := range want {
			if same, at := tensor.Equal(out[fetch], want); !same {
				t.Errorf("%s: Run: %s is %v, differs at %d", name, fetch, out[fetch], at)
			}
			if same, at := tensor.Equal(into[fetch], want); !same {
				t.Errorf("%s: RunInto: %s is %v, differs at %d", name, fetch, into[fetch], at)
			}
		}
	}
	n := s.Stats()
	if n.Runs != 4 || n.Errors+n.Canceled != 0 || n.InFlight+n.Waiting != 0 || n.Images != 0 || n.Bytes == 0 || n.MostBytes != n.Bytes+5*4*3 || n.Latency.Sum == 0 {
		t.Errorf("%+v", n)
	}
	if s.Device() != "/device:CPU:0" {
		t.Error(s.Device())
	}
}

// Empty batches have the right shapes, and each size that is new is checked.
func TestShapes(t *testing.T) {
	root := tfgo.NewRoot()
	x := placeholder(root, tf.Float, -1, -1, -1, 1)
	pooled := op.MaxPool(root, x, []int64{1, 3, 3, 1}, []int64{1, 1, 1, 1}, "VALID")
	filter := op.Const(root.SubScope("filter"), [][][][]float32{{{{1}}, {{1}}}, {{{1}}, {{1}}}})
	convolved := op.Conv2D(root, x, filter, []int64{1, 1, 1, 1}, "VALID")
	s := open(t, root, graphs.Options{})
	f := function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"pooled": pooled, "convolved": convolved}})
	for _, tt := range []struct {
		in, pooled, convolved []int
		want                  string
	}{
		{in: []int{2, 5, 4, 1}, pooled: []int{2, 3, 2, 1}, convolved: []int{2, 4, 3, 1}},
		{in: []int{0, 5, 4, 1}, pooled: []int{0, 3, 2, 1}, convolved: []int{0, 4, 3, 1}},
		{in: []int{1, 2, 4, 1}, want: "tensorflow: "}, // would end the process: a window one larger than the image
		{in: []int{1, 2, 2, 1}, want: "tensorflow: "},
		{in: []int{1, 0, 4, 1}, want: "tensorflow: "},
		{in: []int{1, 5, 4, 2}, want: "feed \"x\" has shape [1,5,4,2], want [?,?,?,1]"},
		{in: []int{5, 4, 1}, want: "feed \"x\" has shape [5,4,1], want [?,?,?,1]"},
	} {
		batch := tensor.MustNew(tt.in...)
		for range 2 {
			out, err := f.Run(t.Context(), tensors{"x": batch})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v: %v, want %q", tt.in, err, tt.want)
				}
				continue
			}
			if err != nil || !slices.Equal(out["pooled"].Shape, tt.pooled) || !slices.Equal(out["convolved"].Shape, tt.convolved) {
				t.Errorf("%v: got %v, %v", tt.in, out, err)
				continue
			}
			for _, ctx := range []context.Context{context.Background(), t.Context()} {
				if err := f.RunInto(ctx, tensors{"pooled": out["pooled"], "convolved": out["convolved"]}, tensors{"x": batch}); err != nil {
					t.Errorf("%v: RunInto: %v", tt.in, err)
				}
				wrong := tensors{"pooled": tensor.MustNew(9, 9, 9, 9), "convolved": out["convolved"]}
				if err := f.RunInto(ctx, wrong, tensors{"x": batch}); err == nil || !strings.Contains(err.Error(), `destination of fetch "pooled" has shape [9,9,9,9], want [`) {
					t.Errorf("%v: into another shape: %v", tt.in, err)
				}
			}
		}
	}
}

// A result may have a shape that nothing tells before the run.
func TestUnknownResult(t *testing.T) {
	root := tfgo.NewRoot()
	x := placeholder(root, tf.Float, -1)
	where := op.Where(root, x)
	unique, _ := op.Unique(root, x)
	s := open(t, root, graphs.Options{})
	f := function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"unique": unique}})
	out, err := f.Run(t.Context(), tensors{"x": vector(3, 0, 3)})
	if err != nil || !slices.Equal(out["unique"].Data, []float32{3, 0}) {
		t.Errorf("%v, %v", out, err)
	}
	into := tensors{"unique": vector(0, 0)}
	if err := f.RunInto(t.Context(), into, tensors{"x": vector(3, 0, 3)}); err != nil || into["unique"].Data[0] != 3 {
		t.Errorf("%v, %v", into, err)
	}
	if err := f.RunInto(t.Context(), tensors{"unique": vector(7, 7, 7)}, tensors{"x": vector(3, 0, 3)}); err == nil {
		t.Error("three numbers for two: no error")
	}
	g := function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"where": where}})
	positions, err := g.RunValues(t.Context(), values{"x": graphs.Of([]float32{0, 1, 0, 2})})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := graphs.Elements[int64](positions["where"]); err != nil || !slices.Equal(at, []int64{1, 3}) {
		t.Errorf("%v, %v", at, err)
	}
}

// Each type goes in and comes out as it is.
func TestTypes(t *testing.T) {
	root := tfgo.NewRoot()
	kinds := values{
		"bool": graphs.Of([]bool{true, false, true}), "int8": graphs.Of([]int8{-1, 2, 3}), "int16": graphs.Of([]int16{-1, 2, 3}), "int32": graphs.Of([]int32{-1, 2, 3}),
		"int64": graphs.Of([]int64{-1, 2, 3}), "uint8": graphs.Of([]uint8{255, 2, 3}), "uint16": graphs.Of([]uint16{65535, 2, 3}), "uint32": graphs.Of([]uint32{math.MaxUint32, 2, 3}),
		"uint64": graphs.Of([]uint64{math.MaxUint64, 2, 3}), "float": graphs.Of([]float32{-1, 2, 3}), "double": graphs.Of([]float64{-1, 2, 3}),
		"complex64": graphs.Of([]complex64{1i, 2, 3}), "complex128": graphs.Of([]complex128{1i, 2, 3}),
		"half":     {Type: tf.Half, Shape: []int{3}, Data: []byte{0, 0x3c, 0, 0x40, 0, 0x42}},
		"bfloat16": {Type: tf.Bfloat16, Shape: []int{3}, Data: []byte{0x80, 0x3f, 0, 0x40, 0x40, 0x40}},
		"string":   graphs.String("text with \x00"), "scalar": graphs.Scalar(int64(-7)), "grid": graphs.Of([]int32{1, 2, 3, 4}, 2, 2), "empty": graphs.Of([]float64{}),
	}
	g := graphs.Signature{Feeds: outputs{}, Fetches: outputs{}}
	for name, v := range kinds {
		x := op.Placeholder(root.SubScope(name), v.Type)
		g.Feeds[name], g.Fetches[name] = x, op.Identity(root.SubScope(name), x)
	}
	f := function(t, open(t, root, graphs.Options{}), g)
	for name, ctx := range map[string]context.Context{"background": context.Background(), "may end": t.Context()} {
		out, err := f.RunValues(ctx, kinds)
		if err != nil {
			t.Fatal(err)
		}
		for kind, want := range kinds {
			if got := out[kind]; got.Type != want.Type || string(got.Data) != string(want.Data) || !slices.Equal(got.Shape, want.Shape) {
				t.Errorf("%s: %s: got %v, want %v", name, kind, got, want)
			}
		}
		if x, err := graphs.Elements[complex128](out["complex128"]); err != nil || x[0] != 1i {
			t.Errorf("%v, %v", x, err)
		}
		if x, err := out["float"].Tensor(); err != nil || x.Data[0] != -1 {
			t.Errorf("%v, %v", x, err)
		}
	}
	for want, v := range map[string]graphs.Value{
		"value is of type int32, want float":              graphs.Of([]int32{1}),
		"shape [2] of float has 4 bytes, want 4 a number": {Type: tf.Float, Shape: []int{2}, Data: make([]byte, 4)},
		"size -1 is negative":                             {Type: tf.Float, Shape: []int{-1}},
	} {
		if _, err := v.Tensor(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Variables belong to the session, and its functions share them; targets run.
func TestVariables(t *testing.T) {
	root := tfgo.NewRoot()
	x := placeholder(root, tf.Float, 2)
	variable := op.VarHandleOp(root, tf.Float, tf.MakeShape(2), op.VarHandleOpSharedName("v"))
	assign, add := op.AssignVariableOp(root, variable, x), op.AssignAddVariableOp(root, variable, x)
	read := op.ReadVariableOp(root, variable, tf.Float)
	graph, err := root.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	var sessions []*graphs.Session
	for range 2 {
		s, err := graphs.OpenGraph(graph, graphs.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sessions = append(sessions, s)
	}
	for i, s := range sessions {
		set := function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Targets: []*tf.Operation{assign}})
		more := function(t, s, graphs.Signature{Feeds: outputs{"x": x}, Targets: []*tf.Operation{add}})
		get := function(t, s, graphs.Signature{Fetches: outputs{"v": read}})
		var failed *graphs.Error
		if _, err := get.Run(t.Context(), nil); !errors.As(err, &failed) || failed.Code == 0 || failed.Message == "" || !strings.HasPrefix(err.Error(), `graphs: run fetching "v": tensorflow: `) {
			t.Errorf("session %d has a value before it is assigned: %v", i, err)
		}
		if out, err := set.Run(t.Context(), tensors{"x": vector(1, 2)}); err != nil || len(out) != 0 {
			t.Fatal(out, err)
		}
		if err := more.RunInto(t.Context(), nil, tensors{"x": vector(10, 10)}); err != nil {
			t.Fatal(err)
		}
		out, err := get.Run(t.Context(), nil)
		if err != nil || !slices.Equal(out["v"].Data, []float32{11, 12}) {
			t.Errorf("%v, %v", out, err)
		}
	}
}

// A queue keeps what was fed, numbers and strings, after the run that fed it and
// after its caller has written over the memory.
func TestKeeps(t *testing.T) {
	root := tfgo.NewRoot()
	x, text := placeholder(root, tf.Float, -1), placeholder(root, tf.String)
	q := op.FIFOQueueV2(root, []tf.DataType{tf.Float, tf.String}, op.FIFOQueueV2SharedName("q"))
	enqueue := op.QueueEnqueueV2(root, q, []tf.Output{x, text})
	y := op.QueueDequeueV2(root, q, []tf.DataType{tf.Float, tf.String})
	s := open(t, root, graphs.Options{})
	put := function(t, s, graphs.Signature{Feeds: outputs{"x": x, "text": text}, Targets: []*tf.Operation{enqueue}})
	take := function(t, s, graphs.Signature{Fetches: outputs{"x": y[0], "text": y[1]}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, text := range []string{"", "short", strings.Repeat("long ", 100)} {
		for _, ctx := range []context.Context{ctx, context.Background()} {
			x := make([]float32, 64)
			x[63] = 7
			if _, err := put.RunValues(ctx, values{"x": graphs.Of(x), "text": graphs.String(text)}); err != nil {
				t.Fatal(err)
			}
			x[63] = 8
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("long ", 100)} {
		for range 2 {
			out, err := take.RunValues(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if x, err := out["x"].Tensor(); err != nil || x.Data[63] != 7 || string(out["text"].Data) != text {
				t.Errorf("got %v, %q, %v, want %q", x, out["text"].Data, err, text)
			}
		}
	}
}

// What is opened on a graph outlives it; what was allocated is freed.
func TestFrees(t *testing.T) {
	before := capi.LiveAllocations()
	s, f := sums(t, graphs.Options{Limit: session.NewLimit(2, 1<<20)})
	if _, err := f.Run(t.Context(), tensors{"a": vector(1), "b": vector(2)}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	after := capi.LiveAllocations()
	if after.Runners != before.Runners || after.Buffers != before.Buffers || after.Runs != before.Runs {
		t.Errorf("native memory: %+v, want %+v as before", after, before)
	}
	if _, err := f.Run(t.Context(), tensors{"a": vector(1), "b": vector(2)}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a run after Close: %v", err)
	}
	if _, err := f.Run(t.Context(), tensors{"a": vector(1, 2, 3, 4), "b": vector(2, 2, 3, 4)}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a run of a new size after Close: %v", err)
	}
	if _, err := s.Function(graphs.Signature{}); !errors.Is(err, session.ErrClosed) {
		t.Errorf("a function after Close: %v", err)
	}
	if n := s.Stats(); n.Bytes != 0 || n.Runs != 1 || n.Errors != 2 {
		t.Errorf("%+v", n)
	}
}

// Single runs the operations on the thread that calls.
func TestExecutor(t *testing.T) {
	_, f := sums(t, graphs.Options{Executor: session.Single})
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		if out, err := f.Run(ctx, tensors{"a": vector(1), "b": vector(2)}); err != nil || out["sum"].Data[0] != 3 {
			t.Errorf("%v, %v", out, err)
		}
	}
}

// A run that needs more than the limit or the process has, or whose ctx has ended, is
// not begun.
func TestLimit(t *testing.T) {
	root := tfgo.NewRoot()
	x := op.Const(root, float32(1))
	large := function(t, open(t, root, graphs.Options{}), graphs.Signature{Fetches: outputs{"x": x}, Bytes: 1 << 60})
	if _, err := large.Run(t.Context(), nil); !errors.Is(err, session.ErrMemory) {
		t.Errorf("more than the memory: %v", err)
	}
	s, f := sums(t, graphs.Options{Limit: session.NewLimit(0, 100)})
	if _, err := f.Run(t.Context(), tensors{"a": tensor.MustNew(100), "b": tensor.MustNew(100)}); !errors.Is(err, session.ErrLimit) {
		t.Errorf("more than the limit: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if _, err := f.Run(ctx, tensors{"a": vector(1), "b": vector(1)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an ended ctx: %v", err)
	}
	if n := s.Stats(); n.Errors != 1 || n.Canceled != 1 {
		t.Errorf("%+v", n)
	}
}
