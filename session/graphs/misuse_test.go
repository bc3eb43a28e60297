package graphs_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/graphs"
)

// refused holds that an error is one line with a text.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "graphs: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: got %v, want one line of package graphs with %q", what, err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	bad, done := tfgo.NewRoot(), tfgo.NewRoot()
	x := placeholder(bad, tf.Float, 2, 3)
	op.MatMul(bad, x, x)
	if _, err := done.Finalize(); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		scope *op.Scope
		o     graphs.Options
		want  string
	}{
		"nil":            {nil, graphs.Options{}, "open: scope is nil"},
		"zero":           {&op.Scope{}, graphs.Options{}, "open: panic in the bindings"},
		"with an error":  {bad, graphs.Options{}, "open: scope holds an error: failed to add operation \"MatMul\""},
		"finalized":      {done, graphs.Options{}, "open: scope holds an error: Scope has been finalized"},
		"device":         {tfgo.NewRoot(), graphs.Options{Device: "tpu"}, `device "tpu" is not known`},
		"executor":       {tfgo.NewRoot(), graphs.Options{Executor: "two"}, `executor is "two"`},
		"negative limit": {tfgo.NewRoot(), graphs.Options{Device: "cpu", Limit: session.NewLimit(-1, 0)}, "limit: got -1 runs"},
	} {
		s, err := graphs.Open(tt.scope, tt.o)
		refused(t, what, err, tt.want)
		if s != nil {
			t.Errorf("%s: got a session", what)
		}
	}
	_, err := graphs.OpenGraph(nil, graphs.Options{})
	refused(t, "a nil graph", err, "graph is nil")
	_, err = graphs.OpenGraph(&tf.Graph{}, graphs.Options{Device: "cpu"})
	refused(t, "a zero graph", err, "is closed")
	if _, err = graphs.Open(tfgo.NewRoot(), graphs.Options{Device: "gpu:77"}); !errors.Is(err, session.ErrNoDevice) {
		t.Errorf("no such device: %v", err)
	}
	open(t, tfgo.NewRoot(), graphs.Options{}) // a graph without nodes
}

func TestFunctionRefuses(t *testing.T) {
	root, other := tfgo.NewRoot(), tfgo.NewRoot()
	x, foreign := placeholder(root, tf.Float, 2), placeholder(other, tf.Float, 2)
	y := op.Identity(root, x)
	handle := op.VarHandleOp(root, tf.Float, tf.MakeShape(2))
	texts := op.Placeholder(root, tf.String, op.PlaceholderShape(tf.MakeShape(3)))
	s := open(t, root, graphs.Options{})
	fetch := outputs{"y": y}
	for what, tt := range map[string]struct {
		g    graphs.Signature
		want string
	}{
		"nothing":                  {graphs.Signature{}, "no fetch and no target"},
		"no name":                  {graphs.Signature{Feeds: outputs{"": x}, Fetches: fetch}, "a feed has no name"},
		"another graph's feed":     {graphs.Signature{Feeds: outputs{"x": foreign}, Fetches: fetch}, `feed "x" is an output of a node of another graph than the session's`},
		"another graph's fetch":    {graphs.Signature{Fetches: outputs{"y": foreign}}, `fetch "y" is an output of a node of another graph than the session's`},
		"another graph's target":   {graphs.Signature{Targets: []*tf.Operation{foreign.Op}}, "target 0: is a node of another graph than the session's"},
		"an output of no node":     {graphs.Signature{Fetches: outputs{"y": {}}}, `fetch "y" is an output of no node`},
		"an output of a zero node": {graphs.Signature{Fetches: outputs{"y": {Op: &tf.Operation{}}}}, `fetch "y" is an output of no node`},
		"no target":                {graphs.Signature{Targets: []*tf.Operation{nil}}, "target 0: is no node"},
		"an index too large":       {graphs.Signature{Fetches: outputs{"y": {Op: y.Op, Index: 1}}}, `is output 1 of node "Identity", which has 1`},
		"an index below 0":         {graphs.Signature{Fetches: outputs{"y": {Op: y.Op, Index: -1}}}, `is output -1 of node "Identity", which has 1`},
		"one output fed twice":     {graphs.Signature{Feeds: outputs{"a": x, "b": x}, Fetches: fetch}, `feeds "a" and "b" are both output "feed/Placeholder:0"`},
		"a feed that is fetched":   {graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"z": x}}, `fetch "z" is feed "x"`},
		"a resource":               {graphs.Signature{Fetches: outputs{"v": handle}}, "is of TensorFlow's type 20, want one of graphs.Value"},
		"many strings":             {graphs.Signature{Feeds: outputs{"t": texts}, Fetches: fetch}, "has strings of shape [3], want one string"},
		"bytes below 0":            {graphs.Signature{Fetches: fetch, Bytes: -1}, "got -1 bytes a run"},
	} {
		_, err := s.Function(tt.g)
		refused(t, what, err, tt.want)
	}
}

