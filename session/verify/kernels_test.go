package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/trace"
	"tfcnn/session"
	"tfcnn/session/internal/seam"
	"tfcnn/session/verify"
)

// Each kernel that a ready network runs is one whose numbers are compared with the
// reference, on this processor: by networks that are drawn, or where those do not have
// it by a verification of the ready network itself. A kernel is what oneDNN prints of a
// computation but for the sizes, and TensorFlow's kernel with its operations. Without
// TFCNN_KERNELS=all (make kernels) two small networks are compared.
func TestKernels(t *testing.T) {
	ready, random := []string{"tutorial", "lenet5"}, "0 8"
	switch {
	case os.Getenv("TFCNN_KERNELS") == "all":
		ready, random = nets.Names(), "0 200"
	case testing.Short():
		t.Skip("starts processes")
	}
	for _, oneDNN := range []string{"0", "1"} {
		start := time.Now()
		drawn := kernelsOf(t, oneDNN, "random "+random)
		took := time.Since(start)
		compared := maps.Clone(drawn)
		hit := map[string]bool{}
		for _, name := range ready {
			ran := kernelsOf(t, oneDNN, "run "+name)
			if len(ran) == 0 {
				t.Errorf("oneDNN %s: %s ran no kernel", oneDNN, name)
			}
			if len(missing(ran, compared)) > 0 {
				maps.Copy(compared, kernelsOf(t, oneDNN, "verify "+name))
			}
			for _, kernel := range missing(ran, compared) {
				t.Errorf("oneDNN %s: %s runs a kernel whose numbers are never compared: %s", oneDNN, name, kernel)
			}
			maps.Copy(hit, ran)
		}
		t.Logf("oneDNN %s: ready networks run %d kernels, drawn networks have %d of them (%d in all, %.0f s)",
			oneDNN, len(hit), len(hit)-len(missing(hit, drawn)), len(drawn), took.Seconds())
		for _, kernel := range missing(hit, drawn) {
			t.Logf("oneDNN %s: compared in ready networks alone: %s", oneDNN, kernel)
		}
	}
}

// missing returns the kernels of hit that compared has not, sorted.
func missing(hit, compared map[string]bool) []string {
	var list []string
	for kernel := range hit {
		if !compared[kernel] {
			list = append(list, kernel)
		}
	}
	slices.Sort(list)
	return list
}

// batches are those of ready networks.
var batches = []int{1, 4}

const (
	kernelsTask   = "TFCNN_TEST_KERNELS_TASK"
	kernelsPrefix = "tfcnn_kernel "
)

// kernelsOf runs a task in a process of its own, where oneDNN is on ("1") or off and
// prints its computations, and returns the kernels that ran.
func kernelsOf(t *testing.T, oneDNN, task string) map[string]bool {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), kernelsTask+"="+task, "TF_ENABLE_ONEDNN_OPTS="+oneDNN, "ONEDNN_VERBOSE=1")
	var text, stderr bytes.Buffer
	c.Stdout, c.Stderr = &text, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("oneDNN %s, %s: %v\n%s", oneDNN, task, err, stderr.String())
	}
	kernels := map[string]bool{}
	for line := range strings.Lines(text.String()) {
		if kernel, is := strings.CutPrefix(strings.TrimSpace(line), kernelsPrefix); is {
			kernels[kernel] = true
		}
	}
	// TensorFlow's own matrix products are oneDNN's where oneDNN is off, too.
	primitives, err := trace.ParseOneDNN(&text)
	isConvolution := func(p trace.Primitive) bool { return p.Kind == "convolution" }
	if err != nil || (oneDNN == "1") != slices.ContainsFunc(primitives, isConvolution) {
		t.Fatalf("oneDNN %s, %s: %d computations of oneDNN's, %v", oneDNN, task, len(primitives), err)
	}
	for _, p := range primitives {
		kernels["oneDNN's "+p.Variant()] = true
	}
	return kernels
}

