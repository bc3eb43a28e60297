package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows a bar on a terminal for work of more than a second. Without a
// terminal it shows nothing.
type progress struct {
	w     io.Writer // nil: no terminal
	what  string
	start time.Time
	bar   *progressbar.ProgressBar
	end   func() // of what is registered as unfinished
}

func newProgress(stderr io.Writer, what string) *progress {
	p := &progress{what: what, start: time.Now()}
	if f, isFile := stderr.(*os.File); isFile && term.IsTerminal(int(f.Fd())) {
		p.w = f
	}
	return p
}

func (p *progress) show(done, total int) {
	if p.w == nil || p.bar == nil && time.Since(p.start) < time.Second {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		p.end = unfinished.begin(func() { _ = p.bar.Clear() })
	}
	// A bar that cannot be drawn is no reason to stop.
	_ = p.bar.Set(done)
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.end()
	}
}
