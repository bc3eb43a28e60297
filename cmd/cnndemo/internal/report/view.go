package report

import (
	"cmp"
	"fmt"
	"html/template"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
)

// runView is a run as its template reads it.
type runView struct {
	frame
	Drawing template.HTML // of the network
	Sizes   []sizeView
	Layers  []layerView
	Times   []timeView
	Shown   string // how much of the images the page shows, where not all
	Numbers []numbersView
	Notes   []string
	Refused []Refused
	Checked bool

	sizes []Size
}

type sizeView struct {
	Size
	Heading string
	Images  []imageView
	Names   []string // of images that there was no room to show
	Windows []windowView
	Ops     []opView
	Open    bool // its windows are drawn in sight
}

type imageView struct {
	ID, Name, Short string
	Views           []figureView
	Thumb           bool
}

// figureView is one image with all that stands by it.
type figureView struct {
	ID, Row, Prev, Next string
	Image               string // of the image's file, for headings
	Layer, Map          string
	Rows, Columns       int
	Source              template.URL
	Width, Height       int    // of the shown file
	Class               string // sizes up to which enlarging magnifies
	Alt                 string
	Low, High           string // of the colour bar; empty for colours
	Reduced             string
	Format, Channels    string // of the numbers; empty without
	Reads, Window       string // for the script: the view that a pixel reads, and where
	Ring                *ringView
}

type ringView struct {
	Row, Column int
	CX, CY, R   float64
	Text        string
}

type numbersView struct{ ID, Mark string }

type windowView struct {
	Layer, Words string
	Drawing      template.HTML
}

type opView struct {
	Op
	Weights int64
	Padding string
	Added   string // what the padding adds
	Verdict string
	Class   string
}

type timeView struct {
	Name, What string
	Seconds    float64
	Part       float64
}

// mostWindows is of how many sizes the windows are drawn.
const mostWindows = 12

// view turns a run into the values that its template reads.
func (p *Page) view(a assets, run Run) runView {
	v := runView{
		frame: frame{CSS: a.css, JS: a.js, Policy: a.policy, Command: "run"},
		sizes: run.Sizes, Notes: run.Notes, Checked: run.Status != "not verified",
	}
	for _, r := range run.Refused {
		v.Refused = append(v.Refused, Refused{quote.Plain(r.Image), r.Reason})
	}
	images := 0
	for _, size := range run.Sizes {
		images += len(size.Images)
	}
	var layers []string
	for _, op := range run.Sizes[0].Ops {
		layers = append(layers, op.Layer)
	}
	v.Heading = fmt.Sprintf("%s through %s", count(images, "image"), cmp.Or(run.Network, list(layers)))
	v.Title = v.Heading
	v.Layers = layerViews(run)
	v.Verdict = runVerdict(v.Layers)
	v.Facts = []fact{
		{Name: "TensorFlow", Value: run.TensorFlow},
		{Name: "Device", Value: strings.TrimPrefix(run.Device, "/device:")},
		{Name: "Precision", Value: run.Precision},
		{Name: "oneDNN", Value: onOff(run.OneDNN)},
		{Name: "Options", Value: cmp.Or(strings.Join(run.Changed, ", "), "defaults")},
		{Name: "Repeat with", Value: run.Command, Code: true},
	}
	if run.Weights != "" {
		v.Facts = append([]fact{{Name: "Weights", Value: run.Weights}}, v.Facts...)
	}
	v.Nav = []link{{"#images", "Images"}, {"#windows", "Windows"}, {"#layers", "Layers"}, {"#proof", "Proof"}, {"#times", "Times"}}
	if run.Drawing != nil {
		// A network that ran can be drawn.
		if drawing, err := run.Drawing.Inline(); err == nil {
			v.Drawing = template.HTML(drawing)
			v.Nav = append(v.Nav, link{"#network", "Network"})
		}
	}
	v.Times = times(run.Seconds)
	p.label()
	at := 0
	for i, size := range run.Sizes {
		s := sizeView{Size: size, Heading: fmt.Sprintf("%d×%d pixels", size.Width, size.Height), Open: i == 0}
		index := 0
		for _, e := range p.entries {
			if e.height != size.Height || e.width != size.Width {
				continue
			}
			at++
			if e.detail == asName {
				s.Names = append(s.Names, quote.Plain(e.name))
			} else {
				s.Images = append(s.Images, e.view(at, index, size, &v))
			}
			index++
		}
		for k, op := range size.Ops {
			s.Ops = append(s.Ops, viewOp(op))
			if !op.slides() {
				continue
			}
			w := windowView{Layer: op.Layer, Words: windowWords(op)}
			if i < mostWindows {
				w.Drawing = windowDrawing(op, fmt.Sprintf("w%d-%d", i, k))
			}
			s.Windows = append(s.Windows, w)
		}
		v.Sizes = append(v.Sizes, s)
	}
	v.link()
	v.Shown = p.shownWords()
	return v
}

