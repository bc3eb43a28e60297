package jpeg_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/session/images/internal/jpeg"
	"tfcnn/testdata"
)

// sound are files of other encoders, which testdata/sound.py made.
func sound(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("../../testdata/sound.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ File []byte }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, f := range all {
		files[name] = f.File
	}
	return files
}

func TestSoundFiles(t *testing.T) {
	for name, file := range sound(t) {
		h, err := jpeg.Read(file)
		if err != nil || h.Coarse {
			t.Errorf("%s: coarse %v, %v", name, h.Coarse, err)
		}
		if err := jpeg.Walk(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// at finds a marker, from the n-th byte on.
func at(t *testing.T, file []byte, marker byte, from int) int {
	t.Helper()
	next := bytes.Index(file[from:], []byte{0xff, marker})
	if next < 0 {
		t.Fatalf("no marker %x", marker)
	}
	return from + next
}

// What a walk finds that libjpeg fills up, with a warning or with none.
func TestDamage(t *testing.T) {
	files := sound(t)
	plain, restarts, progressive, deep := files["sampling 1x1"], files["restarts 1B"], files["progressive, sampling 1x1"], files["four bits in steps"]
	change := func(file []byte, at int, to ...byte) []byte {
		changed := slices.Clone(file)
		copy(changed[at:], to)
		return changed
	}
	end := len(plain) - 2
	scan := at(t, plain, 0xda, 0)
	first, second := at(t, restarts, 0xd0, 0), at(t, restarts, 0xd1, 0)
	frame, app := at(t, plain, 0xc0, 0), at(t, plain, 0xe0, 0)
	scans := func(file []byte) (all []int) {
		for from := 0; ; {
			next := bytes.Index(file[from:], []byte{0xff, 0xda})
			if next < 0 {
				return all
			}
			all, from = append(all, from+next), from+next+2
		}
	}
	ac := scans(progressive)[1]
	refine := scans(deep)[5] // AC coefficients of the first component, refined
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"blocks missing":                {slices.Concat(plain[:end-40], plain[end:]), "data end before the image does"},
		"no data":                       {slices.Concat(plain[:scan+14], plain[end:]), "data end before the image does"},
		"a byte left over":              {slices.Insert(slices.Clone(plain), end, 0x55), "bytes are left over before a marker"},
		"ten bytes left over":           {slices.Insert(slices.Clone(plain), end, make([]byte, 10)...), "bytes are left over before a marker"},
		"bytes between segments":        {slices.Insert(slices.Clone(plain), frame, 1, 2, 3), "3 bytes left over before marker c0"},
		"restart marker missing":        {slices.Delete(slices.Clone(restarts), first, first+2), "bytes are left over before a marker"},
		"restart marker of another":     {change(restarts, first+1, 0xd1), "restart marker is missing or wrong"},
		"an interval lost":              {slices.Delete(slices.Clone(restarts), first, second), "restart marker is missing or wrong"},
		"an interval's data lost":       {slices.Delete(slices.Clone(restarts), first+2, second), "data end before the image does"},
		"restarts without an interval":  {slices.Delete(slices.Clone(restarts), at(t, restarts, 0xdd, 0), at(t, restarts, 0xdd, 0)+6), "data end before the image does"},
		"a component in no scan":        {slices.Delete(slices.Clone(files["a scan a component"]), scans(files["a scan a component"])[2], len(files["a scan a component"])-2), "no scan has component 3"},
		"first coefficients missing":    {slices.Delete(slices.Clone(files["spectral selection alone"]), scans(files["spectral selection alone"])[0], scans(files["spectral selection alone"])[1]), "before its first coefficient is there"},
		"bits refined that are not":     {change(deep, refine+9, 0x21), "refines bit"},
		"a scan of one codes all":       {change(plain, scan+12, 0), "of a sequential file codes"},
		"band beyond the last":          {change(progressive, ac+8, 64), "codes coefficients"},
		"Huffman table missing":         {change(plain, scan+6, 0x22), "Huffman table"},
		"quantization table missing":    {change(plain, frame+12, 3), "scan 1 has component 1, whose quantization table 3 is missing"},
		"no quantization table at all":  {change(plain, frame+15, 9), "scan 1 has component 2, whose quantization table 9 is missing"},
		"a quantization table too many": {change(plain, at(t, plain, 0xdb, 0)+4, 4), "header"},
		"a quantization table cut":      {slices.Insert(slices.Clone(plain), frame, 0xff, 0xdb, 0, 5, 0, 1, 2), "header"},
		"JFIF of another version":       {change(plain, app+9, 2), "unknown JFIF version 2"},
		"an unknown marker":             {slices.Insert(slices.Clone(plain), app, 0xff, 0x10, 0, 2), "unknown marker 10"},
		"sampling of no blocks":         {change(plain, frame+11, 0), "sampling factors"},
		"a unit of too many blocks":     {change(plain, frame+11, 0x44), "blocks in a unit"},
		"no such component":             {change(plain, scan+5, 77), "names component 77"},
		"a table of too many codes":     {change(plain, at(t, plain, 0xc4, 0)+5, 3), "header"},
	} {
		if err := jpeg.Walk(tt.file); err == nil || !strings.HasPrefix(err.Error(), "JPEG: broken or truncated") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// Adobe's colour transforms that libjpeg guesses about are refused, and those
// that it knows are not.
func TestAdobe(t *testing.T) {
	files := sound(t)
	cmyk := files["Pillow, CMYK"]
	transform := at(t, cmyk, 0xee, 0) + 15
	for value, want := range map[byte]bool{0: true, 1: false, 2: true, 3: false} {
		file := slices.Clone(cmyk)
		file[transform] = value
		if err := jpeg.Walk(file); (err == nil) != want {
			t.Errorf("CMYK, transform %d: %v", value, err)
		}
	}
}

// blocks are a scan of blocks by their bits, in a grey file of such blocks
// beside each other. The tables have, for DC, code 0 for no difference; for
// AC, 0 for the end of the block, 10 for one bit after no zeros, 110 for one
// bit after 15 zeros, 1110 for 16 zeros.
func blocks(bits string, width int) []byte {
	segment := func(marker byte, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
	}
	counts := func(n ...byte) []byte { return append(n, make([]byte, 16-len(n))...) }
	var data []byte
	for bits += strings.Repeat("1", (8-len(bits)%8)%8); bits != ""; bits = bits[8:] {
		var b byte
		for _, bit := range bits[:8] {
			b = b<<1 | byte(bit-'0')
		}
		if data = append(data, b); b == 0xff {
			data = append(data, 0)
		}
	}
	return slices.Concat([]byte{0xff, 0xd8}, segment(0xdb, make([]byte, 65)...),
		segment(0xc0, 8, 0, 8, 0, byte(width), 1, 1, 0x11, 0),
		segment(0xc4, slices.Concat([]byte{0}, counts(1), []byte{0})...),
		segment(0xc4, slices.Concat([]byte{0x10}, counts(1, 1, 1, 1), []byte{0x00, 0x01, 0xf1, 0xf0})...),
		segment(0xda, 1, 1, 0, 0, 63, 0), data, []byte{0xff, 0xd9})
}

// A block has 63 AC coefficients: the codes of the tables above, by hand.
func TestCoefficients(t *testing.T) {
	const end, one, far, zeros = "0", "101", "1101", "1110"
	full := strings.Repeat(one, 63)
	for name, tt := range map[string]struct {
		bits  string
		width int
		want  string
	}{
		"an empty block":                   {"0" + end, 8, ""},
		"two":                              {"0" + end + "0" + end, 16, ""},
		"all coefficients":                 {"0" + full, 8, ""},
		"all, and an empty block":          {"0" + full + "0" + end, 16, ""},
		"the last one after zeros":         {"0" + strings.Repeat(one, 47) + far, 8, ""},
		"zeros up to the last":             {"0" + strings.Repeat(one, 47) + zeros, 8, ""},
		"past the last":                    {"0" + strings.Repeat(one, 48) + far, 8, "coefficient past the last"},
		"zeros past the last":              {"0" + strings.Repeat(one, 48) + zeros, 8, "coefficient past the last"},
		"a code that no table has":         {"0" + "11111111", 8, "unknown Huffman code"},
		"a difference that no table has":   {"1" + "0000000", 8, "unknown Huffman code"},
		"the second block missing":         {"0" + strings.Repeat(one, 2) + "0", 16, "data end before the image does"},
		"cut in the bits of a coefficient": {"0" + one + one + "1", 8, "data end before the image does"},
		"a byte too much":                  {"0" + end + "000000" + "00000000", 8, "bytes are left over"},
		"seven bits too much":              {"0" + end + "000000", 8, ""},
	} {
		err := jpeg.Walk(blocks(tt.bits, tt.width))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// FuzzWalk: what a walk takes, Read takes; what is put behind its end changes
// nothing; and a refusal is one line.
func FuzzWalk(f *testing.F) {
	for _, file := range sound(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		h, refused := jpeg.Read(file)
		if refused != nil {
			hostile.Line(t, "JPEG", refused.Error())
		}
		if h.CodedBlocks > 1<<20 {
			return
		}
		err := hostile.Read(t, "JPEG", len(file), hostile.Limits{}, func() error { return jpeg.Walk(file) })
		if err == nil && refused != nil {
			t.Errorf("walked, but %v", refused)
		}
		if more := jpeg.Walk(append(slices.Clone(file), 0xff, 0xd8, 0)); err == nil && more != nil {
			t.Errorf("with bytes behind the end: %v", more)
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	file, err := testdata.Files.ReadFile("images/china.jpg")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if err := jpeg.Walk(file); err != nil {
			b.Fatal(err)
		}
	}
}
