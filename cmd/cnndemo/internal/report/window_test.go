package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"tfcnn/graph"
)

// windowOp is a max_pool-like operation on one image, its geometry settled
// by package graph.
func windowOp(t *testing.T, height, width int, size, strides, dilations graph.Size, padding graph.Padding) Op {
	t.Helper()
	plan, err := graph.Network{
		Input: graph.Input{Height: height, Width: width, Channels: 1},
		Layers: []graph.Layer{graph.Conv2D{
			Name: "conv2d", Filters: 1, Size: size, Strides: strides, Dilations: dilations, Padding: padding, NoBias: true,
		}},
	}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	l := plan.Layers[0]
	pair := func(s graph.Size) [2]int { return [2]int{s.Height, s.Width} }
	return Op{
		Layer: l.Name, Input: append([]int{1}, l.Input...), Output: append([]int{1}, l.Output...),
		Size: pair(size), Strides: pair(strides), Dilations: pair(dilations), Padding: padding.String(),
		Padded: [4]int{l.Padding.Top, l.Padding.Bottom, l.Padding.Left, l.Padding.Right}, Unread: [2]int{l.Unread.Rows, l.Unread.Columns},
	}
}

func TestWindowWords(t *testing.T) {
	one, two := graph.Square(1), graph.Square(2)
	for _, tt := range []struct {
		op   Op
		want string
	}{
		{
			windowOp(t, 427, 640, graph.Square(7), two, one, graph.Same),
			"A window of 7×7 steps 2 rows and 2 columns over 427×640. SAME adds 3 rows above and 3 below, 2 columns left and 3 right; 214×320 windows fit.",
		},
		{
			windowOp(t, 427, 640, two, two, one, graph.Valid),
			"A window of 2×2 steps 2 rows and 2 columns over 427×640. VALID adds nothing; 213×320 windows fit. Left unread: 1 row at the bottom.",
		},
		{
			windowOp(t, 10, 10, two, graph.Size{Height: 4, Width: 3}, one, graph.Valid),
			"A window of 2×2 steps 4 rows and 3 columns over 10×10. VALID adds nothing; 3×3 windows fit. Left unread: 4 rows between the windows, 2 columns at the right and 2 columns between the windows.",
		},
		{
			windowOp(t, 20, 20, graph.Square(3), one, two, graph.Explicit(1, 0, 0, 0)),
			"A window of 3×3, its taps 2 rows and 2 columns apart, spans 5×5 and steps 1 row and 1 column over 20×20. Explicit padding adds 1 row above; 17×16 windows fit.",
		},
	} {
		if got := windowWords(tt.op); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// Over many geometries: what the drawing takes for unread is what the plan
// counts, and every drawing is well-formed, its shapes within its frame.
func TestWindowDrawings(t *testing.T) {
	drawn := 0
	for _, size := range []int{1, 2, 3, 7} {
		for _, stride := range []int{1, 2, 3, 9} {
			for _, dilation := range []int{1, 2, 4} {
				for _, in := range []int{25, 26, 60, 400} {
					for _, padding := range []graph.Padding{graph.Valid, graph.Same, graph.Explicit(0, 3, 5, 0)} {
						op := windowOp(t, in, in+1, graph.Square(size), graph.Square(stride), graph.Square(dilation), padding)
						what := fmt.Sprintf("%d: size %d, stride %d, dilation %d, %s", in, size, stride, dilation, op.Padding)
						rows, columns := op.axes()
						for i, a := range []axis{rows, columns} {
							unread := 0
							for x := range a.in {
								if !a.reads(x) {
									unread++
								}
							}
							if unread != op.Unread[i] {
								t.Errorf("%s: axis %d: %d unread, the plan counts %d", what, i, unread, op.Unread[i])
							}
						}
						drawing := string(windowDrawing(op, "w"))
						if drawing == "" {
							continue
						}
						drawn++
						checkSVG(t, what, drawing)
						if hatched := strings.Contains(drawing, `"w-unread"`); hatched != (op.Unread != [2]int{}) {
							t.Errorf("%s: unread marked: %v, unread %v", what, hatched, op.Unread)
						}
					}
				}
			}
		}
	}
	if drawn < 400 {
		t.Errorf("only %d drawings", drawn)
	}
}

// checkSVG reads a drawing as XML and checks that its rectangles lie in its view box.
func checkSVG(t *testing.T, what, text string) {
	t.Helper()
	var width, height float64
	named := false
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		e, isStart := token.(xml.StartElement)
		if !isStart {
			continue
		}
		number := map[string]float64{}
		for _, a := range e.Attr {
			var v float64
			if _, err := fmt.Sscan(a.Value, &v); err == nil {
				number[a.Name.Local] = v
			}
			if a.Name.Local == "viewBox" {
				fmt.Sscanf(a.Value, "0 0 %f %f", &width, &height)
			}
		}
		named = named || e.Name.Local == "title"
		if e.Name.Local == "rect" {
			if number["x"] < -0.1 || number["y"] < -0.1 || number["x"]+number["width"] > width+0.1 || number["y"]+number["height"] > height+0.1 ||
				number["width"] <= 0 || number["height"] <= 0 {
				t.Errorf("%s: %v lies outside %v×%v", what, number, width, height)
			}
		}
	}
	if !named {
		t.Errorf("%s: no title", what)
	}
	if strings.Contains(text, "NaN") {
		t.Errorf("%s: NaN", what)
	}
}

// What is too large to be drawn is left to the words.
func TestNoDrawing(t *testing.T) {
	if windowDrawing(windowOp(t, 400, 400, graph.Square(99), graph.Square(1), graph.Square(1), graph.Same), "w") != "" {
		t.Error("a window of 99×99 was drawn")
	}
}
