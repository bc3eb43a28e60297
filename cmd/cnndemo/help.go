package main

import (
	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/quote"
)

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND…]",
		Short: "Print the help of a command",
		Long: `help prints what cnndemo COMMAND --help prints; without COMMAND, what
cnndemo --help prints.

` + commandline.ExitStatus("2    wrong usage: an unknown command", "3    the output cannot be written"),
		Example: "  cnndemo help\n  cnndemo help verify net",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(c *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
			about := c.Root()
			for _, name := range arguments {
				if about = commandline.Subcommand(about, name); about == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
			}
			return commandline.CommandNames(about), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, arguments []string) error {
			about := c.Root()
			for _, name := range arguments {
				if !about.HasSubCommands() {
					return commandline.Errorf(c, "got the argument %s, %s has no commands", quote.Name(name), about.CommandPath())
				}
				found := commandline.Subcommand(about, name)
				if found == nil {
					return commandline.UnknownCommand(c, about, name)
				}
				about = found
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
