package images_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"tfcnn/graph"
	"tfcnn/session/images"
	"tfcnn/testdata"
)

func open(t testing.TB, o images.Options) *images.Decoder {
	t.Helper()
	d, err := images.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	file, err := testdata.Files.ReadFile("images/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// What scikit-learn 1.9.1's load_sample_images gives for the same files.
func TestSamplesAreScikitLearns(t *testing.T) {
	d := open(t, images.Options{})
	for name, want := range map[string]string{
		"china.jpg":  "e701459344fd69797154c91add3bb5d70e5ed1a61d8bed889bab3a796104698d",
		"flower.jpg": "3202904ed246795bf616c66d7859cd7c6080eff736c6e38dc5cc62779742033f",
	} {
		p, err := d.Raster(sample(t, name), images.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(p.Pixels)
		if got := hex.EncodeToString(sum[:]); got != want || p.Height != 427 || p.Width != 640 {
			t.Errorf("%s: %d×%d, sha256 %s, want %s", name, p.Height, p.Width, got, want)
		}
	}
}

type golden struct {
	File, Pixels []byte
	Shape        []int
	Note         string
}

// Images of every kind, made by Pillow 12, with the pixels that Pillow sees.
func goldens(t testing.TB) map[string]golden {
	t.Helper()
	text, err := os.ReadFile("testdata/pillow.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestKindsOfImages(t *testing.T) {
	d := open(t, images.Options{})
	for name, want := range goldens(t) {
		got, err := d.Raster(want.File, images.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Height != want.Shape[0] || got.Width != want.Shape[1] || len(got.Pixels) != len(want.Pixels) {
			t.Errorf("%s: %d×%d, want %v", name, got.Height, got.Width, want.Shape)
			continue
		}
		worst := 0
		for i, v := range got.Pixels {
			worst = max(worst, int(v)-int(want.Pixels[i]), int(want.Pixels[i])-int(v))
		}
		if worst > 0 {
			t.Errorf("%s: pixels differ by up to %d from Pillow's", name, worst)
		}
		if note := strings.Join(got.Notes, "; "); !strings.Contains(note, want.Note) || (want.Note == "") != (note == "") {
			t.Errorf("%s: notes %q, want %q", name, note, want.Note)
		}
	}
}

func TestOptions(t *testing.T) {
	d := open(t, images.Options{})
	all := goldens(t)
	p, err := d.Raster(all["orientation6.jpg"].File, images.Options{IgnoreOrientation: true})
	if err != nil || p.Height != 12 || p.Width != 17 {
		t.Errorf("orientation ignored: %d×%d, %v", p.Height, p.Width, err)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewNRGBA(image.Rect(0, 0, 2, 1))); err != nil {
		t.Fatal(err)
	}
	p, err = d.Raster(buf.Bytes(), images.Options{Background: &[3]uint8{1, 2, 3}})
	if err != nil || !bytes.Equal(p.Pixels, []byte{1, 2, 3, 1, 2, 3}) {
		t.Errorf("background: %v, %v", p.Pixels, err)
	}
}

func TestRefusals(t *testing.T) {
	d := open(t, images.Options{})
	jpeg, all := sample(t, "china.jpg"), goldens(t)
	gifFile := func() []byte {
		var buf bytes.Buffer
		if err := gif.Encode(&buf, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black}), nil); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	huge := append([]byte{}, all["rgb.jpg"].File...)
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[at+5:], []byte{0xff, 0xf0, 0xff, 0xf0})
	lossless := append([]byte{}, all["rgb.jpg"].File...)
	lossless[at+1] = 0xc3
	twelve := append([]byte{}, all["rgb.jpg"].File...)
	twelve[at+4] = 12
	flipped := append([]byte{}, all["rgb.png"].File...)
	flipped[len(flipped)-30] ^= 0xff
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "images: file is empty"},
		{"text", []byte("hello, world"), "images: file is no image, want JPEG or PNG"},
		{"GIF", gifFile(), "images: file is GIF, want JPEG or PNG"},
		{"WebP", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "file is WebP"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic"), "file is HEIC, want JPEG or PNG"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif"), "file is AVIF"},
		{"a film", []byte("\x00\x00\x00\x18ftypisom"), "file is a film"},
		{"three bytes", []byte("RIF"), "file is no image"},
		{"JPEG's first bytes", jpeg[:20], "JPEG: broken or truncated header"},
		{"half a JPEG", jpeg[:len(jpeg)/2], "JPEG: broken or truncated file"},
		{"a JPEG without its end", jpeg[:len(jpeg)-400], "JPEG: broken or truncated file"},
		{"PNG's first bytes", all["rgb.png"].File[:20], "PNG: broken or truncated header"},
		{"half a PNG", all["rgb.png"].File[:70], "PNG: broken or truncated file"},
		{"a PNG with a wrong byte", flipped, "PNG: broken or truncated file"},
		{"a JPEG that declares 65520×65520", huge, "JPEG of 65520×65520 pixels, at most 100000000"},
		{"a lossless JPEG", lossless, "JPEG of a kind that is not decoded here"},
		{"a 12-bit JPEG", twelve, "JPEG of a kind that is not decoded here"},
	} {
		_, err := d.Raster(tt.file, images.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := d.Raster(jpeg, images.Options{MaxPixels: 427*640 - 1}); err == nil || !strings.Contains(err.Error(), "640×427 pixels") {
		if err == nil || !strings.Contains(err.Error(), "at most 273279 pixels") {
			t.Errorf("one pixel too many: %v", err)
		}
	}
	if _, err := d.Raster(jpeg, images.Options{MaxPixels: 427 * 640}); err != nil {
		t.Errorf("just as many as allowed: %v", err)
	}
}

func TestOptionRefusals(t *testing.T) {
	nan := float32(math.NaN())
	for want, o := range map[string]images.Options{
		"images: size is -1×3, want 1 to 100000000 pixels":      {Size: graph.Size{Height: -1, Width: 3}},
		"images: size is 3×0, want 1 to 100000000 pixels":       {Size: graph.Size{Height: 3}},
		"images: size is 1048576×1048576, want 1 to":            {Size: graph.Square(1 << 20)},
		`images: resize method "linear" is not known, want one`: {Size: graph.Square(3), Method: "linear"},
		"images: MaxPixels is -1, want 0 or more":               {MaxPixels: -1},
		"images: Channels is 3, want RGB, BGR or Gray":          {Channels: images.Gray + 1},
		"images: Scale has NaN, want finite numbers":            {Scale: images.Scale{Std: [3]float32{1, nan, 1}}},
	} {
		if _, err := images.Open(o); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", o, err, want)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	d := open(t, images.Options{})
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			name := []string{"china.jpg", "flower.jpg"}[i%2]
			if _, err := d.Raster(sample(t, name)[:len(sample(t, name))-i%3*5000], images.Options{}); (err == nil) != (i%3 == 0) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	group.Wait()
}
