// Command sweep feeds TensorFlow's elementary functions with every float32 and prints
// the largest error of each, against Go's math package in float64. The table in
// internal/ref/functions.go is made of these errors.
//
//	make sweep                           # oneDNN off, then on: an hour on two cores
//	sweep -stride 1009 -function tanh    # every 1009th number: a second
//
// Most of a tensor is computed by vector instructions and its last numbers one
// by one: some numbers of each chunk are fed alone, too. And where TensorFlow
// computes a function in one call with the convolution or matrix product before
// it, oneDNN has code of its own: those calls are fed as well, with a filter
// that leaves numbers as they are.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/output"
	"tfcnn/internal/ref"
	"tfcnn/internal/tensorflow"
)

// nodes are the functions as TensorFlow has them.
var nodes = map[string]func(*op.Scope, tf.Output) tf.Output{
	"exp":        op.Exp,
	"log":        op.Log,
	"rsqrt":      op.Rsqrt,
	"reciprocal": op.Reciprocal,
	"tanh":       op.Tanh,
	"sigmoid":    op.Sigmoid,
	"elu":        op.Elu,
	"selu":       op.Selu,
}

func main() {
	stride := flag.Uint64("stride", 1, "take every n-th float32")
	function := flag.String("function", "", "one function (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	printed := output.NewStdout(os.Stdout)
	err := run(ctx, printed, *stride, *function)
	if lost := printed.Close(); err == nil {
		err = lost
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer, stride uint64, only string) error {
	if stride < 1 {
		return fmt.Errorf("-stride is %d, want 1 or more", stride)
	}
	on, known := tensorflow.OneDNNInUse()
	fmt.Fprintf(stdout, "TensorFlow %s, oneDNN %v (known: %v), every %d of 2³² numbers\n", tensorflow.Version(), on, known, stride)
	for _, f := range ref.Functions() {
		if only != "" && f.Name != only {
			continue
		}
		for _, c := range append([]call{alone}, fused[f.Name]...) {
			found, err := sweep(ctx, f, c, stride)
			if err != nil {
				return fmt.Errorf("%s%s: %w", f.Name, c.name, err)
			}
			fmt.Fprintln(stdout, found.text(f, c))
		}
	}
	return nil
}

// extremes are the largest errors, with their arguments.
type extremes struct {
	ulps, absolute     float64 // where accuracy is relative, and where it is not
	ulpsAt, absoluteAt float32
	tiny               float64 // absolute, where the result is below 2⁻¹²⁵
	tinyAt             float32
	flushed            uint64   // subnormal numbers that were read as zero or others
	special            []string // what became of numbers where something else was due
	numbers            uint64
}

func (e *extremes) merge(o extremes) {
	if o.ulps > e.ulps {
		e.ulps, e.ulpsAt = o.ulps, o.ulpsAt
	}
	if o.absolute > e.absolute {
		e.absolute, e.absoluteAt = o.absolute, o.absoluteAt
	}
	if o.tiny > e.tiny {
		e.tiny, e.tinyAt = o.tiny, o.tinyAt
	}
	for _, s := range o.special {
		e.note(s)
	}
	e.numbers += o.numbers
	e.flushed += o.flushed
}

// note keeps a dozen texts.
func (e *extremes) note(text string) {
	if len(e.special) < 12 && !slices.Contains(e.special, text) {
		e.special = append(e.special, text)
	}
}

func (e *extremes) text(f ref.Function, c call) string {
	text := fmt.Sprintf("%-10s %d numbers: %.4g ULP at %g", f.Name+c.name, e.numbers, e.ulps, e.ulpsAt)
	if e.absolute > 0 {
		text += fmt.Sprintf("; absolute %.4g at %g", e.absolute, e.absoluteAt)
	}
	if e.tiny > 0 {
		text += fmt.Sprintf("; results below 2⁻¹²⁵ off by %.4g at %g", e.tiny, e.tinyAt)
	}
	if e.flushed > 0 {
		text += fmt.Sprintf("; %d subnormal numbers read as others", e.flushed)
	}
	if len(e.special) > 0 {
		text += "\n           " + strings.Join(e.special, "; ")
	}
	return text
}

const smallest = 0x1p-126 // the smallest normal float32

// look compares one number.
func (e *extremes) look(f ref.Function, x, got float32) {
	exact := f.Value(float64(x))
	y := float64(got)
	if y == exact || f.Largest > 0 && math.Abs(float64(x)) > f.Largest {
		return
	}
	if x != 0 && x < smallest && x > -smallest {
		// A subnormal number: read as zero, or as something near it.
		if math.Abs(y) == math.Abs(f.Value(0)) || math.Abs(y-exact) > smallest {
			e.flushed++
			return
		}
	}
	if err := math.Abs(y - exact); err <= math.MaxFloat32 && math.Abs(exact) <= math.MaxFloat32 {
		switch {
		case math.Abs(exact) < 2*smallest:
			if err > e.tiny {
				e.tiny, e.tinyAt = err, x
			}
		case !f.Relative(float64(x)):
			if err > e.absolute {
				e.absolute, e.absoluteAt = err, x
			}
		case err > e.ulps*0.999*unit(exact):
			if ulps := err / ref.Spacing(exact); ulps > e.ulps {
				e.ulps, e.ulpsAt = ulps, x
			}
		}
		return
	}
	switch {
	case exact != exact && got != got:
	case math.Abs(exact) > math.MaxFloat32 && math.IsInf(y, int(math.Copysign(1, exact))):
	case math.IsInf(y, 0) && math.Abs(exact) <= math.MaxFloat32 && f.Relative(float64(x)):
		// Near the end of float32's range an infinity is an ULP away, or more.
		if ulps := math.Abs(math.Copysign(0x1p128, y)-exact) / ref.Spacing(exact); ulps > e.ulps {
			e.ulps, e.ulpsAt = ulps, x
		}
	default:
		e.note(fmt.Sprintf("f(%g) = %g, exact %g", special(x), got, exact))
	}
}

// unit is Spacing of a normal number, without its care.
func unit(x float64) float64 {
	return float64(math.Float32frombits(math.Float32bits(float32(x))&0x7f800000)) * 0x1p-23
}

// special is one number for all of a kind.
func special(x float32) float32 {
	switch {
	case x > -smallest && x < 0:
		return -0x1p-149
	case x < smallest && x > 0:
		return 0x1p-149
	case x < 0 && x-x == 0:
		return -1
	}
	return x
}

const chunk = 1<<22 + 5

// sweep computes a function of all numbers.
func sweep(ctx context.Context, f ref.Function, c call, stride uint64) (found extremes, err error) {
	root := tfgo.NewRoot()
	in, out, err := c.build(root, nodes[f.Name])
	if err != nil {
		return found, err
	}
	graph, err := tensorflow.Finalize(root)
	if err != nil {
		return found, err
	}
	defer capi.FreeGraph(graph)
	settings, err := tensorflow.Options{Device: "cpu"}.Resolve()
	if err != nil {
		return found, err
	}
	s, err := tensorflow.Open(graph, settings)
	if err != nil {
		return found, err
	}
	defer s.Close()
	runner, err := s.RunnerOf([]tf.Output{in}, out)
	if err != nil {
		return found, err
	}
	defer runner.Free()
	compare := func(x tensor.Tensor) error {
		results := make([]capi.Value, 1)
		if err := runner.Run([]capi.Value{capi.Float32s(x)}, results); err != nil {
			return err
		}
		found.merge(compare(f, x.Data, results[0].Tensor().Data))
		return nil
	}
	x := tensor.Tensor{Shape: []int{0}, Data: make([]float32, 0, chunk)}
	for bits := uint64(0); bits < 1<<32; bits += stride {
		if v := math.Float32frombits(uint32(bits)); c.takes(v) {
			x.Data = append(x.Data, v)
		}
		if len(x.Data) < chunk && bits+stride < 1<<32 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if c.shape != nil {
			rows := tensor.Tensor{Shape: c.shape(len(x.Data)), Data: x.Data[:len(x.Data)/channels*channels]}
			if err := compare(rows); err != nil {
				return found, err
			}
			x.Data = x.Data[:0]
			continue
		}
		x.Shape[0] = len(x.Data)
		if err := compare(x); err != nil {
			return found, err
		}
		// A short tensor is computed number by number.
		few := len(x.Data) / 7
		for i := 0; i < 21; i++ {
			if err := compare(tensor.Tensor{Shape: []int{1}, Data: x.Data[i*few/3:][:1]}); err != nil {
				return found, err
			}
		}
		x.Data = x.Data[:0]
	}
	return found, nil
}

// compare looks at all numbers, on all cores.
func compare(f ref.Function, x, got []float32) extremes {
	var (
		found extremes
		lock  sync.Mutex
		group sync.WaitGroup
	)
	part := len(x)/runtime.GOMAXPROCS(0) + 1
	for first := 0; first < len(x); first += part {
		group.Go(func() {
			e := extremes{numbers: uint64(min(len(x), first+part) - first)}
			for i := first; i < min(len(x), first+part); i++ {
				e.look(f, x[i], got[i])
			}
			lock.Lock()
			defer lock.Unlock()
			found.merge(e)
		})
	}
	group.Wait()
	return found
}
