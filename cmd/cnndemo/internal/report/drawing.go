package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Drawing is a network drawn: its layers from top to bottom, each as a
// box whose sides tell the shape that comes out, branches side by side.
type Drawing struct {
	Title      string
	Input      []int // [height, width, channels]
	Layers     []DrawnLayer
	Parameters int64
	MACs       int64 // for one image
}

// MostLayers is the most layers of a Drawing. A drawing of so many is 200,000
// pixels high; the ways of its wires take time that grows as its square.
const MostLayers = 5000

// DrawnLayer is one layer of a Drawing.
type DrawnLayer struct {
	Name, Kind string
	Family     string // that of graph.LayerPlan
	Note       string // kernel, stride and the like, in words
	From       []int  // indices of earlier layers, or DrawnInput
	Shape      []int  // of the output: [height, width, channels] or [features]
	Parameters int64
	Output     bool // the network gives it out
}

// DrawnInput stands for the network's input in From.
const DrawnInput = -1

// WriteSVG writes the drawing as a file of its own, light or dark as the
// reader's screen is. It loads nothing, runs nothing, and is the same for the
// same drawing.
func (d Drawing) WriteSVG(w io.Writer) error {
	css, err := pageFiles.ReadFile("page/drawing.css")
	if err != nil {
		return fmt.Errorf("report: drawing: %w", err)
	}
	drawing, err := d.svg("<style>" + string(css) + "</style>\n")
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), drawing...))
	return err
}

// Inline is the drawing's svg element for a page that has page/drawing.css
// among its styles, as the pages of this package have.
func (d Drawing) Inline() (string, error) {
	drawing, err := d.svg("")
	// In a page of HTML an svg element needs no name space, and a page that
	// loads nothing names no address.
	return strings.Replace(string(drawing), ` xmlns="http://www.w3.org/2000/svg"`, "", 1), err
}

func (d Drawing) check() error {
	if err := checkShape(d.Input); err != nil {
		return fmt.Errorf("report: drawing: input: %w", err)
	}
	if len(d.Layers) == 0 {
		return errors.New("report: drawing: no layers")
	}
	if len(d.Layers) > MostLayers {
		return fmt.Errorf("report: drawing: %d layers, want %d at most", len(d.Layers), MostLayers)
	}
	for i, l := range d.Layers {
		err := checkShape(l.Shape)
		if len(l.From) == 0 {
			err = errors.New("reads nothing")
		}
		for _, from := range l.From {
			if from < DrawnInput || from >= i {
				err = fmt.Errorf("reads layer %d, want one before it", from)
			}
		}
		if err != nil {
			return fmt.Errorf("report: drawing: layer %q: %w", l.Name, err)
		}
	}
	return nil
}

func checkShape(shape []int) error {
	if n := len(shape); n != 1 && n != 3 {
		return fmt.Errorf("shape %v has %d axes, want 1 or 3", shape, n)
	}
	for _, n := range shape {
		if n < 0 {
			return fmt.Errorf("shape %v has a negative size", shape)
		}
	}
	return nil
}

// width is about how wide a line of words gets, rather more: fonts differ.
func width(parts []phrase) float64 {
	sum := 0.0
	for _, p := range parts {
		each := 6.7
		switch p.class {
		case "d-name":
			each = 7.3
		case "d-title":
			each = 12
		}
		for _, r := range p.text + " " {
			if r >= 0x1100 { // wide scripts
				sum += each
			}
			sum += each
		}
	}
	return sum
}

// Margins round the drawing, in pixels.
const (
	drawingMargin = 24.0
	headerHeight  = 74.0
	footerHeight  = 44.0
)

// arranged is a drawing with everything in its place.
type arranged struct {
	Drawing
	layout         *layout
	width, height  float64
	title, figures []phrase
	legend         [][]phrase
}

func (d Drawing) arrange() (arranged, error) {
	if err := d.check(); err != nil {
		return arranged{}, err
	}
	p := arranged{
		Drawing: d, layout: d.layout(),
		title:   []phrase{{"d-title", d.Title}},
		figures: []phrase{{"", fmt.Sprintf("%s, %s → %s: %s, %s for one image", count(len(d.Layers), "layer"), by(d.Input...), by(d.Layers[len(d.Layers)-1].Shape...), count(d.Parameters, "parameter"), count(d.MACs, "multiplication"))}},
		legend: [][]phrase{
			{{"", "Sides grow as the square root of height and width,"}},
			{{"", "thickness as the logarithm of the channels. A bar is a row of features."}},
		},
	}
	w := p.layout.width
	for _, line := range append(p.legend, p.title, p.figures) {
		w = max(w, width(line))
	}
	p.width = math.Ceil(w + 2*drawingMargin)
	p.height = math.Ceil(headerHeight + p.layout.height + footerHeight + drawingMargin)
	return p, nil
}

// draw draws all of it, on paper.
func (p arranged) draw(on surface) {
	on.text(drawingMargin, 36, p.title...)
	on.text(drawingMargin, 57, p.figures...)
	on.move(drawingMargin, headerHeight)
	p.layout.draw(on)
	on.end()
	for i, line := range p.legend {
		on.text(drawingMargin, p.height-drawingMargin-lineHeight*float64(len(p.legend)-1-i), line...)
	}
}

func (d Drawing) svg(style string) ([]byte, error) {
	p, err := d.arrange()
	if err != nil {
		return nil, err
	}
	var c canvas
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" width="%s" height="%s" viewBox="0 0 %s %s">`, p.width, p.height, p.width, p.height)
	c.add(`<title>%s</title>`, escape(d.Title))
	c.add(`<desc>%s</desc>`, escape(d.words()))
	c.WriteString(style)
	c.add(`<rect class="d-paper" width="100%%" height="100%%"/>`)
	p.draw(&c)
	c.add(`</svg>`)
	return c.Bytes(), nil
}

// words describes the network for readers who cannot see it.
func (d Drawing) words() string {
	var text strings.Builder
	fmt.Fprintf(&text, "A network of %s with %s. Its input is %s.", count(len(d.Layers), "layer"), count(d.Parameters, "parameter"), by(d.Input...))
	for i, l := range d.Layers {
		text.WriteString(" " + l.words())
		if len(l.From) > 1 || l.From[0] != i-1 {
			var names []string
			for _, from := range l.From {
				if from == DrawnInput {
					names = append(names, "the input")
				} else {
					names = append(names, d.Layers[from].Name)
				}
			}
			text.WriteString(", of " + list(names))
		}
		text.WriteString(".")
	}
	return text.String()
}

func (l DrawnLayer) words() string {
	text := l.Name + ": " + l.Kind
	if l.Note != "" {
		text += " " + l.Note
	}
	text += " gives " + by(l.Shape...)
	if l.Parameters > 0 {
		text += ", " + count(l.Parameters, "parameter")
	}
	return text
}
