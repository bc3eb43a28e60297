package proof_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/prooftest"
)

// A file is named by as much of its path's end as tells it from the others, and
// one that is there twice is refused with both numbers.
func TestCaseFileNames(t *testing.T) {
	const text = `{"cases":[{"name":"n","op":"relu","input":{"shape":[1],"data":[1]}}]}`
	for _, tt := range []struct {
		paths []string
		names string
		err   string
	}{
		{[]string{"a.json"}, "a.json", ""},
		{[]string{"x/y/a.json", "x/y/b.json"}, "a.json b.json", ""},
		{[]string{"x/a.json", "y/a.json", "b.json"}, "x/a.json y/a.json b.json", ""},
		{[]string{"a.json", "y/a.json"}, "a.json y/a.json", ""},
		{[]string{"p/x/a.json", "q/x/a.json", "z/a.json"}, "p/x/a.json q/x/a.json z/a.json", ""},
		{[]string{"a.json", "a.txt"}, "a.json a.txt", ""},
		{[]string{"b.json", "a.json", "./a.json"}, "", "file 2, a.json, and file 3, a.json, have one name; want each file once"},
		{[]string{"a", "a.json"}, "", "file 1, a, and file 2, a.json, have one name"},
	} {
		var all proof.CaseFiles
		for _, path := range tt.paths {
			folder, name := filepath.Split(path)
			if err := all.Add(fstest.MapFS{name: {Data: []byte(text)}}, folder, name); err != nil {
				t.Fatal(err)
			}
		}
		files, err := all.Files()
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v: got %v, want %s", tt.paths, err, tt.err)
			}
			continue
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != tt.names {
			t.Errorf("%v: got %s, %v, want %s", tt.paths, got, err, tt.names)
		}
	}
}

// A case without a name repeats under the name that it was given.
func TestUnnamedCases(t *testing.T) {
	file := prooftest.File(t, "f.json", `{"cases":[
		{"op":"relu","input":{"shape":[1],"data":[1]}},
		{"name":"","op":"relu","input":{"shape":[1],"data":[1]},"expect":{"shape":[1],"data":[2]}}]}`)
	o, err := file.Cases[1].Run(t.Context(), reference{})
	if err != nil {
		t.Fatal(err)
	}
	again := prooftest.File(t, "f.json", string(o.Repeat))
	if o.Status != proof.Fail || again.Cases[0].Name != "case 2" {
		t.Errorf("%s repeats as %q: %s", o.Name, again.Cases[0].Name, o.Repeat)
	}
}

// All case files of a run together have MaxCaseBytes at most. The file is
// sparse: its size alone is looked at.
func TestCaseFileSize(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, size int64) {
		t.Helper()
		text := `{"cases":[{"name":"n","op":"relu","input":{"shape":[1],"data":[1]}}]}`
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("a.json", 0)
	write("b.json", proof.MaxCaseBytes-10)
	var all proof.CaseFiles
	err := all.Add(os.DirFS(folder), folder, ".")
	want := fmt.Sprintf("proof: case files: %s brings them above 64 MiB, the most that is read in all", filepath.Join(folder, "b.json"))
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
