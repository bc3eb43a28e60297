package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// rule is what the values of a flag are. Values that are names of a list are
// read in capitals or not; names that people give (files, layers, cases) are
// taken as they are.
type rule struct {
	kind  string   // in a command's help: --flag kind
	want  string   // for errors, after "want"
	known []string // names of which an error tells the nearest
	read  func(text string) (value string, ok bool)
}

// checked is a flag's value that keeps a rule.
type checked struct {
	pflag.Value
	rule
}

func (c checked) Type() string  { return c.kind }
func (c checked) wants() string { return c.want }

func (c checked) Set(text string) error {
	value, ok := c.read(text)
	if !ok && len(c.known) > 0 && text != "" {
		return fmt.Errorf("want %s; the nearest is %s", c.want, strict.Nearest(text, c.known))
	}
	if !ok {
		return fmt.Errorf("want %s", c.want)
	}
	return c.Value.Set(value)
}

// checkedList is the same of a flag that may be repeated.
type checkedList struct {
	checked
	pflag.SliceValue
}

// useRule gives flags of a command a rule.
func useRule(c *cobra.Command, r rule, flags ...string) {
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

// wholeNumber is a whole number from least to most.
func wholeNumber(least, most int) rule {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	if most == math.MaxInt {
		want = fmt.Sprintf("a whole number of %d or more", least)
	}
	return rule{kind: "N", want: want, read: func(text string) (string, bool) {
		n, err := strconv.ParseInt(text, 0, strconv.IntSize)
		return strconv.FormatInt(n, 10), err == nil && int(n) >= least && int(n) <= most
	}}
}

// seedRule is what random numbers are drawn from.
var seedRule = rule{kind: "N", want: fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)), read: func(text string) (string, bool) {
	n, err := strconv.ParseUint(text, 0, 64)
	return strconv.FormatUint(n, 10), err == nil
}}

// oneOf is a name of a list.
func oneOf(names ...string) rule {
	want := names[0]
	if last := len(names) - 1; last > 0 {
		want = strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return rule{kind: "NAME", want: want, read: func(text string) (string, bool) {
		name := strings.ToLower(text)
		return name, slices.Contains(names, name)
	}}
}

// deviceRule is a device that session.Options takes.
var deviceRule = rule{kind: "NAME", want: "auto, cpu, gpu or gpu:N", read: func(text string) (string, bool) {
	name := strings.ToLower(text)
	if number, found := strings.CutPrefix(name, "gpu:"); found {
		n, err := strconv.Atoi(number)
		return name, err == nil && n >= 0 && strconv.Itoa(n) == number
	}
	return name, slices.Contains([]string{"auto", "cpu", "gpu"}, name)
}}

// filterRule is a filter with a name, or a file: what ends in .npy, or has a
// folder in it, as the pipe of a shell's <(…) has.
var filterRule = rule{
	kind: "NAME|FILE", want: strings.Join(filterNames(), ", ") + " or FILE.npy", known: filterNames(),
	read: func(text string) (string, bool) {
		if name := strings.ToLower(text); planes[name] != nil {
			return name, true
		}
		return text, isNPY(text) || strings.ContainsRune(text, filepath.Separator)
	},
}

// fileRule and folderRule: an empty name is a variable of a script that was not
// set.
var (
	fileRule   = rule{kind: "FILE", want: "a file", read: notEmpty}
	folderRule = rule{kind: "FOLDER", want: "a folder", read: notEmpty}
	netRule    = rule{kind: "NET", want: "a ready network or a JSON file", read: notEmpty}
)

func notEmpty(text string) (string, bool) { return text, text != "" }

// memoryRule is a number of bytes. A number alone is refused: 8 might be GiB.
var memoryRule = rule{kind: "SIZE", want: "a size with its unit, as 8GiB or 500MB", read: func(text string) (string, bool) {
	bytes, err := humanize.ParseBytes(text)
	return text, err == nil && bytes > 0 && bytes <= math.MaxInt64 && strings.ContainsAny(text, "bBkKmMgGtTpPeE")
}}

// usageError is the error of a command line: of c, and what is wrong.
func usageError(c *cobra.Command, format string, arguments ...any) error {
	command := ""
	if c.HasParent() {
		_, command, _ = strings.Cut(c.CommandPath(), " ")
		command += ": "
	}
	return fmt.Errorf(command+format, arguments...)
}

// argumentCount is the rule of a command's arguments: how many, and what they are.
func argumentCount(least, most int, want string) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		switch n := len(arguments); {
		case n >= least && n <= most:
			return nil
		case n == 0:
			return usageError(c, "got no argument, want %s", want)
		case n == 1:
			return usageError(c, "got the argument %s, want %s", quote.Name(arguments[0]), want)
		default:
			return usageError(c, "got %d arguments, want %s", n, want)
		}
	}
}

// needs refuses flags that do nothing without another one.
func needs(c *cobra.Command, other string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) && !c.Flags().Changed(other) {
			return usageError(c, "--%s wants --%s beside it", name, other)
		}
	}
	return nil
}

// excludes refuses flags beside another one.
func excludes(c *cobra.Command, other string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) && c.Flags().Changed(other) {
			return usageError(c, "got --%s and --%s, want one of them", other, name)
		}
	}
	return nil
}
