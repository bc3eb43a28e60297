package main

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

// flagError says in this program's words what package pflag found wrong.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usageError(c, "unknown flag: -%s", quote.Text(unknown.GetSpecifiedName(), 8))
	case errors.As(err, &unknown):
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		name := unknown.GetSpecifiedName()
		if like := nearest(name, known); like != "" {
			return usageError(c, "unknown flag: --%s, the nearest is --%s", quote.Text(name, 80), like)
		}
		return usageError(c, "unknown flag: --%s", quote.Text(name, 80))
	case errors.As(err, &missing):
		return usageError(c, "--%s: got no value, want %s", missing.GetFlag().Name, wants(missing.GetFlag()))
	case errors.As(err, &invalid):
		want := "want " + wants(invalid.GetFlag())
		if _, ours := invalid.GetFlag().Value.(interface{ wants() string }); ours {
			want = invalid.Unwrap().Error()
		}
		return usageError(c, "--%s: got %s, %s", invalid.GetFlag().Name, quote.Name(invalid.GetValue()), want)
	case errors.As(err, &syntax):
		return usageError(c, "got %s, want --FLAG or --FLAG=VALUE", quote.Name(syntax.GetSpecifiedFlag()))
	}
	return usageError(c, "flags: %w", err)
}

// wants is what a flag's values are.
func wants(f *pflag.Flag) string {
	if own, ours := f.Value.(interface{ wants() string }); ours {
		return own.wants()
	}
	return "true or false" // every other flag has a rule
}

// commandNames are those that help lists.
func commandNames(c *cobra.Command) []string {
	var names []string
	for _, child := range c.Commands() {
		if !child.Hidden {
			names = append(names, child.Name())
		}
	}
	return names
}

// unknownCommand is c's error of a command that parent does not have.
func unknownCommand(c, parent *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %s", quote.Name(name))
	if like := nearest(name, commandNames(parent)); like != "" {
		text += ", the nearest is " + like
	}
	return usageError(c, "%s; want one of %s", text, strings.Join(commandNames(parent), ", "))
}

// subcommand returns a command's own command by name; nil where it has none.
func subcommand(c *cobra.Command, name string) *cobra.Command {
	for _, known := range c.Commands() {
		if known.Name() == name {
			return known
		}
	}
	return nil
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND…]",
		Short: "Print the help of a command",
		Long: `help prints what cnndemo COMMAND --help prints; without COMMAND, what
cnndemo --help prints.

` + exitStatus("2    wrong usage: an unknown command", "3    the output cannot be written"),
		Example: "  cnndemo help\n  cnndemo help verify net",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
			about := c.Root()
			for _, name := range arguments {
				if about = subcommand(about, name); about == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
			}
			return commandNames(about), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, arguments []string) error {
			about := c.Root()
			for _, name := range arguments {
				if !about.HasSubCommands() {
					return usageError(c, "got the argument %s, %s has no commands", quote.Name(name), about.CommandPath())
				}
				found := subcommand(about, name)
				if found == nil {
					return unknownCommand(c, about, name)
				}
				about = found
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// exitStatus returns the list of exit statuses in a command's help: the command's
// own lines between those of all commands.
func exitStatus(lines ...string) string {
	text := "Exit status:\n  0    done\n"
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	return text + "  130  interrupted, by SIGINT or SIGTERM"
}
