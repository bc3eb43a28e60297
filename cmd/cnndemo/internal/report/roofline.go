package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// roofline is a chart of layers by their floating-point operations a byte (x)
// and those that they reach a second (y), both logarithmic, under what the
// machine can do: a slope where bytes are the limit, a ceiling where operations are.
// It is Williams, Waterman and Patterson's, Communications of the ACM 52(4),
// 2009.
type roofline struct {
	gflops, gbs              float64
	points                   []roofPoint
	left, right, bottom, top float64 // powers of ten
}

type roofPoint struct {
	name, text string
	x, y, r    float64 // in the chart
	labelled   bool
	label      box
}

// The chart: its size, and the margins for what stands beside the axes.
const (
	roofWidth, roofHeight            = 960.0, 560.0
	roofLeft, roofRight              = 62.0, 16.0
	roofTop, roofBottom              = 18.0, 54.0
	roofText, roofTextHeight         = 12.0, 14.0
	largestDot, smallestDot, dotRoom = 15.0, 3.5, 3.0
	nextTo                           = 4.0 // a label that far off needs no line
)

// newRoofline takes the layers that have operations.
func newRoofline(p Profile) roofline {
	c := roofline{gflops: p.GFLOPS, gbs: p.GBs}
	var rows []ProfiledLayer
	for _, l := range p.rows() {
		if l.FLOPs > 0 && l.Bytes > 0 && l.Seconds > 0 {
			rows = append(rows, l)
		}
	}
	if len(rows) == 0 || p.GFLOPS <= 0 || p.GBs <= 0 {
		return c
	}
	ridge := p.GFLOPS / p.GBs
	lowX, highX, lowY, highY := ridge, ridge, p.GFLOPS, p.GFLOPS
	for _, l := range rows {
		lowX, highX = min(lowX, l.Intensity), max(highX, l.Intensity)
		lowY, highY = min(lowY, l.GFLOPS), max(highY, l.GFLOPS)
	}
	const room = 1.35 // at the rim
	c.left, c.right = math.Log10(lowX/room), math.Log10(highX*room*room)
	c.bottom, c.top = math.Log10(lowY/room), math.Log10(highY*room)
	// The largest time first: its dot lies below the smaller, and its label
	// gets the best place.
	slices.SortStableFunc(rows, func(a, b ProfiledLayer) int { return cmp.Compare(b.Seconds, a.Seconds) })
	for _, l := range rows {
		c.points = append(c.points, roofPoint{
			name: l.Name, x: c.x(l.Intensity), y: c.y(l.GFLOPS), r: max(smallestDot, largestDot*math.Sqrt(l.Share)),
			text: fmt.Sprintf("%s: %s GFLOP/s with %s FLOP a byte, %s of the limit, %s of the time",
				l.Name, figures(l.GFLOPS), figures(l.Intensity), percent(l.OfLimit), percent(l.Share)),
		})
	}
	c.label()
	return c
}

func (c roofline) x(intensity float64) float64 {
	return roofLeft + (math.Log10(intensity)-c.left)/(c.right-c.left)*(roofWidth-roofLeft-roofRight)
}

func (c roofline) y(gflops float64) float64 {
	return roofHeight - roofBottom - (math.Log10(gflops)-c.bottom)/(c.top-c.bottom)*(roofHeight-roofTop-roofBottom)
}

// box is a rectangle of the chart.
type box struct{ left, top, right, bottom float64 }

