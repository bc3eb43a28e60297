package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const planted = `// Package plan counts pictures.
package plan

// Crewed says whether a crew of workers runs.
func Crewed(heldTensor int) bool {
	for lane := range heldTensor {
		seen := fmt.Sprint("a picture", lane)
	}
	return false
}

type transformer struct {
	InPlace  bool ` + "`json:\"pictures\"`" + `
	Place    int
	platform string
}
`

func TestPlantedWords(t *testing.T) {
	l, err := parse(wordsFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, content string
		want          []string
	}{
		{"graph/plan.go", planted, []string{
			`1: text "pictures"`, `4: text "crew"`, `4: text "says whether"`, `5: name "heldTensor"`, `6: name "lane"`,
			`7: name "seen"`, `7: text "picture"`, `14: name "Place"`,
		}},
		{"graph/lanes_test.go", "package graph\n", []string{`1: file "lanes"`}},
		{"graph/pictures.md", "An image.\nThe lock holds, a Picture is held to\na bound.\n", []string{`1: file "pictures"`, `2: text "Picture"`}},
		{"graph/x.json", `{"pictures": 1}`, nil},
		{"docs/pages.md", "A lane is held to a picture.\nThe key `pictures` counts images.\n", []string{`1: text "picture"`}},
		{"graph/key.go", "package graph\n\nvar keys = []string{\"pictures\", \"a picture\"}\n", []string{`3: text "picture"`}},
	} {
		hits, err := l.check(tt.file, []byte(tt.content))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range hits {
			got = append(got, fmt.Sprintf("%d: %s %q", h.line, h.kind, h.word))
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(tt.want))) {
			t.Errorf("%s: got %q, want %q", tt.file, got, tt.want)
		}
	}
}

func TestIncludes(t *testing.T) {
	l := list{in: []string{"graph", "docs"}, not: []string{"graph/initial.go", "graph/old"}}
	for name, want := range map[string]bool{
		"graph/plan.go": true, "docs/a.md": true, "graphs/plan.go": false, "graph/initial.go": false, "graph/old/x.go": false,
		"graph/testdata/x.txt": false, "README.md": false,
	} {
		if got := l.includes(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
	if all := (list{in: []string{"."}}); !all.includes("README.md") || all.includes("internal/words/words.txt") {
		t.Error(`"in ." is not everything but this package`)
	}
}

// The files of a checkout are found, and the line names file, line and word.
func TestRun(t *testing.T) {
	root := t.TempDir()
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "graph"}} {
		if arguments[0] == "add" {
			if err := os.MkdirAll(filepath.Join(root, "graph"), 0o755); err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"graph/a.md": "fine\na picture\n", "graph/b.md": "an image\n"} {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		c := exec.Command("git", arguments...)
		c.Dir = root
		if text, err := c.CombinedOutput(); err != nil {
			t.Skipf("git %v: %v\n%s", arguments, err, text)
		}
	}
	var out strings.Builder
	count, err := run(&out, root, "in .\ntext | pictures? | . | image |\n")
	if want := "graph/a.md:2: text \"picture\": write image\n"; err != nil || count != 1 || out.String() != want {
		t.Errorf("got %d, %v, %q, want %q", count, err, out.String(), want)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"word | x | . | y |":   "words.txt:1: kind is",
		"name | x":             "words.txt:1: 2 columns",
		"\nname | ( | . | y |": "words.txt:2: error parsing regexp",
		"name | x | . |  |":    "words to write instead are",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