func TestRunRefuses(t *testing.T) {
	root := tfgo.NewRoot()
	x, free := placeholder(root, tf.Float, -1, 2), op.Placeholder(root.SubScope("free"), tf.Float)
	flag, count := placeholder(root, tf.Bool, 1), placeholder(root, tf.Int32, 1)
	copied := func(of tf.Output) tf.Output { return op.Identity(root.SubScope("copied"), of) }
	g := graphs.Signature{Feeds: outputs{"x": x, "free": free}, Fetches: outputs{"y": copied(x), "z": copied(free)}}
	h := graphs.Signature{Feeds: outputs{"flag": flag, "count": count}, Fetches: outputs{"f": copied(flag), "c": copied(count)}}
	product := graphs.Signature{Feeds: outputs{"x": x}, Fetches: outputs{"p": op.MatMul(root, x, x)}}
	s := open(t, root, graphs.Options{})
	floats, mixed := function(t, s, g), function(t, s, h)
	ctx := t.Context()
	one, ok := tensor.MustNew(1), tensor.MustNew(3, 2)
	axes := make([]int, 255)
	for i := range axes {
		axes[i] = 1
	}
	calls := 0
	for what, tt := range map[string]struct {
		feeds tensors
		want  string
	}{
		"no feeds":                       {nil, `feed "free" is missing`},
		"a feed missing":                 {tensors{"free": one, "X": ok}, `feed "x" is missing`},
		"a feed too many":                {tensors{"free": one, "x": ok, "more": ok}, `feed "more" is not in the signature`},
		"another shape":                  {tensors{"free": one, "x": one}, `feed "x" has shape [1], want [?,2]`},
		"too few numbers":                {tensors{"free": one, "x": {Shape: []int{3, 2}, Data: make([]float32, 5)}}, `feed "x" is no tensor: shape [3,2] of float has 20 bytes`},
		"the zero tensor":                {tensors{"free": {}, "x": ok}, `feed "free" is no tensor`},
		"a size below 0":                 {tensors{"free": one, "x": {Shape: []int{-3, 2}}}, `feed "x" is no tensor: tensor: shape [-3,2]`},
		"sizes that overflow":            {tensors{"free": one, "x": {Shape: []int{math.MaxInt, 2}}}, `feed "x" is no tensor`},
		"empty, and sizes that overflow": {tensors{"free": {Shape: []int{0, math.MaxInt, math.MaxInt}}, "x": ok}, `feed "free" is no tensor`},
		"255 axes":                       {tensors{"free": {Shape: axes, Data: make([]float32, 1)}, "x": ok}, `feed "free" has 255 axes, want at most 254`},
	} {
		_, err := floats.Run(ctx, tt.feeds)
		refused(t, what, err, tt.want)
		refused(t, what+", RunInto", floats.RunInto(ctx, tensors{"y": ok, "z": one}, tt.feeds), tt.want)
		calls += 2
	}
	good := tensors{"free": one, "x": ok}
	for what, tt := range map[string]struct {
		into tensors
		want string
	}{
		"no destinations":          {nil, "got 0 tensors for results, want 2"},
		"a name that is not there": {tensors{"y": ok, "Z": one}, `tensor for the result of fetch "z" is missing`},
		"another shape":            {tensors{"y": one, "z": one}, `destination of fetch "y" has shape [1], want [3,2]`},
		"the zero tensor":          {tensors{"y": {}, "z": one}, `destination of fetch "y" is no tensor`},
	} {
		refused(t, what, floats.RunInto(ctx, tt.into, good), tt.want)
		calls++
	}
	for what, tt := range map[string]struct {
		feeds values
		want  string
	}{
		"another type": {values{"flag": graphs.Of([]bool{true}), "count": graphs.Of([]int64{1})}, `feed "count" is of type int64, want int32`},
		"no type":      {values{"flag": {}, "count": graphs.Of([]int32{1})}, `feed "flag" is of type TensorFlow's type 0, want bool`},
		"no bool":      {values{"flag": {Type: tf.Bool, Shape: []int{1}, Data: []byte{2}}, "count": graphs.Of([]int32{1})}, "byte 0 of a bool is 2, want 0 or 1"},
	} {
		_, err := mixed.RunValues(ctx, tt.feeds)
		refused(t, what, err, tt.want)
		calls++
	}
	_, err := mixed.Run(ctx, tensors{"flag": one, "count": one})
	refused(t, "floats for others", err, `feed "count" is of type int32, want float, or RunValues`)
	// An operation that does not take a size, with the node's name.
	_, err = function(t, s, product).Run(ctx, tensors{"x": ok})
	refused(t, "a product", err, `graphs: run fetching "p" feeding "x": tensorflow: `)
	var failed *graphs.Error
	if !errors.As(err, &failed) || failed.Code != 3 || !strings.Contains(err.Error(), "MatMul") {
		t.Errorf("%v", err)
	}
	calls += 2
	if n := s.Stats(); n.Errors != int64(calls) || n.Runs+n.Canceled != 0 || n.InFlight != 0 {
		t.Errorf("%+v, want %d errors", n, calls)
	}
	if out, err := floats.Run(ctx, good); err != nil || len(out) != 2 {
		t.Errorf("a good run: %v, %v", out, err)
	}
}

