package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// suite is a test that has to fail with a mutant: known answers against the
// reference, which need no libtensorflow; or TensorFlow against the reference,
// over known answers and a draw.
type suite struct{ test, folder string }

var (
	expectations = suite{"^TestKnownAnswers$", "./internal/proof"}
	tensorflow   = suite{"^(TestCaseFiles|TestRandomOperations)$", "./session"}
)

// mutants each replace a text that occurs once in a file.
var mutants = []struct {
	what, file, old, new string
	suite                suite
}{
	{"H and W swapped", "internal/ir/window.go", "input[1], size[0], strides[0]", "input[2], size[0], strides[0]", expectations},
	{"kernel's H and W swapped", "internal/ir/window.go", "input[1], size[0], strides[0]", "input[1], size[1], strides[0]", expectations},
	{"strides swapped", "internal/ir/window.go", "size[0], strides[0], dilations[0]", "size[0], strides[1], dilations[0]", expectations},
	{"dilations swapped", "internal/ir/window.go", "strides[0], dilations[0], p.Kind", "strides[0], dilations[1], p.Kind", expectations},
	{"SAME's odd row first", "internal/ir/window.go", "a.Before = total / 2", "a.Before = total - total/2", expectations},
	{"SAME rounds down", "internal/ir/window.go", "a.Out = (in + stride - 1) / stride", "a.Out = in / stride", expectations},
	{"one window too few", "internal/ir/window.go", "a.Out = (room-a.Reach())/stride + 1", "a.Out = (room - a.Reach()) / stride", expectations},
	{"padding off by one", "internal/ir/window.go", "return out*a.Stride - a.Before", "return out*a.Stride - a.Before + 1", expectations},
	{"padding on the wrong side", "internal/ir/window.go", "p.Kind, p.Top, p.Bottom)", "p.Kind, p.Bottom, p.Top)", expectations},
	{"last tap lost", "internal/ir/window.go", "end = last/a.Dilation + 1", "end = last / a.Dilation", expectations},
	{"dilation ignored", "internal/ref/conv2d.go", "y := c.h.Start(row) + i*c.h.Dilation", "y := c.h.Start(row) + i", expectations},
	{"groups mixed up", "internal/ref/conv2d.go", "group := filter / (c.filters / c.groups)", "group := filter % c.groups", expectations},
	{"filter flipped", "internal/ref/conv2d.go", "w := c.filter[((filter*c.h.Size+i)", "w := c.filter[((filter*c.h.Size+c.h.Size-1-i)", expectations},
	{"bias dropped", "internal/ref/conv2d.go", "r.Value[i] = sum + bias[f]", "r.Value[i] = sum", expectations},
	{"padding counted as zeros", "internal/ref/pool.go", "r.Value[i] = sum / count", "r.Value[i] = sum / float64(h.Size*w.Size)", expectations},
	{"max starts from zero", "internal/ref/pool.go", "largest, subnormal := math.Inf(-1), 0.0", "largest, subnormal := 0.0, 0.0", expectations},
	{"depthwise order exchanged", "internal/ir/depthwise_conv2d.go", "Groups: filter[2]}", "Groups: filter[3]}", expectations},
	{"transposed dilation ignored", "internal/ref/conv2d_transpose.go", "start := at + a.Before - j*a.Dilation", "start := at + a.Before - j", expectations},
	{"transposed filter flipped", "internal/ref/conv2d_transpose.go", "row, fits := source(c.h, y, i)", "row, fits := source(c.h, y, c.h.Size-1-i)", expectations},
	{"transposed padding forgotten", "internal/ref/conv2d_transpose.go", "start := at + a.Before - j*a.Dilation", "start := at - j*a.Dilation", expectations},
	{"transposed groups mixed up", "internal/ref/conv2d_transpose.go", "group := f / c.each", "group := f % (c.filters / c.each)", expectations},
	{"epsilon forgotten", "internal/ref/batch_norm.go", "base := float64(variance) + float64(op.Epsilon)", "base := float64(variance)", expectations},
	{"epsilon outside the root", "internal/ref/batch_norm.go", "f := float64(scale) / math.Sqrt(base)", "f := float64(scale) / (math.Sqrt(float64(variance)) + float64(op.Epsilon))", expectations},
	{"lrn's radius off by one", "internal/ref/lrn.go", "p.x[max(0, c-p.op.DepthRadius):", "p.x[max(0, c-p.op.DepthRadius+1):", expectations},
	{"softmax without its sum", "internal/ref/softmax.go", "r.Value[i] /= sum", "r.Value[i] /= largest", expectations},
	{"leaky_relu's sides exchanged", "internal/ref/activation.go", "if x > 0 {\n\t\t\t\treturn x\n\t\t\t}\n\t\t\treturn alpha * x", "if x < 0 {\n\t\t\t\treturn x\n\t\t\t}\n\t\t\treturn alpha * x", expectations},
	{"relu6 without its end", "internal/ref/activation.go", "min(max(x, 0), 6)", "max(x, 0)", expectations},
	{"resize from corners", "internal/ref/resize.go", "product := (float64(i) + 0.5) * float64(in) / float64(out)", "product := float64(i)*float64(in)/float64(out) + 0.5", expectations},
	{"concat in the wrong order", "internal/ref/shape.go", "begin += n", "begin += 0 * n", expectations},
	{"left padding for top", "internal/ref/shape.go", "y+op.Top)", "y+op.Left)", expectations},
	{"scale and shift exchanged", "internal/ref/add.go", "r.Value[i] = product + shift", "r.Value[i] = (v + shift) * scale", expectations},
	{"channels not reversed", "internal/ref/shape.go", "r.Value[i-i%channels+channels-1-i%channels]", "r.Value[i+0*channels]", expectations},

	{"lowering: strides swapped", "graph/node/conv2d.go", "four(o.Strides), o.Padding.Kind.String(), attributes...)", "four([2]int{o.Strides[1], o.Strides[0]}), o.Padding.Kind.String(), attributes...)", tensorflow},
	{"lowering: dilations dropped", "graph/node/conv2d.go", "op.Conv2DDilations(four(o.Dilations))", "op.Conv2DDilations(four([2]int{1, 1}))", tensorflow},
	{"lowering: explicit sides exchanged", "graph/node/node.go", "int64(p.Top), int64(p.Bottom)", "int64(p.Bottom), int64(p.Top)", tensorflow},
	{"lowering: padding counted in a mean", "graph/node/avg_pool.go", "counts.Data[row*w.Out+column] = float32((end - first) * (to - from))", "counts.Data[row*w.Out+column] = float32((end - first + 1) * (to - from))", tensorflow},
	{"lowering: transposed filter not turned", "graph/node/conv2d_transpose.go", "filter = op.ReverseV2(scope, filter, both)", "_ = both", tensorflow},
	{"lowering: channel axes not exchanged", "graph/node/conv2d_transpose.go", "integers(scope, \"order\", 0, 1, 4, 3, 2)", "integers(scope, \"order\", 0, 1, 2, 3, 4)", tensorflow},
	{"lowering: padding not cut off", "graph/node/conv2d_transpose.go", "[]int{0, h.Before, w.Before, 0}", "[]int{0, h.After, w.After, 0}", tensorflow},
	{"lowering: bias added, not subtracted", "graph/node/conv2d.go", "op.Neg(scope, bias)", "bias", tensorflow},
	{"lowering: bias dropped", "graph/node/conv2d.go", "return op.BiasAdd(scope, y, operands[2])", "return y", tensorflow},
	{"lowering: depthwise order exchanged", "graph/node/depthwise_conv2d.go", "weights, err := reshape(scope, \"grouped\", operands[1], filter...)", "weights, err := reshape(scope, \"grouped\", op.ReverseV2(scope, operands[1], op.Const(scope, []int32{3})), filter...)", tensorflow},
	{"lowering: softmax of the wrong rows", "graph/node/activation.go", "return op.Softmax(scope, x), nil", "return op.Sigmoid(scope, x), nil", tensorflow},
	{"lowering: corners aligned", "graph/node/shape.go", "op.ResizeBilinearHalfPixelCenters(true)", "op.ResizeBilinearHalfPixelCenters(false)", tensorflow},
	{"lowering: batch norm's mean and variance exchanged", "graph/node/batch_norm.go", "operands[3], operands[4],", "operands[4], operands[3],", tensorflow},
	{"lowering: lrn's bias and alpha exchanged", "graph/node/node.go", "op.LRNBias(o.Bias), op.LRNAlpha(o.Alpha)", "op.LRNBias(o.Alpha), op.LRNAlpha(o.Bias)", tensorflow},
	{"lowering: sums lose a term", "graph/node/branches.go", "operands[2:]", "operands[3:]", tensorflow},
}

