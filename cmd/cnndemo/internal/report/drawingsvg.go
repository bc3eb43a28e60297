package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// point is a place, in pixels from the left and from the top.
type point struct{ x, y float64 }

// surface is the medium of a drawing: SVG, or pixels. Classes name colours
// and strokes, families colour faces (drawing.css, drawingstyles).
type surface interface {
	line(class string, corners ...point)
	head(corners ...point) // of a wire
	face(family, shade string, corners ...point)
	bar(family string, x, y, width, height float64) // with round ends
	disc(family string, x, y, radius float64)
	text(x, y float64, parts ...phrase)
	begin(title string)       // what follows is one thing, with words for the pointer
	move(right, down float64) // what follows
	end()                     // of begin or move
}

// canvas collects SVG elements.
type canvas struct{ bytes.Buffer }

// add writes an element; its arguments are numbers, or words without markup.
func (c *canvas) add(format string, arguments ...any) {
	for i, a := range arguments {
		if f, isFloat := a.(float64); isFloat {
			arguments[i] = px(f)
		}
	}
	fmt.Fprintf(c, format+"\n", arguments...)
}

// px is a length in tenths of a pixel.
func px(f float64) string {
	return strconv.FormatFloat(math.Round(f*10)/10+0, 'f', -1, 64)
}

func escape(text string) string {
	var b strings.Builder
	// A strings.Builder never fails.
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// text writes words at a place; its parts have classes of their own.
func (c *canvas) text(x, y float64, parts ...phrase) {
	c.add(`<text x="%s" y="%s">%s</text>`, x, y, phrases(parts))
}

// phrase is a part of a line; class may be empty.
type phrase struct{ class, text string }

func phrases(parts []phrase) string {
	var all strings.Builder
	for i, p := range parts {
		if p.text == "" {
			continue
		}
		if i > 0 {
			all.WriteString(" ")
		}
		if p.class == "" {
			all.WriteString(escape(p.text))
			continue
		}
		fmt.Fprintf(&all, `<tspan class="%s">%s</tspan>`, p.class, escape(p.text))
	}
	return all.String()
}

func outline(corners []point) string {
	var parts []string
	for _, p := range corners {
		parts = append(parts, px(p.x)+" "+px(p.y))
	}
	return "M" + strings.Join(parts, "L")
}

func (c *canvas) line(class string, corners ...point) {
	c.add(`<path class="%s" d="%s"/>`, class, outline(corners))
}

func (c *canvas) head(corners ...point) {
	c.add(`<path class="d-head" d="%sz"/>`, outline(corners))
}

func (c *canvas) face(family, shade string, corners ...point) {
	path := outline(corners)
	c.add(`<path class="d-face d-%s" d="%sz"/>`, family, path)
	if shade != "" {
		c.add(`<path class="%s" d="%sz"/>`, shade, path)
	}
}

func (c *canvas) bar(family string, x, y, width, height float64) {
	c.add(`<rect class="d-face d-%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, family, x, y, width, height, height/2)
}

func (c *canvas) disc(family string, x, y, radius float64) {
	c.add(`<circle class="d-face d-%s" cx="%s" cy="%s" r="%s"/>`, family, x, y, radius)
}

func (c *canvas) begin(title string) { c.add(`<g><title>%s</title>`, escape(title)) }

func (c *canvas) move(right, down float64) { c.add(`<g transform="translate(%s %s)">`, right, down) }

func (c *canvas) end() { c.add(`</g>`) }
