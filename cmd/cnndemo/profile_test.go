package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// profilePage is the page of a network whose layers crowd the roofline, and
// the trace beside it.
func profilePage(t *testing.T) (page, trace string) {
	t.Helper()
	folder := t.TempDir()
	page, trace = filepath.Join(folder, "page.html"), filepath.Join(folder, "trace.json")
	runInto(t, 0, "profile", "resnet18", "--batch", "1", "--runs", "2", "--html", page, "--trace", trace)
	return page, trace
}

// traceFile is a trace as others read it.
type traceFile struct {
	Events []struct {
		Name, Cat, Ph string
		Ts, Dur       float64
		Pid, Tid      int
		Args          map[string]any
	} `json:"traceEvents"`
}

// The trace of a real run is of the format, in each track slices lie apart,
// every node lies in its run, and what is counted is never negative.
func TestTraceOfRun(t *testing.T) {
	_, path := profilePage(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("../../session/profile/testdata/trace-event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("trace.json", document); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.MustCompile("trace.json").Validate(value); err != nil {
		t.Error(err)
	}

	var trace traceFile
	if err := json.Unmarshal(text, &trace); err != nil {
		t.Fatal(err)
	}
	type slice struct{ from, to float64 }
	tracks := map[int][]slice{}
	names := map[int]string{}
	var runs []slice
	layers := map[string]int{}
	for _, e := range trace.Events {
		switch e.Ph {
		case "M":
			if e.Name == "thread_name" {
				names[e.Tid] = e.Args["name"].(string)
			}
		case "C":
			for name, n := range e.Args {
				if n.(float64) < 0 {
					t.Errorf("%v bytes of %s at %v", n, name, e.Ts)
				}
			}
		case "X":
			s := slice{e.Ts, e.Ts + e.Dur}
			if tracks[e.Tid] = append(tracks[e.Tid], s); names[e.Tid] == "runs" {
				runs = append(runs, s)
			}
			if e.Cat == "conv2d" {
				layers[e.Name]++
			}
		}
	}
	const rounding = 1e-3 // times have three decimals of a microsecond
	if len(runs) != 2 || runs[0].from != 0 {
		t.Fatalf("runs %v", runs)
	}
	for track, list := range tracks {
		if names[track] == "" {
			t.Errorf("track %d has no name", track)
		}
		slices.SortFunc(list, func(a, b slice) int { return cmp.Compare(a.from, b.from) })
		for i, s := range list {
			if i > 0 && s.from < list[i-1].to-rounding {
				t.Errorf("on %s %v begins within %v", names[track], s, list[i-1])
			}
			if !slices.ContainsFunc(runs, func(r slice) bool { return s.from >= r.from-rounding && s.to <= r.to+rounding }) {
				t.Errorf("on %s %v lies in no run", names[track], s)
			}
		}
	}
	// resnet18 has 20 convolutions, each in one kernel a run.
	if len(layers) != 20 || layers["conv1"] != 2 {
		t.Errorf("convolutions: %v", layers)
	}
}

// In a browser, with its fonts, the roofline's texts lie apart, in both colour
// schemes, and the page has no sideways scroll.
func TestProfilePageInBrowser(t *testing.T) {
	b := openBrowser(t)
	page, _ := profilePage(t)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.open(page, 1280, 900)
		b.wants("there are dots and labels", `document.querySelectorAll(".roofline .r-dot").length > 15 && document.querySelectorAll(".roofline .r-label").length > 10`)
		for _, fault := range eval[[]string](b, overlaps) {
			t.Error(scheme, fault)
		}
		b.wants("a bar as long as the chart", `[...document.querySelectorAll(".timebars rect")].some((r) => r.width.baseVal.value === 100)`)
	}
	b.do(chromedp.Click(chromedp.CSS(`nav a[href="#roofline"]`)))
	b.wants("the link leads to the chart", `document.querySelector(".roofline").getBoundingClientRect().top < innerHeight`)
	b.quiet(page)
}

// overlaps lists labels of the roofline that cover one another, or a dot, by
// more than half a unit.
const overlaps = `(() => {
	const box = (e) => { const b = e.getBBox(); return {text: e.textContent, l: b.x, t: b.y + 2, r: b.x + b.width, b: b.y + b.height - 2}; };
	const labels = [...document.querySelectorAll(".roofline .r-label")].map(box), dots = [...document.querySelectorAll(".roofline .r-dot")].map(box);
	const over = (a, b) => Math.min(a.r, b.r) - Math.max(a.l, b.l) > .5 && Math.min(a.b, b.b) - Math.max(a.t, b.t) > .5;
	const faults = [];
	labels.forEach((a, i) => {
		labels.slice(i + 1).forEach((b) => over(a, b) && faults.push(a.text + " lies on " + b.text));
		dots.forEach((d) => over(a, d) && faults.push(a.text + " lies on a dot"));
		if (a.l < 0 || a.r > 960 || a.t < 0) faults.push(a.text + " leaves the chart");
	});
	return faults;
})()`
