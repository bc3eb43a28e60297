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
	"tfcnn/internal/quote"
)

// ReadNPZ reads weights from a file that numpy.savez or savez_compressed wrote:
// a zip archive of one .npy file a weight, named after it, as
//
//	numpy.savez("weights.npz", **{"conv1/filter": f, "conv1/bias": b})
//
// Numbers of any type become float32, as in tensor.ReadNPY. Check compares the weights
// with a network. Entries of folders are ignored. An entry of another type, an
// encrypted entry, an entry with a wrong checksum and a name that occurs twice are
// errors that name the entry. An archive of more than tensor.MaxNPYElements numbers is
// refused, as is an archive whose contents exceed both 64 MiB and 64 times its size.
func ReadNPZ(r io.ReaderAt, size int64) (Weights, error) {
	fail := func(err error) (Weights, error) { return nil, fmt.Errorf("graph: read .npz: %w", err) }
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return fail(fmt.Errorf("no zip archive as numpy.savez writes it: %w", err))
	}
	weights := Weights{}
	total, most := 0, max(freeExpansion, mostExpansion*size)
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") { // a folder, of which zip programs make entries
			continue
		}
		name, isNPY := strings.CutSuffix(file.Name, ".npy")
		if !isNPY {
			return fail(fmt.Errorf("entry %s is no .npy file", quote.Name(file.Name)))
		}
		if _, twice := weights[name]; twice {
			return fail(fmt.Errorf("entry %s is there twice", quote.Name(file.Name)))
		}
		t, err := readEntry(file, most-4*int64(total))
		if err != nil {
			return fail(fmt.Errorf("entry %s: %w", quote.Name(file.Name), err))
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

// Without these limits, an archive of a few kilobytes could become gigabytes.
const (
	freeExpansion = 64 << 20
	mostExpansion = 64
)

// readEntry reads one weight of at most so many bytes.
func readEntry(file *zip.File, most int64) (tensor.Tensor, error) {
	const encrypted = 1 // bit of the flags
	if file.Flags&encrypted != 0 {
		return tensor.Tensor{}, errors.New("is encrypted")
	}
	in, err := file.Open()
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer in.Close()
	limited := &io.LimitedReader{R: in, N: most}
	t, err := tensor.ReadNPY(limited)
	if err != nil {
		// Where the checksum at the entry's end is wrong, that is the error.
		if _, rest := io.Copy(io.Discard, limited); errors.Is(rest, zip.ErrChecksum) {
			err = rest
		}
	}
	switch {
	case limited.N <= 0:
		return tensor.Tensor{}, errors.New("inflates to far more than the size of the archive; store it without compression (numpy.savez)")
	case errors.Is(err, zip.ErrChecksum):
		return tensor.Tensor{}, fmt.Errorf("its checksum is not that of its bytes, the archive is damaged: %w", zip.ErrChecksum)
	}
	return t, err
}

// WriteNPZ writes weights so that numpy.load and ReadNPZ read them back. The
// same weights give the same bytes.
func (w Weights) WriteNPZ(out io.Writer) error {
	archive := zip.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		// Weights are stored without compression, which saves little on them.
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			err = w[name].WriteNPY(entry)
		}
		if err != nil {
			return fmt.Errorf("graph: write .npz: %s: %w", quote.Name(name), err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("graph: write .npz: %w", err)
	}
	return nil
}
