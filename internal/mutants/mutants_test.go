package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tfcnn/internal/mutants/mutation"
)

var update = flag.Bool("update", false, "write testdata/example.txt anew")

// Each mutant of testdata/example has its name, compiles, and computes as its rule
// states. Without a mutant the example prints the same as unchanged.
func TestRules(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	const example = "internal/mutants/testdata/example"
	folder := t.TempDir()
	sites, overlay, err := mutate(root, folder, []area{{folder: example}})
	if err != nil {
		t.Fatal(err)
	}
	build := func(name string, arguments ...string) string {
		program := filepath.Join(folder, name)
		c := exec.Command("go", slices.Concat([]string{"build", "-o", program}, arguments, []string{"./" + example})...)
		c.Dir = root
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return program
	}
	show := func(program string, environment ...string) string {
		c := exec.Command(program)
		c.Env = append(os.Environ(), environment...)
		output, err := c.CombinedOutput()
		text := string(output)
		if err != nil {
			text = regexp.MustCompile(`(?m)^(panic: .*|exit .*)$`).FindString(text)
		}
		return strings.TrimSpace(text)
	}
	plain := show(build("plain"))
	mutated := build("mutated", "-overlay", overlay)
	if got := show(mutated); got != plain {
		t.Errorf("without a mutant: got %s, want %s", got, plain)
	}
	var text strings.Builder
	text.WriteString(plain + "\n")
	have := map[string]bool{}
	for i, s := range sites {
		have[s.rule] = true
		output := show(mutated, mutation.Active+"="+strconv.Itoa(i))
		if output == plain {
			output = "the same"
		}
		text.WriteString(strings.TrimPrefix(s.String(), example+" ") + "\n\t" + output + "\n")
	}
	for _, rule := range rules {
		if !have[rule] {
			t.Errorf("the example has nothing for rule %q", rule)
		}
	}
	const golden = "testdata/example.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("got\n%s\nwant what %s has; -update writes it anew", text.String(), golden)
	}
}

func TestJudge(t *testing.T) {
	sites := []site{{function: "a"}, {function: "b"}}
	name := sites[0].String()
	for _, tt := range []struct {
		outcomes []outcome
		known    map[string]string
		want     string
	}{
		{[]outcome{caught, unreached}, nil, ""},
		{[]outcome{skipped, caught}, map[string]string{name: "same"}, ""},
		{[]outcome{survived, caught}, map[string]string{name: "same"}, ""},
		{[]outcome{survived, caught}, nil, "survived: " + name},
		{[]outcome{caught, caught}, map[string]string{name: "same"}, "caught, but"},
		{[]outcome{unreached, caught}, map[string]string{name: "same"}, "no suite comes to it"},
		{[]outcome{caught, caught}, map[string]string{"c": "same"}, "no such mutant"},
	} {
		err := judge(sites, tt.outcomes, tt.known)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, %v: got %v, want %q", tt.outcomes, tt.known, err, tt.want)
		}
	}
}

// A sample is the same each time, has each package and rule, then each function,
// and nothing twice.
func TestDraw(t *testing.T) {
	var all sites
	var from []int
	for _, folder := range []string{"x", "y"} {
		for _, rule := range rules[:4] {
			for _, function := range []string{"f", "g", "h"} {
				for _, text := range []string{"a", "b", "c"} {
					from = append(from, all.add(folder, function, rule, text))
				}
			}
		}
	}
	known := map[string]string{all.list[0].String(): "the same"}
	chosen := draw(all.list, from, known, 12, 1)
	if len(chosen) != 12 || !slices.Equal(chosen, draw(all.list, from, known, 12, 1)) {
		t.Fatalf("got %v, want 12, and the same again", chosen)
	}
	have := map[string]int{}
	for _, i := range chosen {
		s := all.list[i]
		have[s.folder+s.rule]++
		have[s.folder+s.function]++
		have[s.String()]++
		if i == 0 {
			t.Error("a known survivor was drawn")
		}
		if have[s.String()] > 1 {
			t.Errorf("%s: drawn twice", s)
		}
	}
	for _, folder := range []string{"x", "y"} {
		for _, what := range append([]string{"f", "g", "h"}, rules[:4]...) {
			if have[folder+what] == 0 {
				t.Errorf("%s %s: not drawn", folder, what)
			}
		}
	}
}
