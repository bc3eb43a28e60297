package report

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// drawingColours are drawing.css's in light: d-NAME.
var drawingColours = map[string]color.NRGBA{
	"paper": rgb(0xfbfaf7), "ink": rgb(0x1c1b19), "muted": rgb(0x5d5951), "edge": rgb(0x3d3a35), "line": rgb(0x8b857a),
	"input": rgb(0xc9c4b8), "conv": rgb(0x7fb4d8), "dense": rgb(0xb59ad6), "pool": rgb(0xeda96b), "norm": rgb(0xb9c2a6),
	"act": rgb(0xe3cf6b), "shape": rgb(0xcfc9bd), "join": rgb(0x8fcdb9),
}

// drawingStrokes are how wide drawing.css's lines are, in pixels, and in which
// colour; drawingShades how opaque its shades are, of black.
var (
	drawingStrokes = map[string]struct {
		width  float64
		colour string
	}{"d-wire": {1.4, "line"}, "d-face": {0.8, "edge"}, "d-sign": {1.6, "ink"}}
	drawingShades = map[string]float64{"d-shade": 0.18, "d-deep": 0.34}
)

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// ErrLargeDrawing is in the error of WritePNG for a network whose drawing has
// more than 64 million pixels.
var ErrLargeDrawing = errors.New("drawing is too large for PNG, want SVG")

const (
	mostDrawn   = 64 << 20 // pixels
	pngScale    = 2        // pixels a pixel of the SVG drawing, where that is not too many
	titleSize   = 20.0     // of letters, as drawing.css has them
	letterSize  = 12.0
	roundedness = 16 // lines in a quarter of a circle
)

// WritePNG writes the drawing as pixels, in light colours, twice as large as
// the SVG drawing where that has 16 million pixels at most. The letters are
// those of the Go fonts: Latin, Greek and Cyrillic; others come as boxes.
func (d Drawing) WritePNG(w io.Writer) error {
	p, err := d.arrange()
	if err != nil {
		return err
	}
	scale, err := p.scale()
	if err != nil {
		return err
	}
	on, err := newPainting(int(p.width*scale), int(p.height*scale), scale)
	if err != nil {
		return err
	}
	p.draw(on)
	return png.Encode(w, on.image)
}

// scale is how many pixels PNG has for each of SVG, in each direction.
func (p arranged) scale() (float64, error) {
	switch pixels := p.width * p.height; {
	case pixels*pngScale*pngScale <= mostDrawn:
		return pngScale, nil
	case pixels <= mostDrawn:
		return 1, nil
	}
	return 0, fmt.Errorf("report: drawing: %w: got %.0f×%.0f pixels", ErrLargeDrawing, p.width, p.height)
}

// painting is a surface of pixels.
type painting struct {
	image  *image.RGBA
	scale  float64
	origin point
	moved  []point // the origins before
	faces  map[string]font.Face
	raster *vector.Rasterizer
}

// newPainting makes paper of so many pixels.
func newPainting(width, height int, scale float64) (*painting, error) {
	p := &painting{
		image: image.NewRGBA(image.Rect(0, 0, width, height)), scale: scale,
		faces: map[string]font.Face{}, raster: vector.NewRasterizer(0, 0),
	}
	draw.Draw(p.image, p.image.Rect, image.NewUniform(drawingColours["paper"]), image.Point{}, draw.Src)
	for class, look := range map[string]struct {
		font []byte
		size float64
	}{"": {goregular.TTF, letterSize}, "d-name": {gobold.TTF, letterSize}, "d-title": {gobold.TTF, titleSize}} {
		parsed, err := opentype.Parse(look.font)
		if err == nil {
			p.faces[class], err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: look.size * scale, DPI: 72})
		}
		if err != nil {
			return nil, fmt.Errorf("report: drawing: %w", err)
		}
	}
	return p, nil
}

