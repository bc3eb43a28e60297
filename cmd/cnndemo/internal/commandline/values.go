// Package commandline has the rules of cnndemo's command line: the values of flags,
// errors that say what was got and wanted, the list of exit statuses in a command's
// help, and the words that repeat a command.
//
//	c.Flags().IntVar(&batch, "batch", 1, "the number of images in a batch")
//	commandline.UseRule(c, commandline.WholeNumber(1, math.MaxInt), "batch")
//
// docs/map.md shows where the package stands.
package commandline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/internal/strict"
)

// Rule describes the values of a flag. The names of a list are read in capitals or
// not; names that users choose (files, layers, cases) are read as they are.
type Rule struct {
	Kind  string   // in a command's help: --flag kind
	Want  string   // for errors, after "want"
	Known []string // names of which an error tells the nearest
	Read  func(text string) (value string, ok bool)
}

// checked is a flag's value that keeps a rule.
type checked struct {
	pflag.Value
	Rule
}

func (c checked) Type() string  { return c.Kind }
func (c checked) wants() string { return c.Want }

func (c checked) Set(text string) error {
	value, ok := c.Read(text)
	if !ok && len(c.Known) > 0 && text != "" {
		return fmt.Errorf("want %s; the nearest is %s", c.Want, strict.Nearest(text, c.Known))
	}
	if !ok {
		return fmt.Errorf("want %s", c.Want)
	}
	return c.Value.Set(value)
}

// checkedList is the same of a flag that may be repeated.
type checkedList struct {
	checked
	pflag.SliceValue
}

// UseRule gives flags of a command a rule.
func UseRule(c *cobra.Command, r Rule, flags ...string) {
	for _, name := range flags {
		flag := c.Flags().Lookup(name)
		value := checked{flag.Value, r}
		if list, isList := flag.Value.(pflag.SliceValue); isList {
			flag.Value = checkedList{value, list}
			if len(list.GetSlice()) == 0 {
				flag.DefValue = "" // for the help
			}
			continue
		}
		flag.Value = value
	}
}

// WholeNumber is a whole number from least to most.
func WholeNumber(least, most int) Rule {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	if most == math.MaxInt {
		want = fmt.Sprintf("a whole number of %d or more", least)
	}
	return Rule{Kind: "N", Want: want, Read: func(text string) (string, bool) {
		n, err := strconv.ParseInt(text, 0, strconv.IntSize)
		return strconv.FormatInt(n, 10), err == nil && int(n) >= least && int(n) <= most
	}}
}

// Seed is the seed of random numbers.
var Seed = Rule{Kind: "N", Want: fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)), Read: func(text string) (string, bool) {
	n, err := strconv.ParseUint(text, 0, 64)
	return strconv.FormatUint(n, 10), err == nil
}}

// OneOf is a name of a list.
func OneOf(names ...string) Rule {
	want := names[0]
	if last := len(names) - 1; last > 0 {
		want = strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return Rule{Kind: "NAME", Want: want, Read: func(text string) (string, bool) {
		name := strings.ToLower(text)
		return name, slices.Contains(names, name)
	}}
}

// Device is a device that session.Options takes.
var Device = Rule{Kind: "NAME", Want: "auto, cpu, gpu or gpu:N", Read: func(text string) (string, bool) {
	name := strings.ToLower(text)
	if number, found := strings.CutPrefix(name, "gpu:"); found {
		n, err := strconv.Atoi(number)
		return name, err == nil && n >= 0 && strconv.Itoa(n) == number
	}
	return name, slices.Contains([]string{"auto", "cpu", "gpu"}, name)
}}

// Rules of names that are not empty: an empty one is a variable of a script that was
// not set.
var (
	File         = Rule{Kind: "FILE", Want: "a file", Read: notEmpty}
	Folder       = Rule{Kind: "FOLDER", Want: "a folder", Read: notEmpty}
	FileOrFolder = Rule{Kind: "FILE|FOLDER", Want: "a file or a folder", Read: notEmpty}
	Network      = Rule{Kind: "NET", Want: "a ready network or a JSON file", Read: notEmpty}
)

func notEmpty(text string) (string, bool) { return text, text != "" }

// Memory is a number of bytes. A number alone is refused: 8 might be GiB.
var Memory = Rule{Kind: "SIZE", Want: "a size with its unit, as 8GiB or 500MB", Read: func(text string) (string, bool) {
	bytes, err := humanize.ParseBytes(text)
	return text, err == nil && bytes > 0 && bytes <= math.MaxInt64 && strings.ContainsAny(text, "bBkKmMgGtTpPeE")
}}
