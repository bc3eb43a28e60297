package draw

import (
	"context"
	"math"
	"slices"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
)

// Shrink looks for the smallest case that still fails as o did: it tries what
// makes a case smaller or plainer, keeps it where the failure stays, and ends
// where nothing does, or when the time is up. It gives the outcome of the smallest. A case that was to be
// refused is left as it is.
func Shrink(ctx context.Context, within time.Duration, c Case, o proof.Outcome, run func(context.Context, Case) (proof.Outcome, error)) (proof.Outcome, error) {
	if c.Error != "" {
		return o, nil // a smaller case would have another fault
	}
	end := time.Now().Add(within)
	for changed := true; changed; {
		changed = false
		for _, smaller := range smallerCases(c) {
			if time.Now().After(end) {
				return o, nil
			}
			next, err := run(ctx, smaller)
			if err != nil {
				return proof.Outcome{}, err
			}
			if next.Status == proof.Fail && sameFailure(o, next) {
				c, o, changed = smaller, next, true
				break
			}
		}
	}
	return o, nil
}

// smallerCases are the next steps down from a case, the largest first. Not all
// of them are sound: those fail in another way, and are not taken.
func smallerCases(c Case) []Case {
	var list []Case
	add := func(change func(*Case)) {
		smaller := c.Clone()
		change(&smaller)
		list = append(list, smaller)
	}
	if c.Bias != nil {
		add(func(c *Case) { c.Bias = nil })
	}
	list = append(list, fewerGroups(c)...)
	list = append(list, cuts(c)...)
	for _, pair := range []func(*Case) **[2]int{
		func(c *Case) **[2]int { return &c.Strides }, func(c *Case) **[2]int { return &c.Dilations },
	} {
		if *pair(&c) != nil {
			add(func(c *Case) { *pair(c) = nil })
			for axis := range 2 {
				if (*pair(&c))[axis] > 1 {
					add(func(c *Case) { (*pair(c))[axis]-- })
				}
			}
		}
	}
	if c.Padding != (ir.Padding{}) {
		add(func(c *Case) { c.Padding = ir.Padding{} })
		for _, side := range []func(*Case) *int{
			func(c *Case) *int { return &c.Padding.Top }, func(c *Case) *int { return &c.Padding.Bottom },
			func(c *Case) *int { return &c.Padding.Left }, func(c *Case) *int { return &c.Padding.Right },
		} {
			if *side(&c) > 0 {
				add(func(c *Case) { *side(c) = 0 })
				add(func(c *Case) { *side(c)-- })
			}
		}
	}
	for _, number := range []func(*Case) **float32{
		func(c *Case) **float32 { return &c.LRNBias }, func(c *Case) **float32 { return &c.Alpha },
		func(c *Case) **float32 { return &c.Beta }, func(c *Case) **float32 { return &c.Epsilon },
	} {
		if *number(&c) != nil {
			add(func(c *Case) { *number(c) = nil })
		}
	}
	return append(list, plainer(c)...)
}

// fewerGroups keep the first groups of a convolution, or fewer filters of each.
func fewerGroups(c Case) []Case {
	groups := 1
	if c.Groups != nil {
		groups = *c.Groups
	}
	if groups < 1 || len(c.Input.Shape) != 4 || len(c.Filter.Shape) != 4 || c.Input.Shape[3]%groups != 0 {
		return nil
	}
	keep := func(n, each int) Case { // n groups, each with so many filters
		smaller := c.Clone()
		smaller.Groups = &n
		smaller.Input = cut(smaller.Input, 3, c.Input.Shape[3]/groups*n)
		if c.Op == "conv2d_transpose" {
			smaller.Filter = cut(cut(smaller.Filter, 3, c.Filter.Shape[3]/groups*n), 2, each)
		} else {
			smaller.Filter = cut(smaller.Filter, 3, each*n)
		}
		if c.Bias != nil {
			*smaller.Bias = cut(*smaller.Bias, 0, each*n)
		}
		return smaller
	}
	each := c.Filter.Shape[3] / groups
	if c.Op == "conv2d_transpose" {
		each = c.Filter.Shape[2]
	}
	var list []Case
	for _, n := range []int{1, groups / 2, groups - 1} {
		if n > 0 && n < groups {
			list = append(list, keep(n, each))
		}
	}
	for _, few := range []int{1, each / 2, each - 1} {
		if few > 0 && few < each && groups > 1 {
			list = append(list, keep(groups, few))
		}
	}
	return list
}

