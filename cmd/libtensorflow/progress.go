package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// progress is a bar on the terminal; the zero value shows nothing yet.
type progress struct {
	bar *progressbar.ProgressBar
}

func (p *progress) show(what string, done, total int64) {
	if p.bar == nil {
		p.bar = progressbar.DefaultBytes(total, what)
	}
	p.bar.Set64(done)
}

// end closes the bar's line, so that what comes next has one of its own.
func (p *progress) end(w io.Writer) {
	if p.bar != nil && !p.bar.IsFinished() {
		fmt.Fprintln(w)
	}
}
