package report

import (
	"io"
	"sync"
)

// DefaultBudget is about how large a page gets, in bytes.
const DefaultBudget = 16 << 20

// Page is report.html on its way: it takes images while a run goes on and
// keeps what will be shown of them in a file, so that memory holds only what
// they are called. It shows less of each image as more come: values under
// the pointer for the first, then images alone, then thumbnails, then
// names, so that the page stays below its budget.
//
//	page := report.NewPage(file, 2)
//	entry := page.Begin("china.jpg", views)
//	err := entry.Show(0, nil) // each view once, in any order, from any goroutine
//	err = page.Write(w, run)
type Page struct {
	Budget int

	parts    *parts
	expected int
	used     int
	entries  []*Entry
	settled  int // entries of which used counts what they really take
}

// NewPage makes a page for some number of images; fewer may come.
func NewPage(file PartsFile, images int) *Page {
	return &Page{Budget: DefaultBudget, parts: newParts(file), expected: images}
}

// View is one thing to look at: an image, or one channel of numbers.
type View struct {
	Layer string // or "input"
	Map   string // what the channel is; empty where all channels are shown
	// Height, Width and Channels are the shape of Data, [H,W,C].
	Height, Width, Channels int
	Channel                 int // that is shown; -1: all three as colours
	Data                    []float32
}

func (v View) plane() plane {
	if v.Channel < 0 {
		return plane{v.Height, v.Width, v.Channels, v.Channels, v.Data}
	}
	return plane{v.Height, v.Width, 1, v.Channels, v.Data[min(v.Channel, len(v.Data)):]}
}

// WritePNG writes the view as a PNG: a map by WriteMap, colours by WriteColour.
func (v View) WritePNG(w io.Writer, text Text) error {
	if v.Channel < 0 {
		return WriteColour(w, v.Height, v.Width, func(row, column, channel int) float32 {
			return v.Data[(row*v.Width+column)*v.Channels+channel]
		}, text)
	}
	return WriteMap(w, Map{Height: v.Height, Width: v.Width, At: func(row, column int) float32 {
		return v.Data[(row*v.Width+column)*v.Channels+v.Channel]
	}}, text)
}

// detail is how much of an image the page shows.
type detail int

const (
	withNumbers detail = iota
	withoutNumbers
	asThumbnail
	asName
)

// Entry is one image and what the layers made of it.
type Entry struct {
	page          *Page
	name          string
	label         string // what the page calls it
	height, width int
	detail        detail
	views         []*entryView
	cost          int // about what it takes in the page

	mu    sync.Mutex
	shown int // views
	size  int // what they take
}

// entryView is a view and, once shown, where its parts are.
type entryView struct {
	View
	format    string
	low, high float32
	finite    bool // there is a finite number
	shown
	imageMark, numbersMark string
}

// Begin settles how much of the next image is shown. The first view is the
// input. Calls come one after the other, in the order of the images.
func (p *Page) Begin(name string, views []View) *Entry {
	e := &Entry{page: p, name: name, height: views[0].Height, width: views[0].Width}
	for _, v := range views {
		e.views = append(e.views, &entryView{View: v})
	}
	p.settle()
	costs := e.costs()
	remaining := max(0, p.expected-len(p.entries)-1)
	fits := func(d detail) bool {
		return p.used+costs[d]+remaining*costs[asThumbnail] <= p.Budget || d == asThumbnail && p.used+costs[d] <= p.Budget
	}
	if fits(withNumbers) {
		costs[withNumbers] += e.settleFormats()
	}
	e.detail = asName
	for d := withNumbers; d < asName; d++ {
		if fits(d) {
			e.detail = d
			break
		}
	}
	e.cost = costs[e.detail]
	p.used += e.cost
	p.entries = append(p.entries, e)
	if e.detail == asName {
		e.views = nil
	}
	return e
}

// settle replaces what entries were thought to take by what they take, as far
// as they are done. Images that run together begin before any of them is
// shown, so that the page does not depend on which is done first.
func (p *Page) settle() {
	for ; p.settled < len(p.entries); p.settled++ {
		e := p.entries[p.settled]
		e.mu.Lock()
		done, size := e.shown == len(e.views), e.size
		e.mu.Unlock()
		if !done {
			return
		}
		if e.detail != asName {
			p.used += entryText + size - e.cost
		}
	}
}

// What a view and an image add to the page beside their data, in bytes.
const (
	viewText  = 1400
	entryText = 400
)

// costs is about how much the page grows with each detail; rather more, since
// nothing is encoded yet, but for numbers that need more than one byte.
func (e *Entry) costs() (costs [asName + 1]int) {
	for d := range costs {
		costs[d] = entryText
	}
	for _, v := range e.views {
		p := v.plane()
		own := p.cost(largestShown)
		costs[withNumbers] += viewText + base64Size(p.count()) + own
		costs[withoutNumbers] += viewText + own
		costs[asThumbnail] += viewText + p.cost(thumbnail)
	}
	return costs
}

// settleFormats chooses each view's format, for which all its numbers are
// looked at, and gives what they cost beyond one byte each.
func (e *Entry) settleFormats() (more int) {
	for _, v := range e.views {
		p := v.plane()
		var size int
		v.format, size = formatOf(p.numbers())
		more += base64Size(p.count()*size) - base64Size(p.count())
	}
	return more
}

// cost is about how many bytes an image takes that is at most most pixels
// long, as base64. Measured on photographs and on noise.
func (p plane) cost(most int) int {
	step := stepFor(p.height, p.width, most)
	pixels := float64((p.height + step - 1) / step * ((p.width + step - 1) / step))
	switch {
	case p.channels == 1 && (most > thumbnail || step == 1):
		return base64Size(1000 + int(pixels)) // PNG with a palette
	case p.channels == 3 && step == 1 && (most > thumbnail || pixels <= smallImage):
		return base64Size(200 + int(3.1*pixels)) // PNG
	}
	if most == thumbnail {
		return base64Size(650 + int(0.6*pixels)) // JPEG
	}
	return base64Size(650 + int(1.1*pixels)) // JPEG, noise
}

func base64Size(bytes int) int { return (bytes + 2) / 3 * 4 }

// Show encodes view i and keeps it for the page. file is the view's PNG, as
// WriteMap or WriteColour gives it, where there is one.
func (e *Entry) Show(i int, file []byte) error {
	if e.detail == asName {
		return nil
	}
	v := e.views[i]
	p := v.plane()
	if p.channels == 1 {
		v.low, v.high, v.finite = finiteRange(p.numbers())
	}
	most := largestShown
	if e.detail == asThumbnail {
		most = thumbnail
	}
	s, err := p.encode(most, v.low, v.high, file)
	if err != nil {
		return err
	}
	if v.imageMark, err = e.page.parts.add(s.file); err != nil {
		return err
	}
	size := viewText + base64Size(len(s.file))
	if e.detail == withNumbers {
		numbers := encodeNumbers(p.numbers(), v.format)
		if v.numbersMark, err = e.page.parts.add(numbers); err != nil {
			return err
		}
		size += base64Size(len(numbers))
	}
	e.mu.Lock()
	e.shown++
	e.size += size
	e.mu.Unlock()
	s.file = nil
	v.shown, v.Data = s, nil
	return nil
}
