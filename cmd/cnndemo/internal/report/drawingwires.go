package report

import (
	"math"
	"slices"
)

// wire is a line from one node down to another. It leaves from the axis of its
// node's column, may run across in the gap below, go down in another column or
// track, run across in the gap above the other node, and ends there.
type wire struct {
	from, to int
	// down is the column in whose axis it goes down, or, with track at 0 or
	// above, beside whose layers it does.
	down, track int
}

// route finds a way for each wire: straight down, or in the axis of one of the
// two columns where nothing else is, or else in a track.
func (l *layout) route() {
	l.used = map[[2]int]int{}
	for i, n := range l.nodes {
		l.used[[2]int{n.column, n.row}] = -i - 1
	}
	// free reports whether node from's output can pass all rows between.
	free := func(column, above, below, from int) bool {
		for row := above + 1; row < below; row++ {
			if owner := l.used[[2]int{column, row}]; owner != 0 && owner != from+1 {
				return false
			}
		}
		return true
	}
	for to, n := range l.nodes {
		for k, from := range n.from {
			if slices.Contains(n.from[:k], from) {
				continue // the same wire again
			}
			f := l.nodes[from]
			w := wire{from: from, to: to, track: -1}
			first, second := n.column, f.column
			if len(n.from) > 1 {
				first, second = second, first
			}
			switch {
			case free(first, f.row, n.row, from):
				w.down = first
			case free(second, f.row, n.row, from):
				w.down = second
			default:
				w.down = n.column
				w.track = l.addTrack(n.column, track{from, f.row, n.row})
			}
			for row := f.row + 1; row < n.row && w.track < 0; row++ {
				l.used[[2]int{w.down, row}] = from + 1
			}
			if w.track >= 0 || w.down != f.column {
				l.addSlot(f.row, slot{from, false})
			}
			if w.down != n.column || w.track >= 0 && n.family != "join" {
				l.addSlot(n.row-1, slot{to, true})
			}
			l.wires = append(l.wires, w)
		}
	}
}

func (l *layout) addSlot(row int, s slot) {
	if !slices.Contains(l.rows[row].slots, s) {
		l.rows[row].slots = append(l.rows[row].slots, s)
	}
}

// addTrack finds the track next to the layers that is free; wires of one node
// share one.
func (l *layout) addTrack(column int, t track) int {
	c := &l.columns[column]
	for i, used := range c.tracks {
		clash := slices.ContainsFunc(used, func(u track) bool { return u.node != t.node && t.from < u.to && u.from < t.to })
		if !clash {
			c.tracks[i] = append(used, t)
			return i
		}
	}
	c.tracks = append(c.tracks, []track{t})
	return len(c.tracks) - 1
}

// middle is the height of a row's middle.
func (l *layout) middle(row int) float64 { return l.rows[row].y + l.rows[row].height/2 }

// slotAt is where in the gap below a row a slot lies; those of wires that
// leave come first.
func (l *layout) slotAt(row int, s slot) float64 {
	r := l.rows[row]
	at := 0
	for _, in := range []bool{false, true} {
		for _, other := range r.slots {
			if other.in != in {
				continue
			}
			at++
			if other == s {
				return r.y + r.height + r.gap*float64(at)/float64(len(r.slots)+1)
			}
		}
	}
	return r.y + r.height + r.gap/2
}

// points are the corners of a wire.
func (l *layout) points(w wire) []point {
	from, to := l.nodes[w.from], l.nodes[w.to]
	start := l.columns[from.column].axis
	end := l.columns[to.column].axis
	top := l.middle(from.row) + from.height/2 + 2
	bottom := l.middle(to.row) - to.height/2 - 2
	down := l.columns[w.down].axis
	row := to.row - 1 // in whose gap it comes to the axis of the other column
	switch {
	case w.track >= 0:
		down = l.columns[w.down].x + trackWidth*float64(len(l.columns[w.down].tracks)-1-w.track) + 4.5
	case w.down == to.column:
		row = from.row
	}
	// Beside the axis, where another wire comes down there.
	if owner := l.used[[2]int{to.column, row}]; (w.track >= 0 || from.column != to.column) && owner != 0 {
		aside := math.Copysign(7, start-end)
		if w.track >= 0 {
			aside = -7
		}
		if w.down == to.column && w.track < 0 {
			down += aside
		}
		end += aside
		if to.family == "join" {
			bottom += 3
		}
	}
	list := []point{{start, top}}
	if down != start {
		y := l.slotAt(from.row, slot{w.from, false})
		list = append(list, point{start, y}, point{down, y})
	}
	switch {
	case down == end:
	case w.track >= 0 && to.family == "join":
		y := l.middle(to.row)
		return append(list, point{down, y}, point{l.columns[to.column].axis - to.width/2 - 2, y})
	default:
		y := l.slotAt(to.row-1, slot{w.to, true})
		list = append(list, point{down, y}, point{end, y})
	}
	return append(list, point{end, bottom})
}

// draw draws wires, then nodes over them.
func (l *layout) draw(on surface) {
	for _, w := range l.wires {
		points := l.points(w)
		on.line("d-wire", points...)
		end, before := points[len(points)-1], points[len(points)-2]
		if before.y == end.y {
			on.head(end, point{end.x - 7, end.y - 3.5}, point{end.x - 7, end.y + 3.5})
		} else {
			on.head(end, point{end.x - 3.5, end.y - 7}, point{end.x + 3.5, end.y - 7})
		}
	}
	for _, n := range l.nodes {
		column := l.columns[n.column]
		y := l.middle(n.row)
		on.begin(n.words)
		n.draw(on, column.axis, y)
		for i, line := range n.lines {
			on.text(column.words, y+(float64(i)-float64(len(n.lines)-1)/2)*lineHeight+4, line...)
		}
		on.end()
	}
}