// A nil ctx, and what was never opened, are refused, and nothing is counted.
func TestNil(t *testing.T) {
	s, f := sums(t, graphs.Options{})
	var none context.Context
	feeds := tensors{"a": vector(1), "b": vector(1)}
	for _, f := range []*graphs.Function{f, nil, {}} {
		_, err := f.Run(none, feeds)
		refused(t, "Run", err, "ctx is nil")
		_, err = f.RunValues(none, nil)
		refused(t, "RunValues", err, "ctx is nil")
		refused(t, "RunInto", f.RunInto(none, nil, feeds), "ctx is nil")
	}
	for _, s := range []*graphs.Session{s, nil, {}} {
		refused(t, "Shutdown", s.Shutdown(none), "ctx is nil")
	}
	if n := s.Stats(); n.Errors+n.Canceled+n.Runs != 0 {
		t.Errorf("counted: %+v", n)
	}
	for _, f := range []*graphs.Function{nil, {}} {
		if _, err := f.Run(t.Context(), feeds); !errors.Is(err, session.ErrClosed) {
			t.Errorf("a zero function: %v", err)
		}
	}
	for _, s := range []*graphs.Session{nil, {}} {
		if _, err := s.Function(graphs.Signature{}); !errors.Is(err, session.ErrClosed) {
			t.Errorf("a zero session: %v", err)
		}
		if err := s.Close(); err != nil || s.Device() != "" || len(s.Stats().Latency.Counts) == 0 {
			t.Errorf("a zero session: %v, %q, %+v", err, s.Device(), s.Stats())
		}
	}
}

// breaking is a ctx whose methods panic from a call on.
type breaking struct {
	context.Context
	left int // calls that go well
}

func (b *breaking) call() {
	if b.left--; b.left < 0 {
		panic("ctx is broken")
	}
}

func (b *breaking) Done() <-chan struct{} { b.call(); return b.Context.Done() }
func (b *breaking) Err() error            { b.call(); return b.Context.Err() }

// A ctx that panics, at whichever of its calls, panics in its caller and leaves
// nothing counted: the session runs on, and Close returns.
func TestPanickingContext(t *testing.T) {
	limit := session.NewLimit(1, 0)
	s, f := sums(t, graphs.Options{Limit: limit})
	feeds := tensors{"a": vector(1), "b": vector(1)}
	for left := range 8 {
		for _, inner := range []context.Context{context.Background(), t.Context()} {
			func() {
				defer func() { _ = recover() }()
				if _, err := f.Run(&breaking{inner, left}, feeds); err != nil {
					t.Errorf("after %d calls: %v", left, err)
				}
			}()
		}
	}
	if err := within(t, "Run", func() error { _, err := f.Run(context.Background(), feeds); return err }); err != nil {
		t.Error(err)
	}
	inFlight(t, s, 0)
	if err := within(t, "Close", s.Close); err != nil {
		t.Error(err)
	}
}
