package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

// FuzzLoadFilter: a .npy file that is taken as a filter is one of three
// channels, with a name for each map, and stacks.
func FuzzLoadFilter(f *testing.F) {
	for _, shape := range [][]int{{3, 3}, {5, 3, 3}, {1, 1, 3, 4}, {2, 2, 2}, {0, 3}} {
		x, err := tensor.New(shape...)
		if err != nil {
			f.Fatal(err)
		}
		var file bytes.Buffer
		if err := x.WriteNPY(&file); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	path := filepath.Join(f.TempDir(), "a.npy")
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		var loaded filter
		err := hostile.Read(t, "filter "+path, len(file), hostile.Limits{}, func() (err error) {
			loaded, err = loadFilter(path)
			return err
		})
		if err != nil {
			return
		}
		if err := loaded.Check(); err != nil || len(loaded.Shape) != 4 || loaded.Shape[2] != 3 || len(loaded.maps) != loaded.Shape[3] || len(loaded.Data) == 0 {
			t.Fatalf("%s with %d maps, %v", tensor.FormatShape(loaded.Shape), len(loaded.maps), err)
		}
		all, _, err := stack([]filter{loaded})
		if err != nil || len(all.Data) != len(loaded.Data) {
			t.Errorf("%s does not stack: %v", tensor.FormatShape(loaded.Shape), err)
		}
	})
}
