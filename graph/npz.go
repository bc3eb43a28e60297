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
// numbers in all are refused.
func ReadNPZ(r io.ReaderAt, size int64) (Weights, error) {
	fail := func(err error) (Weights, error) { return nil, fmt.Errorf("graph: read .npz: %w", err) }
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return fail(fmt.Errorf("no zip archive as numpy.savez writes it: %w", err))
	}
	weights := Weights{}
	total := 0
	for _, file := range archive.File {
		name, isNPY := strings.CutSuffix(file.Name, ".npy")
		if !isNPY {
			return fail(fmt.Errorf("entry %q is no .npy file", file.Name))
		}
		if _, twice := weights[name]; twice {
			return fail(fmt.Errorf("entry %q is there twice", file.Name))
		}
		t, err := readEntry(file)
		if err != nil {
			return fail(fmt.Errorf("entry %q: %w", file.Name, err))
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

func readEntry(file *zip.File) (_ tensor.Tensor, err error) {
	in, err := file.Open()
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return tensor.ReadNPY(in)
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
