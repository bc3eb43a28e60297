package commandline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/internal/quote"
)

// nearest is the name that is spelt most like another, or "" where none is much
// like it.
func nearest(name string, known []string) string {
	found, least := "", 4 // further apart is no likeness
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name[:min(len(name), 100)]), k); d < least {
			found, least = k, d
		}
	}
	return found
}

// FlagError returns an error of package pflag in this program's words.
func FlagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return Errorf(c, "unknown flag: -%s", quote.Text(unknown.GetSpecifiedName(), 8))
	case errors.As(err, &unknown):
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		name := unknown.GetSpecifiedName()
		if like := nearest(name, known); like != "" {
			return Errorf(c, "unknown flag: --%s, the nearest is --%s", quote.Text(name, 80), like)
		}
		return Errorf(c, "unknown flag: --%s", quote.Text(name, 80))
	case errors.As(err, &missing):
		return Errorf(c, "--%s: got no value, want %s", missing.GetFlag().Name, wants(missing.GetFlag()))
	case errors.As(err, &invalid):
		want := "want " + wants(invalid.GetFlag())
		if _, ours := invalid.GetFlag().Value.(interface{ wants() string }); ours {
			want = invalid.Unwrap().Error()
		}
		return Errorf(c, "--%s: got %s, %s", invalid.GetFlag().Name, quote.Name(invalid.GetValue()), want)
	case errors.As(err, &syntax):
		return Errorf(c, "got %s, want --FLAG or --FLAG=VALUE", quote.Name(syntax.GetSpecifiedFlag()))
	}
	return Errorf(c, "flags: %w", err)
}

// wants describes the values of a flag.
func wants(f *pflag.Flag) string {
	if own, ours := f.Value.(interface{ wants() string }); ours {
		return own.wants()
	}
	return "true or false" // every other flag has a rule
}

// CommandNames are the names of the commands that help lists.
func CommandNames(c *cobra.Command) []string {
	var names []string
	for _, child := range c.Commands() {
		if !child.Hidden {
			names = append(names, child.Name())
		}
	}
	return names
}

// UnknownCommand is c's error of a command that parent does not have.
func UnknownCommand(c, parent *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %s", quote.Name(name))
	if like := nearest(name, CommandNames(parent)); like != "" {
		text += ", the nearest is " + like
	}
	return Errorf(c, "%s; want one of %s", text, strings.Join(CommandNames(parent), ", "))
}

// Subcommand returns a command's own command by name; nil where it has none.
func Subcommand(c *cobra.Command, name string) *cobra.Command {
	for _, known := range c.Commands() {
		if known.Name() == name {
			return known
		}
	}
	return nil
}

// Errorf returns a usage error of the command c.
func Errorf(c *cobra.Command, format string, arguments ...any) error {
	command := ""
	if c.HasParent() {
		_, command, _ = strings.Cut(c.CommandPath(), " ")
		command += ": "
	}
	return fmt.Errorf(command+format, arguments...)
}

// Arguments is the rule of a command's arguments: their number, and a description of
// them.
func Arguments(least, most int, want string) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		switch n := len(arguments); {
		case n >= least && n <= most:
			return nil
		case n == 0:
			return Errorf(c, "got no argument, want %s", want)
		case n == 1:
			return Errorf(c, "got the argument %s, want %s", quote.Name(arguments[0]), want)
		default:
			return Errorf(c, "got %d arguments, want %s", n, want)
		}
	}
}

// Needs refuses flags that do nothing without another one.
func Needs(c *cobra.Command, other string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) && !c.Flags().Changed(other) {
			return Errorf(c, "--%s wants --%s beside it", name, other)
		}
	}
	return nil
}

// Excludes refuses flags beside another one.
func Excludes(c *cobra.Command, other string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) && c.Flags().Changed(other) {
			return Errorf(c, "got --%s and --%s, want one of them", other, name)
		}
	}
	return nil
}
