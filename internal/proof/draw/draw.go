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
}

type fault func(d *draw, c *Case) string

// upTo is 1 … n.
func (d *draw) upTo(n int) int { return 1 + d.IntN(n) }

// oneIn is true one time in n.
func (d *draw) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d *draw) pair(n int) [2]int { return [2]int{d.upTo(n), d.upTo(n)} }

// batch is now and then empty.
func (d *draw) batch() int {
	if d.oneIn(12) {
		return 0
	}
	return d.upTo(3)
}

// channels are few as a rule, and now and then more than a vector has.
func (d *draw) channels() int {
	if d.oneIn(10) {
		return d.upTo(40)
	}
	return d.upTo(5)
}

// tensor is a tensor of one of many kinds of numbers.
func (d *draw) tensor(shape ...int) tensor.Tensor {
	x := tensor.Tensor{Shape: shape}
	n, err := tensor.Elements(shape)
	if err != nil {
		return x // a fault: the operation refuses the shape
	}
	x.Data = make([]float32, n)
	kind := d.IntN(14)
	constant := float32(d.NormFloat64())
	for i := range x.Data {
		v := d.NormFloat64()
		switch kind {
		case 0, 1, 2: // integers: exact
			v = math.Round(100 * v)
		case 3: // products near the smallest normal number
			v *= 0x1p-63
		case 4: // subnormal now and then
			v *= 0x1p-126
		case 5: // sums overflow
			v *= 1e38
		case 6: // of all sizes
			v *= math.Exp(20 * d.NormFloat64())
		case 7:
			v = 0
		case 8:
			v = float64(constant)
		case 9: // NaN and the like here and there
			if d.oneIn(8) {
				v = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32, -math.MaxFloat32, 0x1p-149, math.Copysign(0, -1)}[d.IntN(7)]
			}
		case 10:
			v *= 30
		}
		x.Data[i] = float32(max(-math.MaxFloat32, min(v, math.MaxFloat32)))
		if v-v != 0 {
			x.Data[i] = float32(v)
		}
	}
	return x
}

// ordinary is a tensor of Gaussian numbers.
func (d *draw) ordinary(shape ...int) tensor.Tensor {
	x := d.tensor(shape...)
	for i := range x.Data {
		x.Data[i] = float32(d.NormFloat64())
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
	if d.oneIn(60) && !pool {
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
		g.in[i] = smallest + d.IntN(7)
	}
	return g
}

// coins draws bits that no case depends on any more: by them defaults were left
// out of cases. Without them a seed would give other cases than it gave.
func (d *draw) coins(g geometry, pool bool) {
	standard := [2]int{1, 1}
	if pool {
		standard = g.size
	}
	if g.strides == standard {
		d.oneIn(2)
	}
	if !pool && g.dilations == [2]int{1, 1} {
		d.oneIn(2)
	}
}

// groupsCoin is such a bit, too.
func (d *draw) groupsCoin(groups int) {
	if groups == 1 {
		d.oneIn(2)
	}
}

// pick is one of several numbers.
func pick[T any](d *draw, list ...T) T { return list[d.IntN(len(list))] }
