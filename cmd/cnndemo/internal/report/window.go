package report

import (
	"fmt"
	"html/template"
	"strings"
)

// axis is one direction of a window that slides over an input.
type axis struct {
	in, out, size, stride, dilation, before, after int
}

func (op Op) axes() (rows, columns axis) {
	at := func(i int) axis {
		return axis{op.Input[1+i], op.Output[1+i], op.Size[i], op.Strides[i], op.Dilations[i], op.Padded[2*i], op.Padded[2*i+1]}
	}
	return at(0), at(1)
}

// slides reports whether the layer has a window.
func (op Op) slides() bool { return op.Size != [2]int{} }

// reach is the rows from a window's first tap to its last; start is where
// window i begins, negative in the padding.
func (a axis) reach() int          { return (a.size-1)*a.dilation + 1 }
func (a axis) start(i int) int     { return i*a.stride - a.before }
func (a axis) contains(x int) bool { return x >= 0 && x < a.in }

// reads reports whether any window has a tap on x.
func (a axis) reads(x int) bool {
	for j := range a.size {
		if t := x + a.before - j*a.dilation; t >= 0 && t%a.stride == 0 && t/a.stride < a.out {
			return true
		}
	}
	return false
}

// unread counts the rows that no window reads, before the first that one
// does, and after the last.
func (a axis) unread() (leading, trailing int) {
	for leading < a.in && !a.reads(leading) {
		leading++
	}
	for trailing < a.in-leading && !a.reads(a.in-1-trailing) {
		trailing++
	}
	return leading, trailing
}

// mostCells is how many rows or columns are drawn at most.
const mostCells = 64

// span is a part of an axis that is drawn: from low up to, but not including,
// high.
type span struct{ low, high int }

// spans gives the two ends of an axis, or all of it where they meet: with the
// first two windows and the last, and one row more to show that it goes on.
// nil: too many cells for a drawing.
func (a axis) spans() []span {
	first, end := -a.before, a.in+a.after
	for _, windows := range []int{min(2, a.out), 1} {
		head := span{first, min(end, a.start(windows-1)+a.reach()+1)}
		tail := span{max(first, min(a.start(a.out-1), a.in-2)-1), end}
		if tail.low <= head.high+1 {
			head, tail = span{first, end}, span{end, end}
		}
		if head.high-head.low+tail.high-tail.low > mostCells {
			continue
		}
		if tail.low == tail.high {
			return []span{head}
		}
		return []span{head, tail}
	}
	return nil
}

// ruler turns rows into points of a drawing.
type ruler struct {
	axis
	spans  []span
	cell   float64
	origin float64
}

const breakCells = 2 // the gap between two spans, in cells

func (r ruler) cells() int {
	n := breakCells * (len(r.spans) - 1)
	for _, s := range r.spans {
		n += s.high - s.low
	}
	return n
}

// at is where row x begins. Rows in a gap are at its middle.
func (r ruler) at(x int) float64 {
	point := r.origin
	for i, s := range r.spans {
		if i > 0 {
			if x < s.low {
				return point + breakCells*r.cell/2
			}
			point += breakCells * r.cell
		}
		if x <= s.high {
			return point + float64(max(0, x-s.low))*r.cell
		}
		point += float64(s.high-s.low) * r.cell
	}
	return point
}

// clip calls f for the part of [low, high) that each span has.
func (r ruler) clip(low, high int, f func(from, to float64)) {
	for _, s := range r.spans {
		if l, h := max(low, s.low), min(high, s.high); l < h {
			from := r.at(l)
			f(from, from+float64(h-l)*r.cell)
		}
	}
}

func (r ruler) end() float64 { return r.origin + float64(r.cells())*r.cell }

// drawing is an SVG under way.
type drawing struct {
	strings.Builder
	rows, columns ruler
}

func (d *drawing) printf(format string, arguments ...any) { fmt.Fprintf(d, format, arguments...) }

// fill draws the cells of some rows and columns.
func (d *drawing) fill(class string, rows, columns span) {
	d.rows.clip(rows.low, rows.high, func(top, bottom float64) {
		d.columns.clip(columns.low, columns.high, func(left, right float64) {
			d.printf(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, left, top, right-left, bottom-top)
		})
	})
}

