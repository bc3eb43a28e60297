package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("ж", 118)
	n := newUniqueNames(251)
	for _, tt := range []struct{ stem, rest, want string }{
		{"a", "-conv2d-x", "a-conv2d-x"},
		{"a", "-conv2d-x", "a-conv2d-x-2"},
		{"a", "-conv2d-x-2", "a-conv2d-x-2-2"},
		{long, "-conv2d-horizontal", strings.Repeat("ж", 116) + "-conv2d-horizontal"},
		{long, "-conv2d-horizontal", strings.Repeat("ж", 115) + "-conv2d-horizontal-2"},
		{long, strings.Repeat("y", 400), strings.Repeat("ж", 62) + strings.Repeat("y", 127)},
		{long, strings.Repeat("y", 400), strings.Repeat("ж", 62) + strings.Repeat("y", 125) + "-2"},
		{"x", strings.Repeat("y", 400), "x" + strings.Repeat("y", 250)},
		{strings.Repeat("z", 251), "", strings.Repeat("z", 251)},
		{strings.Repeat("z", 300), "", strings.Repeat("z", 249) + "-2"},
	} {
		got := n.number(tt.stem, tt.rest)
		if len(got) > 251 || !utf8.ValidString(got) {
			t.Errorf("%q has %d bytes", got, len(got))
		}
		if got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	// However many there are of a name, all differ and fit.
	given := map[string]bool{}
	for range 2000 {
		got := n.number(long+long, "-max_pool")
		if given[got] || len(got) > 251 {
			t.Fatalf("%q comes twice, or is too long", got)
		}
		given[got] = true
	}
	if got := newUniqueNames(0).unique("folder/\xffa\x00.png"); got != "\uFFFDa\x00" {
		t.Errorf("got %q", got)
	}
}