// noticed is a test that failed, or a process that died of the mutant. A mutant
// that does not compile has neither.
var noticed = regexp.MustCompile(`(?m)^\s*(--- FAIL: .*|panic: .*|SIG[A-Z]+: .*|signal: .*)$`)

// Every mutant is applied, compiles, and is caught.
func TestMutants(t *testing.T) {
	if os.Getenv("TFCNN_MUTANTS") == "" {
		t.Skip("make mutants runs it")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []suite{expectations, tensorflow} {
		if output, err := s.run(t, root, "", ""); err != nil {
			t.Fatalf("%s fails without a mutant: %v\n%s", s.test, err, output[max(0, len(output)-2000):])
		}
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for _, m := range mutants {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			text, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Error(err)
				return
			}
			if n := strings.Count(string(text), m.old); n != 1 {
				t.Errorf("%s: %s has %q %d times, want once", m.what, m.file, m.old, n)
				return
			}
			output, err := m.suite.run(t, root, m.file, strings.Replace(string(text), m.old, m.new, 1))
			switch {
			case err == nil:
				t.Errorf("%s: survived", m.what)
			case !noticed.MatchString(output):
				t.Errorf("%s: the suite did not run: %v\n%s", m.what, err, output[max(0, len(output)-2000):])
			default:
				t.Logf("%s: caught: %.120s", m.what, noticed.FindString(output))
			}
		})
	}
	group.Wait()
}

// run runs the suite with one file replaced, or none.
func (s suite) run(t *testing.T, root, file, text string) (string, error) {
	folder := t.TempDir()
	mutant, overlay := filepath.Join(folder, "mutant.go"), filepath.Join(folder, "overlay.json")
	replace := map[string]string{}
	if file != "" {
		replace[filepath.Join(root, file)] = mutant
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	for path, text := range map[string][]byte{mutant: []byte(text), overlay: list} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count=1", "-failfast", "-vet=off", "-run", s.test, s.folder)
	c.Dir = root
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err = c.Run()
	return output.String(), err
}
