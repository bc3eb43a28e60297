package capi_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/trace"
)

// runner feeds and fetches nodes by name.
func (s opened) runner(t *testing.T, fetch string, feeds ...string) *capi.Runner {
	t.Helper()
	o := capi.Signature{Fetches: []capi.Output{output(t, s, fetch)}}
	for _, feed := range feeds {
		o.Feeds = append(o.Feeds, output(t, s, feed))
	}
	r, err := s.NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Free)
	return r
}

func numbers(x ...float32) capi.Value {
	return capi.Float32s(tensor.Tensor{Shape: []int{len(x)}, Data: x})
}

func TestRun(t *testing.T) {
	s := open(t)
	double := s.runner(t, "Add", "x/Placeholder")
	for _, x := range []tensor.Tensor{{Shape: []int{1, 2}, Data: []float32{1, 2.5}}, {Shape: []int{}, Data: []float32{3}}, {Shape: []int{0, 4}, Data: []float32{}}} {
		want := x.Clone()
		for i := range want.Data {
			want.Data[i] *= 2
		}
		fresh, given := make([]capi.Value, 1), x.Clone()
		if err := double.Run([]capi.Value{capi.Float32s(x)}, fresh); err != nil {
			t.Fatal(err)
		}
		if err := double.Run([]capi.Value{capi.Float32s(x)}, []capi.Value{capi.Float32s(given)}); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]tensor.Tensor{"fresh": fresh[0].Tensor(), "given": given} {
			if equal, _ := tensor.Equal(got, want); !equal {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		if err := double.Run([]capi.Value{capi.Float32s(x)}, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestTypes(t *testing.T) {
	s := open(t)
	for kind, name := range types {
		r := s.runner(t, name+"/Identity", name+"/Placeholder")
		for _, n := range []int{0, 1, 3} { // numbers, of at most 8 bytes
			bytes := []byte("\x01\x00\x01\x01\x00\x01\x01\x01\x00\x00\x01\x00\x01\x00\x01\x01\x01\x00\x01\x01\x00\x00\x00\x01")
			out := make([]capi.Value, 1)
			size := map[string]int{"double": 8, "half": 2, "bfloat16": 2, "int32": 4, "int64": 8, "uint8": 1, "bool": 1, "complex64": 8}[name]
			err := r.Run([]capi.Value{{Type: kind, Shape: []int{n}, Data: bytes[:n*size]}}, out)
			if err != nil || out[0].Type != kind || !slices.Equal(out[0].Shape, []int{n}) || string(out[0].Data) != string(bytes[:n*size]) {
				t.Errorf("%d of %s: got %v, %v", n, name, out, err)
			}
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("long ", 1000)} {
		for fetch, kind := range map[string]tf.DataType{"DecodeRaw": tf.Uint8, "same/Identity": tf.String} {
			out := make([]capi.Value, 1)
			err := s.runner(t, fetch, "text/Placeholder").Run([]capi.Value{{Type: tf.String, Data: []byte(text)}}, out)
			if err != nil || string(out[0].Data) != text || out[0].Type != kind {
				t.Errorf("%s: got %d bytes of type %d, want %d of %d: %v", fetch, len(out[0].Data), out[0].Type, len(text), kind, err)
			}
		}
	}
}

// A target runs, though nothing of it is fetched.
func TestTargets(t *testing.T) {
	s := open(t)
	read := s.runner(t, "ReadVariableOp")
	if err := read.Run(nil, make([]capi.Value, 1)); err == nil {
		t.Error("the variable has a value before it is assigned")
	}
	assign, err := s.Operation("AssignVariableOp")
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewRunner(capi.Signature{Targets: []capi.Operation{assign}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Free()
	out := make([]capi.Value, 1)
	if err := errors.Join(r.Run(nil, nil), read.Run(nil, out)); err != nil || !slices.Equal(out[0].Tensor().Data, []float32{7, 8}) {
		t.Errorf("got %v, %v, want [7 8]", out[0], err)
	}
}

func TestErrors(t *testing.T) {
	s := open(t)
	before := capi.LiveAllocations()
	const x = "x/Placeholder"
	given := func(shape ...int) []capi.Value { // memory for a result of type float32
		v, err := tensor.New(shape...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range v.Data {
			v.Data[i] = 42
		}
		return []capi.Value{capi.Float32s(v)}
	}
	for name, tt := range map[string]struct {
		fetch   string
		feeds   []string
		in, out []capi.Value
		want    string
	}{
		"a step that fails":               {"Reshape", []string{x}, []capi.Value{numbers(1, 2)}, given(2, 3), "tensorflow: Input to reshape is a tensor with 2 values"},
		"a placeholder without its value": {"Add", nil, nil, given(2), "tensorflow: You must feed a value"},
		"another type":                    {"Cast", []string{x}, []capi.Value{numbers(1, 2)}, given(2), "capi: result 0 has TensorFlow's type 2, shape [2] and 16 bytes, want type 1, shape [2] and 8 bytes"},
		"another shape":                   {"Add", []string{x}, []capi.Value{numbers(1, 2)}, given(1, 2), "shape [2] and 8 bytes, want type 1, shape [1,2] and 8 bytes"},
		"another size":                    {"Add", []string{x}, []capi.Value{numbers(1, 2)}, given(3), "shape [2] and 8 bytes, want type 1, shape [3] and 12 bytes"},
		"too few feeds":                   {"Add", []string{x}, nil, given(2), "capi: got values of 0 feeds, want 1"},
		"too much memory":                 {"Add", []string{x}, []capi.Value{numbers(1, 2)}, append(given(2), given(2)...), "capi: got memory for 2 results, want 1"},
		"a feed that is too short":        {"Add", []string{x}, []capi.Value{{Type: tf.Float, Shape: []int{3}, Data: make([]byte, 8)}}, given(3), "capi: feed 0: 3 numbers of TensorFlow's type 1 have 8 bytes, want 12"},
		"a feed of an impossible shape":   {"Add", []string{x}, []capi.Value{{Type: tf.Float, Shape: []int{-1}}}, given(1), "capi: feed 0: "},
		"a feed of no type":               {"Add", []string{x}, []capi.Value{{Shape: []int{1}, Data: make([]byte, 4)}}, given(1), "capi: feed 0: numbers of TensorFlow's type 0 cannot be fed"},
		"two strings":                     {"DecodeRaw", []string{"text/Placeholder"}, []capi.Value{{Type: tf.String, Shape: []int{2}, Data: make([]byte, 4)}}, given(1), "capi: feed 0: shape of a string is [2], want []"},
	} {
		err := s.runner(t, tt.fetch, tt.feeds...).Run(tt.in, tt.out)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		// With options a run goes another way, and says the same.
		if _, other := s.runner(t, tt.fetch, tt.feeds...).RunWith(nil, tt.in, tt.out); other == nil || err == nil || other.Error() != err.Error() {
			t.Errorf("%s: with options got %v, want %v", name, other, err)
		}
		var failed *capi.Error
		if errors.As(err, &failed) != strings.HasPrefix(tt.want, "tensorflow: ") {
			t.Errorf("%s: %T", name, err)
		}
		for _, out := range tt.out {
			for i, x := range out.Tensor().Data {
				if x != 42 {
					t.Errorf("%s: number %d was written", name, i)
				}
			}
		}
	}
	if after := capi.LiveAllocations(); after.Runs != before.Runs {
		t.Errorf("%d runs are left", after.Runs)
	}
	if _, err := s.Output("nothing", 0); err == nil || !strings.Contains(err.Error(), `no node "nothing"`) {
		t.Error(err)
	}
	if _, err := s.Output("Add", 1); err == nil || !strings.Contains(err.Error(), "1 outputs, got index 1") {
		t.Error(err)
	}
	if _, err := s.OutputOf(tf.Output{}); err == nil {
		t.Error("an output of no node: no error")
	}
}

// After an error, Run has written no result, even where some results fit.
func TestNothingIsWrittenInPart(t *testing.T) {
	s := open(t)
	r, err := s.NewRunner(capi.Signature{Feeds: []capi.Output{output(t, s, "x/Placeholder")}, Fetches: []capi.Output{output(t, s, "Add"), output(t, s, "Cast")}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Free()
	out := []capi.Value{numbers(42, 42), numbers(42, 42)}
	if err := r.Run([]capi.Value{numbers(1, 2)}, out); err == nil || out[0].Tensor().Data[0] != 42 {
		t.Errorf("%v, %v", err, out[0].Tensor())
	}
}

// A run with options returns its metadata.
func TestRunWith(t *testing.T) {
	s := open(t)
	out := make([]capi.Value, 1)
	record, err := trace.Run(trace.Nodes, trace.Layers{}, func(options []byte) ([]byte, error) {
		return s.runner(t, "Add", "x/Placeholder").RunWith(options, []capi.Value{numbers(3)}, out)
	})
	if err != nil || out[0].Tensor().Data[0] != 6 {
		t.Fatal(out, err)
	}
	if !slices.ContainsFunc(record.Nodes, func(n trace.Node) bool { return n.Name == "Add" }) {
		t.Errorf("%+v", record.Nodes)
	}
	if _, err := s.runner(t, "Add").RunWith([]byte("\xff"), nil, out); err == nil || !strings.Contains(err.Error(), "tensorflow: ") {
		t.Errorf("options that are no message: %v", err)
	}
}

// A run that fails in TensorFlow, and a run whose result has another type, free all
// their memory: each has a feed of 4 MiB, the second a result of 8.
func TestFailuresFree(t *testing.T) {
	s := open(t)
	memory := make([]float32, 1<<20+1)
	for uintptr(unsafe.Pointer(&memory[0]))%64 == 0 {
		memory = memory[1:] // so that TensorFlow copies it
	}
	x := capi.Float32s(tensor.Tensor{Shape: []int{len(memory)}, Data: memory})
	runners := []*capi.Runner{s.runner(t, "Reshape", "x/Placeholder"), s.runner(t, "Cast", "x/Placeholder")}
	fail := func(n int) {
		for range n {
			for _, r := range runners {
				if err := r.Run([]capi.Value{x}, []capi.Value{numbers(1)}); err == nil {
					t.Fatal("no error")
				}
			}
		}
	}
	rss := func() int {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip("no /proc to read the size from")
		}
		var size, pages int
		fmt.Sscan(string(text), &size, &pages)
		return pages * os.Getpagesize() >> 20
	}
	fail(10)
	before := rss()
	fail(60)
	if grown := rss() - before; grown > 60*(4+4)/2 {
		t.Errorf("60 failing steps of each kind grew the process by %d MiB", grown)
	}
}

// TensorFlow reads feeds where they are, at any alignment, and returns their memory
// before the run ends.
func TestBorrowedMemory(t *testing.T) {
	s := open(t)
	before := capi.LiveAllocations()
	memory := make([]float32, 4096)
	aligned := 0
	for uintptr(unsafe.Pointer(&memory[aligned]))%64 != 0 {
		aligned++
	}
	r := s.runner(t, "Add", "x/Placeholder")
	for offset := aligned; offset < aligned+20; offset++ {
		feed := tensor.Tensor{Shape: []int{2, 1000}, Data: memory[offset : offset+2000]}
		feed.Data[1999] = float32(offset)
		room := make([]float32, 2002)
		out := []capi.Value{capi.Float32s(tensor.Tensor{Shape: feed.Shape, Data: room[1:2001]})}
		runtime.GC()
		if err := r.Run([]capi.Value{capi.Float32s(feed)}, out); err != nil {
			t.Fatal(err)
		}
		if room[2000] != float32(2*offset) || room[0] != 0 || room[2001] != 0 {
			t.Errorf("offset %d: the result is not in the memory that was given: %v, %v, %v", offset, room[0], room[2000], room[2001])
		}
		if feed.Data[1999] != float32(offset) {
			t.Errorf("offset %d: the feed was written to", offset)
		}
	}
	r.Free()
	if after := capi.LiveAllocations(); after != before {
		t.Errorf("native memory is left: %+v, before %+v", after, before)
	}
}

// A run allocates nothing in Go where its results have memory.
func TestAllocatesNothing(t *testing.T) {
	s := open(t)
	r := s.runner(t, "Add", "x/Placeholder")
	x, y := numbers(1, 2, 3), numbers(0, 0, 0)
	if n := testing.AllocsPerRun(200, func() {
		in, out := [...]capi.Value{x}, [...]capi.Value{y}
		if err := r.Run(in[:], out[:]); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
}

// A NativeTensor feeds many runs and is freed once.
func TestNativeTensor(t *testing.T) {
	s := open(t)
	constant, err := capi.NewNativeTensor(tensor.Tensor{Shape: []int{2}, Data: []float32{1, 2}}, tf.Float)
	if err != nil {
		t.Fatal(err)
	}
	o := capi.Signature{
		Constants: []capi.Constant{{Output: output(t, s, "x/Placeholder"), Tensor: constant}},
		Fetches:   []capi.Output{output(t, s, "Add")},
	}
	r, err := s.NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		out := make([]capi.Value, 1)
		if err := r.Run(nil, out); err != nil {
			t.Fatal(err)
		}
		if got := out[0].Tensor().Data; got[1] != 4 {
			t.Fatalf("got %v", got)
		}
	}
	r.Free()
	r.Free()
	if err := r.Run(nil, nil); err == nil || !strings.Contains(err.Error(), "was freed") {
		t.Errorf("a runner that was freed runs: %v", err)
	}
	constant.Free()
	constant.Free()
	if _, err := s.NewRunner(o); err == nil {
		t.Error("a tensor that was freed feeds a run")
	}
	if _, err := capi.NewNativeTensor(tensor.Tensor{Shape: []int{3}}, tf.Float); err == nil {
		t.Error("a tensor without its numbers is taken")
	}
}