// label calls images by their files' names without the folder, where no two
// have the same.
func (p *Page) label() {
	files := map[string]int{}
	for _, e := range p.entries {
		files[short(e.name)]++
	}
	for _, e := range p.entries {
		if e.label = short(e.name); files[e.label] > 1 {
			e.label = quote.Plain(e.name)
		}
	}
}

// link makes each figure know the one before it and the one after.
func (v *runView) link() {
	var before *figureView
	for i := range v.Sizes {
		for k := range v.Sizes[i].Images {
			views := v.Sizes[i].Images[k].Views
			for n := range views {
				if before != nil {
					before.Next, views[n].Prev = views[n].ID, before.ID
				}
				before = &views[n]
			}
		}
	}
}

// shownWords describes the views that the budget left out.
func (p *Page) shownWords() string {
	var counts [asName + 1]int
	for _, e := range p.entries {
		counts[e.detail]++
	}
	if counts[withNumbers] == len(p.entries) {
		return ""
	}
	text := fmt.Sprintf("To keep this page below about %s, %s of the %s %s values under the pointer", Bytes(int64(p.Budget)),
		grouped(counts[withNumbers]), count(len(p.entries), "image"), map[bool]string{true: "has", false: "have"}[counts[withNumbers] == 1])
	for _, part := range []struct {
		n    int
		what string
	}{{counts[withoutNumbers], "shown without"}, {counts[asThumbnail], "shown as thumbnails"}, {counts[asName], "only named"}} {
		if part.n > 0 {
			text += fmt.Sprintf("; %s %s %s", grouped(part.n), map[bool]string{true: "is", false: "are"}[part.n == 1], part.what)
		}
	}
	return text + ". The files beside the page hold every number and image."
}

// view is an entry, number at of all and number index of its size.
func (e *Entry) view(at, index int, size Size, page *runView) imageView {
	v := imageView{ID: fmt.Sprintf("p%d", at), Name: quote.Plain(e.name), Short: e.label, Thumb: e.detail == asThumbnail}
	for i, from := range e.views {
		f := figureView{
			ID: fmt.Sprintf("%s-%d", v.ID, i), Row: v.ID, Image: v.Short, Layer: from.Layer, Map: mapName(from.Map),
			Rows: from.View.Height, Columns: from.View.Width, Width: from.shown.width, Height: from.shown.height,
			Source: template.URL("data:" + from.mime + ";base64," + from.imageMark),
			Class:  sizeClass(from.shown.width, from.shown.height),
		}
		from.describe(&f, e)
		if from.numbersMark != "" {
			f.Format, f.Channels = from.format, fmt.Sprint(from.plane().channels)
			page.Numbers = append(page.Numbers, numbersView{"n-" + f.ID, from.numbersMark})
		}
		for _, op := range size.Ops {
			if op.Layer == from.Layer {
				f.Reads, f.Window = e.reads(v.ID, from.View, op)
				if f.Ring = ring(op, index, from.View); f.Ring != nil && !page.claim(op.Layer, size, f.ID) {
					f.Ring = nil
				}
			}
		}
		v.Views = append(v.Views, f)
	}
	return v
}

// claim reports whether a size's ring is that of the layer's worst number over
// all sizes, and lets the proof point to it.
func (v *runView) claim(layer string, size Size, id string) bool {
	for i := range v.Layers {
		l := &v.Layers[i]
		if l.Layer == layer && l.Worst != nil && v.sizes[l.size].Height == size.Height && v.sizes[l.size].Width == size.Width {
			l.Worst.To = id
			return true
		}
	}
	return false
}