// cuts shorten an axis of one operand, and of all others that have an axis of
// that length, by half or by one.
func cuts(c Case) []Case {
	var list []Case
	sizes := map[int]bool{}
	for _, t := range c.Tensors() {
		for _, size := range t.Shape {
			if size > 0 && size < 1<<20 {
				sizes[size] = true
			}
		}
	}
	var ordered []int
	for size := range sizes {
		ordered = append(ordered, size)
	}
	slices.Sort(ordered)
	slices.Reverse(ordered)
	for _, size := range ordered {
		for _, to := range []int{size / 2, size - 1} {
			// One axis alone, and every set of axes of the same length that
			// come to mind: all of them, and each pair.
			type place struct{ tensor, axis int }
			var places []place
			for i, t := range c.Tensors() {
				for axis, n := range t.Shape {
					if n == size {
						places = append(places, place{i, axis})
					}
				}
			}
			sets := [][]place{places}
			for i, a := range places {
				sets = append(sets, []place{a})
				for _, b := range places[i+1:] {
					sets = append(sets, []place{a, b})
				}
			}
			for _, set := range sets[:min(len(sets), 24)] {
				smaller := c.Clone()
				tensors := smaller.Tensors()
				for _, p := range set {
					*tensors[p.tensor] = cut(*tensors[p.tensor], p.axis, to)
				}
				if c.OutputSize == nil {
					list = append(list, smaller)
					continue
				}
				strides := [2]int{1, 1}
				if c.Strides != nil {
					strides = *c.Strides
				}
				for axis := range 2 {
					both := smaller.Clone()
					both.OutputSize[axis] = max(0, both.OutputSize[axis]-(size-to)*strides[axis])
					list = append(list, both)
				}
				list = append(list, smaller)
			}
		}
	}
	return list
}

// cut keeps the first n places of an axis.
func cut(t tensor.Tensor, axis, n int) tensor.Tensor {
	shape := slices.Clone(t.Shape)
	shape[axis] = n
	inner, err := tensor.Elements(t.Shape[axis+1:])
	if err != nil || len(t.Data) == 0 {
		return tensor.Tensor{Shape: shape, Data: t.Data}
	}
	small := tensor.Tensor{Shape: shape}
	for i, x := range t.Data {
		if i/inner%t.Shape[axis] < n {
			small.Data = append(small.Data, x)
		}
	}
	if small.Data == nil {
		small.Data = []float32{}
	}
	return small
}

// plainer has simpler numbers: a whole operand at once, then one by one.
func plainer(c Case) []Case {
	var list []Case
	change := func(i int, to func(k int, x float32) float32) {
		smaller, changed := c.Clone(), false
		t := smaller.Tensors()[i]
		for k, x := range t.Data {
			if y := to(k, x); math.Float32bits(y) != math.Float32bits(x) && (x == x || y == y) {
				t.Data[k], changed = y, true
			}
		}
		if changed {
			list = append(list, smaller)
		}
	}
	for i := range c.Tensors() {
		change(i, func(int, float32) float32 { return 0 })
		change(i, func(_ int, x float32) float32 {
			if x == 0 {
				return 0
			}
			return 1
		})
		change(i, func(_ int, x float32) float32 {
			if x-x != 0 || math.Abs(float64(x)) > 1e6 {
				return x
			}
			return float32(math.Round(float64(x)))
		})
		if n := len(c.Tensors()[i].Data); n <= 64 {
			for k := range n {
				change(i, func(at int, x float32) float32 {
					if at == k {
						return 0
					}
					return x
				})
			}
		}
	}
	return list
}
