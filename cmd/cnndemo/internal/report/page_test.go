package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"tfcnn/internal/proof"
)

// images is a batch for a page: an input of 8-bit colours, and what a layer
// called conv2d made of it, two maps.
type images struct {
	names         []string
	height, width int
	noise         bool
}

func scratch(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "parts"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// add enters the images into a page and shows all views at once.
func (b images) add(t *testing.T, p *Page) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(len(p.entries))))
	var group sync.WaitGroup
	for _, name := range b.names {
		input, maps := make([]float32, b.height*b.width*3), make([]float32, b.height*b.width*2)
		for i := range input {
			input[i] = float32(i / b.width % 256)
			if b.noise {
				input[i] = float32(random.IntN(256))
			}
		}
		for i := range maps {
			maps[i] = float32(i)/3 - 5
			if b.noise {
				maps[i] = random.Float32()
			}
		}
		e := p.Begin(name, []View{
			{Layer: "input", Height: b.height, Width: b.width, Channels: 3, Channel: -1, Data: input},
			{Layer: "conv2d", Map: "one", Height: b.height, Width: b.width, Channels: 2, Channel: 0, Data: maps},
			{Layer: "conv2d", Map: "two", Height: b.height, Width: b.width, Channels: 2, Channel: 1, Data: maps},
		})
		for i := range 3 {
			group.Go(func() {
				if err := e.Show(i, nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
}

// run is the report of one layer over the images.
func (b images) run(v *proof.Verdict) Run {
	n := len(b.names)
	return Run{
		TensorFlow: "2.21.0", Device: "/device:CPU:0", Command: "cnndemo run", Status: "pass",
		Sizes: []Size{{
			Height: b.height, Width: b.width, Images: b.names,
			Ops: []Op{{
				Layer: "conv2d", Kind: "conv2d", Reads: "input", Maps: []string{"one", "two"},
				Input: []int{n, b.height, b.width, 3}, Output: []int{n, b.height, b.width, 2},
				Size: [2]int{3, 3}, Strides: [2]int{1, 1}, Dilations: [2]int{1, 1}, Padding: "SAME", Padded: [4]int{1, 1, 1, 1},
				Verdict: v,
			}},
		}},
	}
}

func write(t *testing.T, p *Page, run Run) string {
	t.Helper()
	var page bytes.Buffer
	if err := p.Write(&page, run); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// Whatever images are called, and whatever notes and reasons say, is text.
func TestPageEscapes(t *testing.T) {
	const evil = `"><script>alert(1)</script>'&<img src=x onerror=alert(2)>`
	b := images{names: []string{evil}, height: 4, width: 5}
	p := NewPage(scratch(t), 1)
	b.add(t, p)
	run := b.run(&proof.Verdict{Status: proof.Fail, Elements: 40, Outside: 1, Worst: []int{0, 1, 2, 0}, Got: 1, Want: 2, MaxError: 1, Bound: 0.5, Share: 2})
	run.TensorFlow, run.Device, run.Command, run.Changed, run.Notes = evil, evil, evil, []string{evil}, []string{evil}
	run.Refused = []Refused{{Image: evil, Reason: evil}}
	op := &run.Sizes[0].Ops[0]
	op.Maps[0], op.Device, op.Padding, op.Kind = evil, evil, evil, evil
	for what, page := range map[string]string{"run": write(t, p, run), "verify": func() string {
		var page bytes.Buffer
		quoted, _ := json.Marshal(map[string]string{"name": evil})
		if err := WriteVerification(&page, Verification{TensorFlow: evil, Cases: 1, Counts: map[proof.Status]int{proof.Fail: 1}, Outcomes: []proof.Outcome{
			{File: evil, Name: evil, Op: evil, Status: proof.Fail, Failure: evil, Repeat: quoted},
		}}); err != nil {
			t.Fatal(err)
		}
		return page.String()
	}()} {
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s: a name became markup", what)
		}
		if strings.Count(page, "&lt;script&gt;alert(1)") < 4 {
			t.Errorf("%s: the name is not shown", what)
		}
	}
}

// A name that looks like a mark of another page stays text, and each mark
// gives its own piece.
func TestSplice(t *testing.T) {
	p := newParts(scratch(t))
	var marks []string
	for i := range 3 {
		mark, err := p.add(bytes.Repeat([]byte{byte('a' + i)}, i))
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, mark)
	}
	text := "<" + marks[2] + "|" + marks[0] + "|" + marks[1] + "> part000000001"
	var got bytes.Buffer
	if err := p.splice(&got, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if want := "<Y2M=||Yg==> part000000001"; got.String() != want {
		t.Errorf("got %q", got.String())
	}
	other := newParts(scratch(t))
	if other.mark == p.mark {
		t.Error("two pages have the same mark")
	}
}

// The page's policy lets its own script and style run, and nothing else.
func TestPolicy(t *testing.T) {
	b := images{names: []string{"a.png"}, height: 4, width: 5}
	p := NewPage(scratch(t), 1)
	b.add(t, p)
	page := write(t, p, b.run(nil))
	for _, element := range []string{"style", "script"} {
		elements := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1)
		if len(elements) != 1 {
			t.Fatalf("%d elements %s", len(elements), element)
		}
		sum := sha256.Sum256([]byte(elements[0][1]))
		if want := element + "-src &#39;sha256-" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;"); !strings.Contains(page, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	for _, forbidden := range []string{"unsafe", "http:", "https:", "style=\"", "onclick"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
}

// The more images, the less is shown of each, and the page stays within its
// budget, with data that no encoding makes smaller.
func TestBudget(t *testing.T) {
	for _, tt := range []struct{ images, budget int }{{1, 16 << 20}, {3, 1 << 20}, {40, 1 << 20}, {200, 1 << 20}} {
		b := images{height: 150, width: 200, noise: true}
		for i := range tt.images {
			b.names = append(b.names, fmt.Sprintf("%03d.png", i))
		}
		p := NewPage(scratch(t), tt.images)
		p.Budget = tt.budget
		b.add(t, p)
		page := write(t, p, b.run(nil))
		const frame = 40_000 // style, script, sections
		if len(page) > tt.budget+frame {
			t.Errorf("%d images: page of %d bytes, budget %d", tt.images, len(page), tt.budget)
		}
		var counts [asName + 1]int
		for _, e := range p.entries {
			counts[e.detail]++
		}
		t.Logf("%d images, budget %d: %d bytes, %v", tt.images, tt.budget, len(page), counts)
		if tt.images == 1 && counts[withNumbers] != 1 || tt.images == 200 && counts[asName] == 0 || tt.images == 40 && counts[asThumbnail] == 0 {
			t.Errorf("%d images: with numbers, without, thumbnails, names: %v", tt.images, counts)
		}
		if all := counts[withNumbers] == tt.images; all == strings.Contains(page, "To keep this page below") {
			t.Errorf("%d images: the page says wrongly what it leaves out", tt.images)
		}
		for _, name := range b.names {
			if !strings.Contains(page, name) {
				t.Errorf("%s is not on the page", name)
			}
		}
	}
}

// The order in which views are done leaves no trace.
func TestPageIsTheSame(t *testing.T) {
	var first string
	for i := range 4 {
		b := images{names: []string{"a.png", "b.png", "c.png"}, height: 30, width: 40, noise: true}
		p := NewPage(scratch(t), 3)
		b.add(t, p)
		page := write(t, p, b.run(nil))
		if i == 0 {
			first = page
		} else if page != first {
			t.Fatal("two pages of the same images differ")
		}
	}
}

// The numbers of a page are those of the tensor, in the smallest format that
// holds them.
func TestNumbers(t *testing.T) {
	negativeZero := float32(math.Copysign(0, -1))
	for _, tt := range []struct {
		format  string
		numbers []float32
	}{
		{formatUint8, []float32{0, 255}},
		{formatInt16, []float32{-1, 255}},
		{formatInt16, []float32{-32768, 32767}},
		{formatInt32, []float32{32768, 0}},
		{formatInt32, []float32{-32769, 1 << 24}},
		{formatFloat32, []float32{1 << 30, 0.5}},
		{formatFloat32, []float32{1 << 31, 1}},
		{formatFloat32, []float32{negativeZero, 1}},
		{formatFloat32, []float32{float32(math.NaN()), float32(math.Inf(-1))}},
	} {
		// Channel 1 of two; the other must not count.
		p := View{Height: 1, Width: 2, Channels: 2, Channel: 1, Data: []float32{0.1, tt.numbers[0], 0.1, tt.numbers[1]}}.plane()
		format, size := formatOf(p.numbers())
		if format != tt.format {
			t.Errorf("%v: format %s, want %s", tt.numbers, format, tt.format)
			continue
		}
		data := encodeNumbers(p.numbers(), format)
		if len(data) != 2*size {
			t.Errorf("%v: %d bytes, want %d", tt.numbers, len(data), 2*size)
			continue
		}
		for i, want := range tt.numbers {
			var got float32
			switch raw := data[i*size:]; format {
			case formatUint8:
				got = float32(raw[0])
			case formatInt16:
				got = float32(int16(binary.LittleEndian.Uint16(raw)))
			case formatInt32:
				got = float32(int32(binary.LittleEndian.Uint32(raw)))
			default:
				got = math.Float32frombits(binary.LittleEndian.Uint32(raw))
			}
			if math.Float32bits(got) != math.Float32bits(want) {
				t.Errorf("%v: number %d came back as %v", tt.numbers, i, got)
			}
		}
	}
}

// An image that is larger than the page wants is reduced by means.
func TestReduce(t *testing.T) {
	p := View{Height: 3, Width: 4, Channels: 1, Channel: 0, Data: []float32{
		1, 3, 5, 7,
		1, 3, 5, 7,
		10, 20, 0, 0,
	}}.plane()
	got := p.reduce(2)
	want := []float32{2, 6, 15, 0}
	if got.height != 2 || got.width != 2 || fmt.Sprint(got.data) != fmt.Sprint(want) {
		t.Errorf("got %d×%d %v, want %v", got.height, got.width, got.data, want)
	}
}

// A ring stands where the worst number is, on the map that has it and on no
// other, and the proof points to it.
func TestRing(t *testing.T) {
	b := images{names: []string{"a.png", "b.png"}, height: 6, width: 5}
	p := NewPage(scratch(t), 2)
	b.add(t, p)
	page := write(t, p, b.run(&proof.Verdict{
		Status: proof.Fail, Elements: 120, Outside: 3, Worst: []int{1, 4, 2, 1}, Got: 1.5, Want: 1, MaxError: 0.5, Bound: 0.125, Share: 4,
		Histogram: []int{100, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3},
	}))
	if n := strings.Count(page, `<circle class="ring" `); n != 1 {
		t.Errorf("%d rings, want 1", n)
	}
	figure := page[strings.Index(page, `id="p2-2"`):]
	figure = figure[:strings.Index(figure, "</figure>")]
	for _, want := range []string{`cx="2.5" cy="4.5"`, "row 4, column 2"} {
		if !strings.Contains(figure, want) {
			t.Errorf("the figure lacks %s", want)
		}
	}
	for _, want := range []string{
		"3 of 120 numbers lie outside their bounds", "See the ring on the map", `href="#p2-2"`, "In <b>b.png</b> at row 4, column 2, map two",
		"got <b class=\"num\">1.5</b>, want <b class=\"num\">1</b>; an error of 0.5, with a bound of 0.125", "3 outside the bound", "4 times its bound",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestVerdictWords(t *testing.T) {
	for _, tt := range []struct {
		verdict            *proof.Verdict
		headline, sentence string
	}{
		{nil, "Not verified", "did not compare its numbers"},
		{&proof.Verdict{Status: proof.Pass, Elements: 411840, Exact: 411840}, "All 411,840 numbers are exact", "to the last bit"},
		{&proof.Verdict{Status: proof.Pass, Elements: 10, Exact: 3, Share: 0.25, MaxError: 1, Bound: 4}, "All 10 numbers are within their bounds", "The largest error is 25 % of its bound."},
		{&proof.Verdict{Status: proof.Nothing, Elements: 10, Exact: 10, NaN: 10}, "Of 10 numbers none was compared: this proves nothing", "10 are NaN on both sides, which compares nothing."},
		{&proof.Verdict{Status: proof.Pass, Elements: 10, Exact: 10, NaN: 4}, "All 10 numbers are exact", "4 are NaN on both sides"},
		{&proof.Verdict{Status: proof.Pass}, "There are no numbers", "The output is empty"},
		{&proof.Verdict{Status: proof.Overflow, Elements: 10, Overflowed: 1}, "not finite where that is right", "1 is not finite"},
		{&proof.Verdict{Status: proof.Precision, Elements: 10, Level: 3.5}, "less precise than float32", "3.5 times"},
		{&proof.Verdict{Status: proof.Fail, Elements: 10, Outside: 1}, "1 of 10 numbers lies outside its bounds", "cannot be this far"},
		{&proof.Verdict{Status: proof.Fail, Elements: 10, Outside: 10, Note: "output is [1], want [2]"}, "wrong shape", "output is [1], want [2]."},
	} {
		headline, sentence := verdictWords(tt.verdict)
		if !strings.Contains(headline, tt.headline) || !strings.Contains(sentence, tt.sentence) {
			t.Errorf("%+v: got %q, %q", tt.verdict, headline, sentence)
		}
	}
}

// Images of one name in two folders are told apart.
func TestLabels(t *testing.T) {
	b := images{names: []string{"x/a.png", "y/a.png", "y/b.png"}, height: 4, width: 5}
	p := NewPage(scratch(t), 3)
	b.add(t, p)
	page := write(t, p, b.run(nil))
	for _, want := range []string{">x/a.png</h3>", ">y/a.png</h3>", ">b.png</h3>", `alt="y/a.png after conv2d, map two: 4 rows, 5 columns`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if err := p.Write(io.Discard, Run{}); err == nil {
		t.Error("a page of nothing was written")
	}
}

// A file that cannot be read back is an error of Write.
func TestPageWithoutParts(t *testing.T) {
	b := images{names: []string{"a.png"}, height: 4, width: 5}
	f := scratch(t)
	p := NewPage(f, 1)
	b.add(t, p)
	f.Close()
	if err := p.Write(io.Discard, b.run(nil)); err == nil || !strings.HasPrefix(err.Error(), "report: page: ") {
		t.Errorf("got %v", err)
	}
}
