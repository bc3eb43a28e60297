// Package hostile checks decoders of outside bytes in fuzz tests: an error is one line,
// and a small file costs little memory.
package hostile

import (
	"runtime/metrics"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// longest is the largest number of bytes of an error's text, which may quote a part of
// a file.
const longest = 2000

// Limits are the bytes that a decoder may allocate, freed ones included: a fixed
// number, and a number for each byte of the file.
type Limits struct {
	Fixed   int64 // 0: 16 MiB
	PerByte int64 // 0: 200
}

// Read calls a decoder, read, for a file of size bytes and returns its error. The test
// fails where the decoder allocates more than the limits, and where its error is not
// one line that begins with prefix.
func Read(t testing.TB, prefix string, size int, l Limits, read func() error) error {
	t.Helper()
	if l.Fixed == 0 {
		l.Fixed = 16 << 20
	}
	if l.PerByte == 0 {
		l.PerByte = 200
	}
	before := allocated()
	err := read()
	if got, most := allocated()-before, l.Fixed+l.PerByte*int64(size); got > most {
		t.Errorf("%d bytes were allocated for a file of %d, at most %d should be; error: %v", got, size, most, err)
	}
	if err != nil {
		Line(t, prefix, err.Error())
	}
	return err
}

// Line fails the test where an error's text is not one line that begins with prefix.
func Line(t testing.TB, prefix, text string) {
	t.Helper()
	switch {
	case !strings.HasPrefix(text, prefix):
		t.Errorf("error does not begin with %q: %.300q", prefix, text)
	case strings.ContainsFunc(text, unicode.IsControl):
		t.Errorf("error is not one line of text: %.300q", text)
	case !utf8.ValidString(text):
		t.Errorf("error is not UTF-8: %.300q", text)
	case len(text) > longest:
		t.Errorf("error has %d bytes: %.300q", len(text), text)
	}
}

// allocated returns the bytes that the process has allocated on Go's heap so far.
func allocated() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
