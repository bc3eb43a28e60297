package main

import (
	"fmt"
	"path/filepath"
	"testing"
)

// narrowed lists the elements that a page shows in part without saying so, at the window's
// width: the page itself, boxes that scroll without a line or that hide what is
// in them, and columns that matter and lie outside.
const narrowed = `(() => {
	const wrong = [], root = document.documentElement;
	if (root.scrollWidth > innerWidth) wrong.push("the page is " + root.scrollWidth + " wide");
	for (const box of document.querySelectorAll("body *")) {
		const style = getComputedStyle(box), name = box.tagName + "." + box.className;
		if (style.overflowX === "visible" || box.closest(".vh,.frame,.list thead,svg") || box.scrollWidth <= box.clientWidth + 1) continue;
		if (style.overflowX === "hidden") wrong.push(name + " hides a part");
		else if (box.tagName !== "PRE" && !/scroll/i.test(getComputedStyle(box, "::before").content)) wrong.push(name + " scrolls without a word: " + box.scrollWidth + " in " + box.clientWidth + ", " + [...box.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > box.getBoundingClientRect().right + 1).map((e) => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)).slice(0, 3));
	}
	for (const column of document.querySelectorAll("th.key")) {
		const r = column.getBoundingClientRect();
		if (r.width > 0 && r.right > innerWidth) wrong.push("column " + column.textContent + " lies outside");
	}
	return wrong;
})()`

// Pages show everything that matters at 400 pixels, and say where more is.
func TestPageWidths(t *testing.T) {
	b := openBrowser(t)
	_, run := sampleRun(t)
	pages := map[string]string{"run": run, "a network that fails": netPage(t)}
	folder := t.TempDir()
	for name, arguments := range map[string][]string{
		"verify":  {"verify"},
		"network": {"verify", "--net", "lenet5"},
		"profile": {"profile", "resnet18", "--batch", "1", "--runs", "1"},
	} {
		pages[name] = filepath.Join(folder, name+".html")
		runInto(t, 0, append(arguments, "--html", pages[name])...)
	}
	for name, page := range pages {
		for _, width := range []int64{400, 768, 1280, 1600} {
			for _, scripts := range []bool{true, false} {
				if !scripts && width > 400 {
					continue // the line is for narrow pages then
				}
				b.scripts(scripts)
				b.open(page, width, 900)
				eval[bool](b, `(() => { for (const d of document.querySelectorAll("details")) d.open = true; return true; })()`)
				what := fmt.Sprintf("%s at %d pixels, scripts %v", name, width, scripts)
				b.wants(what, narrowed+".length === 0")
				if t.Failed() {
					t.Fatalf("%s: %v", what, eval[[]string](b, narrowed))
				}
				if width == 1280 && name == "profile" {
					b.wants("all numbers of resnet18 fit into 1280 pixels", `(() => { const box = document.querySelector(".profiled").parentElement; return box.scrollWidth <= box.clientWidth + 1; })()`)
				}
			}
		}
	}
}