// outline draws a window's rim.
func (d *drawing) outline(class string, row, column int) {
	top, left := d.rows.start(row), d.columns.start(column)
	y, x := d.rows.at(top), d.columns.at(left)
	d.printf(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, y,
		d.columns.at(left+d.columns.reach())-x, d.rows.at(top+d.rows.reach())-y)
}

func (d *drawing) text(class string, x, y float64, words string) {
	d.printf(`<text class="%s" x="%.1f" y="%.1f">%s</text>`, class, x, y, template.HTMLEscapeString(words))
}

const (
	leftMargin, rightMargin = 46.0, 52.0
	topMargin, bottomMargin = 40.0, 24.0
)

// windowDrawing draws the rim of a layer's input with the padding, the first
// windows and the last, and what no window reads. It is empty where the
// window is too large to be drawn. id makes the ids in it its own.
func windowDrawing(op Op, id string) template.HTML {
	h, w := op.axes()
	if h.out < 1 || w.out < 1 {
		return ""
	}
	d := &drawing{rows: ruler{axis: h, spans: h.spans(), origin: topMargin}, columns: ruler{axis: w, spans: w.spans(), origin: leftMargin}}
	if d.rows.spans == nil || d.columns.spans == nil {
		return ""
	}
	cell := min(16, max(7, 300/float64(max(d.rows.cells(), d.columns.cells()))))
	d.rows.cell, d.columns.cell = cell, cell
	width, height := d.columns.end()+rightMargin, d.rows.end()+bottomMargin
	d.printf(`<svg class="window" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="%s-t %s-d">`, width, height, 1.35*width, 1.35*height, id, id)
	d.printf(`<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, template.HTMLEscapeString("How the windows of "+op.Layer+" lie on its input"),
		id, template.HTMLEscapeString(windowWords(op)))
	all := func(a axis) span { return span{-a.before, a.in + a.after} }
	input := func(a axis) span { return span{0, a.in} }
	d.fill("w-pad", all(h), all(w))
	d.fill("w-in", input(h), input(w))
	d.unreadCells()
	d.grid()
	d.taps()
	d.breaks()
	if w.out > 1 {
		d.outline("w-next", 0, 1)
	}
	if h.out > 1 {
		d.outline("w-next", 1, 0)
	}
	d.outline("w-win", h.out-1, w.out-1)
	d.outline("w-win", 0, 0)
	d.labels()
	d.printf(`</svg>`)
	return template.HTML(d.String())
}

// unreadCells marks what is drawn of the rows and columns no window reads.
func (d *drawing) unreadCells() {
	for _, s := range d.rows.spans {
		for x := s.low; x < s.high; x++ {
			if d.rows.contains(x) && !d.rows.reads(x) {
				d.fill("w-unread", span{x, x + 1}, span{0, d.columns.in})
			}
		}
	}
	for _, s := range d.columns.spans {
		for x := s.low; x < s.high; x++ {
			if d.columns.contains(x) && !d.columns.reads(x) {
				d.fill("w-unread", span{0, d.rows.in}, span{x, x + 1})
			}
		}
	}
}

// grid draws the cells' lines.
func (d *drawing) grid() {
	d.printf(`<path class="w-grid" d="`)
	for _, r := range d.rows.spans {
		for _, c := range d.columns.spans {
			top, left := d.rows.at(r.low), d.columns.at(c.low)
			if r.low != d.rows.spans[0].low {
				top = d.rows.end() - float64(r.high-r.low)*d.rows.cell
			}
			if c.low != d.columns.spans[0].low {
				left = d.columns.end() - float64(c.high-c.low)*d.columns.cell
			}
			width, height := float64(c.high-c.low)*d.columns.cell, float64(r.high-r.low)*d.rows.cell
			for i := range r.high - r.low + 1 {
				d.printf("M%.1f %.1fh%.1f", left, top+float64(i)*d.rows.cell, width)
			}
			for i := range c.high - c.low + 1 {
				d.printf("M%.1f %.1fv%.1f", left+float64(i)*d.columns.cell, top, height)
			}
		}
	}
	d.printf(`"/>`)
}

// taps fills the cells that the first window reads.
func (d *drawing) taps() {
	h, w := d.rows.axis, d.columns.axis
	if h.dilation == 1 && w.dilation == 1 {
		d.fill("w-tap", span{h.start(0), h.start(0) + h.reach()}, span{w.start(0), w.start(0) + w.reach()})
		return
	}
	for i := range h.size {
		for j := range w.size {
			row, column := h.start(0)+i*h.dilation, w.start(0)+j*w.dilation
			d.fill("w-tap", span{row, row + 1}, span{column, column + 1})
		}
	}
}

// breaks draws three dots where rows or columns are left out.
func (d *drawing) breaks() {
	dots := func(x, y, dx, dy float64) {
		for i := -1.0; i <= 1; i++ {
			d.printf(`<circle class="w-dot" cx="%.1f" cy="%.1f" r="1.3"/>`, x+i*dx, y+i*dy)
		}
	}
	middle := func(r ruler, i int) float64 {
		s := r.spans[i]
		half := float64(s.high-s.low) * r.cell / 2
		if i == 0 {
			return r.origin + half
		}
		return r.end() - half
	}
	gap := func(r ruler) float64 {
		return r.origin + (float64(r.spans[0].high-r.spans[0].low)+breakCells/2.)*r.cell
	}
	if len(d.columns.spans) > 1 {
		for i := range d.rows.spans {
			dots(gap(d.columns), middle(d.rows, i), 5, 0)
		}
	}
	if len(d.rows.spans) > 1 {
		for i := range d.columns.spans {
			dots(middle(d.columns, i), gap(d.rows), 0, 5)
		}
	}
}

// labels writes the numbers of the first and the last row and column, the
// padding, the strides and what is unread.
func (d *drawing) labels() {
	for _, r := range []struct {
		ruler
		write func(class string, at float64, words string)
		end   func(class string, at float64, words string)
	}{
		{
			d.rows,
			func(class string, at float64, words string) { d.text(class+" w-end", leftMargin-6, at+3.5, words) },
			func(class string, at float64, words string) { d.text(class, d.columns.end()+6, at+3.5, words) },
		},
		{
			d.columns,
			func(class string, at float64, words string) { d.text(class+" w-mid", at, topMargin-6, words) },
			func(class string, at float64, words string) { d.text(class+" w-mid", at, d.rows.end()+13, words) },
		},
	} {
		half := r.cell / 2
		r.write("w-label", r.at(0)+half, "0")
		if r.in > 1 {
			r.write("w-label", r.at(r.in-1)+half, fmt.Sprint(r.in-1))
		}
		if r.before > 0 {
			r.end("w-label", (r.at(-r.before)+r.at(0))/2, fmt.Sprintf("+%d", r.before))
		}
		if r.after > 0 {
			from := r.at(r.in-1) + r.cell
			r.end("w-label", from+float64(r.after)*r.cell/2, fmt.Sprintf("+%d", r.after))
		}
		if _, trailing := r.unread(); trailing > 0 {
			last := r.spans[len(r.spans)-1]
			shown := min(trailing, r.in-last.low)
			from := r.at(r.in-1) + r.cell
			r.end("w-label w-warn", from-float64(shown)*r.cell/2, "unread")
		}
	}
	d.strides()
}

// strides marks the steps from the first window to the next.
func (d *drawing) strides() {
	h, w := d.rows.axis, d.columns.axis
	if w.out > 1 && w.start(1) < d.columns.spans[0].high {
		from, to := d.columns.at(w.start(0)), d.columns.at(w.start(1))
		d.printf(`<path class="w-step" d="M%.1f %.1fv-6h%.1fv6"/>`, from, topMargin-17, to-from)
		d.text("w-label w-accent", from, topMargin-27, fmt.Sprintf("stride %d", w.stride))
	}
	if h.out > 1 && h.start(1) < d.rows.spans[0].high {
		from, to := d.rows.at(h.start(0)), d.rows.at(h.start(1))
		d.printf(`<path class="w-step" d="M%.1f %.1fh-6v%.1fh6"/>`, leftMargin-24, from, to-from)
		d.text("w-label w-accent w-end", leftMargin-33, (from+to)/2+3.5, fmt.Sprint(h.stride))
	}
}
