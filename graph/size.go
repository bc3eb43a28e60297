package graph

import (
	"fmt"

	"tfcnn/internal/ir"
)

// Size is a pair of a vertical and a horizontal number: a kernel size, a
// pool's window, strides or dilations.
type Size struct {
	Height, Width int
}

// Square returns the size n×n.
func Square(n int) Size { return Size{n, n} }

// String returns a text as 7×7.
func (s Size) String() string { return fmt.Sprintf("%d×%d", s.Height, s.Width) }

// or fills each zero of s from the other size.
func (s Size) or(other Size) Size {
	if s.Height == 0 {
		s.Height = other.Height
	}
	if s.Width == 0 {
		s.Width = other.Width
	}
	return s
}

func (s Size) pair() [2]int { return [2]int{s.Height, s.Width} }

// Padding is the padding of a layer's input with zeros, or for a pool with positions
// that do not count: Valid, the zero value, Same, or Explicit. The fields besides Kind
// are for Explicit alone: the rows and columns on each side.
type Padding struct {
	Kind                     PaddingKind
	Top, Bottom, Left, Right int
}

// PaddingKind is one of VALID, SAME and EXPLICIT.
type PaddingKind int

// String returns TensorFlow's name of the kind.
func (k PaddingKind) String() string { return ir.PaddingKind(k).String() }

func paddingOf(p ir.Padding) Padding {
	return Padding{Kind: PaddingKind(p.Kind), Top: p.Top, Bottom: p.Bottom, Left: p.Left, Right: p.Right}
}

func (p Padding) lowered() ir.Padding {
	return ir.Padding{Kind: ir.PaddingKind(p.Kind), Top: p.Top, Bottom: p.Bottom, Left: p.Left, Right: p.Right}
}

// The two paddings without numbers of their own, as TensorFlow defines them.
var (
	// Valid adds nothing. ⌊(size − window)/stride⌋ + 1 windows fit; rows at
	// the bottom and columns at the right that fill no stride are not read.
	Valid = Padding{Kind: PaddingKind(ir.Valid)}
	// Same pads both sides equally so that there are ⌈size/stride⌉ windows; an odd row
	// goes to the bottom, an odd column to the right.
	Same = Padding{Kind: PaddingKind(ir.Same)}
)

// Explicit pads each side by its own number of rows or columns.
func Explicit(top, bottom, left, right int) Padding {
	return Padding{Kind: PaddingKind(ir.Explicit), Top: top, Bottom: bottom, Left: left, Right: right}
}

// String returns VALID, SAME, or [[top,bottom],[left,right]].
func (p Padding) String() string {
	if p.Kind == PaddingKind(ir.Explicit) {
		return fmt.Sprintf("[[%d,%d],[%d,%d]]", p.Top, p.Bottom, p.Left, p.Right)
	}
	return p.Kind.String()
}
