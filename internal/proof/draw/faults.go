package draw

import (
	"fmt"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// commonFaults fit every operation with one input.
var commonFaults = []fault{
	// More numbers than TensorFlow's kernels index, none of them there.
	func(d *draw, c *Case) string {
		if c.Inputs != nil || len(c.Input.Shape) < 2 {
			return ""
		}
		c.Input = tensor.Tensor{Shape: append([]int{0}, c.Input.Shape[1:]...), Data: []float32{}}
		c.Input.Shape[d.upTo(len(c.Input.Shape)-1)] = math.MaxInt32 + d.upTo(1<<40)
		return "is not a size"
	},
	// A shape that its numbers do not fill.
	func(_ *draw, c *Case) string {
		if c.Inputs != nil || len(c.Input.Data) == 0 {
			return ""
		}
		c.Input.Data = c.Input.Data[1:]
		return "numbers, want"
	},
}

// manyAxes is refused by operations of any shape.
func manyAxes(_ *draw, c *Case) string {
	c.Input = tensor.Tensor{Shape: make([]int, 255), Data: []float32{}}
	return "has 255 axes"
}

var pictureFaults = []fault{
	func(d *draw, c *Case) string { c.Input = d.tensor(2, 3, 4); return "has 3 axes, want 4" },
	func(d *draw, c *Case) string { c.Input = d.tensor(1, 5, 5, 0); return "0 channels, want 1 or more" },
}

var filterFaults = []fault{
	func(d *draw, c *Case) string {
		s := append([]int{}, c.Filter.Shape...)
		s[d.IntN(4)] = 0
		c.Filter = d.tensor(s...)
		return "is 0, want 1 or more"
	},
	func(d *draw, c *Case) string { c.Filter = d.tensor(c.Filter.Shape[:3]...); return "has 3 axes, want 4" },
	func(d *draw, c *Case) string {
		s := append([]int{}, c.Input.Shape...)
		if c.Groups != nil && *c.Groups > 1 {
			s[3] += *c.Groups
		} else {
			s[3]++
		}
		c.Input = d.tensor(s...)
		return "channels"
	},
	func(d *draw, c *Case) string { c.Bias = d.ordinary(1 << 12); return "bias is [4096]" },
	func(d *draw, c *Case) string { c.Input = d.tensor(2, 3, 4); return "has 3 axes, want 4" },
	func(d *draw, c *Case) string { c.Input = d.tensor(1, 5, 5, 0); return "0 channels, want 1 or more" },
	negativePadding, widePadding,
}

var groupFaults = []fault{
	func(_ *draw, c *Case) string { n := 0; c.Groups = &n; return "groups is 0, want 1 or more" },
	func(_ *draw, c *Case) string { n := -2; c.Groups = &n; return "groups is -2, want 1 or more" },
	func(_ *draw, c *Case) string {
		n := c.Input.Shape[3] + 1
		c.Groups = &n
		return fmt.Sprintf("not a multiple of the %d groups", n)
	},
}

var branchFaults = []fault{
	func(_ *draw, c *Case) string { c.Inputs = c.Inputs[:1]; return "got 1 inputs, want 2 or more" },
	func(_ *draw, c *Case) string { c.Inputs = c.Inputs[:0]; return "got 0 inputs, want 2 or more" },
}

func negativePadding(d *draw, c *Case) string {
	c.Padding = ir.Padding{Kind: ir.Explicit}
	n := -d.upTo(3)
	switch d.IntN(4) {
	case 0:
		c.Padding.Top = n
		return fmt.Sprintf("padding at the top is %d", n)
	case 1:
		c.Padding.Bottom = n
		return fmt.Sprintf("padding at the bottom is %d", n)
	case 2:
		c.Padding.Left = n
		return fmt.Sprintf("padding at the left is %d", n)
	}
	c.Padding.Right = n
	return fmt.Sprintf("padding at the right is %d", n)
}

func widePadding(_ *draw, c *Case) string {
	c.Padding = ir.Padding{Kind: ir.Explicit, Right: 1<<24 + 1}
	return "padding at the right is 16777217"
}

func strideFault(d *draw, c *Case) string {
	c.Strides = &[2]int{1, 1}
	n := -d.IntN(2)
	if d.one(3) {
		n = math.MaxInt32 + 1
	}
	axis := d.IntN(2)
	c.Strides[axis] = n
	return fmt.Sprintf("%s stride is %d", [2]string{"vertical", "horizontal"}[axis], n)
}

func dilationFault(d *draw, c *Case) string {
	c.Dilations = &[2]int{1, 1}
	n := -d.IntN(2)
	axis := d.IntN(2)
	c.Dilations[axis] = n
	return fmt.Sprintf("%s dilation is %d", [2]string{"vertical", "horizontal"}[axis], n)
}

// windowFaults are those of what slides a window.
func windowFaults(g geometry, pool bool) []fault {
	faults := []fault{strideFault}
	if g.padding.Kind == ir.Valid {
		// A window that is one larger than its input.
		faults = append(faults, func(d *draw, c *Case) string {
			axis := d.IntN(2)
			s := append([]int{}, c.Input.Shape...)
			s[axis+1] = (g.size[axis] - 1) * g.dilations[axis]
			if pool && s[axis+1] == 0 {
				return ""
			}
			c.Input = d.tensor(s...)
			return "window spans"
		})
	}
	if !pool {
		return append(faults, dilationFault, func(_ *draw, c *Case) string {
			if g.padding.Kind != ir.Same || g.size[0] < 2 || g.in[0] < 2 || g.in[1] == 0 || c.Input.Shape[0] == 0 {
				return ""
			}
			c.Strides, c.Dilations = nil, &[2]int{math.MaxInt32 / (g.size[0] - 1), 1}
			return "more than 2147483647 elements"
		})
	}
	return append(faults,
		func(d *draw, c *Case) string {
			c.Size = &[2]int{1, 1}
			axis := d.IntN(2)
			c.Size[axis] = 0
			return fmt.Sprintf("%s window is 0", [2]string{"vertical", "horizontal"}[axis])
		},
		func(d *draw, c *Case) string {
			c.Padding = ir.Padding{Kind: ir.Explicit, Left: g.size[1]}
			c.Input = d.tensor(1, g.size[0], g.size[1], 1)
			return "is not less than the window's"
		},
		negativePadding)
}

func numberFault(place func(*Case) **float32, text string, values ...float64) fault {
	return func(d *draw, c *Case) string {
		x := float32(pick(d, values...))
		*place(c) = &x
		return text
	}
}
