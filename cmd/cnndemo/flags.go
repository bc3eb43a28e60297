package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/graph"
	"tfcnn/internal/quote"
)

// mostSize is the most that a size, a stride, a dilation or a padding may be.
const mostSize = math.MaxInt32

// sizeFlag is N or HxW.
type sizeFlag graph.Size

func (s *sizeFlag) String() string {
	if *s == (sizeFlag{}) {
		return ""
	}
	if s.Height == s.Width {
		return strconv.Itoa(s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

func (s *sizeFlag) Set(text string) error {
	parts := strings.Split(strings.ToLower(text), "x")
	if len(parts) == 1 {
		parts = append(parts, parts[0])
	}
	if len(parts) != 2 {
		return errors.New("want " + s.wants())
	}
	var numbers [2]int
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > mostSize {
			return errors.New("want " + s.wants())
		}
		numbers[i] = n
	}
	*s = sizeFlag{Height: numbers[0], Width: numbers[1]}
	return nil
}

func (*sizeFlag) Type() string  { return "N|HxW" }
func (*sizeFlag) wants() string { return fmt.Sprintf("N or HxW, each 1 to %d", mostSize) }

// paddingFlag is same, valid, or top,bottom,left,right.
type paddingFlag graph.Padding

func (p *paddingFlag) String() string {
	if p.Kind == graph.Explicit(0, 0, 0, 0).Kind {
		return fmt.Sprintf("%d,%d,%d,%d", p.Top, p.Bottom, p.Left, p.Right)
	}
	return strings.ToLower(graph.Padding(*p).String())
}

func (p *paddingFlag) Set(text string) error {
	switch strings.ToLower(text) {
	case "same":
		*p = paddingFlag(graph.Same)
		return nil
	case "valid":
		*p = paddingFlag(graph.Valid)
		return nil
	}
	var sides []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			break
		}
		sides = append(sides, n)
	}
	if len(sides) != 4 || strings.Count(text, ",") != 3 {
		return errors.New("want " + p.wants())
	}
	*p = paddingFlag(graph.Explicit(sides[0], sides[1], sides[2], sides[3]))
	return nil
}

func (*paddingFlag) Type() string  { return "PADDING" }
func (*paddingFlag) wants() string { return "same, valid or TOP,BOTTOM,LEFT,RIGHT, each 0 or more" }

// colourFlag is six hexadecimal digits.
type colourFlag [3]uint8

func (c *colourFlag) String() string { return fmt.Sprintf("%02x%02x%02x", c[0], c[1], c[2]) }

func (c *colourFlag) Set(text string) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(strings.TrimPrefix(text, "#")) != 6 {
		return errors.New("want " + c.wants())
	}
	*c = colourFlag{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	return nil
}

func (*colourFlag) Type() string  { return "RRGGBB" }
func (*colourFlag) wants() string { return "a colour of six hexadecimal digits, as ffffff" }

// layersFlag is names of layers, with commas between them. A repeated flag adds
// names.
type layersFlag []string

func (l *layersFlag) String() string { return strings.Join(*l, ",") }

func (l *layersFlag) Set(text string) error {
	names := strings.Split(text, ",")
	for _, name := range names {
		if !graph.ValidName(name) {
			return errors.New("want " + l.wants())
		}
	}
	*l = append(*l, names...)
	return nil
}

func (*layersFlag) Type() string  { return "LAYER,LAYER" }
func (*layersFlag) wants() string { return "names of layers with commas between them" }

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,+@%-]+$`)

// shellWord writes a word as a shell reads it: where all of it can be printed
// as POSIX has quotes, else with the escapes of $'…'.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	if quote.Text(word, len(word)) == word {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var text strings.Builder
	for at := 0; at < len(word); {
		r, size := utf8.DecodeRuneInString(word[at:])
		switch part := word[at : at+size]; {
		case part == "'" || part == `\`:
			text.WriteString(`\` + part)
		case r == utf8.RuneError && size == 1 || !strconv.IsPrint(r):
			for _, b := range []byte(part) {
				fmt.Fprintf(&text, `\%03o`, b) // three digits always, so that what follows is no part of it
			}
		default:
			text.WriteString(part)
		}
		at += size
	}
	return "$'" + text.String() + "'"
}

// commandLine is what repeats a command, and the options in it that are not
// at their defaults, without those that change nothing but where to write.
func commandLine(c *cobra.Command, arguments []string) (line string, changed []string) {
	line = c.CommandPath()
	c.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, isList := f.Value.(pflag.SliceValue); isList {
			values = list.GetSlice()
		}
		for _, value := range values {
			text := "--" + f.Name
			switch {
			case f.Value.Type() != "bool":
				text += " " + shellWord(value)
			case value != "true":
				text += "=" + value
			}
			line += " " + text
			if f.Value.String() != f.DefValue && f.Name != "out" && f.Name != "json" {
				changed = append(changed, text)
			}
		}
	})
	for i, argument := range arguments {
		if i == 0 && strings.HasPrefix(argument, "-") {
			line += " --"
		}
		line += " " + shellWord(argument)
	}
	return line, changed
}
