package report

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font"
)

// families of one of each: a slab, a bar, a pill, both joins.
func drawnFamilies() Drawing {
	grid := []int{32, 32, 16}
	return Drawing{
		Title: "Ünïcode → Жук", Input: []int{64, 64, 3}, Parameters: 9, MACs: 1,
		Layers: []DrawnLayer{
			{Name: "conv", Kind: "conv2d", Family: "conv", From: []int{DrawnInput}, Shape: grid, Parameters: 448},
			{Name: "pool", Kind: "max_pool", Family: "pool", From: []int{0}, Shape: grid},
			{Name: "norm", Kind: "batch_norm", Family: "norm", From: []int{1}, Shape: grid},
			{Name: "act", Kind: "relu", Family: "act", From: []int{2}, Shape: grid},
			{Name: "sum", Kind: "add", Family: "join", From: []int{3, 0}, Shape: grid},
			{Name: "both", Kind: "concat", Family: "join", From: []int{4, 4}, Shape: []int{32, 32, 32}},
			{Name: "flat", Kind: "flatten", Family: "shape", From: []int{5}, Shape: []int{32768}},
			{Name: "dense", Kind: "dense", Family: "dense", From: []int{6}, Shape: []int{10}, Output: true},
		},
	}
}

func drawPNG(t *testing.T, d Drawing) image.Image {
	t.Helper()
	var file bytes.Buffer
	if err := d.WritePNG(&file); err != nil {
		t.Fatal(err)
	}
	drawing, err := png.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	return drawing
}

// The PNG drawing is twice the SVG drawing, and where the layout puts a layer
// lies the layer's colour.
func TestPNGIsTheSVGDrawing(t *testing.T) {
	d := drawnFamilies()
	drawing := drawPNG(t, d)
	svg, err := d.svg("")
	if err != nil {
		t.Fatal(err)
	}
	size := drawing.Bounds().Size()
	if !strings.Contains(string(svg), fmt.Sprintf(`width="%d" height="%d"`, size.X/2, size.Y/2)) {
		t.Errorf("the PNG drawing has %v pixels, the SVG drawing begins %.120s", size, svg)
	}
	p, err := d.arrange()
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y float64) color.NRGBA {
		return color.NRGBAModel.Convert(drawing.At(int(2*(drawingMargin+x)), int(2*(headerHeight+y)))).(color.NRGBA)
	}
	for i, n := range p.layout.nodes {
		x, y := p.layout.columns[n.column].axis, p.layout.middle(n.row)
		if n.sign != "" {
			x, y = x-n.width/4, y-n.height/4 // beside the sign
		} else if n.h > 0 {
			y -= n.height/2 - slantY*n.h/2 // the face on top
		}
		if got, want := at(x, y), drawingColours[n.family]; got != want {
			t.Errorf("node %d (%s) has the colour %v, want %v", i, n.family, got, want)
		}
	}
	if got := at(-drawingMargin, -headerHeight); got != drawingColours["paper"] {
		t.Errorf("the corner has the colour %v", got)
	}
	// Letters are there, dark on the paper, where the title and names are.
	dark := 0
	for y := 30; y < 80; y++ {
		for x := 40; x < 400; x++ {
			if r, _, _, _ := drawing.At(x, y).RGBA(); r < 0x4000 {
				dark++
			}
		}
	}
	if dark < 500 {
		t.Errorf("%d dark pixels in the title", dark)
	}
}

// measure is a painting that only looks whether letters fit into the room that
// the layout has for them.
type measure struct {
	*painting
	t *testing.T
}

func (m measure) text(x, y float64, parts ...phrase) {
	end := 0.0
	for i, part := range parts {
		if i > 0 && part.text != "" {
			part.text = " " + part.text
		}
		end += float64(font.MeasureString(m.faces[part.class], part.text)) / 64 / m.scale
	}
	if room := width(parts); end > room {
		m.t.Errorf("%v is %.1f pixels wide, and has room for %.1f", parts, end, room)
	}
}

func TestPNGLettersFit(t *testing.T) {
	d := drawnFamilies()
	for i := range d.Layers {
		d.Layers[i].Note = "3×3, stride 2, padding [[1,1],[1,1]], no bias, dilation 2"
		d.Layers[i].Name += ".downsample.0.Block_35_mixed"
	}
	p, err := d.arrange()
	if err != nil {
		t.Fatal(err)
	}
	on, err := newPainting(1, 1, pngScale)
	if err != nil {
		t.Fatal(err)
	}
	p.draw(measure{on, t})
}

// The colours and strokes are those of drawing.css in light.
func TestPNGStyles(t *testing.T) {
	text, err := pageFiles.ReadFile("page/drawing.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(text)
	light, _, _ := strings.Cut(css, "@media")
	found := map[string]color.NRGBA{}
	for _, m := range regexp.MustCompile(`--d-([a-z]+):#([0-9a-f]{6})`).FindAllStringSubmatch(light, -1) {
		hex, err := strconv.ParseUint(m[2], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		found[m[1]] = rgb(uint32(hex))
	}
	if fmt.Sprint(found) != fmt.Sprint(drawingColours) {
		t.Errorf("drawing.css has\n%v, want\n%v", found, drawingColours)
	}
	for class, style := range drawingStrokes {
		width := strings.TrimPrefix(strconv.FormatFloat(style.width, 'f', -1, 64), "0")
		if want := "stroke:var(--d-" + style.colour + ");stroke-width:" + width; !strings.Contains(css, want) {
			t.Errorf("drawing.css has no %q for %s", want, class)
		}
	}
	for class, opacity := range drawingShades {
		if want := fmt.Sprintf(".%s{fill:#000;fill-opacity:%s}", class, strings.TrimPrefix(fmt.Sprint(opacity), "0")); !strings.Contains(css, want) {
			t.Errorf("drawing.css has no %q", want)
		}
	}
	for _, want := range []string{"font-size:12px", ".d-title{font-size:20px"} {
		if !strings.Contains(css, want) {
			t.Errorf("drawing.css has no %q", want)
		}
	}
}

// A network of very many layers has a drawing that is SVG only.
func TestPNGTooLarge(t *testing.T) {
	for _, tt := range []struct {
		layers int
		scale  float64
	}{{100, 2}, {600, 1}, {3000, 0}} {
		d := drawnFamilies()
		d.Layers = d.Layers[:1]
		for i := range tt.layers {
			d.Layers = append(d.Layers, DrawnLayer{Name: strconv.Itoa(i), Kind: "conv2d", Family: "conv", From: []int{i}, Shape: []int{32, 32, 16}})
		}
		p, err := d.arrange()
		if err != nil {
			t.Fatal(err)
		}
		scale, err := p.scale()
		if scale != tt.scale || (scale == 0) != errors.Is(err, ErrLargeDrawing) {
			t.Errorf("%d layers, %.0f×%.0f: scale %v, %v, want %v", tt.layers, p.width, p.height, scale, err, tt.scale)
		}
	}
}
