package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
)

// filter is one --filter: numbers [height, width, 3, maps] and a name for
// each map.
type filter struct {
	maps []string
	tensor.Tensor
}

// planes are the filters known by name. Each acts on every input channel.
var planes = map[string][][]float32{
	"vertical":   line(func(_, column int) bool { return column == 3 }),
	"horizontal": line(func(row, _ int) bool { return row == 3 }),
	"sobel-x":    {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}},
	"sobel-y":    {{-1, -2, -1}, {0, 0, 0}, {1, 2, 1}},
	"laplacian":  {{0, 1, 0}, {1, -4, 1}, {0, 1, 0}},
	// The binomial filter; sixteenths, so that float32 holds every sum.
	"blur": {{1. / 16, 2. / 16, 1. / 16}, {2. / 16, 4. / 16, 2. / 16}, {1. / 16, 2. / 16, 1. / 16}},
}

// line is one of the tutorial's two 7×7 filters.
func line(one func(row, column int) bool) [][]float32 {
	plane := make([][]float32, 7)
	for row := range plane {
		plane[row] = make([]float32, 7)
		for column := range plane[row] {
			if one(row, column) {
				plane[row][column] = 1
			}
		}
	}
	return plane
}

func filterNames() []string {
	return []string{"vertical", "horizontal", "sobel-x", "sobel-y", "laplacian", "blur"}
}

func isNPY(name string) bool { return strings.EqualFold(filepath.Ext(name), ".npy") }

// loadFilter finds a filter by name, or reads a .npy file: [height, width] for
// every channel, [height, width, 3], or [height, width, 3, maps].
func loadFilter(name string) (filter, error) {
	if plane, found := planes[name]; found {
		f := filter{maps: []string{name}}
		f.Shape = []int{len(plane), len(plane[0])}
		for _, row := range plane {
			f.Data = append(f.Data, row...)
		}
		return f.spread(), nil
	}
	text, err := readInput(name, maxFilterFile)
	if err != nil {
		return filter{}, fmt.Errorf("filter: %w", err)
	}
	shown := quote.Plain(name)
	x, err := tensor.ReadNPY(bytes.NewReader(text))
	if err != nil {
		return filter{}, fmt.Errorf("filter %s: %w", shown, err)
	}
	f := filter{Tensor: x}
	base := filepath.Base(name)
	if isNPY(base) {
		base = strings.TrimSuffix(base, filepath.Ext(base))
	}
	switch s := x.Shape; {
	case slices.Contains(s, 0):
		return filter{}, fmt.Errorf("filter %s is %s, which is empty", shown, tensor.FormatShape(s))
	case len(s) == 2:
		f.maps = []string{base}
		return f.spread(), nil
	case len(s) == 3 && s[2] == 3:
		f.maps = []string{base}
		f.Shape = append(s, 1)
		return f, nil
	case len(s) == 4 && s[2] == 3:
		for i := range s[3] {
			f.maps = append(f.maps, fmt.Sprint(base, "-", i+1))
		}
		return f, nil
	}
	return filter{}, fmt.Errorf("filter %s is %s, want [height,width], [height,width,3] or [height,width,3,maps]", shown, tensor.FormatShape(x.Shape))
}

// spread makes a plane [h,w] act on all three channels.
func (f filter) spread() filter {
	data := make([]float32, 0, 3*len(f.Data))
	for _, v := range f.Data {
		data = append(data, v, v, v)
	}
	return filter{f.maps, tensor.Tensor{Shape: append(f.Shape, 3, 1), Data: data}}
}

// stack puts filters side by side as one of [height, width, 3, maps]. Smaller
// ones are set in the middle of the largest, zeros round them; the note says
// so. Two maps of one name are numbered.
func stack(filters []filter) (all filter, note string, err error) {
	h, w, n := 0, 0, 0
	for _, f := range filters {
		h, w, n = max(h, f.Shape[0]), max(w, f.Shape[1]), n+f.Shape[3]
	}
	if all.Tensor, err = tensor.New(h, w, 3, n); err != nil {
		return filter{}, "", err
	}
	given := newUniqueNames(0)
	for _, f := range filters {
		top, left := h-f.Shape[0], w-f.Shape[1]
		if top%2 != 0 || left%2 != 0 {
			return filter{}, "", fmt.Errorf("filter %s of %d×%d has no middle among filters of %d×%d: the sizes must be odd alike, or even alike", quote.Plain(f.maps[0]), f.Shape[0], f.Shape[1], h, w)
		}
		if top > 0 || left > 0 {
			note = fmt.Sprintf("smaller filters are set in the middle of %d×%d, zeros round them", h, w)
		}
		first := len(all.maps)
		for i, v := range f.Data {
			at := f.Index(i)
			all.Data[(((at[0]+top/2)*w+at[1]+left/2)*3+at[2])*n+first+at[3]] = v
		}
		for _, name := range f.maps {
			all.maps = append(all.maps, given.number(name, ""))
		}
	}
	return all, note, nil
}

// filterRule is the name of a filter, or a file: a name that ends in .npy or that has
// a folder in it, as the pipe of a shell's <(…) has.
var filterRule = commandline.Rule{
	Kind: "NAME|FILE", Want: strings.Join(filterNames(), ", ") + " or FILE.npy", Known: filterNames(),
	Read: func(text string) (string, bool) {
		if name := strings.ToLower(text); planes[name] != nil {
			return name, true
		}
		return text, isNPY(text) || strings.ContainsRune(text, filepath.Separator)
	},
}
