package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
)

// Many maps of large images are run a few images at a time.
func TestAtOnce(t *testing.T) {
	const gibibyte = 1 << 30
	if free, known := tensorflow.FreeMemory(); known && free < 4*gibibyte {
		t.Skip("too little memory is free")
	}
	defer func(before int64) { workingBytes = before }(workingBytes)
	for _, tt := range []struct {
		side, maps, want int
		bytes            int64
	}{
		{10, 2, gibibyte / (4*300 + (4+25+5)*200 + (4+8+5)*75), gibibyte},
		{1000, 8, 3, gibibyte},
		{1000, 8, 1, gibibyte / 10},
		{1000, 100, 1, gibibyte},
		{10_000, 20, 1, gibibyte}, // more than the limit: alone
		{100, 1, 1, 0},
	} {
		a := runNetwork{network: graph.Network{
			Input: graph.Input{Channels: 3},
			Layers: []graph.Layer{
				graph.Conv2D{Filters: tt.maps, Size: graph.Square(1), NoBias: true},
				graph.MaxPool{From: graph.InputName, Size: graph.Square(2)},
			},
			Outputs: []string{"conv1", "max_pool1"},
		}}
		s, err := a.at(tt.side, tt.side, true)
		if err != nil {
			t.Error(err)
			continue
		}
		workingBytes = tt.bytes
		if got := imagesPerRun(s.runBytes(true)); got != tt.want {
			t.Errorf("%d×%d, %d maps: %d at once in %d bytes, want %d", tt.side, tt.side, tt.maps, got, tt.bytes, tt.want)
		}
	}
}

// However few images are run at once, the files and the verdicts are the
// same.
func TestBatchesChangeNothing(t *testing.T) {
	folder := t.TempDir()
	for i := range 5 {
		// The first of each size is dark, so that the worst numbers lie in
		// later ones.
		img := image.NewGray(image.Rect(0, 0, 31+i/3, 23))
		for k := range img.Pix {
			img.Pix[k] = uint8(k * k * (i % 3))
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i, ".png")), file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Numbers that float32 rounds, so that there is a worst one.
	thirds := filepath.Join(t.TempDir(), "thirds.npy")
	x := tensor.Tensor{Shape: []int{2, 2}, Data: []float32{1. / 3, -2. / 3, 1. / 7, 0.1}}
	var npy bytes.Buffer
	if err := x.WriteNPY(&npy); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(thirds, npy.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	do := func(limit int64) (folderOut string, r report.Run) {
		t.Helper()
		before := workingBytes
		workingBytes = limit
		defer func() { workingBytes = before }()
		out := t.TempDir()
		var stdout, stderr bytes.Buffer
		if status := execute(t.Context(), []string{"run", folder, "--filter", thirds, "--out", out, "--json"}, &stdout, &stderr); status != 0 {
			t.Fatalf("status %d: %s", status, stderr.String())
		}
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		return out, r
	}
	all, atOnce := do(workingBytes)
	few, oneByOne := do(1)
	if len(atOnce.Sizes) != 2 || len(atOnce.Sizes[0].Images) != 3 {
		t.Fatalf("%+v", atOnce.Sizes)
	}
	for i, want := range atOnce.Sizes {
		got := oneByOne.Sizes[i]
		if !slices.Equal(got.Images, want.Images) || len(got.Files) != len(want.Files) {
			t.Errorf("size %d: %v in %d files, want %v in %d", i, got.Images, len(got.Files), want.Images, len(want.Files))
		}
		for k, op := range want.Ops {
			if !slices.Equal(got.Ops[k].Output, op.Output) || got.Ops[k].Verdict.Elements != op.Verdict.Elements ||
				got.Ops[k].Verdict.MaxError != op.Verdict.MaxError || !slices.Equal(got.Ops[k].Verdict.Worst, op.Verdict.Worst) ||
				!slices.Equal(got.Ops[k].Verdict.Histogram, op.Verdict.Histogram) {
				t.Errorf("size %d, %s: got %+v, want %+v", i, op.Layer, got.Ops[k].Verdict, op.Verdict)
			}
		}
		for _, f := range want.Files {
			a, err := os.ReadFile(filepath.Join(all, f.Path))
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(few, f.Path))
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs, %v", f.Path, err)
			}
		}
	}
}
