package draw

import (
	"fmt"
	"math"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// set sets an attribute of the case's operation.
func set[T any](c *Case, name string, value T) {
	attributes, edited := ir.Attributes(c.Op)
	i := slices.IndexFunc(attributes, func(a ir.Attribute) bool { return a.Name == name })
	*attributes[i].Value.(*T) = value
	c.Op = edited()
}

// get returns an attribute of the case's operation, or false where the operation
// has none of that name.
func get[T any](c Case, name string) (T, bool) {
	attributes, _ := ir.Attributes(c.Op)
	for _, a := range attributes {
		if value, is := a.Value.(*T); is && a.Name == name {
			return *value, true
		}
	}
	return *new(T), false
}

// inputFault gives the case an input of another shape.
func inputFault(text string, shape ...int) fault {
	return func(d *draw, c *Case) string { c.Operands[0] = d.tensor(shape...); return text }
}

// biasFault gives the case a bias of another length.
func biasFault(text string, filters int) fault {
	return func(d *draw, c *Case) string {
		c.Operands = append(c.Operands[:2], d.ordinary(filters))
		return text
	}
}

// numberFault sets an attribute to one of several numbers.
func numberFault(name, text string, values ...float64) fault {
	return func(d *draw, c *Case) string { set(c, name, float32(pick(d, values...))); return text }
}

// commonFaults fit every operation with one input.
var commonFaults = []fault{
	// More numbers than TensorFlow's kernels index, none of them there.
	func(d *draw, c *Case) string {
		if many(c) || len(c.Operands[0].Shape) < 2 {
			return ""
		}
		input := tensor.Tensor{Shape: append([]int{0}, c.Operands[0].Shape[1:]...), Data: []float32{}}
		input.Shape[d.upTo(len(input.Shape)-1)] = math.MaxInt32 + d.upTo(1<<40)
		c.Operands[0] = input
		return "is not a size"
	},
	// A shape that its numbers do not fill.
	func(_ *draw, c *Case) string {
		if many(c) || len(c.Operands[0].Data) == 0 {
			return ""
		}
		c.Operands[0].Data = c.Operands[0].Data[1:]
		return "numbers, want"
	},
}

// many reports whether the operation reads several inputs.
func many(c *Case) bool { return c.Op.Traits().Operands == ir.ManyInputs }

// manyAxes is refused by operations of any shape.
func manyAxes(_ *draw, c *Case) string {
	c.Operands[0] = tensor.Tensor{Shape: make([]int, 255), Data: []float32{}}
	return "has 255 axes"
}

var imageFaults = []fault{inputFault("has 3 axes, want 4", 2, 3, 4), inputFault("0 channels, want 1 or more", 1, 5, 5, 0)}

var filterFaults = []fault{
	func(d *draw, c *Case) string {
		s := slices.Clone(c.Operands[1].Shape)
		s[d.IntN(4)] = 0
		c.Operands[1] = d.tensor(s...)
		return "is 0, want 1 or more"
	},
	func(d *draw, c *Case) string {
		c.Operands[1] = d.tensor(c.Operands[1].Shape[:3]...)
		return "has 3 axes, want 4"
	},
	func(d *draw, c *Case) string {
		s := slices.Clone(c.Operands[0].Shape)
		groups, _ := get[int](*c, "groups")
		s[3] += max(groups, 1)
		c.Operands[0] = d.tensor(s...)
		return "channels"
	},
	biasFault("bias is [4096]", 1<<12),
	imageFaults[0], imageFaults[1],
	negativePadding, widePadding,
}

var groupFaults = []fault{
	func(_ *draw, c *Case) string { set(c, "groups", 0); return "groups is 0, want 1 or more" },
	func(_ *draw, c *Case) string { set(c, "groups", -2); return "groups is -2, want 1 or more" },
	func(_ *draw, c *Case) string {
		n := c.Operands[0].Shape[3] + 1
		set(c, "groups", n)
		return fmt.Sprintf("not a multiple of the %d groups", n)
	},
}

var branchFaults = []fault{
	func(_ *draw, c *Case) string { c.Operands = c.Operands[:1]; return "got 1 inputs, want 2 or more" },
	func(_ *draw, c *Case) string { c.Operands = c.Operands[:0]; return "got 0 inputs, want 2 or more" },
}

// pad sets the padding, of a Pad or of a window.
func pad(c *Case, sides ir.Sides) {
	if _, is := c.Op.(ir.Pad); is {
		set(c, "padding", sides)
		return
	}
	set(c, "padding", ir.Padding{Kind: ir.Explicit, Top: sides.Top, Bottom: sides.Bottom, Left: sides.Left, Right: sides.Right})
}

func negativePadding(d *draw, c *Case) string {
	n := -d.upTo(3)
	side := d.IntN(4)
	pad(c, []ir.Sides{{Top: n}, {Bottom: n}, {Left: n}, {Right: n}}[side])
	return fmt.Sprintf("padding at the %s is %d", [4]string{"top", "bottom", "left", "right"}[side], n)
}

func widePadding(_ *draw, c *Case) string {
	pad(c, ir.Sides{Right: 1<<24 + 1})
	return "padding at the right is 16777217"
}

func strideFault(d *draw, c *Case) string {
	strides := [2]int{1, 1}
	n := -d.IntN(2)
	if d.oneIn(3) {
		n = math.MaxInt32 + 1
	}
	axis := d.IntN(2)
	strides[axis] = n
	set(c, "strides", strides)
	return fmt.Sprintf("%s stride is %d", axes[axis], n)
}

func dilationFault(d *draw, c *Case) string {
	dilations := [2]int{1, 1}
	n := -d.IntN(2)
	axis := d.IntN(2)
	dilations[axis] = n
	set(c, "dilations", dilations)
	return fmt.Sprintf("%s dilation is %d", axes[axis], n)
}

var axes = [2]string{"vertical", "horizontal"}

// windowFaults are those of operations with a window.
func windowFaults(g geometry, pool bool) []fault {
	faults := []fault{strideFault}
	if g.padding.Kind == ir.Valid {
		// A window that is one larger than its input.
		faults = append(faults, func(d *draw, c *Case) string {
			axis := d.IntN(2)
			s := slices.Clone(c.Operands[0].Shape)
			s[axis+1] = (g.size[axis] - 1) * g.dilations[axis]
			if pool && s[axis+1] == 0 {
				return ""
			}
			c.Operands[0] = d.tensor(s...)
			return "window spans"
		})
	}
	if !pool {
		return append(faults, dilationFault, func(_ *draw, c *Case) string {
			if g.padding.Kind != ir.Same || g.size[0] < 2 || g.in[0] < 2 || g.in[1] == 0 || c.Operands[0].Shape[0] == 0 {
				return ""
			}
			set(c, "strides", [2]int{1, 1})
			set(c, "dilations", [2]int{math.MaxInt32 / (g.size[0] - 1), 1})
			return "more than 2147483647 elements"
		})
	}
	return append(faults,
		func(d *draw, c *Case) string {
			size := [2]int{1, 1}
			axis := d.IntN(2)
			size[axis] = 0
			set(c, "size", size)
			return fmt.Sprintf("%s window is 0", axes[axis])
		},
		func(d *draw, c *Case) string {
			pad(c, ir.Sides{Left: g.size[1]})
			c.Operands[0] = d.tensor(1, g.size[0], g.size[1], 1)
			return "is not less than the window's"
		},
		negativePadding)
}
