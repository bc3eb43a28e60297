// Package docs_test compares the pages with the tree: their links lead to files, and
// the map has every package.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every relative link of a page leads to a file.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var pages []string
	for _, pattern := range []string{"../*.md", "*.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, some...)
	}
	if len(pages) < 10 {
		t.Fatalf("found %d pages, want the project's", len(pages))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links %s: %v", page, found[1], err)
			}
		}
	}
}

// The map names each folder that has a package, and no folder that has none.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("map.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, found := range regexp.MustCompile("`([a-z0-9/]+)`").FindAllStringSubmatch(string(text), -1) {
		listed[found[1]] = true
	}
	packages := map[string]bool{}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != ".." || entry.Name() == "testdata" && name != "testdata") {
			return fs.SkipDir
		}
		if folder := filepath.ToSlash(filepath.Dir(name)); strings.HasSuffix(name, ".go") && folder != "docs" {
			packages[folder] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range packages {
		if !listed[name] {
			t.Errorf("map.md lacks the package %s", name)
		}
	}
	for name := range listed {
		if !packages[name] {
			t.Errorf("map.md has %s, which has no package", name)
		}
	}
}
