package report

import (
	"math/rand/v2"
	"testing"
)

// No two nodes share a place, no wire runs through a node that it neither
// leaves nor reaches, every wire goes down, and no two outputs share a line
// downwards.
func TestLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for k := range 500 {
		d := Drawing{Input: []int{30, 30, 3}}
		for i := range 1 + r.IntN(25) {
			l := DrawnLayer{Name: "layer", Kind: "add", Family: []string{"join", "conv", "act"}[r.IntN(3)], Shape: []int{1 + r.IntN(30), 9, 64}, From: []int{i - 1}}
			for range r.IntN(3) {
				l.From = append(l.From, r.IntN(i+1)-1)
			}
			if r.IntN(4) == 0 {
				l.From = l.From[1:]
			}
			if len(l.From) == 0 {
				l.From = []int{r.IntN(i+1) - 1}
			}
			d.Layers = append(d.Layers, l)
		}
		checkLayout(t, k, d.layout())
	}
}

type downwards struct {
	node, to       int
	x, top, bottom float64
}

func checkLayout(t *testing.T, k int, l *layout) {
	t.Helper()
	occupied := map[[2]int]bool{}
	for i, n := range l.nodes {
		if at := [2]int{n.row, n.column}; occupied[at] {
			t.Fatalf("network %d: node %d lies where another does, at %v", k, i, at)
		} else {
			occupied[at] = true
		}
		if y := l.middle(n.row); y-n.height/2 < l.rows[n.row].y-0.01 || y+n.height/2 > l.rows[n.row].y+l.rows[n.row].height+0.01 {
			t.Fatalf("network %d: node %d is higher than its row", k, i)
		}
	}
	var lines []downwards
	for _, w := range l.wires {
		points := l.points(w)
		for i, p := range points[1:] {
			before := points[i]
			switch {
			case p.y < before.y-0.01:
				t.Fatalf("network %d: wire %+v goes up: %v", k, w, points)
			case p.x == before.x:
				lines = append(lines, downwards{w.from, w.to, p.x, before.y, p.y})
			}
			for j, n := range l.nodes {
				axis, y := l.columns[n.column].axis, l.middle(n.row)
				between := func(at, middle, size float64) bool { return at > middle-size/2+0.5 && at < middle+size/2-0.5 }
				if j != w.from && j != w.to && p.x == before.x && between(p.x, axis, n.width) && before.y < y && y < p.y {
					t.Fatalf("network %d: wire %+v runs through node %d: %v", k, w, j, points)
				}
				if p.y == before.y && between(p.y, y, n.height) && min(p.x, before.x) < axis && axis < max(p.x, before.x) {
					t.Fatalf("network %d: wire %+v runs across node %d: %v", k, w, j, points)
				}
			}
		}
	}
	// The last bit down to a node is shared by all that it reads.
	for i, a := range lines {
		for _, b := range lines[:i] {
			top, bottom := max(a.top, b.top), min(a.bottom, b.bottom)
			above := l.rows[l.nodes[a.to].row-1]
			if a.node != b.node && a.x == b.x && bottom > top+0.01 && (a.to != b.to || top < above.y+above.height) {
				t.Fatalf("network %d: outputs of nodes %d and %d share a line at %v: %+v %+v", k, a.node, b.node, a.x, a, b)
			}
		}
	}
	for _, c := range l.columns {
		for _, used := range c.tracks {
			for i, a := range used {
				for _, b := range used[:i] {
					if a.node != b.node && a.from < b.to && b.from < a.to {
						t.Fatalf("network %d: tracks %+v and %+v overlap", k, a, b)
					}
				}
			}
		}
	}
}
