package certificate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// MaxBytes is the most bytes that a certificate may have.
const MaxBytes = 64 << 20

// Write writes the certificate as JSON.
func (c Certificate) Write(w io.Writer) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("proof: certificate: %w", err)
	}
	return nil
}

// Read reads a certificate; name is for errors. The text must be what Write writes,
// but for spaces between its parts: a field that is unknown, missing, repeated or
// elsewhere, another notation of a number, and totals that are not those of the checks
// are errors.
func Read(name string, text []byte) (Certificate, error) {
	c, err := read(strict.TrimBOM(text))
	if err != nil {
		return Certificate{}, fmt.Errorf("proof: certificate %s: %w", quote.Text(quote.Plain(name), 400), err)
	}
	return c, nil
}

func read(text []byte) (c Certificate, err error) {
	if err := strict.Check(text); err != nil {
		return c, err
	}
	fields, err := strict.Object(text)
	if err != nil {
		return c, err
	}
	format, found := strict.Find(fields, "format")
	if !found {
		return c, errors.New(`field "format" is missing`)
	}
	if _, err := strict.Int(format, Format, Format); err != nil {
		return c, fmt.Errorf("format is %s, this program reads format %d", strict.Excerpt(format), Format)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return c, fmt.Errorf("%s: cannot be %s", quote.Text(wrong.Field, 200), quote.Text(wrong.Value, 80))
		}
		return c, err
	}
	c.Complete()
	var written, got, want bytes.Buffer
	if err := c.Write(&written); err != nil {
		return c, err
	}
	if err := errors.Join(json.Compact(&got, text), json.Compact(&want, written.Bytes())); err != nil {
		return c, err
	}
	if at := firstDifference(got.Bytes(), want.Bytes()); at >= 0 {
		return c, fmt.Errorf("it is not as it was written: got %s, want %s", excerptAt(got.Bytes(), at), excerptAt(want.Bytes(), at))
	}
	return c, nil
}

// firstDifference returns the index of the first byte in which two texts differ, −1
// where they are equal.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// excerptAt returns some of a text before and behind a byte, for an error.
func excerptAt(text []byte, at int) string {
	const before, behind = 30, 20
	return quote.Name(string(bytes.ToValidUTF8(text[max(0, at-before):min(len(text), at+behind)], nil)))
}