// fill fills polygons that do not overlap.
func (p *painting) fill(c color.Color, polygons ...[]point) {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, polygon := range polygons {
		for _, at := range polygon {
			low.x, low.y = min(low.x, at.x), min(low.y, at.y)
			high.x, high.y = max(high.x, at.x), max(high.y, at.y)
		}
	}
	pixel := func(at, origin float64) float64 { return (at + origin) * p.scale }
	box := image.Rect(
		int(math.Floor(pixel(low.x, p.origin.x))), int(math.Floor(pixel(low.y, p.origin.y))),
		int(math.Ceil(pixel(high.x, p.origin.x))), int(math.Ceil(pixel(high.y, p.origin.y))),
	).Intersect(p.image.Rect)
	if box.Empty() {
		return
	}
	p.raster.Reset(box.Dx(), box.Dy())
	for _, polygon := range polygons {
		for i, at := range polygon {
			x, y := float32(pixel(at.x, p.origin.x)-float64(box.Min.X)), float32(pixel(at.y, p.origin.y)-float64(box.Min.Y))
			if i == 0 {
				p.raster.MoveTo(x, y)
			} else {
				p.raster.LineTo(x, y)
			}
		}
		p.raster.ClosePath()
	}
	p.raster.Draw(p.image, box, image.NewUniform(c), image.Point{})
}

// stroke draws lines from corner to corner, a rectangle each that is longer by
// half its width at both ends, so that corners are whole.
func (p *painting) stroke(class string, corners []point) {
	style := drawingStrokes[class]
	half := style.width / 2
	for i := 1; i < len(corners); i++ {
		a, b := corners[i-1], corners[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		along, across := (b.x-a.x)/length*half, (b.y-a.y)/length*half
		p.fill(drawingColours[style.colour], []point{
			{a.x - along - across, a.y - across + along},
			{b.x + along - across, b.y + across + along},
			{b.x + along + across, b.y + across - along},
			{a.x - along + across, a.y - across - along},
		})
	}
}

func (p *painting) line(class string, corners ...point) { p.stroke(class, corners) }

func (p *painting) head(corners ...point) { p.fill(drawingColours["line"], corners) }

func (p *painting) face(family, shade string, corners ...point) {
	p.fill(drawingColours[family], corners)
	p.stroke("d-face", append(corners, corners[0]))
	if opacity, shaded := drawingShades[shade]; shaded {
		p.fill(color.NRGBA{A: uint8(math.Round(255 * opacity))}, corners)
	}
}

func (p *painting) bar(family string, x, y, width, height float64) {
	r := height / 2
	p.face(family, "", append(arc(x+width-r, y+r, r, -math.Pi/2), arc(x+r, y+r, r, math.Pi/2)...)...)
}

func (p *painting) disc(family string, x, y, radius float64) {
	p.face(family, "", append(arc(x, y, radius, 0), arc(x, y, radius, math.Pi)...)...)
}

// arc is half a circle from an angle on.
func arc(x, y, radius, from float64) (corners []point) {
	for i := range 2*roundedness + 1 {
		angle := from + math.Pi*float64(i)/(2*roundedness)
		corners = append(corners, point{x + radius*math.Cos(angle), y + radius*math.Sin(angle)})
	}
	return corners
}

func (p *painting) text(x, y float64, parts ...phrase) {
	at := fixed.Point26_6{X: fixed.Int26_6((x + p.origin.x) * p.scale * 64), Y: fixed.Int26_6((y + p.origin.y) * p.scale * 64)}
	for i, part := range parts {
		if part.text == "" {
			continue
		}
		text := part.text
		if i > 0 {
			text = " " + text
		}
		colour := "muted"
		if part.class != "" {
			colour = "ink"
		}
		d := font.Drawer{Dst: p.image, Src: image.NewUniform(drawingColours[colour]), Face: p.faces[part.class], Dot: at}
		d.DrawString(text)
		at = d.Dot
	}
}

func (p *painting) begin(string) { p.move(0, 0) }

func (p *painting) move(right, down float64) {
	p.moved = append(p.moved, p.origin)
	p.origin = point{p.origin.x + right, p.origin.y + down}
}

func (p *painting) end() {
	p.origin = p.moved[len(p.moved)-1]
	p.moved = p.moved[:len(p.moved)-1]
}
