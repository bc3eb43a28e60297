package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
)

// sampleRun runs the sample images through filters whose results are not
// whole numbers, and gives the page.
func sampleRun(t *testing.T) (folder, page string) {
	t.Helper()
	folder = t.TempDir()
	file := filepath.Join(folder, "thirds.npy")
	var npy bytes.Buffer
	if err := (tensor.Tensor{Shape: []int{3, 3}, Data: []float32{1. / 3, -2. / 3, 1. / 7, 0.1, 0.2, 0.3, -0.1, 0.7, 0.01}}).WriteNPY(&npy); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, npy.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	runInto(t, 0, "run", "--filter", file, "--filter", "sobel-x", "--padding", "1,1,2,1", "--out", filepath.Join(folder, "out"))
	return filepath.Join(folder, "out"), filepath.Join(folder, "out", "report.html")
}

func readNPY(t *testing.T, path string) tensor.Tensor {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := tensor.ReadNPY(f)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// pixel is where a pixel of a figure lies in the window.
func (b *browser) pixel(id string, row, column int) (x, y float64) {
	b.t.Helper()
	at := eval[[]float64](b, fmt.Sprintf(`(() => {
		const view = document.getElementById(%q), r = view.querySelector("img").getBoundingClientRect();
		const rows = +view.dataset.rows, columns = +view.dataset.columns, scale = Math.min(r.width / columns, r.height / rows);
		return [r.left + (r.width - scale * columns) / 2 + (%d + .5) * scale, r.top + (r.height - scale * rows) / 2 + (%d + .5) * scale];
	})()`, id, column, row))
	return at[0], at[1]
}

// In the page of a real run: the pointer tells the numbers of the .npy files,
// images are enlarged by click and by key, nothing is loaded and nothing
// complained of.
func TestPageInBrowser(t *testing.T) {
	b := openBrowser(t)
	out, page := sampleRun(t)
	b.open(page, 1280, 900)
	conv, pool := readNPY(t, filepath.Join(out, "conv2d.npy")), readNPY(t, filepath.Join(out, "max_pool.npy"))

	// Enlarged, a pixel is large enough to be pointed at.
	for _, tt := range []struct {
		id                string
		x                 tensor.Tensor
		image, row, colum int
		channels          []int
	}{
		{"p1-1", conv, 0, 0, 0, []int{0}},
		{"p1-1", conv, 0, 57, 143, []int{0}},
		{"p2-2", conv, 1, 213, 319, []int{1}},
		{"p2-3", pool, 1, 100, 7, []int{0, 1, 2}},
	} {
		b.do(chromedp.Navigate("file://" + page + "#" + tt.id))
		b.wants("the figure is enlarged", fmt.Sprintf(`document.querySelector(".view:target")?.id === %q`, tt.id))
		x, y := b.pixel(tt.id, tt.row, tt.colum)
		b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
		b.wants("the number is shown", `!document.getElementById("tip").hidden`)
		text := eval[string](b, `document.querySelector(".view:target .value").textContent`)
		position, numbers, _ := strings.Cut(text, ": ")
		if want := fmt.Sprintf("row %d, column %d", tt.row, tt.colum); position != want {
			t.Errorf("%s: the page says %q, want %s", tt.id, text, want)
		}
		fields := strings.Split(numbers, ", ")
		if len(fields) != len(tt.channels) {
			t.Errorf("%s: %q, want %d numbers", tt.id, text, len(tt.channels))
			continue
		}
		for i, channel := range tt.channels {
			want := tt.x.Data[((tt.image*tt.x.Shape[1]+tt.row)*tt.x.Shape[2]+tt.colum)*tt.x.Shape[3]+channel]
			var got float32
			words := strings.Fields(fields[i])
			number := strings.NewReplacer("−", "-", ",", "").Replace(words[len(words)-1])
			if _, err := fmt.Sscan(number, &got); err != nil || got != want {
				t.Errorf("%s: the page says %q, the .npy has %v", tt.id, text, want)
			}
		}
	}
	// The window that the pixel was made from is marked on the input.
	b.do(chromedp.Navigate("file://" + page + "#p1-1"))
	x, y := b.pixel("p1-1", 10, 20)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
	b.wants("the window is marked on the input",
		`["x", "y", "width", "height"].map((a) => document.querySelector("#p1-0 .cursor").getAttribute(a)).join() === "38,19,3,3"`)
	b.quiet(page)
}

func TestPageKeys(t *testing.T) {
	b := openBrowser(t)
	_, page := sampleRun(t)
	b.open(page, 1280, 900)
	target := func(id string) string {
		return fmt.Sprintf(`(document.querySelector(".view:target")?.id ?? "") === %q`, id)
	}

	b.do(chromedp.Click(chromedp.CSS("#p1-1 .frame")))
	b.wants("a click enlarges", target("p1-1"))
	b.wants("what is enlarged covers the page", `document.elementFromPoint(640, 300).closest(".view").id === "p1-1" && document.querySelector("#p1-1").getBoundingClientRect().height >= innerHeight - 1`)
	b.wants("it has larger pixels", `getComputedStyle(document.querySelector("#p1-1 img")).imageRendering === "pixelated"`)
	b.wants("the focus is in it", `document.activeElement.matches("#p1-1 .close")`)
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	b.wants("the right arrow is the next image", target("p1-2")+` && document.activeElement.matches("#p1-2 .close")`)
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	b.wants("the left arrow goes back", target("p1-1")+` && document.activeElement.matches("#p1-1 .close")`)
	for range 5 {
		b.do(chromedp.KeyEvent(kb.Tab))
	}
	b.wants("Tab stays in what is seen", `document.activeElement.closest("#p1-1") !== null`)
	b.do(chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierShift)))
	b.wants("Shift and an arrow tell a number", `/^row 107, column 160: −?[0-9.]+$/.test(document.getElementById("say").textContent)`)
	b.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierShift)))
	b.wants("and the next one", `document.getElementById("say").textContent.startsWith("row 107, column 161: ")`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.wants("Escape closes", target(""))
	b.wants("the focus is back on the image", `document.activeElement.matches("#p1-1 .frame")`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.wants("Enter enlarges", target("p1-1"))
	b.do(chromedp.NavigateBack())
	b.wants("Back closes", target(""))
	// The link from the proof leads to the ring.
	b.do(chromedp.Click(chromedp.CSS(".card a")))
	b.wants("the proof's link leads to the ring", `document.querySelector(".view:target circle.ring") !== null`)
	b.quiet(page)
}

// With scripts blocked all images are there, and links enlarge them.
func TestPageWithoutScripts(t *testing.T) {
	b := openBrowser(t)
	_, page := sampleRun(t)
	b.scripts(false)
	b.open(page, 1280, 900)
	b.wants("no script ran", `!document.documentElement.classList.contains("js")`)
	b.wants("all images are shown", `document.images.length === 8 && [...document.images].every((i) => i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 100)`)
	b.wants("the page says what is missing", `document.querySelector("noscript").innerText.includes("Scripts are blocked")`)
	b.do(chromedp.Click(chromedp.CSS("#p2-1 .frame")))
	b.wants("a click enlarges", `document.querySelector("#p2-1").getBoundingClientRect().height >= innerHeight - 1`)
	b.do(chromedp.Click(chromedp.CSS("#p2-1 .next")))
	b.wants("a link goes to the next", `document.querySelector("#p2-2").getBoundingClientRect().height >= innerHeight - 1`)
	b.do(chromedp.Click(chromedp.CSS("#p2-2 .close")))
	b.wants("a link closes", `document.querySelector(".view:target") === null`)
	b.quiet(page)
}

// failedPage is the page of a run of which a number lies outside its bound.
func failedPage(t *testing.T) string {
	t.Helper()
	parts, err := os.Create(filepath.Join(t.TempDir(), "parts"))
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Close()
	const side = 40
	data := make([]float32, side*side*3)
	for i := range data {
		data[i] = float32(i % 251)
	}
	p := report.NewPage(parts, 1)
	e := p.Begin("in/an image.png", []report.View{
		{Layer: "input", Height: side, Width: side, Channels: 3, Channel: -1, Data: data},
		{Layer: "conv2d", Map: "laplacian", Height: side, Width: side, Channels: 1, Data: data[:side*side]},
	})
	for i := range 2 {
		if err := e.Show(i, nil); err != nil {
			t.Fatal(err)
		}
	}
	on := true
	path := filepath.Join(t.TempDir(), "failed.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := p.Write(f, report.Run{
		TensorFlow: "2.21.0", Device: "/device:CPU:0", OneDNN: &on, Command: "cnndemo run 'in/an image.png' missing.png --filter laplacian", Changed: []string{"--filter laplacian"},
		Status: "fail", Refused: []report.Refused{{Image: "missing.png", Reason: "no such file or directory"}},
		Sizes: []report.Size{{Height: side, Width: side, Images: []string{"in/an image.png"}, Ops: []report.Op{{
			Layer: "conv2d", Kind: "conv2d", Reads: "input", Maps: []string{"laplacian"}, Input: []int{1, side, side, 3}, Output: []int{1, side, side, 1},
			Size: [2]int{3, 3}, Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Padding: "SAME", Padded: [4]int{1, 1, 1, 1},
			Parameters: 27, Multiplications: 27 * side * side, Bytes: 4 * side * side, Device: "CPU:0", Seconds: 0.000213,
			Verdict: &proof.Verdict{
				Status: proof.Fail, Elements: side * side, Outside: 12, Worst: []int{0, 30, 7, 0}, Got: -12.625, Want: -12.5, MaxError: 0.125, Bound: 0.0009765, Share: 128,
				Histogram: []int{800, 0, 0, 0, 12, 80, 190, 300, 150, 50, 6, 0, 0, 0, 12},
			},
		}}}},
		Seconds: report.Seconds{Decode: 0.02, Run: 0.1, Total: 0.3},
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

// verifyPage is the page of cases of which some fail.
func verifyPage(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	var cases []map[string]any
	for _, got := range []float64{4, 4.5} {
		cases = append(cases, map[string]any{
			"name": fmt.Sprintf(`a <max> of %v`, got), "op": "max_pool", "size": []int{2, 2},
			"input":  map[string]any{"shape": []int{1, 2, 2, 1}, "data": []int{1, 2, 3, 4}},
			"expect": map[string]any{"shape": []int{1, 1, 1, 1}, "data": []float64{got}},
		})
	}
	text, err := json.Marshal(map[string]any{"cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	file, page := filepath.Join(folder, "two.json"), filepath.Join(folder, "verify.html")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	runInto(t, exitCheck, "verify", "--cases", file, "--cases", "../../testdata/cases", "--html", page)
	return page
}

// Every page meets these rules, in both colour schemes and at several widths.
func TestPagesAreAccessible(t *testing.T) {
	b := openBrowser(t)
	_, run := sampleRun(t)
	profile, _ := profilePage(t)
	for name, page := range map[string]string{"run": run, "failed": failedPage(t), "verify": verifyPage(t), "network": netPage(t), "profile": profile} {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for _, width := range []int64{360, 800, 1600} {
				b.open(page, width, 900)
				what := fmt.Sprintf("%s, %s, %d wide: ", name, scheme, width)
				b.wants(what+"no sideways scroll", `document.documentElement.scrollWidth <= innerWidth`)
				for _, fault := range eval[[]string](b, contrast) {
					t.Error(what, fault)
				}
			}
		}
		for _, fault := range eval[[]string](b, basics) {
			t.Errorf("%s: %s", name, fault)
		}
		b.names(name)
		b.mu.Lock()
		for _, text := range b.problems {
			t.Errorf("%s: %s", name, text)
		}
		for _, url := range b.requests {
			if !strings.HasPrefix(url, "file://"+page) {
				t.Errorf("%s: asked for %.80s", name, url)
			}
		}
		b.problems, b.requests = nil, nil
		b.mu.Unlock()
	}
}

// basics lists the missing elements that every page must have.
const basics = `(() => {
	const faults = [], want = (ok, text) => ok || faults.push(text);
	want(document.documentElement.lang === "en", "no lang");
	want(document.title !== "", "no title");
	want(document.querySelectorAll("h1").length === 1, "not one h1");
	for (const tag of ["main", "header", "footer", "nav"]) want(document.querySelectorAll("body > " + tag + ", header nav").length > 0 && document.querySelector(tag), "no " + tag);
	let level = 0;
	for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
		want(+h.tagName[1] <= level + 1, "heading " + h.textContent + " skips a level");
		level = +h.tagName[1];
	}
	for (const i of document.images) want(i.alt.trim() !== "", "an img without alt");
	for (const th of document.querySelectorAll("th")) want(th.scope !== "", "a th without scope: " + th.textContent);
	for (const table of document.querySelectorAll("table")) want(table.caption, "a table without caption");
	for (const a of document.querySelectorAll("a")) {
		want(a.textContent.trim() !== "" , "a link without a name");
		want(a.hash.length > 1 && document.getElementById(a.hash.slice(1)), "a link to nowhere: " + a.href.slice(-40));
	}
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	want(new Set(ids).size === ids.length, "an id twice");
	for (const e of document.querySelectorAll("[aria-labelledby]")) for (const id of e.getAttribute("aria-labelledby").split(" ")) want(document.getElementById(id), "labelled by nothing: " + id);
	for (const e of document.querySelectorAll("svg")) want(e.getAttribute("aria-hidden") === "true" || e.getAttribute("role") === "img" && (e.hasAttribute("aria-label") || e.querySelector("title")), "an svg without a name");
	for (const e of document.querySelectorAll(".scroll, .chart")) want(e.scrollWidth <= e.clientWidth || e.tabIndex === 0, "a scrolled box that no key reaches");
	want(document.querySelector("a").hash === "#main", "the first link does not skip to the content");
	return faults;
})()`

// contrast lists texts whose contrast with what lies behind them is below
// WCAG's AA.
const contrast = `(() => {
	const rgb = (c) => c.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
	const faults = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || ["script", "style", "noscript", "title", "desc"].includes(e.localName)) continue;
		const style = getComputedStyle(e), svg = e instanceof SVGElement;
		const a = light(rgb(svg ? style.fill : style.color)), b = light(behind(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) faults.add("contrast " + ratio.toFixed(2) + ": " + e.tagName + " " + e.textContent.trim().slice(0, 30));
	}
	return [...faults];
})()`

// names fails where the accessibility tree has an image, a link, a region or
// a table without a name.
func (b *browser) names(page string) {
	b.t.Helper()
	call(b, accessibility.Enable, cdp.Empty{})
	tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	counts := map[string]int{}
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		var role, name string
		if err := json.Unmarshal(node.Role.Value, &role); err != nil {
			b.t.Fatal(err)
		}
		if node.Name != nil {
			if err := json.Unmarshal(node.Name.Value, &name); err != nil {
				b.t.Fatal(err)
			}
		}
		if !slices.Contains([]string{"image", "img", "link", "region", "table", "navigation", "article", "heading"}, role) {
			continue
		}
		counts[role]++
		if strings.TrimSpace(name) == "" {
			b.t.Errorf("%s: the accessibility tree has a nameless %s", page, role)
		}
	}
	if counts["heading"] < 3 || counts["region"] < 2 || counts["image"]+counts["img"] < 1 {
		b.t.Errorf("%s: the accessibility tree has only %v", page, counts)
	}
}

// The page is staged as all files are: a run that fails leaves none.
func TestNoPageLeft(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	if err := os.MkdirAll(filepath.Join(out, "report.html"), 0o755); err != nil {
		t.Fatal(err)
	}
	runInto(t, exitEnvironment, "run", "--out", out)
	if err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left over: %s", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
