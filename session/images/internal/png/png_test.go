package png_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/session/images/internal/png"
)

// FuzzRead: a file of those chunks that decide pixels says of itself what the
// whole file says, and is no longer.
func FuzzRead(f *testing.F) {
	text, err := os.ReadFile("../../testdata/pillow.json")
	if err != nil {
		f.Fatal(err)
	}
	var images map[string]struct{ File []byte }
	if err := json.Unmarshal(text, &images); err != nil {
		f.Fatal(err)
	}
	for name, p := range images {
		if strings.HasSuffix(name, ".png") {
			f.Add(p.File)
		}
	}
	names, err := filepath.Glob("../../testdata/faults/*.png")
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if !strings.HasPrefix(string(file), png.Signature) {
			return
		}
		var h png.Header
		err := hostile.Read(t, "PNG", len(file), hostile.Limits{}, func() (err error) {
			h, err = png.Read(file)
			return err
		})
		if err != nil {
			return
		}
		again, err := png.Read(h.Pixels)
		if err != nil || again.Height != h.Height || again.Width != h.Width || again.Alpha != h.Alpha || len(again.Notes) > 0 || again.Exif != nil {
			t.Errorf("%d×%d, alpha %v: the rebuilt file is %+v, %v", h.Height, h.Width, h.Alpha, again, err)
		}
		if len(h.Pixels) > len(file) || len(again.Pixels) != len(h.Pixels) {
			t.Errorf("%d bytes were made %d and %d", len(file), len(h.Pixels), len(again.Pixels))
		}
	})
}
