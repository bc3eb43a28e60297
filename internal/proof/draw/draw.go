// Package draw draws cases of single operations, runs them in a worker process
// that may die of one, and shrinks a case that fails.
//
//	watch := &draw.Watch{Limit: time.Minute, Command: worker} // a process that calls Serve
//	defer watch.Close()
//	result, err := draw.Random{Seed: 1, Cases: 10_000}.Run(ctx, watch)
package draw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
)

// Case is a case as case files have it.
type Case = proof.Case

// Draw returns case i of a seed: of the operations named, or of all. The same
// seed, number and operations give the same case on every machine.
//
// Three of four cases are drawn so that TensorFlow can compute them; the others
// have one fault, and want the text of its error. Draw knows which from the drawing,
// not from package ir.
func Draw(seed uint64, i int, ops []string) Case {
	if len(ops) == 0 {
		ops = proof.Operations()
	}
	d := &draw{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
	name := ops[d.IntN(len(ops))]
	d.exceptional = d.oneIn(3)
	drawn, _ := drawing(name)
	c := drawn(d)
	c.Name = fmt.Sprintf("seed %d, number %d", seed, i)
	if d.IntN(4) == 0 {
		faults := slices.Concat(commonFaults, d.faults)
		for c.Error == "" {
			// Some faults do not fit some cases.
			c.Error = faults[d.IntN(len(faults))](d, &c)
		}
	}
	return c
}

// draw is the drawing of one case. faults are those that its operation can have;
// each changes the case and returns a part of the error, or "" where it does not
// fit.
type draw struct {
	*rand.Rand
	faults []fault
	// exceptional reports that tensors may have NaN, infinities, and numbers whose sums
	// overflow. Nothing is asked of some of the outputs, so such a case is small.
	exceptional bool
}

type fault func(d *draw, c *Case) string

// upTo is 1 … n.
func (d *draw) upTo(n int) int { return 1 + d.IntN(n) }

// oneIn is true one time in n.
func (d *draw) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d *draw) pair(n int) [2]int { return [2]int{d.upTo(n), d.upTo(n)} }

// few is 1 … n, and 1 or 2 in an exceptional case.
func (d *draw) few(n int) int {
	if d.exceptional {
		n = min(n, 2)
	}
	return d.upTo(n)
}

// batch is now and then empty.
func (d *draw) batch() int {
	if d.oneIn(12) {
		return 0
	}
	return d.few(3)
}

// channels are few as a rule, and now and then more than a vector has.
func (d *draw) channels() int {
	switch {
	case !d.oneIn(10):
		return d.few(5)
	case d.exceptional:
		return d.upTo(12)
	}
	return d.upTo(40)
}

// kind is a kind of numbers.
type kind func(d *draw) float64

// ordinaryKinds are the kinds of numbers of all cases.
var ordinaryKinds = []kind{
	gaussian, gaussian, gaussian,
	integers, integers, integers, // which are exact
	func(d *draw) float64 { return 30 * d.NormFloat64() },
	func(d *draw) float64 { return 0x1p-63 * d.NormFloat64() },  // products near the smallest normal number
	func(d *draw) float64 { return 0x1p-126 * d.NormFloat64() }, // subnormal now and then
	func(*draw) float64 { return 0 },
	nil, // one number in all places
}

// exceptionalKinds are those of exceptional cases, beside the ordinary kinds.
var exceptionalKinds = []kind{
	func(d *draw) float64 { return 1e38 * d.NormFloat64() },                         // sums overflow
	func(d *draw) float64 { return math.Exp(20*d.NormFloat64()) * d.NormFloat64() }, // of all sizes
	notFinite, notFinite, notFinite,
}

// notFinite are Gaussian numbers with NaN and the like here and there.
func notFinite(d *draw) float64 {
	if !d.oneIn(3) {
		return d.NormFloat64()
	}
	return pick(d, math.NaN(), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, -math.MaxFloat32, 0x1p-149, math.Copysign(0, -1))
}

func gaussian(d *draw) float64 { return d.NormFloat64() }

func integers(d *draw) float64 { return math.Round(100 * d.NormFloat64()) }

// tensor is a tensor of one of many kinds of numbers.
func (d *draw) tensor(shape ...int) tensor.Tensor {
	numbers := pick(d, ordinaryKinds...)
	if d.exceptional && !d.oneIn(3) {
		numbers = pick(d, exceptionalKinds...)
	}
	if numbers == nil {
		constant := d.NormFloat64()
		numbers = func(*draw) float64 { return constant }
	}
	return d.of(numbers, shape)
}

// ordinary is a tensor of Gaussian numbers.
func (d *draw) ordinary(shape ...int) tensor.Tensor { return d.of(gaussian, shape) }

// of is a tensor of one kind of numbers, of which those beyond float32's range are its
// largest.
func (d *draw) of(numbers kind, shape []int) tensor.Tensor {
	x := tensor.Tensor{Shape: shape}
	n, err := tensor.Elements(shape)
	if err != nil {
		return x // a fault: the operation refuses the shape
	}
	x.Data = make([]float32, n)
	for i := range x.Data {
		v := numbers(d)
		if v-v == 0 {
			v = max(-math.MaxFloat32, min(v, math.MaxFloat32))
		}
		x.Data[i] = float32(v)
	}
	return x
}

// geometry is a sliding window that fits: of each axis the size, the stride,
// the dilation, and an input that is large enough.
type geometry struct {
	in, size, strides, dilations [2]int
	padding                      ir.Padding
}

// window draws a geometry. least is the smallest input that is allowed. A pool
// has no dilation, and no padding as wide as its window.
func (d *draw) window(least int, pool bool) geometry {
	g := geometry{size: d.pair(4), strides: d.pair(4), dilations: [2]int{1, 1}}
	if d.oneIn(3) && !pool {
		g.dilations = d.pair(3)
	}
	if d.oneIn(40) {
		g.strides[d.IntN(2)] = []int{100, 1 << 20, math.MaxInt32}[d.IntN(3)]
	}
	if d.oneIn(60) && !pool && !d.exceptional {
		g.dilations[d.IntN(2)] = 500
	}
	var sides [4]int
	switch d.IntN(3) {
	case 0:
		g.padding.Kind = ir.Same
	case 1:
		g.padding.Kind = ir.Explicit
		for i := range sides {
			most := 4
			if pool {
				most = g.size[i/2]
			}
			if d.oneIn(2) { // one side alone, as a rule
				sides[i] = d.IntN(most)
			}
		}
		g.padding.Top, g.padding.Bottom, g.padding.Left, g.padding.Right = sides[0], sides[1], sides[2], sides[3]
	}
	for i := range g.in {
		reach := (g.size[i]-1)*g.dilations[i] + 1
		smallest := max(least, reach-sides[2*i]-sides[2*i+1])
		if g.padding.Kind == ir.Same {
			smallest = least
		}
		g.in[i] = smallest + d.few(7) - 1
	}
	return g
}

// pick is one of several numbers.
func pick[T any](d *draw, list ...T) T { return list[d.IntN(len(list))] }
