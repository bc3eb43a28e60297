package exif_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/session/images/internal/exif"
)

// tiff is EXIF data of one tag.
func tiff(order binary.AppendByteOrder, kind uint16, count uint32, value []byte) []byte {
	data := []byte("II")
	if order.String() == binary.BigEndian.String() {
		data = []byte("MM")
	}
	data = order.AppendUint16(data, 42)
	data = order.AppendUint32(data, 8)
	data = order.AppendUint16(data, 1)
	data = order.AppendUint16(data, 274)
	data = order.AppendUint16(data, kind)
	data = order.AppendUint32(data, count)
	if len(value) > 4 {
		data = order.AppendUint32(data, 26)
		return append(append(data, 0, 0, 0, 0), value...)
	}
	return append(data, append(value, make([]byte, 8-len(value))...)...)
}

// Of every type and count what Pillow 13's exif_transpose does: it turns by
// the first of several numbers, and not by bytes, text and unknown types.
func TestTypes(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		one := func(kind uint16, v int) []byte {
			switch kind {
			case 1, 6, 7:
				return []byte{byte(v)}
			case 2:
				return []byte{'0' + byte(v)}
			case 3, 8, 14:
				return order.AppendUint16(nil, uint16(v))
			case 5, 10:
				return order.AppendUint32(order.AppendUint32(nil, uint32(v)), 1)
			case 11:
				return order.AppendUint32(nil, math.Float32bits(float32(v)))
			case 12:
				return order.AppendUint64(nil, math.Float64bits(float64(v)))
			case 16, 17, 18:
				return order.AppendUint64(nil, uint64(v))
			}
			return order.AppendUint32(nil, uint32(v))
		}
		for kind := uint16(1); kind <= 18; kind++ {
			turned := slices.Contains([]uint16{3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 16}, kind)
			for count := range 4 {
				var value []byte
				for _, v := range []int{6, 3, 8}[:count] {
					value = append(value, one(kind, v)...)
				}
				got, err := exif.Orientation(tiff(order, kind, uint32(count), value))
				if want := turned && count > 0; (got == 6) != want || (err == nil) != want {
					t.Errorf("%v, type %d, %d values: %d, %v", order, kind, count, got, err)
				}
			}
		}
	}
}

func TestOrientation(t *testing.T) {
	little := binary.LittleEndian
	short := func(v uint16) []byte { return tiff(little, 3, 1, little.AppendUint16(nil, v)) }
	for v := range uint16(11) {
		got, err := exif.Orientation(short(v))
		if valid := v >= 1 && v <= 8; (err == nil) != valid || valid && got != int(v) {
			t.Errorf("%d: %d, %v", v, got, err)
		}
	}
	header := []byte("Exif\x00\x00")
	swapped := append([]byte("II\x00\x2a"), short(6)[4:]...) // as Pillow takes it
	twice := short(6)
	twice[8] = 2
	twice = append(twice[:22], tiff(little, 3, 1, []byte{3, 0})[10:]...)
	other := short(6)
	other[10]++
	for name, tt := range map[string]struct {
		data []byte
		want int
	}{
		"Exif before it":       {append(header, short(6)...), 6},
		"Exif before it twice": {append(header, append(header, short(6)...)...), 6},
		"byte order swapped":   {swapped, 6},
		"the first of two":     {twice, 6},
		"another tag":          {other, 0},
		"no directory behind":  {short(6)[:22], 6},
	} {
		if got, err := exif.Orientation(tt.data); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, tt.want)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":              nil,
		"text":                 []byte("not a TIFF file"),
		"cut in the tag":       short(6)[:20],
		"cut in the directory": short(6)[:9],
		"directory far away":   append([]byte("II*\x00\xff\xff\xff\xff"), short(6)[8:]...),
		"value far away":       tiff(little, 5, 1, nil),
		"not a whole number":   tiff(little, 5, 1, []byte{13, 0, 0, 0, 2, 0, 0, 0}),
		"divided by zero":      tiff(little, 5, 1, []byte{6, 0, 0, 0, 0, 0, 0, 0}),
		"negative":             tiff(little, 8, 1, []byte{0xfa, 0xff}),
	} {
		if got, err := exif.Orientation(data); err == nil || got != 0 {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

func TestXMPOrientation(t *testing.T) {
	for text, want := range map[string]int{
		`<rdf:Description tiff:Orientation="6"/>`:  6,
		`<tiff:Orientation>8</tiff:Orientation>`:   8,
		`<rdf:Description tiff:Orientation="9"/>`:  0,
		`<rdf:Description exif:Orientation="6"/>`:  0,
		`<rdf:Description tiff:Orientation='six'>`: 0,
		``: 0,
	} {
		if got := exif.XMPOrientation([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// FuzzOrientation: it is one of 1 to 8, or 0, or an error.
func FuzzOrientation(f *testing.F) {
	f.Add(tiff(binary.LittleEndian, 3, 1, []byte{6, 0}))
	f.Add(tiff(binary.BigEndian, 5, 1, []byte{0, 0, 0, 6, 0, 0, 0, 1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got int
		err := hostile.Read(t, "EXIF ", len(data), hostile.Limits{}, func() (err error) {
			got, err = exif.Orientation(data)
			return err
		})
		if got < 0 || got > 8 || err != nil && got != 0 {
			t.Errorf("%d, %v", got, err)
		}
	})
}
