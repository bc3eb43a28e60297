package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

// FuzzFlags: a value that a flag takes is written as one that it takes again,
// to the same end.
func FuzzFlags(f *testing.F) {
	for _, text := range []string{"3", "3x5", "SAME", "valid", "1,0,2,3", "ffffff", "#00Ff7f", "x", "1,2,3", "03x+5", "99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, pair := range [][2]pflag.Value{
			{new(sizeFlag), new(sizeFlag)},
			{(*paddingFlag)(&graph.Padding{}), (*paddingFlag)(&graph.Padding{})},
			{new(colourFlag), new(colourFlag)},
		} {
			if err := hostile.Read(t, "want ", len(text), hostile.Limits{}, func() error { return pair[0].Set(text) }); err != nil {
				continue
			}
			if err := pair[1].Set(pair[0].String()); err != nil || !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%s %q is written %q, which is %v, %v", pair[0].Type(), text, pair[0], pair[1], err)
			}
		}
	})
}

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
