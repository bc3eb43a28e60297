package images_test

import (
	"bytes"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	stdpng "image/png"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"tfcnn/session/images"
)

// peak is the most memory that the process has had since it was last set back.
func peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// An image takes no more memory than its estimate, and not much less.
func TestEstimate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	d := open(t, images.Options{})
	const width, height = 1500, 1000
	rgba := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range rgba.Pix {
		rgba.Pix[i] = byte(i % 4 * 40) // transparent in part
	}
	var jpeg, png bytes.Buffer
	if err := stdjpeg.Encode(&jpeg, rgba, nil); err != nil {
		t.Fatal(err)
	}
	if err := (&stdpng.Encoder{CompressionLevel: stdpng.BestSpeed}).Encode(&png, rgba); err != nil {
		t.Fatal(err)
	}
	turned := []byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	for name, file := range map[string][]byte{
		"JPEG": jpeg.Bytes(), "JPEG, turned": append(turned, jpeg.Bytes()[2:]...), "PNG with alpha": png.Bytes(),
	} {
		e, err := images.Examine(file, images.Options{})
		if err != nil || e.Height*e.Width != height*width || (e.Height > e.Width) != strings.Contains(name, "turned") {
			t.Fatalf("%s: %+v, %v", name, e, err)
		}
		debug.FreeOSMemory()
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			t.Skip(err)
		}
		before := peak(t)
		x, _, err := d.DecodeOne(file, nil)
		if err != nil || x.Shape[1] != e.Height || x.Shape[2] != e.Width {
			t.Fatalf("%s: %v, %v", name, x.Shape, err)
		}
		if took := peak(t) - before; took > e.Bytes || took < e.Bytes/2 {
			t.Errorf("%s: took %d bytes, estimated %d", name, took, e.Bytes)
		}
	}
}

// The scans of a JPEG code as many blocks as there may be pixels, but no more:
// 209 KB can ask for 156 million.
func TestScansThatNeverEnd(t *testing.T) {
	d := open(t, images.Options{})
	file := goldens(t)["progressive.jpg"].File
	e, err := images.Examine(file, images.Options{MaxPixels: 17 * 12})
	if err != nil || e.Format != "JPEG" || e.Height != 12 || e.Width != 17 {
		t.Errorf("%+v, %v", e, err)
	}
	// A grey image of 8000×8000 pixels, a million blocks, each scan in a
	// few bytes; what data they lack is not looked at before.
	quantizer := append([]byte{0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	frame := slices.Concat([]byte{0xff, 0xd8}, quantizer, []byte{0xff, 0xc2, 0, 11, 8, 0x1f, 0x40, 0x1f, 0x40, 1, 1, 0x11, 0})
	scan := []byte{0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0}
	for scans, want := range map[int]string{
		65:   "JPEG of 8000×8000 pixels whose scans code 65000000 blocks, at most 64000000 are decoded",
		4000: "JPEG of more scans than its coefficients have bits",
	} {
		many := slices.Concat(frame, bytes.Repeat(scan, scans), endOfImage)
		_, err := d.Raster(many, images.Options{MaxPixels: 8000 * 8000})
		if _, examined := images.Examine(many, images.Options{MaxPixels: 8000 * 8000}); err == nil || examined == nil || !strings.Contains(err.Error(), want) || examined.Error() != err.Error() {
			t.Errorf("%d scans: %v and %v, want %q", scans, err, examined, want)
		}
	}
}

// A progressive file that ends between two scans is permitted, and noted.
func TestProgressiveCutBetweenScans(t *testing.T) {
	d := open(t, images.Options{})
	file := read(t, "progressive-260x260.jpg")
	for from := bytes.Index(file, []byte{0xff, 0xda}) + 2; ; {
		next := bytes.Index(file[from:], []byte{0xff, 0xc4})
		if next < 0 {
			break
		}
		cut := slices.Concat(file[:from+next], endOfImage)
		from += next + 2
		p, err := d.Raster(cut, images.Options{})
		if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "progressive JPEG whose scans end before full precision") {
			t.Errorf("cut at %d: %q, %v", len(cut), p.Notes, err)
		}
	}
	if p, err := d.Raster(file, images.Options{}); err != nil || len(p.Notes) > 0 {
		t.Errorf("whole: %q, %v", p.Notes, err)
	}
}
