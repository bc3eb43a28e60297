package main

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/parent"
	"tfcnn/session/images"
)

// The memory of an image is never more than the estimate, and at least two thirds of
// it. With TFCNN_MEMORY=1 images of 12 and 48 megapixels are tried, too.
func TestEstimate(t *testing.T) {
	if os.Getenv("TFCNN_CHILD") == "estimate" {
		measureEstimate(t, strings.Split(os.Getenv("TFCNN_ARGUMENTS"), "\n"))
		return
	}
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	sizes := []image.Point{{2000, 1500}}
	if os.Getenv("TFCNN_MEMORY") != "" {
		sizes = []image.Point{{1155, 866}, {4000, 3000}, {8000, 6000}}
	}
	folder := t.TempDir()
	// A filter whose products are rounded, so that every number has a bound.
	thirds := filepath.Join(folder, "thirds.npy")
	var filter bytes.Buffer
	if err := (tensor.Tensor{Shape: []int{2, 2}, Data: []float32{1. / 3, -2. / 3, 1. / 7, 0.1}}).WriteNPY(&filter); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(thirds, filter.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		photograph := drawPhotograph(size.X, size.Y)
		for _, tt := range []struct {
			name   string
			encode func(io.Writer) error
			flags  []string
		}{
			{"photograph.jpg", func(w io.Writer) error { return jpeg.Encode(w, photograph, nil) }, nil},
			{"photograph.png", func(w io.Writer) error { return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, photograph) }, nil},
			{"photograph.png", nil, []string{"--filter", thirds, "--filter", thirds, "--filter", thirds, "--stride", "1", "--pool", "avg"}},
			{"photograph.png", nil, []string{"--no-verify"}},
		} {
			path := filepath.Join(folder, fmt.Sprintf("%dx%d-%s", size.X, size.Y, tt.name))
			if tt.encode != nil {
				var file bytes.Buffer
				if err := tt.encode(&file); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			name := strings.ReplaceAll(strings.Join(append([]string{filepath.Base(path)}, tt.flags...), " "), thirds, "thirds")
			t.Run(name, func(t *testing.T) {
				var growth, estimate int64
				inChild(t, "TestEstimate", "estimate", append([]string{path}, tt.flags...), "growth %d estimate %d", &growth, &estimate)
				checkEstimate(t, growth, estimate)
			})
		}
	}
}

// inChild runs a test in a process of its own, which TFCNN_CHILD tells what it is
// for, and scans the line that it prints.
func inChild(t *testing.T, test, child string, arguments []string, line string, answers ...any) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), parent.Off, "TFCNN_CHILD="+child, "TF_ENABLE_ONEDNN_OPTS=0", "TFCNN_ARGUMENTS="+strings.Join(arguments, "\n"))
	out, err := cmd.CombinedOutput()
	begin, _, _ := strings.Cut(line, " ")
	if _, scan := fmt.Sscanf(string(out[max(0, bytes.Index(out, []byte(begin+" "))):]), line, answers...); err != nil || scan != nil {
		if strings.Contains(string(out), "--- SKIP") {
			t.Skip(string(out))
		}
		t.Fatalf("%v %v\n%s", err, scan, out)
	}
}

// checkEstimate checks that an estimate lies between a growth and half as much again.
func checkEstimate(t *testing.T, growth, estimate int64) {
	t.Helper()
	const mebibyte = 1 << 20
	ratio := float64(estimate) / float64(growth)
	t.Logf("grew by %d MiB, estimate %d MiB, ratio %.2f", growth/mebibyte, estimate/mebibyte, ratio)
	if ratio < 1 {
		t.Errorf("grew by %d bytes, the estimate is %d", growth, estimate)
	}
	if ratio > 1.5 {
		t.Errorf("the estimate of %d bytes is %.2f times the growth of %d", estimate, ratio, growth)
	}
}

// peakGrowth is how much the peak of the process's memory grows while run runs.
func peakGrowth(t *testing.T, run func()) int64 {
	t.Helper()
	for range 2 {
		debug.FreeOSMemory()
	}
	const resetPeak = "5" // proc(5), clear_refs
	if err := os.WriteFile("/proc/self/clear_refs", []byte(resetPeak), 0); err != nil {
		t.Skip(err)
	}
	before := statusField(t, "VmHWM:")
	run()
	return statusField(t, "VmHWM:") - before
}

