package images

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"tfcnn/graph/tensor"
	"tfcnn/internal/strict"
)

// Labels reads the names of classes, one a line, in the order of the network's
// outputs. A byte order mark, carriage returns and empty lines at the end are
// skipped; an empty line before a name is an error, since it would shift the
// names after it.
func Labels(r io.Reader) ([]string, error) {
	var labels []string
	lines := bufio.NewScanner(r)
	empty := 0 // the number of the first empty line
	for number := 1; lines.Scan(); number++ {
		line := lines.Bytes()
		if number == 1 {
			line = strict.TrimBOM(line)
		}
		line = bytes.TrimSpace(line)
		switch {
		case !utf8.Valid(line):
			return nil, fmt.Errorf("images: labels: line %d is not UTF-8", number)
		case len(line) == 0 && empty == 0:
			empty = number
		case len(line) > 0 && empty > 0:
			return nil, fmt.Errorf("images: labels: line %d is empty", empty)
		case len(line) > 0:
			labels = append(labels, string(line))
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("images: labels: %w", lines.Err())
	case labels == nil:
		return nil, errors.New("images: labels: no lines")
	}
	return labels, nil
}

// Class is a class that a network names for an image.
type Class struct {
	Index int     // in the network's output
	Label string  // of Labels; empty without labels
	Score float32 // the output
}

// TopK returns the k classes of the highest scores for each image of an output
// [images, classes] or [images, 1, 1, classes], the highest first. Of equal
// scores the lower index comes first, as in TensorFlow's TopKV2. labels are as
// many as classes, or nil. NaN is an error.
func TopK(output tensor.Tensor, labels []string, k int) ([][]Class, error) {
	if err := output.Check(); err != nil {
		return nil, fmt.Errorf("images: top %d: %w", k, err)
	}
	rank := len(output.Shape)
	if rank < 2 || slices.ContainsFunc(output.Shape[1:rank-1], func(size int) bool { return size != 1 }) {
		return nil, fmt.Errorf("images: top %d: output has shape %s, want [images, classes]", k, tensor.FormatShape(output.Shape))
	}
	n, classes := output.Shape[0], output.Shape[rank-1]
	switch {
	case k < 1 || k > classes:
		return nil, fmt.Errorf("images: top %d: output has %d classes, want 1 to %d", k, classes, classes)
	case labels != nil && len(labels) != classes:
		return nil, fmt.Errorf("images: top %d: got %d labels, output has %d classes", k, len(labels), classes)
	}
	best := make([][]Class, n)
	for i := range best {
		scores := output.Data[i*classes : (i+1)*classes]
		all := make([]Class, classes)
		for c, score := range scores {
			if score != score {
				return nil, fmt.Errorf("images: top %d: image %d: class %d is NaN", k, i+1, c)
			}
			all[c] = Class{Index: c, Score: score}
			if labels != nil {
				all[c].Label = labels[c]
			}
		}
		slices.SortStableFunc(all, func(a, b Class) int {
			switch {
			case a.Score > b.Score:
				return -1
			case a.Score < b.Score:
				return 1
			}
			return 0
		})
		best[i] = slices.Clip(all[:k])
	}
	return best, nil
}
