package commandline

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/internal/quote"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,+@%-]+$`)

// ShellWord writes a word as a shell reads it: where all of it can be printed
// as POSIX has quotes, else with the escapes of $'…'.
func ShellWord(word string) string {
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

// Repeat returns the line that repeats a command, without the flags of the names given.
// It also returns the options whose values are not their defaults; options that name
// output files are left out.
func Repeat(c *cobra.Command, arguments []string, without ...string) (line string, changed []string) {
	line = c.CommandPath()
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(without, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, isList := f.Value.(pflag.SliceValue); isList {
			values = list.GetSlice()
		}
		for _, value := range values {
			text := "--" + f.Name
			switch {
			case f.Value.Type() != "bool":
				text += " " + ShellWord(value)
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
		line += " " + ShellWord(argument)
	}
	return line, changed
}
