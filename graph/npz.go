package graph

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tfcnn/graph/tensor"
)

// ReadNPZ reads weights from a file that numpy.savez or savez_compressed wrote:
// a zip archive of one .npy file a weight, named after it, as
//
//	numpy.savez("weights.npz", **{"conv1/filter": f, "conv1/bias": b})
//
// Numbers of any kind become float32, as tensor.ReadNPY says. Whether they fit a
// network is Check's question. Archives of more than tensor.MaxNPYElements
// numbers in all are refused, and those that become more than 64 MiB and more
// than 64 times their own size, as no trained weights do.
func ReadNPZ(r io.ReaderAt, size int64) (Weights, error) {
	fail := func(err error) (Weights, error) { return nil, fmt.Errorf("graph: read .npz: %w", err) }
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return fail(fmt.Errorf("no zip archive as numpy.savez writes it: %w", err))
	}
	weights := Weights{}
	total, most := 0, max(freeExpansion, mostExpansion*size)
	for _, file := range archive.File {
		name, isNPY := strings.CutSuffix(file.Name, ".npy")
		if !isNPY {
			return fail(fmt.Errorf("entry %.80q is no .npy file", file.Name))
		}
		if _, twice := weights[name]; twice {
			return fail(fmt.Errorf("entry %.80q is there twice", file.Name))
		}
		t, err := readEntry(file, most-4*int64(total))
		if err != nil {
			return fail(fmt.Errorf("entry %.80q: %w", file.Name, err))
		}
		if total += len(t.Data); total > tensor.MaxNPYElements {
			return fail(fmt.Errorf("more than %d numbers", tensor.MaxNPYElements))
		}
		weights[name] = t
	}
	if len(weights) == 0 {
		return fail(errors.New("archive is empty"))
	}
	return weights, nil
}

// An archive of a few kilobytes may else become gigabytes.
const (
	freeExpansion = 64 << 20
	mostExpansion = 64
)

// readEntry reads one weight of at most so many bytes.
func readEntry(file *zip.File, most int64) (t tensor.Tensor, err error) {
	in, err := file.Open()
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer func() {
		if closing := in.Close(); err == nil {
			err = closing
		}
	}()
	limited := &io.LimitedReader{R: in, N: most}
	if t, err = tensor.ReadNPY(limited); limited.N <= 0 {
		return tensor.Tensor{}, errors.New("archive becomes far larger than it is; without compression (numpy.savez) it is read")
	}
	return t, err
}

// WriteNPZ writes weights so that numpy.load and ReadNPZ read them back. The
// same weights give the same bytes.
func (w Weights) WriteNPZ(out io.Writer) error {
	archive := zip.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		// Random numbers do not shrink: they are stored.
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			err = w[name].WriteNPY(entry)
		}
		if err != nil {
			return fmt.Errorf("graph: write .npz: %q: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("graph: write .npz: %w", err)
	}
	return nil
}
