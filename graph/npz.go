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
// Numbers of any type become float32, as tensor.ReadNPY says. Whether they fit a
// network is Check's question. Entries of folders are ignored; an entry of
// another type, one that is encrypted, one whose checksum is wrong and a name
// that is there twice are errors that name it. Archives of more than
// tensor.MaxNPYElements numbers in all are refused, and those that become more
// than 64 MiB and more than 64 times their own size, as no trained weights do.
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

// An archive of a few kilobytes may else become gigabytes.
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
		// What is wrong with damaged numbers or a damaged header is the damage,
		// which the checksum shows at the entry's end.
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
		// Random numbers do not shrink: they are stored.
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
