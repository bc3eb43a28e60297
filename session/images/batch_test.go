package images_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session/images"
)

const (
	china  = "../../testdata/images/china.jpg"
	flower = "../../testdata/images/flower.jpg"
)

// A batch holds what DecodeOne gives for each file, in order.
func TestBatch(t *testing.T) {
	for name, o := range map[string]images.Options{
		"as they are": {},
		"resized":     {Size: graph.Size{Height: 30, Width: 40}, Scale: images.ImageNet},
		"gray":        {Channels: images.Gray, Scale: images.ZeroToOne},
	} {
		paths := []string{china, flower, flower, china, flower}
		got, err := images.Read(t.Context(), paths, o)
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, o)
		var want tensor.Tensor
		var files [][]byte
		buffer := []float32(nil)
		for _, path := range paths {
			files = append(files, sample(t, filepath.Base(path)))
			x, _, err := d.DecodeOne(files[len(files)-1], buffer)
			if err != nil {
				t.Fatal(err)
			}
			buffer = x.Data
			want.Shape, want.Data = x.Shape, append(want.Data, x.Data...)
		}
		want.Shape[0] = len(paths)
		if equal, at := tensor.Equal(got, want); !equal {
			t.Errorf("%s: Read gives %s, number %d differs from DecodeOne's", name, tensor.FormatShape(got.Shape), at)
		}
		got, err = images.Decode(t.Context(), files, o)
		if equal, at := tensor.Equal(got, want); err != nil || !equal {
			t.Errorf("%s: Decode: number %d differs from DecodeOne's, %v", name, at, err)
		}
	}
}

// The error of a batch names the first file that fails, and what it wraps says
// why.
func TestBatchErrors(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, file []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	photo := sample(t, "china.jpg")
	cut := write("cut.jpg", photo[:len(photo)/2])
	text := write("text\nfile", []byte("hello"))
	missing := filepath.Join(folder, "missing.jpg")
	small := write("small.png", goldens(t)["rgb.png"].File)
	d := open(t, images.Options{MaxPixels: 427 * 640})
	for _, tt := range []struct {
		paths []string
		kind  error
		name  string
		want  string
	}{
		{[]string{china, flower, cut, missing}, images.ErrDamaged, cut, "JPEG: broken or truncated file: "},
		{[]string{cut, text}, images.ErrDamaged, cut, "JPEG: broken or truncated file: "},
		{[]string{china, text, cut}, images.ErrUnsupported, text, "file is no image, want JPEG or PNG"},
		{[]string{china, missing}, fs.ErrNotExist, missing, "no such file or directory"},
		{[]string{missing}, fs.ErrNotExist, missing, "no such file or directory"},
		{[]string{china, small}, images.ErrSize, small, "images of different sizes: 12×17 pixels, the first has 427×640; Options.Size makes them equal"},
		{[]string{folder}, nil, folder, "is no regular file"},
		{nil, nil, "", "images: no images"},
	} {
		_, err := d.Read(t.Context(), tt.paths...)
		var of *images.Error
		if named := errors.As(err, &of); err == nil || named != (tt.name != "") || named && of.Name != tt.name || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q, %q", tt.paths, err, tt.name, tt.want)
		}
		for _, kind := range []error{images.ErrDamaged, images.ErrUnsupported, images.ErrTooLarge, images.ErrSize, fs.ErrNotExist} {
			if errors.Is(err, kind) != (kind == tt.kind) {
				t.Errorf("%v wraps %q", err, kind)
			}
		}
	}
	_, err := images.Decode(t.Context(), [][]byte{photo, photo}, images.Options{MaxPixels: 427*640 - 1})
	if !errors.Is(err, images.ErrTooLarge) || !strings.HasPrefix(err.Error(), "images: image 1: JPEG of 640×427 pixels") {
		t.Errorf("too large: %v", err)
	}
	_, err = d.Decode(t.Context(), photo, photo[:1000])
	if !errors.Is(err, images.ErrDamaged) || !strings.HasPrefix(err.Error(), "images: image 2: JPEG: broken or truncated") {
		t.Errorf("damaged: %v", err)
	}
	if _, _, err = d.DecodeOne(photo[:1000], nil); !errors.Is(err, images.ErrDamaged) || !strings.HasPrefix(err.Error(), "images: JPEG: broken or truncated") {
		t.Errorf("one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Read(ctx, china); !errors.Is(err, context.Canceled) || err.Error() != "images: context canceled" {
		t.Errorf("cancelled: %v", err)
	}
}
