package images_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tfcnn/session/images"
)

// Files that other programs write, damage, or read in another way. Pixels are
// Pillow 13's after ImageOps.exif_transpose, of PNGs without the chunks that
// libpng discards.
func TestFaults(t *testing.T) {
	const upright = "turned upright (EXIF orientation 6)"
	d := open(t, images.Options{})
	for _, tt := range []struct {
		file          string
		height, width int
		note, sum     string
	}{
		{"exif_after_fill_bytes.jpg", 41, 30, upright, "8786abd264af3aa5c12c2dfa16acf51a0f05801ba7014309ccef976f9f2e36b1"},
		{"exif_after_other_app1.jpg", 41, 30, upright, "8786abd264af3aa5c12c2dfa16acf51a0f05801ba7014309ccef976f9f2e36b1"},
		{"exif_after_xmp.jpg", 41, 30, upright, "8786abd264af3aa5c12c2dfa16acf51a0f05801ba7014309ccef976f9f2e36b1"},
		{"gray1_trns_badcrc.png", 6, 24, "as libpng does: its checksum is wrong", "96ff3237a40620c49f674303a24698c10a47104105e8cc6cdc9823f856a3c0a0"},
		{"gray2_trns_empty.png", 6, 24, "as libpng does: it has 0 bytes", "22bf724a2684d302038cf34c261c664a1c76393b396fde9ea9fd0250c5e6e152"},
		{"gray4_trns_len6.png", 6, 24, "as libpng does: it has 6 bytes", "b8c711316bdc5792fee3aa64d382bf99bb777839434466b1e3fb6320676ce0fb"},
		{"jpeg_all_scans.jpg", 30, 41, "", "f8364ec7a22619e3a00a07e77614b156499a9730e478a7b452987cbaf9285bfa"},
		{"jpeg_empty_huffman_table.jpg", 30, 41, "", "adada201285a4057c07ad0c67ef402d82fab251148f0ef3b488113938208168d"},
		{"jpeg_restart_intact.jpg", 300, 401, "", "c0053451e14d6b8bbacf4907d3b8e6aff67b00a4666d6b9e494245687941fe39"},
		{"jpeg_same_component_ids.jpg", 30, 41, "", "adada201285a4057c07ad0c67ef402d82fab251148f0ef3b488113938208168d"},
		{"orientation_as_long.jpg", 41, 30, upright, "8786abd264af3aa5c12c2dfa16acf51a0f05801ba7014309ccef976f9f2e36b1"},
		{"orientation_count2.jpg", 41, 30, upright, "8786abd264af3aa5c12c2dfa16acf51a0f05801ba7014309ccef976f9f2e36b1"},
		{"orientation_exif_header.png", 41, 30, upright, "f002d6493506525b6c78e222fcd281cc40e022b0925e59a37c8e9fd4269c7ea4"},
		{"orientation_in_raw_profile.png", 41, 30, upright, "f002d6493506525b6c78e222fcd281cc40e022b0925e59a37c8e9fd4269c7ea4"},
		{"pal2_dupplte.png", 6, 24, "second palette left out", "39b8ab8efbe2895af3e9e9397f0a742c805369e83086910bae7de1e8de53bc3e"},
		{"pal2_trns_empty.png", 6, 24, "as libpng does: it has 0 bytes", "39b8ab8efbe2895af3e9e9397f0a742c805369e83086910bae7de1e8de53bc3e"},
		{"pal4_trns_long.png", 6, 24, "as libpng does: it has 19 bytes", "9fd2e9e9f76ae58d55aff38efa55020efc6319b55bc0d89bd5f640d3f3676174"},
		{"palette4_256_entries.png", 6, 24, "", "9fd2e9e9f76ae58d55aff38efa55020efc6319b55bc0d89bd5f640d3f3676174"},
		{"palette8_trns_badcrc.png", 6, 24, "as libpng does: its checksum is wrong", "c18017fd74e92dee91495da96d4bdac79102140ec6f22b96678fa20effbbd6cd"},
		{"palette_text_badcrc.png", 30, 41, "", "4e5953b0ba5009a34f3456a327d87e50e129ed56cb01803b83de1d72e8d090b3"},
	} {
		p, err := d.Raster(read(t, "faults/"+tt.file), images.Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		if got := sum(p.Pixels); got != tt.sum || p.Height != tt.height || p.Width != tt.width {
			t.Errorf("%s: %d×%d, sha256 %s, want %d×%d, %s", tt.file, p.Height, p.Width, got, tt.height, tt.width, tt.sum)
		}
		if note := strings.Join(p.Notes, "; "); !strings.Contains(note, tt.note) || (tt.note == "") != (note == "") {
			t.Errorf("%s: notes %q, want %q", tt.file, note, tt.note)
		}
	}
	for file, want := range map[string]string{
		"jpeg_restart_interval_lost.jpg": "its data end before the image does",
		"jpeg_last_scan_cut.jpg":         "its data end before the image does",
		"jpeg_one_scan_missing.jpg":      "no scan has component 3",
	} {
		damaged := read(t, "faults/"+file)
		if _, err := d.Raster(damaged, images.Options{}); err == nil || !strings.Contains(err.Error(), "images: JPEG: broken or truncated file: "+want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
		if _, _, err := d.DecodeOne(damaged, nil); err == nil {
			t.Errorf("%s as a tensor: no error", file)
		}
		if _, err := d.Raster(damaged, images.Options{Trusted: true}); err != nil {
			t.Errorf("%s, trusted: %v", file, err)
		}
	}
}

// JPEGs of other encoders, and of every way to write a scan, are not refused.
// testdata/sound.py made them.
func TestSoundJPEGs(t *testing.T) {
	d := open(t, images.Options{})
	var files map[string]struct {
		File   []byte
		SHA256 string
	}
	if err := json.Unmarshal(read(t, "sound.json"), &files); err != nil || len(files) < 50 {
		t.Fatal(len(files), err)
	}
	for name, f := range files {
		p, err := d.Raster(f.File, images.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sum(p.Pixels); got != f.SHA256 {
			t.Errorf("%s: sha256 %s, want Pillow's %s", name, got, f.SHA256)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func sum(pixels []byte) string {
	s := sha256.Sum256(pixels)
	return hex.EncodeToString(s[:])
}
