// Package quote prepares text from outside (names in files, archives and JSON,
// messages of other libraries) for errors, reports and lines of a terminal:
// on one line, without characters that act on a terminal, and cut to a bounded
// length.
//
//	fmt.Errorf("entry %s is no .npy file", quote.Name(file.Name))
//	fmt.Errorf("weights do not fit: %s", quote.List(faults, "; "))
package quote

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// The largest numbers of bytes of a quoted name and of a list. An error has a few names
// and one list, so that its text stays below 2,000 bytes.
const (
	mostName = 120
	mostList = 600
)

// Name returns a name as a Go string literal: control characters, invisible
// and bidirectional marks and invalid UTF-8 are escaped. A literal of more than
// 120 bytes is cut, and … follows its closing quote.
func Name(name string) string {
	escaped, whole := escape(name, mostName-len(`""`), func(rune) bool { return false })
	if !whole {
		return `"` + escaped + `"…`
	}
	return `"` + escaped + `"`
}

// Plain returns a name unchanged where it can be printed and has no space at its ends,
// and otherwise as a whole Go string literal. It is for names that a reader may copy,
// as file names on a terminal.
func Plain(name string) string {
	if _, whole := escape(name, len(name), strconv.IsPrint); name == "" || !whole || strings.TrimSpace(name) != name {
		return strconv.Quote(name)
	}
	return name
}

// Text returns a text on one line without quotes: characters that cannot be printed are
// escaped as in a Go string literal. A result of more than most bytes is cut and ends
// with ….
func Text(text string, most int) string {
	line, whole := escape(text, most, strconv.IsPrint)
	if !whole {
		line += "…"
	}
	return line
}

// escape writes the characters that are not kept as in a Go string literal. It
// stops before the result has more than most bytes, and reports whether the
// result is of the whole text.
func escape(text string, most int, kept func(rune) bool) (escaped string, whole bool) {
	var result strings.Builder
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		part := text[at : at+size]
		if r == utf8.RuneError && size == 1 || !kept(r) {
			part = strconv.Quote(part)
			part = part[1 : len(part)-1]
		}
		if result.Len()+len(part) > most {
			return result.String(), false
		}
		result.WriteString(part)
		at += size
	}
	return result.String(), true
}

// List joins items that are quoted already. Of a list of more than 600 bytes
// the first items are shown and the others counted: "a, b and 299,997 more".
func List(items []string, separator string) string {
	return list(items, separator, func(item string) string { return item })
}

// Names returns List of the names, each as Name quotes it.
func Names(names []string) string { return list(names, ", ", Name) }

func list(items []string, separator string, text func(string) string) string {
	var shown strings.Builder
	for i, item := range items {
		part := text(item)
		if i > 0 {
			part = separator + part
		}
		if shown.Len()+len(part) > mostList {
			if i == 0 { // one item is shown, or its beginning
				shown.WriteString(Text(part, mostList))
				i++
			}
			if left := len(items) - i; left > 0 {
				shown.WriteString(" and " + humanize.Comma(int64(left)) + " more")
			}
			break
		}
		shown.WriteString(part)
	}
	return shown.String()
}

// Lines returns a text of many lines: characters that cannot be printed, except line
// breaks and tabs, are escaped as in a Go string literal.
func Lines(text string) string {
	kept := func(r rune) bool { return r == '\n' || r == '\t' || strconv.IsPrint(r) }
	const longest = len(`\U0010ffff`)
	lines, _ := escape(text, longest*len(text), kept)
	return lines
}

// JSON returns the same JSON with characters that cannot be printed escaped, so that no
// character acts on a terminal. Line breaks stay.
func JSON(text []byte) string {
	var result strings.Builder
	for _, r := range string(text) {
		if r == '\n' || strconv.IsPrint(r) {
			result.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&result, `\u%04x`, unit)
		}
	}
	return result.String()
}
