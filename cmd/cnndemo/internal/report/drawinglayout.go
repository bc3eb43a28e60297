package report

import (
	"math"
	"slices"
	"strings"
)

// layout is a drawing with everything in its place. Node 0 is the input, node
// i+1 is layer i.
type layout struct {
	nodes   []*node
	wires   []wire
	rows    []gridRow
	columns []gridColumn
	// used tells of a column and a row what lies there: node i as −i−1, or
	// the output of node i, passing, as i+1.
	used          map[[2]int]int
	width, height float64
}

// node is the input or a layer. It lies in a row, below all that it reads, and
// in a column: a chain of layers that read one another has one.
type node struct {
	glyph
	from        []int
	row, column int
	lines       [][]phrase
	words       string // all of it, for the pointer
}

// gridRow is a row: first what lies in it, then a gap in which wires run
// across, each at a height of its own.
type gridRow struct {
	y, height float64
	slots     []slot
	gap       float64
}

// slot is the owner of a height in a gap: all wires that leave one node, or
// all that reach one.
type slot struct {
	node int
	in   bool
}

// gridColumn is a column: tracks for wires that pass layers by, what the
// layers are drawn as, and their words.
type gridColumn struct {
	x, axis float64
	words   float64   // where they begin
	tracks  [][]track // each without overlaps
}

type track struct{ node, from, to int }

const (
	slotHeight = 9.0
	trackWidth = 14.0
	leastGap   = 18.0
	lineHeight = 15.0
	shortLine  = 36 // letters in which a layer's name and what it does fit in one line
)

func (d Drawing) layout() *layout {
	l := &layout{}
	largest := 1
	for _, shape := range append([][]int{d.Input}, shapesOf(d.Layers)...) {
		if len(shape) == 3 {
			largest = max(largest, shape[0], shape[1])
		}
	}
	l.add(nil, DrawnLayer{Name: "input", Kind: "input", Family: "input", Shape: d.Input}, largest)
	for _, layer := range d.Layers {
		var from []int
		for _, i := range layer.From {
			from = append(from, i+1)
		}
		l.add(from, layer, largest)
	}
	l.assignColumns(l.chains())
	l.route()
	l.measure()
	return l
}

func shapesOf(layers []DrawnLayer) (shapes [][]int) {
	for _, l := range layers {
		shapes = append(shapes, l.Shape)
	}
	return shapes
}

func (l *layout) add(from []int, layer DrawnLayer, largest int) {
	n := &node{glyph: glyphOf(layer, largest), from: from, words: layer.words()}
	for _, i := range from {
		n.row = max(n.row, l.nodes[i].row+1)
	}
	result := by(layer.Shape...)
	if layer.Parameters > 0 {
		result += ", " + count(layer.Parameters, "parameter")
	}
	if layer.Output {
		result += ", output"
	}
	does := layer.Kind
	if layer.Name == layer.Kind {
		does = ""
	}
	long := layer.Note != "" && len(layer.Name+does+layer.Note) > shortLine && !n.thin
	if layer.Note != "" && !long {
		does = strings.TrimPrefix(does+", "+layer.Note, ", ")
	}
	n.lines = [][]phrase{{{"d-name", layer.Name}, {"", does}}}
	if long {
		n.lines = append(n.lines, []phrase{{"", layer.Note}})
	}
	if !n.thin || layer.Parameters > 0 || layer.Output {
		n.lines = append(n.lines, []phrase{{"", result}})
	}
	l.nodes = append(l.nodes, n)
}

// chains splits the nodes into paths. Each goes on with the reader from which
// the way to the end is longest; the longest path of all is chain 0.
func (l *layout) chains() (chains [][]int) {
	n := len(l.nodes)
	toEnd := make([]int, n)
	for i := n - 1; i >= 0; i-- {
		for _, from := range l.nodes[i].from {
			toEnd[from] = max(toEnd[from], toEnd[i]+1)
		}
	}
	next := make([]int, n)
	for i, node := range l.nodes {
		for _, from := range node.from {
			if next[from] == 0 || toEnd[i] > toEnd[next[from]] {
				next[from] = i
			}
		}
	}
	taken := make([]bool, n)
	for i := range l.nodes {
		if taken[i] {
			continue
		}
		var chain []int
		for at := i; !taken[at]; at = next[at] {
			chain = append(chain, at)
			taken[at] = true
			if next[at] == 0 {
				break
			}
		}
		chains = append(chains, chain)
	}
	return chains
}

// assignColumns puts each chain into the first column that is free from where
// its first layer's input lies down to its last layer's reader.
func (l *layout) assignColumns(chains [][]int) {
	last := make([]int, len(l.nodes)) // row down to which a node's output goes
	for i, n := range l.nodes {
		last[i] = max(last[i], n.row)
		for _, from := range n.from {
			last[from] = max(last[from], n.row)
		}
	}
	taken := [][][2]int{}
	for _, chain := range chains {
		first := l.nodes[chain[0]]
		rows := [2]int{first.row, last[chain[len(chain)-1]]}
		for _, from := range first.from {
			rows[0] = min(rows[0], l.nodes[from].row+1)
		}
		column := slices.IndexFunc(taken, func(used [][2]int) bool {
			return !slices.ContainsFunc(used, func(u [2]int) bool { return rows[0] <= u[1] && u[0] <= rows[1] })
		})
		if column < 0 {
			column = len(taken)
			taken = append(taken, nil)
		}
		taken[column] = append(taken[column], rows)
		for _, i := range chain {
			l.nodes[i].column = column
		}
	}
	l.columns = make([]gridColumn, len(taken))
	rows := 0
	for _, n := range l.nodes {
		rows = max(rows, n.row+1)
	}
	l.rows = make([]gridRow, rows)
}

// measure gives rows and columns their sizes.
func (l *layout) measure() {
	left := make([]float64, len(l.columns))
	text := make([]float64, len(l.columns))
	for _, n := range l.nodes {
		row := &l.rows[n.row]
		row.height = max(row.height, n.height, float64(len(n.lines))*lineHeight)
		left[n.column] = max(left[n.column], n.width/2)
		for _, line := range n.lines {
			text[n.column] = max(text[n.column], width(line))
		}
	}
	y := 0.0
	for i := range l.rows {
		row := &l.rows[i]
		row.y = y
		row.gap = leastGap + slotHeight*float64(len(row.slots))
		y += row.height
		if i < len(l.rows)-1 {
			y += row.gap
		}
	}
	l.height = y + leastGap
	x := 0.0
	for i := range l.columns {
		c := &l.columns[i]
		c.x = x
		c.axis = math.Round(x+trackWidth*float64(len(c.tracks))+left[i]) + 0.5
		c.words = c.axis + left[i] + 16
		x = c.words + text[i] + 24
	}
	l.width = x - 24
}
