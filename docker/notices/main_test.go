package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NOTICE is as the programs of today are linked.
func TestNotice(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	notice, err := os.ReadFile("../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	want, err := rewrite(notice)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(notice, want) {
		t.Error("NOTICE is not what the programs are linked with; run `make notices`")
	}
	// Read beside the tool: what each of these asks to be passed on.
	for module, words := range map[string]string{
		"github.com/dustin/go-humanize": "Copyright (c) 2005-2008  Dustin Sallings <dustin@spy.net>",
		"github.com/x448/float16":       "Copyright (c) 2019 Montgomery Edwards⁴⁴⁸ and Faye Amacker",
		"github.com/spf13/cobra":        "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
		"standard library":              "Copyright 2009 The Go Authors.",
	} {
		if !strings.Contains(string(notice), module) || !strings.Contains(string(notice), words) {
			t.Errorf("%s: NOTICE lacks %q", module, words)
		}
	}
}

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

func TestLicences(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string // of module m, whose package is m/a/b
		want  string            // names of the texts taken, or the error
	}{
		{"at the root", map[string]string{"LICENSE": mit}, "LICENSE"},
		{"British, with an ending", map[string]string{"Licence.md": mit}, "Licence.md"},
		{"above the package", map[string]string{"COPYING": mit, "a/NOTICE": "by somebody", "a/b/LICENSE": mit}, "COPYING a/b/LICENSE a/NOTICE"},
		{"beside the package", map[string]string{"LICENSE": mit, "a/c/LICENSE": mit}, "LICENSE"},
		{"none", map[string]string{"README.md": mit}, "m v1 has no text that is known as a licence"},
		{"a notice alone", map[string]string{"NOTICE": "Copyright Somebody"}, "m v1 has no text that is known as a licence"},
		{"source of that name", map[string]string{"license.go": "package m"}, "m v1 has no text that is known as a licence"},
	} {
		root := t.TempDir()
		for name, text := range tt.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		p := listed{ImportPath: "m/a/b", Dir: filepath.Join(root, "a", "b")}
		if err := os.MkdirAll(p.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p.Module = &struct {
			Path, Version, Dir string
			Main               bool
		}{"m", "v1", root, false}
		modules, err := licences([]listed{p})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			var out bytes.Buffer
			write(&out, modules)
			var names []string
			for line := range strings.Lines(out.String()) {
				if name, is := strings.CutPrefix(strings.TrimSpace(line), "m v1 ("); is {
					names = append(names, strings.TrimSuffix(name, ")"))
				}
			}
			got = strings.Join(names, " ")
			if strings.Count(out.String(), "Permission is hereby granted") != 1 || !strings.Contains(out.String(), "  m v1: MIT\n") {
				t.Errorf("%s: the text is not there once, by its name:\n%s", tt.name, out.String())
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
