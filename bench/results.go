package main

import (
	"time"

	"tfcnn/bench/worker"
)

// results is all that one run of bench found, as results.json holds it.
type results struct {
	Made     time.Time  `json:"made"`
	Revision string     `json:"revision"`
	Machine  machine    `json:"machine"`
	Rounds   int        `json:"rounds"`
	Rows     []measured `json:"rows"`
	Targets  []target   `json:"targets"`
	// Unfinished says that more rows were to come.
	Unfinished bool `json:"unfinished,omitempty"`
}

// measured is one row.
type measured struct {
	Row         string    `json:"row"`
	Title       string    `json:"title"`
	How         manner    `json:"how"`
	Quick       bool      `json:"quick"` // without a limit that would say anything
	Callers     int       `json:"callers"`
	Work        work      `json:"work"`
	Limits      limits    `json:"limits"`
	Contestants []figure  `json:"contestants"`
	Begun       time.Time `json:"begun"`
	Load        float64   `json:"load"` // average over a minute before
}

// limits is what the machine did while the row was measured.
type limits struct {
	Product spread `json:"product"` // FLOP/s of the product of two matrices
	Copy    spread `json:"copy"`    // bytes/s, read and written, of a copy of as many bytes as the row has
}

// figure is what one contestant did in one row.
type figure struct {
	Name  string `json:"name"`
	Side  side   `json:"side"`
	About string `json:"about,omitempty"`
	// Cannot says why there are no figures; Failed that there should be.
	Cannot string `json:"cannot,omitempty"`
	Failed string `json:"failed,omitempty"`
	// Seconds are those of single calls. Of callers at the same time, they are
	// from call to return.
	Seconds spread  `json:"seconds"`
	P99     float64 `json:"p99,omitempty"`
	// Rounds are the seconds that a call took in each round: the median, or, of
	// callers at the same time, the time they took together, a call.
	Rounds []float64 `json:"rounds"`
	// Ratio is to ours, round by round: above 1, ours is faster.
	Ratio spread `json:"ratio"`
	// First is from the start of the process to its first result.
	First      float64 `json:"first"`
	PeakBytes  int64   `json:"peak_bytes"`
	Difference float64 `json:"difference"` // from ours, as a share of the span
}

// ok reports whether there are figures to compare.
func (f figure) ok() bool { return f.Cannot == "" && f.Failed == "" && len(f.Rounds) > 0 }

// perCall is the contestant's figure for a row: seconds a call.
func (f figure) perCall() float64 { return quantile(f.Rounds, 0.5) }

// find gives the figure of a contestant.
func (m measured) find(name string) (figure, bool) {
	for _, f := range m.Contestants {
		if f.Name == name && f.ok() {
			return f, true
		}
	}
	return figure{}, false
}

// fastest gives the fastest of the contestants that are asked for.
func (m measured) fastest(want func(figure) bool) (best figure, found bool) {
	for _, f := range m.Contestants {
		if f.ok() && want(f) && (!found || f.perCall() < best.perCall()) {
			best, found = f, true
		}
	}
	return best, found
}

// peer reports whether a figure is another system's.
func peer(f figure) bool { return f.Side == python || f.Side == other }

func from(s side) func(figure) bool { return func(f figure) bool { return f.Side == s } }

// least is the time that a call takes by the machine's limits: that of its
// products or that of its bytes, whichever is longer.
func (m measured) least() (seconds float64, by string) {
	if m.Quick || m.Limits.Product.Median == 0 || m.Limits.Copy.Median == 0 {
		return 0, ""
	}
	arithmetic, memory := m.Work.FLOPs/m.Limits.Product.Median, float64(m.Work.Bytes)/m.Limits.Copy.Median
	if arithmetic > memory {
		return arithmetic, "product"
	}
	return memory, "copy"
}

// productFLOPs is what the limit's product takes.
const productFLOPs = 2 * worker.ProductSize * worker.ProductSize * worker.ProductSize
