package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/proof"
)

// residual is a stem, a block with a skip, and a branch of its own.
func residual() report.Drawing {
	grid := []int{56, 40, 64}
	return report.Drawing{
		Title: `nets/<b>"a"&amp;`, Input: []int{112, 80, 3}, Parameters: 12345, MACs: 1,
		Layers: []report.DrawnLayer{
			{Name: "stem", Kind: "conv2d", Family: "conv", Note: "7×7, stride 2", From: []int{report.DrawnInput}, Shape: grid, Parameters: 9408},
			{Name: "bn", Kind: "batch_norm", Family: "norm", From: []int{0}, Shape: grid, Parameters: 128},
			{Name: "conv1", Kind: "conv2d", Family: "conv", Note: "3×3, stride 1, padding [[1,1],[1,1]], no bias", From: []int{1}, Shape: grid},
			{Name: "relu1", Kind: "relu", Family: "act", From: []int{2}, Shape: grid},
			{Name: "down", Kind: "conv2d", Family: "conv", From: []int{1}, Shape: grid},
			{Name: "sum", Kind: "add", Family: "join", From: []int{3, 4, 1}, Shape: grid},
			{Name: "all", Kind: "concat", Family: "join", From: []int{5, 5}, Shape: []int{56, 40, 128}},
			{Name: "pool", Kind: "global_avg_pool", Family: "pool", From: []int{6}, Shape: []int{128}},
			{Name: "dense", Kind: "dense", Family: "dense", From: []int{7}, Shape: []int{10}, Output: true, Parameters: 1},
		},
	}
}

func svg(t *testing.T, d report.Drawing) string {
	t.Helper()
	var drawing bytes.Buffer
	if err := d.WriteSVG(&drawing); err != nil {
		t.Fatal(err)
	}
	return drawing.String()
}

// texts are the words of a drawing, an element each; the drawing must be XML
// that loads and runs nothing.
func texts(t *testing.T, drawing string) (lines []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	var open []string
	line := ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, drawing)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if name := token.Name.Local; !slices.Contains([]string{"svg", "title", "desc", "style", "rect", "g", "text", "tspan", "path", "circle"}, name) {
				t.Errorf("element %s", name)
			}
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && (strings.Contains(a.Value, ":") || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" || a.Name.Local == "id") {
					t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if at := open; len(at) > 0 && (at[len(at)-1] == "text" || at[len(at)-1] == "tspan") {
				line += string(token)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
			if token.Name.Local == "text" {
				lines = append(lines, line)
				line = ""
			}
		}
	}
	if strings.Contains(drawing, "@import") || strings.Contains(drawing, "url(") {
		t.Error("the style loads something")
	}
	return lines
}

func TestDrawing(t *testing.T) {
	d := residual()
	drawing := svg(t, d)
	got := texts(t, drawing)
	want := []string{
		`nets/<b>"a"&amp;`,
		"9 layers, 112×80×3 → 10: 12,345 parameters, 1 multiplication for one image",
		"input", "112×80×3",
		"stem conv2d, 7×7, stride 2", "56×40×64, 9,408 parameters",
		"bn batch_norm", "56×40×64, 128 parameters",
		"conv1 conv2d", "3×3, stride 1, padding [[1,1],[1,1]], no bias", "56×40×64",
		"relu1 relu",
		"down conv2d", "56×40×64",
		"sum add", "56×40×64",
		"all concat", "56×40×128",
		"pool global_avg_pool", "128",
		"dense", "10, 1 parameter, output",
	}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, words := range []string{
		"<title>nets/&lt;b&gt;&#34;a&#34;&amp;amp;</title>",
		"sum: add gives 56×40×64, of relu1, down and bn.",
		"down: conv2d gives 56×40×64, of bn.",
		`role="img"`, "@media (prefers-color-scheme:dark)",
	} {
		if !strings.Contains(drawing, words) {
			t.Errorf("the drawing lacks %q", words)
		}
	}
	if again := svg(t, d); again != drawing {
		t.Error("two drawings of one network differ")
	}
	inline, err := d.Inline()
	if err != nil || strings.Contains(inline, "<style") || !strings.HasPrefix(inline, "<svg ") {
		t.Errorf("inline: %v, %.60s", err, inline)
	}
	// One from each layer read, the same one twice counted once.
	if wires, heads := strings.Count(inline, `"d-wire"`), strings.Count(inline, `"d-head"`); wires != 11 || heads != wires {
		t.Errorf("%d wires, %d heads, want 11", wires, heads)
	}
}