func (b box) overlaps(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

func (b box) within(o box) bool {
	return b.left >= o.left && b.right <= o.right && b.top >= o.top && b.bottom <= o.bottom
}

// textWidth is no less than a text takes in the fonts that pages name.
func textWidth(text string) float64 { return 0.62 * roofText * float64(len([]rune(text))) }

// label finds a place for each name: beside its dot, or farther off with a
// line to it; where there is none the name stands in the table alone.
func (c *roofline) label() {
	frame := box{roofLeft, roofTop - 4, roofWidth - 4, roofHeight - roofBottom}
	var taken []box
	for _, p := range c.points {
		taken = append(taken, box{p.x - p.r, p.y - p.r, p.x + p.r, p.y + p.r})
	}
	roof := c.roofBoxes()
	for i := range c.points {
		p := &c.points[i]
		others := append(slices.Clone(taken[:i]), taken[i+1:]...) // all but its dot
		for _, label := range p.labelBoxes() {
			if !label.within(frame) || slices.ContainsFunc(taken, label.overlaps) || slices.ContainsFunc(roof, label.overlaps) || p.crosses(label, others) {
				continue
			}
			p.label, p.labelled = label, true
			taken = append(append(taken, label), p.line(label)...)
			break
		}
	}
}

// direction is a unit vector of the chart, y downwards.
type direction struct{ x, y float64 }

// labelBoxes are where a label may stand, the best first.
func (p roofPoint) labelBoxes() []box {
	near := []direction{{1, 0}, {-1, 0}, {0, -1}, {0, 1}, {.8, -.6}, {.8, .6}, {-.8, -.6}, {-.8, .6}}
	// Layers of one shape lie one above the other: a line straight up or down
	// would go through them.
	far := []direction{{.8, -.6}, {.8, .6}, {-.8, -.6}, {-.8, .6}, {1, 0}, {-1, 0}, {.4, -.9}, {.4, .9}, {-.4, -.9}, {-.4, .9}, {0, -1}, {0, 1}}
	list := p.around(near, 0)
	for _, distance := range []float64{10, 22, 36, 52, 70, 90, 115, 145, 180} {
		list = append(list, p.around(far, distance)...)
	}
	return list
}

// around are the places in some directions, so far from the dot's rim.
func (p roofPoint) around(directions []direction, distance float64) []box {
	width := textWidth(p.name)
	var list []box
	for _, to := range directions {
		d := p.r + dotRoom + distance
		x, y := p.x+d*to.x, p.y+d*to.y
		left, top := x-width/2, y-roofTextHeight/2
		switch {
		case to.x > 0:
			left = x
		case to.x < 0:
			left = x - width
		case to.y < 0:
			top = y - roofTextHeight
		default:
			top = y
		}
		list = append(list, box{left, top, left + width, top + roofTextHeight})
	}
	return list
}

// crosses reports whether the line from the dot to a label passes others.
func (p roofPoint) crosses(label box, others []box) bool {
	return slices.ContainsFunc(p.line(label), func(at box) bool { return slices.ContainsFunc(others, at.overlaps) })
}

// line is the line from the dot's rim to a label, as boxes; none where the
// label is next to the dot.
func (p roofPoint) line(label box) []box {
	x, y := label.nearest(p.x, p.y)
	gap := math.Hypot(x-p.x, y-p.y)
	if gap <= p.r+dotRoom+nextTo {
		return nil
	}
	const steps = 24
	var list []box
	for i := range steps {
		at := (p.r + (gap-p.r)*float64(i)/steps) / gap
		lx, ly := p.x+at*(x-p.x), p.y+at*(y-p.y)
		list = append(list, box{lx - 1, ly - 1, lx + 1, ly + 1})
	}
	return list
}

// nearest is the point of the box that is nearest to another.
func (b box) nearest(x, y float64) (nx, ny float64) {
	return min(max(x, b.left), b.right), min(max(y, b.top), b.bottom)
}

// roofBoxes cover the roof's lines and their names, so that no label lies on
// them.
func (c roofline) roofBoxes() []box {
	var list []box
	ridge := c.gflops / c.gbs
	add := func(intensity float64) {
		x, y := c.x(intensity), c.y(min(c.gflops, intensity*c.gbs))
		list = append(list, box{x - 3, y - 3, x + 3, y + 3})
	}
	for at := c.left; at <= c.right; at += (c.right - c.left) / 200 {
		add(math.Pow(10, at))
	}
	add(ridge)
	name := c.ceilingName()
	return append(list, box{roofWidth - roofRight - textWidth(name), c.y(c.gflops) - 18, roofWidth - roofRight, c.y(c.gflops)})
}

func (c roofline) ceilingName() string { return figures(c.gflops) + " GFLOP/s" }

// draw is the chart as an svg element; "" without layers.
func (c roofline) draw() template.HTML {
	if len(c.points) == 0 {
		return ""
	}
	var d canvas
	d.add(`<svg class="roofline" viewBox="0 0 %s %s" role="img" aria-label="%s">`, roofWidth, roofHeight, template.HTMLEscapeString(c.description()))
	c.axes(&d)
	// The roof, cut where the chart ends.
	low := math.Pow(10, c.left)
	from, start := low, low*c.gbs
	if bottom := math.Pow(10, c.bottom); start < bottom {
		from, start = bottom/c.gbs, bottom
	}
	ridge := c.gflops / c.gbs
	d.add(`<path class="r-roof" d="M%s %sL%s %sH%s"/>`, c.x(from), c.y(start), c.x(ridge), c.y(c.gflops), roofWidth-roofRight)
	d.add(`<text class="r-name r-end" x="%s" y="%s">%s</text>`, roofWidth-roofRight, c.y(c.gflops)-6, c.ceilingName())
	c.slopeName(&d, from, ridge)
	for _, p := range c.points {
		d.add(`<circle class="r-dot" cx="%s" cy="%s" r="%s"><title>%s</title></circle>`, p.x, p.y, p.r, template.HTMLEscapeString(p.text))
	}
	for _, p := range c.points {
		if p.labelled {
			p.drawLabel(&d)
		}
	}
	d.add(`</svg>`)
	return template.HTML(d.String())
}

func (c roofline) description() string {
	return fmt.Sprintf("Roofline: %s by floating-point operations a byte and GFLOP/s; the ceiling is %s GFLOP/s, the slope %s GB/s. The table below has the numbers.",
		count(len(c.points), "layer"), figures(c.gflops), figures(c.gbs))
}

// slopeName writes the slope's name along it, where it is long enough.
func (c roofline) slopeName(d *canvas, from, ridge float64) {
	x1, y1, x2, y2 := c.x(from), c.y(from*c.gbs), c.x(ridge), c.y(c.gflops)
	name := figures(c.gbs) + " GB/s"
	length := math.Hypot(x2-x1, y2-y1)
	if length < textWidth(name)+20 {
		return
	}
	angle := math.Atan2(y2-y1, x2-x1)
	// A little above the line, near its upper end.
	at := length - textWidth(name)/2 - 14
	x := x1 + at*math.Cos(angle) + 7*math.Sin(angle)
	y := y1 + at*math.Sin(angle) - 7*math.Cos(angle)
	d.add(`<text class="r-name r-mid" transform="translate(%s %s) rotate(%s)">%s</text>`, x, y, angle*180/math.Pi, name)
}

// axes draws a line at each power of ten, and the steps between.
func (c roofline) axes(d *canvas) {
	base, end := roofHeight-roofBottom, roofWidth-roofRight
	for _, t := range ticks(c.left, c.right) {
		x := c.x(t.value)
		d.add(`<path class="%s" d="M%s %sV%s"/>`, t.class(), x, roofTop, base)
		if t.named {
			d.add(`<text class="r-mid" x="%s" y="%s">%s</text>`, x, base+17, t.text())
		}
	}
	for _, t := range ticks(c.bottom, c.top) {
		y := c.y(t.value)
		d.add(`<path class="%s" d="M%s %sH%s"/>`, t.class(), roofLeft, y, end)
		if t.named {
			d.add(`<text class="r-end" x="%s" y="%s">%s</text>`, roofLeft-7, y+4, t.text())
		}
	}
	d.add(`<path class="r-axis" d="M%s %sV%sH%s"/>`, roofLeft, roofTop, base, end)
	d.add(`<text class="r-mid" x="%s" y="%s">floating-point operations a byte</text>`, (roofLeft+end)/2, roofHeight-14)
	d.add(`<text class="r-mid" transform="translate(14 %s) rotate(-90)">GFLOP/s</text>`, (roofTop+base)/2)
}

// tick is a line of a logarithmic axis.
type tick struct {
	value float64
	power bool // of ten
	named bool
}

func (t tick) class() string {
	if t.power {
		return "r-grid"
	}
	return "r-grid r-fine"
}

func (t tick) text() string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", t.value), "0"), ".")
}

