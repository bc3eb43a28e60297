package images_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tfcnn/session/images"
	"tfcnn/session/images/internal/jpeg"
)

// damaged changes a file's bytes from one on, in one of four ways in turn: a
// bit is turned over, a byte becomes another, up to 16 bytes are lost, up to 16
// are put in.
func damaged(file []byte, from, way int, random *rand.Rand) []byte {
	at := from + random.IntN(len(file)-2-from)
	some := 1 + random.IntN(16)
	switch copied := slices.Clone(file); way % 4 {
	case 0:
		copied[at] ^= 1 << random.IntN(8)
		return copied
	case 1:
		copied[at] += byte(1 + random.IntN(255))
		return copied
	case 2:
		return slices.Delete(copied, at, min(at+some, len(copied)-2))
	default:
		more := make([]byte, some)
		for i := range more {
			more[i] = byte(random.Uint32())
		}
		return slices.Insert(copied, at, more...)
	}
}

// 600 damaged copies of a photograph, sequential and progressive: all that
// libjpeg warns of are refused. warned.txt holds, a character a copy, whether
// djpeg -strict of libjpeg-turbo 2.1.5 stops at a warning or an error (W) or
// decodes it (.). DAMAGED=folder writes the copies, to run djpeg again.
// The figures stand in docs/images.md.
func TestDamagedPhotograph(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine decodes 1,200 files")
	}
	d := open(t, images.Options{})
	all := strings.Fields(string(read(t, "warned.txt")))
	for i, tt := range []struct {
		name string
		file []byte
	}{
		{"sequential", sample(t, "china.jpg")},
		{"progressive", read(t, "progressive-260x260.jpg")},
	} {
		right, err := d.Raster(tt.file, images.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, scan := segment(t, tt.file, 0xda)
		random := rand.New(rand.NewPCG(13, uint64(i)))
		var wrong, warned, refused, unseen, worst int
		for n := range 600 {
			file := damaged(tt.file, scan, n, random)
			if folder := os.Getenv("DAMAGED"); folder != "" {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d-%03d.jpg", i, n)), file, 0o600); err != nil {
					t.Fatal(err)
				}
				continue
			}
			got, failed := d.Raster(file, images.Options{Trusted: true})
			err := failed
			if err == nil {
				err = jpeg.Walk(file) // what Decode does besides
			}
			differ := 0
			if failed == nil && len(got.Pixels) == len(right.Pixels) {
				for j, v := range got.Pixels {
					if v != right.Pixels[j] {
						differ++
					}
				}
			}
			isWrong := failed != nil || !bytes.Equal(got.Pixels, right.Pixels)
			switch count(&wrong, isWrong); {
			case err != nil:
				refused++
			case isWrong:
				unseen++
				worst = max(worst, 100*differ/len(right.Pixels))
			}
			if all[i][n] == 'W' {
				if warned++; err == nil {
					t.Errorf("%s %d: libjpeg warns, but it is not refused", tt.name, n)
				}
			}
		}
		t.Logf("%s: of 600 copies %d are wrong; libjpeg warns of %d; %d are refused; %d are wrong and not refused, the worst in %d %% of its numbers",
			tt.name, wrong, warned, refused, unseen, worst)
		if refused < warned {
			t.Errorf("%s: %d refused, libjpeg warns of %d", tt.name, refused, warned)
		}
	}
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}
