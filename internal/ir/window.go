package ir

import (
	"fmt"
)

// PaddingKind is the rule for the padding of an input.
type PaddingKind int

const (
	// Valid adds nothing: every window lies within the input, and no window reads the
	// rows and columns that fill no whole stride.
	Valid PaddingKind = iota
	// Same pads so that there are ⌈size/stride⌉ windows; the odd one goes
	// after (bottom, right).
	Same
	// Explicit pads each side by its own count.
	Explicit
)

// String returns TensorFlow's name of the kind.
func (k PaddingKind) String() string {
	switch k {
	case Valid:
		return "VALID"
	case Same:
		return "SAME"
	case Explicit:
		return "EXPLICIT"
	}
	return fmt.Sprintf("PaddingKind(%d)", int(k))
}

// Padding is a kind and, where the kind is Explicit, the rows and columns
// added on each side. The sides of the other kinds are zero.
type Padding struct {
	Kind                     PaddingKind
	Top, Bottom, Left, Right int
}

// maxPadding is the most rows or columns on one side. Without oneDNN,
// TensorFlow's Conv2D gives 0 for the windows behind 10⁸ rows of padding;
// 5·10⁷ were right.
const maxPadding = 1 << 24

func (p Padding) check() error {
	switch p.Kind {
	case Valid, Same:
		if p != (Padding{Kind: p.Kind}) {
			return fmt.Errorf("padding %s has explicit sides too, want one of the two", p.Kind)
		}
		return nil
	case Explicit:
	default:
		return fmt.Errorf("padding kind %d is none of VALID, SAME and explicit", int(p.Kind))
	}
	for _, side := range []struct {
		name string
		size int
	}{{"top", p.Top}, {"bottom", p.Bottom}, {"left", p.Left}, {"right", p.Right}} {
		if side.size < 0 {
			return fmt.Errorf("padding at the %s is %d, want 0 or more", side.name, side.size)
		}
		if side.size > maxPadding {
			return fmt.Errorf("padding at the %s is %d, want at most %d, beyond which TensorFlow computes wrongly", side.name, side.size, maxPadding)
		}
	}
	return nil
}

// Axis is a sliding window along one axis with all its numbers: window i reads the
// input at i·Stride − Before + j·Dilation for j from 0 to Size−1; positions outside
// 0 … In−1 are padding.
type Axis struct {
	In, Out                int
	Size, Stride, Dilation int
	Before, After          int // padding
}

// axisNames are the words for an axis in errors.
type axisNames struct{ axis, size, direction string }

var (
	heightAxis = axisNames{"height", "rows", "vertical"}
	widthAxis  = axisNames{"width", "columns", "horizontal"}
)

// newAxis computes the numbers of a window on an axis of a known size.
func newAxis(names axisNames, in, size, stride, dilation int, kind PaddingKind, before, after int) (Axis, error) {
	for _, part := range []struct {
		name string
		size int
	}{{"window", size}, {"stride", stride}, {"dilation", dilation}} {
		if part.size < 1 || part.size > maxSize {
			return Axis{}, fmt.Errorf("%s %s is %d, want 1 or more", names.direction, part.name, part.size)
		}
	}
	a := Axis{In: in, Size: size, Stride: stride, Dilation: dilation, Before: before, After: after}
	if kind == Same {
		a.Out = (in + stride - 1) / stride
		total := max(0, (a.Out-1)*stride+a.Reach()-in)
		if a.Out == 0 {
			total = 0
		}
		a.Before = total / 2
		a.After = total - a.Before
		return a, nil
	}
	room := in + before + after
	if room < a.Reach() {
		padded := ""
		if before+after > 0 {
			padded = fmt.Sprintf(", %d with the padding", room)
		}
		return Axis{}, InputErrorf("window spans %d %s, input has only %d%s", a.Reach(), names.size, in, padded)
	}
	a.Out = (room-a.Reach())/stride + 1
	return a, nil
}

// Reach returns the number of rows or columns from a window's first tap to its
// last, both included.
func (a Axis) Reach() int { return (a.Size-1)*a.Dilation + 1 }

// Start returns the position at which window out begins; it is negative in the padding
// before.
func (a Axis) Start(out int) int { return out*a.Stride - a.Before }

// ShortStride returns the stride, cut to the size of the padded input: with any larger
// stride there is one window. With strides near 2³¹ oneDNN's kernels of grouped
// convolutions end the process.
func (a Axis) ShortStride() int { return min(a.Stride, max(1, a.Before+a.In+a.After)) }

// Taps returns the taps j of window out that read the input: from first up to,
// but not including, end. The others fall on padding.
func (a Axis) Taps(out int) (first, end int) {
	start := a.Start(out)
	if start < 0 {
		first = (-start + a.Dilation - 1) / a.Dilation
	}
	end = a.Size
	if last := a.In - 1 - start; last < (a.Size-1)*a.Dilation {
		end = 0
		if last >= 0 {
			end = last/a.Dilation + 1
		}
	}
	return min(first, end), end
}

// OnlyPadding reports whether every window lies on padding alone.
func (a Axis) OnlyPadding() bool {
	for out := range a.Out {
		if first, end := a.Taps(out); first < end {
			return false
		}
	}
	return true
}

// Unread returns the number of rows or columns of the input that no window reads:
// those after the last window, and those that the stride or the dilation
// steps over.
func (a Axis) Unread() int {
	if a.Out == 0 {
		return a.In
	}
	if a.Dilation == 1 && a.Stride <= a.Size {
		// The windows leave no gap.
		from := max(0, a.Start(0))
		to := min(a.In, a.Start(a.Out-1)+a.Size)
		return a.In - max(0, to-from)
	}
	if a.Dilation == 1 {
		// The windows do not meet: each reads its own rows.
		read := 0
		for out := range a.Out {
			first, end := a.Taps(out)
			read += end - first
		}
		return a.In - read
	}
	read := make([]bool, a.In)
	unread := a.In
	for out := range a.Out {
		first, end := a.Taps(out)
		for j := first; j < end; j++ {
			if row := a.Start(out) + j*a.Dilation; !read[row] {
				read[row] = true
				unread--
			}
		}
		if unread == 0 {
			break
		}
	}
	return unread
}

// SamePadding reports whether SAME would pad both axes in the same way.
func SamePadding(h, w Axis) bool {
	for _, a := range []Axis{h, w} {
		same, err := newAxis(heightAxis, a.In, a.Size, a.Stride, a.Dilation, Same, 0, 0)
		if err != nil || same != a {
			return false
		}
	}
	return true
}

// window computes both axes of a window over an input of shape [N,H,W,C].
func window(input []int, size, strides, dilations [2]int, p Padding) (h, w Axis, err error) {
	if err := p.check(); err != nil {
		return h, w, err
	}
	h, err = newAxis(heightAxis, input[1], size[0], strides[0], dilations[0], p.Kind, p.Top, p.Bottom)
	if err != nil {
		return h, w, err
	}
	w, err = newAxis(widthAxis, input[2], size[1], strides[1], dilations[1], p.Kind, p.Left, p.Right)
	return h, w, err
}
