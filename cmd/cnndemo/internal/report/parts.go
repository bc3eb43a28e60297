package report

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// PartsFile is where a page's images and numbers wait until it is written; an
// os.File is one.
type PartsFile interface {
	io.WriterAt
	io.ReaderAt
}

// parts keeps pieces of binary data in a file. In the text of a page a piece
// is stood for by a mark, which splice replaces by the data in base64.
type parts struct {
	file PartsFile
	// A mark begins with 128 random bits, so that no text from outside, as
	// the name of an image, is taken for one.
	mark string

	mu     sync.Mutex
	pieces []piece
	end    int64
}

type piece struct {
	offset int64
	size   int
}

const markDigits = 9 // of a piece's number in its mark

func newParts(file PartsFile) *parts {
	return &parts{file: file, mark: "part" + rand.Text()}
}

// add keeps a piece and gives its mark. It may be called from many goroutines.
func (p *parts) add(data []byte) (string, error) {
	p.mu.Lock()
	offset, n := p.end, len(p.pieces)
	p.end += int64(len(data))
	p.pieces = append(p.pieces, piece{offset, len(data)})
	p.mu.Unlock()
	if _, err := p.file.WriteAt(data, offset); err != nil {
		return "", fmt.Errorf("report: page: %w", err)
	}
	return fmt.Sprintf("%s%0*d", p.mark, markDigits, n), nil
}

// splice copies text to w, each mark replaced by its piece.
func (p *parts) splice(w io.Writer, text []byte) error {
	for {
		before, after, found := bytes.Cut(text, []byte(p.mark))
		if _, err := w.Write(before); err != nil {
			return fmt.Errorf("report: page: %w", err)
		}
		if !found {
			return nil
		}
		n, err := strconv.Atoi(string(after[:markDigits]))
		if err != nil {
			return fmt.Errorf("report: page: mark: %w", err)
		}
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		from := io.NewSectionReader(p.file, p.pieces[n].offset, int64(p.pieces[n].size))
		if _, err := io.Copy(encoder, from); err != nil {
			return fmt.Errorf("report: page: %w", err)
		}
		if err := encoder.Close(); err != nil {
			return fmt.Errorf("report: page: %w", err)
		}
		text = after[markDigits:]
	}
}