// runKernelsTask runs a task and prints the kernels that ran.
func runKernelsTask(task string) int {
	var kernels []string
	var err error
	switch words := strings.Fields(task); words[0] {
	case "random":
		err = drawnKernels(words[1], words[2])
	case "run":
		kernels, err = readyKernels(words[1])
	case "verify":
		kernels, err = verifiedKernels(words[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	printKernels(kernels)
	return 0
}

func printKernels(kernels []string) {
	for _, kernel := range kernels {
		fmt.Println(kernelsPrefix + kernel)
	}
}

// drawnKernels verifies drawn networks, and prints the kernels that it compared.
func drawnKernels(from, to string) error {
	first, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	end, err := strconv.Atoi(to)
	if err != nil {
		return err
	}
	for i := first; i < end; i++ {
		n := draw.DrawNetwork(1, i)
		if !n.BoundsKnown() {
			continue
		}
		weights, err := n.Weights()
		if err != nil {
			return err
		}
		v, err := verify.Network(context.Background(), n.Network, weights, n.Input(), verify.Options{SkipProbes: true, Options: session.Options{
			Device: "cpu", Executor: session.Executor(n.Executor), Threads: n.Threads, Weights: session.WeightStore(n.Store),
		}})
		if err == nil {
			err = v.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
		printKernels(v.Kernels)
	}
	return nil
}

// readyKernels runs a ready network as programs do, for one image and for several, and
// returns the kernels of such a run.
func readyKernels(name string) (kernels []string, err error) {
	net, err := nets.Load(name)
	if err != nil {
		return nil, err
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, images := range batches {
		batch := batchOf(net, images, 1)
		if _, err := s.Run(context.Background(), batch); err != nil {
			return nil, err
		}
		ran, err := outputKernels(s, batch)
		if err != nil {
			return nil, err
		}
		kernels = append(kernels, ran...)
	}
	return kernels, nil
}

// outputKernels returns the kernels of a run for the network's outputs alone.
func outputKernels(s *session.Session, batch tensor.Tensor) ([]string, error) {
	lowered := seam.Of(s).Lowered()
	_, record, err := seam.Of(s).Trace(context.Background(), batch, nil)
	return verify.KernelsOf(record, lowered), err
}

// verifiedKernels verifies a ready network, and returns the kernels that it compared.
func verifiedKernels(name string) (kernels []string, err error) {
	net, err := nets.Load(name)
	if err != nil {
		return nil, err
	}
	for _, images := range batches {
		v, err := verify.Network(context.Background(), net, net.InitialWeights(1), batchOf(net, images, 1), verify.Options{SkipProbes: true, Options: session.Options{Device: "cpu"}})
		if err == nil {
			err = v.Err()
		}
		if err != nil {
			return nil, err
		}
		kernels = append(kernels, v.Kernels...)
	}
	return kernels, nil
}

// Kernels tells layers that run as one from layers that do not.
func TestKernelsOfLayers(t *testing.T) {
	conv := graph.Conv2D{Name: "c", Filters: 8, Size: graph.Square(3), NoBias: true}
	net := graph.Network{Input: graph.Input{Height: 9, Width: 9, Channels: 8}, Layers: []graph.Layer{
		conv, graph.BatchNorm{Name: "n"}, graph.ReLU{Name: "a"}, graph.Dropout{Name: "d", Rate: 0.5}, graph.MaxPool{Name: "p", Size: graph.Square(2)},
	}}
	v, err := verify.Network(t.Context(), net, net.InitialWeights(1), batchOf(net, 1, 1), verify.Options{})
	if err != nil || v.Err() != nil {
		t.Fatal(err, v.Err())
	}
	for _, want := range []string{"Conv2D: conv2d", "FusedConv2D: conv2d, batch_norm, relu", "MaxPoolV2: max_pool"} {
		// oneDNN's kernels have names of their own.
		if !slices.ContainsFunc(v.Kernels, func(k string) bool { return strings.TrimPrefix(strings.TrimPrefix(k, "_MklNative"), "_") == want }) {
			t.Errorf("got %q, want %q", v.Kernels, want)
		}
	}
	if !slices.IsSorted(v.Kernels) || len(v.Kernels) != len(slices.Compact(slices.Clone(v.Kernels))) {
		t.Errorf("kernels are %q", v.Kernels)
	}
}

func TestMissing(t *testing.T) {
	if got := missing(map[string]bool{"b": true, "a": true, "c": true}, map[string]bool{"b": true}); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("got %v", got)
	}
}