// describe writes the words by a figure.
func (v *entryView) describe(f *figureView, e *Entry) {
	what := "as the network read it"
	switch {
	case v.Layer != "input" && v.Map != "":
		what = "after " + v.Layer + ", map " + mapName(v.Map)
	case v.Layer != "input":
		what = "after " + v.Layer
	}
	f.Alt = fmt.Sprintf("%s %s: %s, %s", e.label, what, count(v.View.Height, "row"), count(v.View.Width, "column"))
	if v.Channel >= 0 {
		f.Low, f.High = decimal(v.low), decimal(v.high)
		switch {
		case !v.finite:
			f.Low, f.High = "none", "finite"
			f.Alt += ", no number finite"
		case v.low == v.high:
			f.Alt += ", every number " + f.Low
		default:
			f.Alt += fmt.Sprintf(", from %s (dark) to %s (light)", f.Low, f.High)
		}
	}
	if v.step > 1 && e.detail != asThumbnail {
		f.Reduced = fmt.Sprintf("reduced %d-fold", v.step)
	}
}

// mapName is a feature map's name, which may be a file's.
func mapName(name string) string {
	if name == "" {
		return ""
	}
	return quote.Plain(name)
}

// reads names the view that a view's layer reads, and the window in numbers:
// size, strides, dilations, top and left padding.
func (e *Entry) reads(id string, v View, op Op) (from, window string) {
	for i, other := range e.views {
		if op.slides() && other.Layer == op.Reads && (other.Channel < 0 || other.Channel == v.Channel) {
			numbers := []int{op.Size[0], op.Size[1], op.Strides[0], op.Strides[1], op.Dilations[0], op.Dilations[1], op.Padded[0], op.Padded[2]}
			return fmt.Sprintf("%s-%d", id, i), strings.Trim(fmt.Sprint(numbers), "[]")
		}
	}
	return "", ""
}

// ring marks the worst number of an operation, where it lies in this view and
// has an error at all.
func ring(op Op, index int, v View) *ringView {
	worst := op.Verdict
	if worst == nil || len(worst.Worst) != 4 || worst.Share == 0 || worst.Worst[0] != index || v.Channel >= 0 && worst.Worst[3] != v.Channel {
		return nil
	}
	row, column := worst.Worst[1], worst.Worst[2]
	text := "largest error"
	if worst.Status == proof.Fail {
		text = "outside its bound"
	}
	return &ringView{
		Row: row, Column: column, CX: float64(column) + .5, CY: float64(row) + .5, R: max(1.5, float64(max(v.Height, v.Width))/28),
		Text: fmt.Sprintf("The ring is at row %d, column %d: %s", row, column, text),
	}
}

// sizeClass returns the CSS class by image size; the page enlarges small images.
func sizeClass(width, height int) string {
	longer := max(width, height)
	for _, most := range []int{160, 320, 640} {
		if longer <= most {
			return fmt.Sprintf("px-%d", most)
		}
	}
	return "px-more"
}

func viewOp(op Op) opView {
	v := opView{Op: op, Weights: 4 * op.Parameters, Verdict: "not verified", Class: "none", Padding: op.Padding}
	if op.Padded != [4]int{} {
		v.Added = fmt.Sprintf("%d above, %d below, %d left, %d right", op.Padded[0], op.Padded[1], op.Padded[2], op.Padded[3])
	}
	if op.Verdict != nil {
		v.Verdict, v.Class = string(op.Verdict.Status), statusClass(op.Verdict.Status)
		if op.Verdict.Exact == op.Verdict.Elements {
			v.Verdict += ", exact"
		}
	}
	return v
}

func times(s Seconds) []timeView {
	list := []timeView{
		{"Decode", "reading the images", s.Decode, 0},
		{"Open", "building the graph, starting the session", s.Open, 0},
		{"Run", "in TensorFlow", s.Run, 0},
		{"Check", "the reference, while files are written", s.Check, 0},
		{"Write", "files and this page’s images", s.Write, 0},
		{"In all", "from start to end", s.Total, 0},
	}
	for i := range list {
		if s.Total > 0 {
			list[i].Part = list[i].Seconds / s.Total
		}
	}
	return list
}
