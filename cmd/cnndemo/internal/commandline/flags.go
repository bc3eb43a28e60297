package commandline

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tfcnn/graph"
)

// mostSize is the most that a size, a stride, a dilation or a padding may be.
const mostSize = math.MaxInt32

// Size is N or HxW.
type Size graph.Size

func (s *Size) String() string {
	if *s == (Size{}) {
		return ""
	}
	if s.Height == s.Width {
		return strconv.Itoa(s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

func (s *Size) Set(text string) error {
	parts := strings.Split(strings.ToLower(text), "x")
	if len(parts) == 1 {
		parts = append(parts, parts[0])
	}
	if len(parts) != 2 {
		return errors.New("want " + s.wants())
	}
	var numbers [2]int
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > mostSize {
			return errors.New("want " + s.wants())
		}
		numbers[i] = n
	}
	*s = Size{Height: numbers[0], Width: numbers[1]}
	return nil
}

func (*Size) Type() string  { return "N|HxW" }
func (*Size) wants() string { return fmt.Sprintf("N or HxW, each 1 to %d", mostSize) }

// Padding is same, valid, or top,bottom,left,right.
type Padding graph.Padding

func (p *Padding) String() string {
	if p.Kind == graph.Explicit(0, 0, 0, 0).Kind {
		return fmt.Sprintf("%d,%d,%d,%d", p.Top, p.Bottom, p.Left, p.Right)
	}
	return strings.ToLower(graph.Padding(*p).String())
}

func (p *Padding) Set(text string) error {
	switch strings.ToLower(text) {
	case "same":
		*p = Padding(graph.Same)
		return nil
	case "valid":
		*p = Padding(graph.Valid)
		return nil
	}
	var sides []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			break
		}
		sides = append(sides, n)
	}
	if len(sides) != 4 || strings.Count(text, ",") != 3 {
		return errors.New("want " + p.wants())
	}
	*p = Padding(graph.Explicit(sides[0], sides[1], sides[2], sides[3]))
	return nil
}

func (*Padding) Type() string  { return "PADDING" }
func (*Padding) wants() string { return "same, valid or TOP,BOTTOM,LEFT,RIGHT, each 0 or more" }

// Colour is six hexadecimal digits.
type Colour [3]uint8

func (c *Colour) String() string { return fmt.Sprintf("%02x%02x%02x", c[0], c[1], c[2]) }

func (c *Colour) Set(text string) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(strings.TrimPrefix(text, "#")) != 6 {
		return errors.New("want " + c.wants())
	}
	*c = Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	return nil
}

func (*Colour) Type() string  { return "RRGGBB" }
func (*Colour) wants() string { return "a colour of six hexadecimal digits, as ffffff" }

// Layers is names of layers, with commas between them. A repeated flag adds
// names.
type Layers []string

func (l *Layers) String() string { return strings.Join(*l, ",") }

func (l *Layers) Set(text string) error {
	names := strings.Split(text, ",")
	for _, name := range names {
		if !graph.ValidName(name) {
			return errors.New("want " + l.wants())
		}
	}
	*l = append(*l, names...)
	return nil
}

func (*Layers) Type() string  { return "LAYER,LAYER" }
func (*Layers) wants() string { return "names of layers with commas between them" }