// drawPhotograph is an image that compresses like one that a camera has taken.
func drawPhotograph(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	state := uint32(1)
	for y := range height {
		for x := range width {
			state = state*1664525 + 1013904223
			noise := float64(state>>24)/16 - 8
			at := func(phase float64) uint8 {
				return uint8(127 + 90*math.Sin(float64(x)/97+float64(y)/211+phase) + noise)
			}
			img.SetNRGBA(x, y, color.NRGBA{at(0), at(1), at(2), 255})
		}
	}
	return img
}

// measureEstimate runs an image in a process that has run another before.
func measureEstimate(t *testing.T, arguments []string) {
	out := t.TempDir()
	run := func(arguments ...string) {
		var stderr bytes.Buffer
		if status := execute(t.Context(), append([]string{"run", "--out", out}, arguments...), io.Discard, &stderr); status != 0 {
			t.Fatalf("status %d: %s", status, stderr.String())
		}
	}
	run(append([]string{"--resize", "64x64"}, arguments[1:]...)...)
	growth := peakGrowth(t, func() { run(arguments...) })
	fmt.Printf("growth %d estimate %d\n", growth, estimateOf(t, arguments))
}

// estimateOf is the command's estimate for an image, without what comes with
// a first run.
func estimateOf(t *testing.T, arguments []string) int64 {
	var f runFlags
	if err := runCommand(&f).ParseFlags(arguments[1:]); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(arguments[0])
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJob(f)
	if err != nil {
		t.Fatal(err)
	}
	q := &queue{after: j.imageMemory, options: images.Options{}}
	o := q.open(source{arguments[0], func() ([]byte, error) { return file, nil }})
	if o.refused != nil {
		t.Fatal(o.refused)
	}
	return o.peak() - firstRunBytes
}

func statusField(t *testing.T, name string) int64 {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Skip("the system does not tell ", name)
	return 0
}

// Images are handed out together as long as they fit; the order is kept.
func TestQueue(t *testing.T) {
	file := func(width, height int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	files := map[string][]byte{"small": file(10, 10), "large": file(3000, 2000), "broken": []byte("no image")}
	var sources []source
	add := func(n int, name string) {
		for range n {
			sources = append(sources, source{name, func() ([]byte, error) { return files[name], nil }})
		}
	}
	most := 4 * runtime.GOMAXPROCS(0)
	add(1, "large")
	add(most+1, "small")
	add(1, "broken")
	q := &queue{sources: sources, after: func(int, int) int64 { return 0 }}
	// One large image does not fit beside another; small ones do.
	before := workingBytes
	defer func() { workingBytes = before }()
	var names []string
	for {
		some, err := q.nextFiles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		if len(some) > most {
			t.Errorf("%d at once, want at most %d", len(some), most)
		}
		for _, o := range some {
			names = append(names, o.name)
			if (o.refused != nil) != (o.name == "broken") {
				t.Errorf("%s: %v", o.name, o.refused)
			}
		}
	}
	if len(names) != len(sources) {
		t.Errorf("%d images, want %d", len(names), len(sources))
	}
	for i, s := range sources[:min(len(names), len(sources))] {
		if names[i] != s.name {
			t.Errorf("image %d is %s, want %s", i, names[i], s.name)
		}
	}
	// An image that no machine's memory fits is refused by its name, after earlier images' memory
	// was given back; the others go on.
	released := 0
	q = &queue{
		sources: []source{sources[1], sources[0], sources[1]},
		after: func(height, _ int) int64 {
			if height == 2000 {
				return math.MaxInt64 / 4
			}
			return 0
		},
		release: func() error { released++; return nil },
	}
	var refused []string
	for {
		some, err := q.nextFiles(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		for _, o := range some {
			if o.refused != nil {
				refused = append(refused, o.name+": "+o.refused.Error())
			}
		}
	}
	if len(refused) != 1 || !strings.HasPrefix(refused[0], "large: not enough memory: needs") || released != 1 {
		t.Errorf("refused %q after %d releases", refused, released)
	}
}