// A name that is no XML does not break the drawing.
func TestDrawingOfStrangeNames(t *testing.T) {
	d := residual()
	d.Title = "a\x00\xff\n]]>网络"
	d.Layers[0].Name = `"><script>alert(1)</script>`
	texts(t, svg(t, d))
}

func TestDrawingRefusals(t *testing.T) {
	for want, change := range map[string]func(*report.Drawing){
		"no layers":                             func(d *report.Drawing) { d.Layers = nil },
		`input: shape [1 2] has 2 axes`:         func(d *report.Drawing) { d.Input = []int{1, 2} },
		`layer "bn": reads layer 1, want one`:   func(d *report.Drawing) { d.Layers[1].From = []int{1} },
		`layer "bn": reads layer -2`:            func(d *report.Drawing) { d.Layers[1].From = []int{-2} },
		`layer "bn": reads nothing`:             func(d *report.Drawing) { d.Layers[1].From = nil },
		`layer "bn": shape [] has 0 axes, want`: func(d *report.Drawing) { d.Layers[1].Shape = nil },
		`layer "bn": shape [-1] has a negative`: func(d *report.Drawing) { d.Layers[1].Shape = []int{-1} },
	} {
		d := residual()
		change(&d)
		if err := d.WriteSVG(io.Discard); err == nil || !strings.HasPrefix(err.Error(), "report: drawing: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Networks with any branches are drawn, every layer once.
func TestDrawingRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		d := report.Drawing{Title: "random", Input: []int{r.IntN(300), r.IntN(300), r.IntN(5)}}
		for i := range 1 + r.IntN(30) {
			l := report.DrawnLayer{Name: "l", Kind: "add", Family: []string{"join", "conv", "act", "shape", "dense"}[r.IntN(5)], Shape: []int{r.IntN(300), r.IntN(300), r.IntN(5000)}}
			for range 1 + r.IntN(3) {
				l.From = append(l.From, r.IntN(i+1)-1)
			}
			if r.IntN(3) == 0 {
				l.Shape = l.Shape[:1]
			}
			d.Layers = append(d.Layers, l)
		}
		drawing := svg(t, d)
		texts(t, drawing)
		if got := strings.Count(drawing, "<g>"); got != len(d.Layers)+1 {
			t.Fatalf("%d layers, %d are drawn", len(d.Layers), got-1)
		}
	}
}

// A page of a network's layers has the network's drawing, under the page's
// own policy: no style in the drawing.
func TestVerificationDrawing(t *testing.T) {
	d := residual()
	v := report.Verification{Counts: map[proof.Status]int{}, Drawing: &d}
	var page bytes.Buffer
	if err := report.WriteVerification(&page, v); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if !strings.Contains(text, `<h2 id="network">`) || !strings.Contains(text, `href="#network"`) || strings.Count(text, `class="drawing"`) != 1 || strings.Count(text, "<style") != 1 || !strings.Contains(text, "--d-conv:") {
		t.Error("the page has not the network's drawing, or not its style")
	}
	v.Drawing = nil
	page.Reset()
	if err := report.WriteVerification(&page, v); err != nil || strings.Contains(page.String(), `id="network"`) {
		t.Errorf("a page without a network: %v", err)
	}
}

// TestMostLayers draws as many layers as a drawing takes, and refuses one more.
func TestMostLayers(t *testing.T) {
	d := report.Drawing{Title: "large", Input: []int{2, 2, 1}}
	for i := range report.MostLayers {
		from := []int{i - 1}
		if i > 1 { // wires that pass all layers between
			from = append(from, 0)
		}
		d.Layers = append(d.Layers, report.DrawnLayer{Name: fmt.Sprint("l", i), Kind: "add", Family: "join", From: from, Shape: []int{2, 2, 1}})
	}
	var drawing bytes.Buffer
	if err := d.WriteSVG(&drawing); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(drawing.String(), `class="d-wire"`), 2*report.MostLayers-2; got != want {
		t.Errorf("%d wires, want %d", got, want)
	}
	d.Layers = append(d.Layers, d.Layers[0])
	if err := d.WriteSVG(io.Discard); err == nil || !strings.Contains(err.Error(), "5001 layers, want 5000 at most") {
		t.Errorf("one layer more: %v", err)
	}
}
