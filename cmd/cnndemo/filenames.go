package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// uniqueNames hands out names, none twice and none longer than limit bytes, where
// that is set.
type uniqueNames struct {
	limit int
	given map[string]int
}

func newUniqueNames(limit int) *uniqueNames { return &uniqueNames{limit, map[string]int{}} }

// unique is the image's name without folder and ending, numbered where it
// was given before. Bytes that are no UTF-8 are replaced, as JSON does it.
func (n *uniqueNames) unique(image string) string {
	base := strings.ToValidUTF8(filepath.Base(image), "\uFFFD")
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if base == "" || strings.HasPrefix(base, ".") {
		base = "picture" + base
	}
	return n.number(base, "")
}

// number is the name stem + rest, numbered where it was given before. A name
// that is too long loses the end of its stem, then of the rest.
func (n *uniqueNames) number(stem, rest string) string {
	number := ""
	for {
		name := n.fit(stem, rest, number)
		n.given[name]++
		if n.given[name] == 1 {
			return name
		}
		number += fmt.Sprint("-", n.given[name])
	}
}

func (n *uniqueNames) fit(stem, rest, number string) string {
	if room := n.limit - len(number); n.limit > 0 && len(stem)+len(rest) > room {
		stem = cut(stem, max(room-len(rest), room/2))
		rest = cut(rest, room-len(stem))
	}
	return stem + rest + number
}

// cut keeps whole runes of a text, length bytes at most.
func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	for length > 0 && !utf8.RuneStart(text[length]) {
		length--
	}
	return text[:length]
}
