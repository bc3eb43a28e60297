package tensorflow_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
	_ "tfcnn/session/tuned"
)

// A graph that was built by hand runs under each of the settings.
func TestOpen(t *testing.T) {
	root := tfgo.NewRoot().WithDevice(tensorflow.CPU)
	x := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(2)))
	y := op.Add(root, x, x)
	graph, err := tensorflow.Finalize(root)
	if err != nil {
		t.Fatal(err)
	}
	defer capi.FreeGraph(graph)
	settle := func(o tensorflow.Options) tensorflow.Settings {
		t.Helper()
		s, err := o.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, settings := range map[string]tensorflow.Settings{
		"default":    settle(tensorflow.Options{Device: "cpu"}),
		"parallel":   settle(tensorflow.Options{Device: "CPU", Executor: tensorflow.Parallel}),
		"threads":    settle(tensorflow.Options{Device: "cpu", Threads: 3}),
		"in turn":    {Device: tensorflow.CPU, Executor: tensorflow.Sequential},
		"one thread": tensorflow.OnOneThread(),
	} {
		s, err := tensorflow.Open(graph, settings)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runner, err := s.RunnerOf([]tf.Output{x}, y)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]capi.Value, 1)
		err = runner.Run([]capi.Value{capi.Float32s(tensor.Tensor{Shape: []int{2}, Data: []float32{1, 2}})}, out)
		if err != nil || !slices.Equal(out[0].Tensor().Data, []float32{2, 4}) {
			t.Errorf("%s: got %v, %v, want [2 4]", name, out, err)
		}
		runner.Free()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestResolve(t *testing.T) {
	s, err := tensorflow.Options{Device: "cpu"}.Resolve()
	if want := (tensorflow.Settings{Device: tensorflow.CPU, Executor: tensorflow.Single}); err != nil || s != want {
		t.Errorf("got %+v, %v, want %+v", s, err, want)
	}
	for _, tt := range []struct {
		o    tensorflow.Options
		want string
	}{
		{tensorflow.Options{Device: "cuda"}, `device "cuda" is not known, want auto, cpu, gpu or gpu:N`},
		{tensorflow.Options{Device: "cpu", Executor: "in turn"}, `executor is "in turn", want "single", "parallel" or nothing`},
		{tensorflow.Options{Device: "cpu", Threads: -1}, "got -1 threads, want 0 to 1024"},
		{tensorflow.Options{Device: "cpu", Threads: 1025}, "got 1025 threads, want 0 to 1024"},
	} {
		if _, err := tt.o.Resolve(); err == nil || err.Error() != tt.want {
			t.Errorf("%+v: got %v, want %q", tt.o, err, tt.want)
		}
	}
}

// A node that TensorFlow refuses is one line.
func TestFinalizeRefuses(t *testing.T) {
	root := tfgo.NewRoot()
	x := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(2, 3)))
	op.MatMul(root, x, x)
	if _, err := tensorflow.Finalize(root); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "Dimensions must be equal") {
		t.Error(err)
	}
}

func TestPrecision(t *testing.T) {
	if got := tensorflow.Precision(tensorflow.CPU); got != "float32" || tensorflow.Arithmetic(tensorflow.CPU) != (ref.Arithmetic{}) {
		t.Errorf("on the CPU: %q", got)
	}
	// TF32 is on unless Configure refuses it; an unknown state counts as on.
	a := tensorflow.Arithmetic("/device:GPU:0")
	if !a.FFT || !strings.Contains(tensorflow.Precision("/device:GPU:0"), "TF32 o") {
		t.Errorf("on a GPU: %+v, %q", a, tensorflow.Precision("/device:GPU:0"))
	}
}
