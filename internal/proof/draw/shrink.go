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

// Shrink looks for the smallest case that still fails as o did, and returns its
// outcome. It tries smaller and plainer cases, goes on from the first that still
// fails, and ends where none does, or when the time is up. A case that must be
// refused is left as it is.
func Shrink(ctx context.Context, within time.Duration, c Case, o proof.Outcome, run func(context.Context, Case) (proof.Outcome, error)) (proof.Outcome, error) {
	if c.Error != "" {
		return o, nil // a smaller case would have another fault
	}
	return shrink(ctx, within, c, o, smallerCases, run)
}

// shrink goes from a failing value to the smallest that still fails in the same way.
func shrink[V any](ctx context.Context, within time.Duration, v V, o proof.Outcome, smaller func(V) []V, run func(context.Context, V) (proof.Outcome, error)) (proof.Outcome, error) {
	end := time.Now().Add(within)
	for changed := true; changed; {
		changed = false
		for _, other := range smaller(v) {
			if time.Now().After(end) {
				return o, nil
			}
			next, err := run(ctx, other)
			if err != nil {
				return proof.Outcome{}, err
			}
			if sameFailure(o, next) {
				v, o, changed = other, next, true
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
	operands := c.Op.Traits().Operands.Names()
	if last := len(operands) - 1; operands[last].Optional && len(c.Operands) > last {
		smaller := c.Copy()
		smaller.Operands = smaller.Operands[:last]
		list = append(list, smaller)
	}
	list = append(list, fewerGroups(c)...)
	list = append(list, cuts(c)...)
	list = append(list, plainerAttributes(c)...)
	return append(list, plainer(c)...)
}

// plainerAttributes have one attribute that is its default or smaller.
func plainerAttributes(c Case) []Case {
	var list []Case
	attributes, _ := ir.Attributes(c.Op)
	for i, attribute := range attributes {
		change := func(to func(ir.Attribute)) {
			smaller := c.Copy()
			attributes, edited := ir.Attributes(smaller.Op)
			to(attributes[i])
			smaller.Op = edited()
			list = append(list, smaller)
		}
		if attribute.Default != nil && !attribute.IsDefault() {
			change(ir.Attribute.Reset)
		}
		numbers, least := wholeNumbers(attribute)
		for k, n := range numbers {
			for _, to := range []int{least, *n - 1} {
				if to >= least && to < *n {
					change(func(a ir.Attribute) { numbers, _ := wholeNumbers(a); *numbers[k] = to })
				}
			}
		}
	}
	return list
}

// wholeNumbers lists the whole numbers of an attribute, and the least that shrinking
// makes of them.
func wholeNumbers(a ir.Attribute) (numbers []*int, least int) {
	switch value := a.Value.(type) {
	case *int:
		return []*int{value}, 1
	case *[2]int:
		return []*int{&value[0], &value[1]}, 1
	case *ir.Padding:
		return []*int{&value.Top, &value.Bottom, &value.Left, &value.Right}, 0
	case *ir.Sides:
		return []*int{&value.Top, &value.Bottom, &value.Left, &value.Right}, 0
	}
	return nil, 0
}

// fewerGroups keep the first groups of a convolution, or fewer filters of each.
func fewerGroups(c Case) []Case {
	groups, is := get[int](c, "groups")
	if !is || groups < 1 {
		return nil
	}
	input, filter := c.Operands[0].Shape, c.Operands[1].Shape
	if len(input) != 4 || len(filter) != 4 || input[3]%groups != 0 {
		return nil
	}
	transposed := c.Op.Traits().Reads == ir.TransposedWindow
	keep := func(n, each int) Case { // n groups, each with so many filters
		smaller := c.Copy()
		set(&smaller, "groups", n)
		operands := smaller.Operands
		operands[0] = cut(operands[0], 3, input[3]/groups*n)
		if transposed {
			operands[1] = cut(cut(operands[1], 3, filter[3]/groups*n), 2, each)
		} else {
			operands[1] = cut(operands[1], 3, each*n)
		}
		if bias := smaller.Operand("bias"); bias != nil {
			*bias = cut(*bias, 0, each*n)
		}
		return smaller
	}
	each := filter[3] / groups
	if transposed {
		each = filter[2]
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

// tensors lists the numbers that a case computes with: its operands, and the
// attributes that are lists of numbers, as tensors of one axis.
func tensors(c Case) []tensor.Tensor {
	list := slices.Clone(c.Operands)
	attributes, _ := ir.Attributes(c.Op)
	for _, a := range attributes {
		if numbers, is := a.Value.(*[]float32); is && *numbers != nil {
			list = append(list, tensor.Tensor{Shape: []int{len(*numbers)}, Data: *numbers})
		}
	}
	return list
}

// withTensors returns the case with other tensors, in the order of tensors.
func withTensors(c Case, list []tensor.Tensor) Case {
	c = c.Copy()
	list = list[copy(c.Operands, list):]
	attributes, edited := ir.Attributes(c.Op)
	for _, a := range attributes {
		if numbers, is := a.Value.(*[]float32); is && *numbers != nil {
			*numbers, list = list[0].Data, list[1:]
		}
	}
	c.Op = edited()
	return c
}

// cuts shorten an axis of one operand, and of all others that have an axis of
// that length, by half or by one.
func cuts(c Case) []Case {
	var list []Case
	sizes := map[int]bool{}
	for _, t := range tensors(c) {
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
			// Of the axes of the same length: all, each alone, and each pair.
			type tensorAxis struct{ tensor, axis int }
			var all []tensorAxis
			for i, t := range tensors(c) {
				for axis, n := range t.Shape {
					if n == size {
						all = append(all, tensorAxis{i, axis})
					}
				}
			}
			sets := [][]tensorAxis{all}
			for i, a := range all {
				sets = append(sets, []tensorAxis{a})
				for _, b := range all[i+1:] {
					sets = append(sets, []tensorAxis{a, b})
				}
			}
			for _, shortened := range sets[:min(len(sets), 24)] {
				parts := tensors(c)
				for _, a := range shortened {
					parts[a.tensor] = cut(parts[a.tensor], a.axis, to)
				}
				smaller := withTensors(c, parts)
				if output, is := get[[2]int](c, "output_size"); is {
					strides, _ := get[[2]int](c, "strides")
					for axis := range 2 {
						both := smaller.Copy()
						resized := output
						resized[axis] = max(0, output[axis]-(size-to)*strides[axis])
						set(&both, "output_size", resized)
						list = append(list, both)
					}
				}
				list = append(list, smaller)
			}
		}
	}
	return list
}

// cut keeps the first n indices of an axis.
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

// plainer has simpler numbers: a whole tensor at once, then one by one.
func plainer(c Case) []Case {
	var list []Case
	parts := tensors(c)
	change := func(i int, to func(k int, x float32) float32) {
		data := slices.Clone(parts[i].Data)
		changed := false
		for k, x := range data {
			if y := to(k, x); math.Float32bits(y) != math.Float32bits(x) && (x == x || y == y) {
				data[k], changed = y, true
			}
		}
		if changed {
			other := slices.Clone(parts)
			other[i].Data = data
			list = append(list, withTensors(c, other))
		}
	}
	for i := range parts {
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
		if n := len(parts[i].Data); n <= 64 {
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
