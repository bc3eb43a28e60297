package report

import "math"

// glyph is the shape that stands for a layer: a slab seen from above, whose sides tell
// height, width and channels; a bar for a row of features; a pill for what
// changes numbers and no shape; a circle for a join.
type glyph struct {
	family        string // of graph.LayerPlan, or "input": its colour
	thin          bool
	sign          string // of a join
	width, height float64
	w, h, t       float64 // of a slab: across, along, thick; h is 0 for a bar
}

// How far the far edge of a slab lies to the right and up, for each pixel of
// its height.
const (
	slantX = 0.42
	slantY = 0.30
)

func glyphOf(layer DrawnLayer, largest int) glyph {
	g := glyph{family: layer.Family}
	switch g.family {
	case "norm", "act":
		g.thin, g.width, g.height = true, 44, 10
		return g
	case "join":
		g.width, g.height, g.sign = 20, 20, layer.Kind
		return g
	}
	if len(layer.Shape) == 1 {
		g.w, g.t = 16+9*math.Log2(1+float64(layer.Shape[0])), 12
		g.width, g.height = g.w, g.t
		return g
	}
	side := func(n int) float64 { return max(5, 92*math.Sqrt(float64(n)/float64(largest))) }
	g.h, g.w = side(layer.Shape[0]), side(layer.Shape[1])
	g.t = 3 + 3.6*math.Log2(1+float64(layer.Shape[2]))
	g.width, g.height = g.w+slantX*g.h, g.t+slantY*g.h
	return g
}

// draw writes the glyph round a point.
func (g glyph) draw(on surface, x, y float64) {
	left, top := x-g.width/2, y-g.height/2
	switch {
	case g.sign != "":
		on.disc("join", x, y, g.width/2)
		if g.sign == "concat" { // one upon the other
			on.line("d-sign", point{x - 5, y - 3}, point{x + 5, y - 3})
			on.line("d-sign", point{x - 5, y + 3}, point{x + 5, y + 3})
			return
		}
		on.line("d-sign", point{x - 5, y}, point{x + 5, y})
		on.line("d-sign", point{x, y - 5}, point{x, y + 5})
	case g.thin || g.h == 0:
		on.bar(g.family, left, top, g.width, g.height)
	default:
		dx, dy := slantX*g.h, slantY*g.h
		back, front, bottom := top, top+dy, top+dy+g.t
		on.face(g.family, "", point{left, front}, point{left + dx, back}, point{left + dx + g.w, back}, point{left + g.w, front})
		on.face(g.family, "d-shade", point{left, front}, point{left + g.w, front}, point{left + g.w, bottom}, point{left, bottom})
		on.face(g.family, "d-deep", point{left + g.w, front}, point{left + g.w + dx, back}, point{left + g.w + dx, back + g.t}, point{left + g.w, bottom})
	}
}
