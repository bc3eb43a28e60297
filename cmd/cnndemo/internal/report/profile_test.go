package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

// profileOf is a profile of some layers on a machine of 100 GFLOP/s and 10
// GB/s, with the intensities and rates given.
func profileOf(points ...[2]float64) Profile {
	p := Profile{TensorFlow: "2.21.0", Device: "/device:CPU:0", Title: "net", Command: "cnndemo profile net", Images: 2, Runs: 20, GFLOPS: 100, GBs: 10, Step: 1e-3, Covered: 8e-4, Before: 1e-4, Between: 1e-4, Call: 2e-3, Traced: 3e-3}
	for i, at := range points {
		const flops = 1_000_000
		seconds := flops / at[1] / 1e9
		l := ProfiledLayer{
			Name: fmt.Sprintf("layer%d.conv", i), Kind: "conv2d", Output: []int{2, 8, 8, 4}, Kernels: []string{"_FusedConv2D"},
			Seconds: seconds, Share: seconds / p.Step, FLOPs: flops, Multiplications: flops / 2, Bytes: int64(flops / at[0]), GFLOPS: at[1], Intensity: at[0],
			ComputeLimit: flops / 1e11, MemoryLimit: flops / at[0] / 1e10,
		}
		l.GBs = float64(l.Bytes) / seconds / 1e9
		l.OfLimit = max(l.ComputeLimit, l.MemoryLimit) / seconds
		p.Layers = append(p.Layers, l)
	}
	return p
}

// wellFormed fails where a text is no XML.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// A dot lies where the axes' numbers say: in the middle, in powers of ten,
// between those of two other dots.
func TestRooflineDots(t *testing.T) {
	c := newRoofline(profileOf([2]float64{0.1, 0.5}, [2]float64{1, 5}, [2]float64{10, 50}))
	if len(c.points) != 3 {
		t.Fatalf("%d points", len(c.points))
	}
	a, b, d := c.points[0], c.points[1], c.points[2] // the slowest first
	if math.Abs(a.x+d.x-2*b.x) > 1e-9 || math.Abs(a.y+d.y-2*b.y) > 1e-9 || a.x >= b.x || a.y <= b.y {
		t.Errorf("%v %v, %v %v, %v %v", a.x, a.y, b.x, b.y, d.x, d.y)
	}
	// The roof's corner is at 100/10 = 10 FLOP a byte, 100 GFLOP/s.
	svg := string(c.draw())
	if corner := fmt.Sprintf("L%s %sH", px(d.x), px(c.y(100))); !strings.Contains(svg, corner) {
		t.Errorf("no corner %s in %s", corner, svg)
	}
	if strings.Count(svg, "<circle") != 3 || !strings.Contains(svg, "layer2.conv: 50 GFLOP/s with 10 FLOP a byte, 50 % of the limit") {
		t.Error(svg)
	}
	wellFormed(t, svg)
}

// However the dots lie, labels overlap neither each other nor a dot, and stay
// in the chart; where there is room every dot has one.
func TestRooflineLabels(t *testing.T) {
	crowd := make([][2]float64, 60)
	for i := range crowd {
		crowd[i] = [2]float64{20 + float64(i%3), 40 + float64(i)}
	}
	for name, points := range map[string][][2]float64{
		"one":    {{3, 7}},
		"same":   {{3, 7}, {3, 7}, {3, 7}},
		"apart":  {{0.5, 1}, {2, 10}, {8, 40}, {30, 90}},
		"column": {{5, 10}, {5, 12}, {5, 14}, {5, 16}, {5, 18}, {5, 20}, {5, 22}, {5, 24}},
		"above":  {{3, 700}, {0.001, 5}, {4000, 90}},
		"crowd":  crowd,
		"long":   {{0.01, 0.01}, {0.01, 90}, {4000, 90}, {4000, 0.01}, {10, 99}},
	} {
		profile := profileOf(points...)
		if name == "long" {
			for i := range profile.Layers {
				profile.Layers[i].Name += strings.Repeat(".block", 4)
			}
		}
		c := newRoofline(profile)
		wellFormed(t, string(c.draw()))
		frame := box{roofLeft, 0, roofWidth, roofHeight - roofBottom}
		labelled := 0
		for i, p := range c.points {
			if !(box{p.x, p.y, p.x, p.y}).within(frame) {
				t.Errorf("%s: dot %d outside at %g, %g", name, i, p.x, p.y)
			}
			if !p.labelled {
				continue
			}
			labelled++
			if !p.label.within(frame) {
				t.Errorf("%s: label %d outside: %+v", name, i, p.label)
			}
			for k, o := range c.points {
				if k != i && o.labelled && p.label.overlaps(o.label) {
					t.Errorf("%s: labels %d and %d overlap", name, i, k)
				}
				if p.label.overlaps(box{o.x - o.r, o.y - o.r, o.x + o.r, o.y + o.r}) {
					t.Errorf("%s: label %d covers dot %d", name, i, k)
				}
			}
		}
		if name != "crowd" && labelled != len(points) || labelled < 8 && name == "crowd" {
			t.Errorf("%s: %d of %d labelled", name, labelled, len(points))
		}
	}
}

// Without operations, or limits, there is no chart, and the page says so.
func TestRooflineOfNothing(t *testing.T) {
	p := profileOf([2]float64{3, 7})
	p.Layers[0].FLOPs = 0
	without := profileOf([2]float64{3, 7})
	without.GBs = 0
	for _, p := range []Profile{p, without, {}} {
		if c := newRoofline(p); c.draw() != "" {
			t.Error(c.draw())
		}
		var page bytes.Buffer
		if err := WriteProfile(&page, p); err != nil || !strings.Contains(page.String(), "No layer has floating-point operations") {
			t.Errorf("%v", err)
		}
	}
}

func TestProfilePage(t *testing.T) {
	const evil = `"><script>alert(1)</script>'&<img src=x onerror=alert(2)>`
	p := profileOf([2]float64{0.1, 0.5}, [2]float64{10, 50})
	p.Layers[0].With = []string{"bn", evil}
	p.Layers = append(p.Layers,
		ProfiledLayer{Name: "bn", Kind: "batch_norm", In: "layer0.conv"},
		ProfiledLayer{Name: "drop", Kind: "dropout"},
		ProfiledLayer{Name: evil, Kind: evil, Kernels: []string{evil}, Seconds: 1e-5, FLOPs: 10, Bytes: 10, Intensity: 1, GFLOPS: 1},
	)
	p.Title, p.Command, p.Note = evil, evil, evil
	var buf bytes.Buffer
	if err := WriteProfile(&buf, p); err != nil {
		t.Fatal(err)
	}
	page := buf.String()
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
		t.Error("a name became markup")
	}
	for _, want := range []string{
		"A run of 2 images takes 2 ms", "Of a step in TensorFlow 200 % went to layer0.conv, 20 % to the framework", "10 µs</td>", // operations at 100 GFLOP/s
		"in layer0.conv", "nothing to run", "100 GFLOP/s in a product", "alert(1)", "the layers would need 1.01 ms",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
		wellFormed(t, svg)
	}
	for _, forbidden := range []string{"http:", "https:", "style=\"", "onclick"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	// The longest bar is the longest time; the others are to its scale.
	if bars := string(timeBars(p.Layers[1], 2e-3)); !strings.Contains(bars, `class="p-time" y="1" width="1.00"`) || !strings.Contains(bars, `class="p-flops" y="10.5" width="0.50"`) {
		t.Error(bars)
	}
}
