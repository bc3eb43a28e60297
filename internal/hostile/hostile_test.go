package hostile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
)

// said is a testing.TB that records its messages.
type said struct {
	testing.TB
	errors []string
}

func (s *said) Helper() {}

func (s *said) Errorf(format string, arguments ...any) {
	s.errors = append(s.errors, fmt.Sprintf(format, arguments...))
}

var kept []byte

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		allocate int
		err      error
		want     string // "" no complaint
	}{
		{0, nil, ""},
		{0, errors.New("a: wrong"), ""},
		{1 << 20, nil, ""},
		{40 << 20, nil, "bytes were allocated for a file of 10, at most 16779216"},
		{0, errors.New("b: wrong"), `does not begin with "a: "`},
		{0, errors.New("a: two\nlines"), "not one line"},
		{0, errors.New("a: \x1b[2J"), "not one line"},
		{0, errors.New("a: \xff"), "not UTF-8"},
		{0, errors.New("a: " + strings.Repeat("x", 2000)), "error has 2003 bytes"},
	} {
		s := &said{TB: t}
		got := hostile.Read(s, "a: ", 10, hostile.Limits{}, func() error {
			if tt.allocate > 0 {
				kept = make([]byte, tt.allocate)
			}
			return tt.err
		})
		if got != tt.err {
			t.Errorf("got %v, want %v", got, tt.err)
		}
		if all := strings.Join(s.errors, "; "); (all == "") != (tt.want == "") || !strings.Contains(all, tt.want) {
			t.Errorf("%d bytes, %v: got %q, want %q", tt.allocate, tt.err, all, tt.want)
		}
	}
	kept = nil
}