// ticks are 1, 2, … 9 times each power of ten between two powers. Named are
// the powers, and where they are few 2 and 5 times them.
func ticks(low, high float64) []tick {
	var list []tick
	few := high-low < 2.2
	for power := math.Floor(low); power <= high; power++ {
		for k := 1; k <= 9; k++ {
			v := float64(k) * math.Pow(10, power)
			if at := math.Log10(v); at >= low && at <= high {
				list = append(list, tick{value: v, power: k == 1, named: k == 1 || few && (k == 2 || k == 5)})
			}
		}
	}
	return list
}

// drawLabel writes a name, and a line to its dot where that is far off.
func (p roofPoint) drawLabel(d *canvas) {
	b := p.label
	x, y := b.nearest(p.x, p.y)
	if gap := math.Hypot(x-p.x, y-p.y); gap > p.r+dotRoom+nextTo {
		d.add(`<path class="r-lead" d="M%s %sL%s %s"/>`, p.x+(x-p.x)*p.r/gap, p.y+(y-p.y)*p.r/gap, x, y)
	}
	// In the middle of its place, since no font is as wide as reckoned.
	class, at := "r-mid", (b.left+b.right)/2
	switch {
	case b.left >= p.x:
		class, at = "r-start", b.left
	case b.right <= p.x:
		class, at = "r-end", b.right
	}
	d.add(`<text class="r-label %s" x="%s" y="%s">%s</text>`, class, at, b.bottom-3.5, template.HTMLEscapeString(p.name))
}
