package main

import (
	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph/nets"
	"tfcnn/internal/proof"
	"tfcnn/session/images"
)

// choices are the values that the shell offers after a flag. A flag that takes other
// values too, as sizes, has none, or some of them.
var choices = map[string][]string{
	"device":        {"auto", "cpu", "gpu"},
	"padding":       {"same", "valid"},
	"pool-padding":  {"same", "valid"},
	"pool":          {"max", "avg"},
	"resize-method": images.Methods,
	"filter":        filterNames(),
	"net":           nets.Names(),
	"op":            proof.Operations(),
	"dtype":         {"float32", "float16", "bfloat16"},
	"optimizer":     {"sgd", "momentum", "adam"},
}

// complete gives the shell the values of flags, in every command that has
// them. Arguments are completed by the shell itself, as names of files.
func complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		complete(c)
		for name, values := range choices {
			if c.Flags().Lookup(name) == nil {
				continue
			}
			directive := cobra.ShellCompDirectiveNoFileComp
			if name == "filter" || name == "net" {
				directive = cobra.ShellCompDirectiveDefault // or a file
			}
			// The only error is that the flag is not there.
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, directive))
		}
	}
}

// shells lists the shells that package cobra writes completion scripts for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand() *cobra.Command {
	var bare bool
	c := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes cnndemo's commands and flags in a shell",
		Long: `completion prints a script for bash, zsh, fish or powershell; the examples load it.
bash needs the package bash-completion, zsh its function compinit.

` + commandline.ExitStatus("2    wrong usage: an unknown shell", "3    the output cannot be written"),
		Example: `  source <(cnndemo completion bash)
  cnndemo completion zsh > "${fpath[1]}/_cnndemo"
  cnndemo completion fish > ~/.config/fish/completions/cnndemo.fish
  cnndemo completion powershell | Out-String | Invoke-Expression`,
		Args:      commandline.Arguments(1, 1, "one shell: "+commandline.OneOf(shells...).Want),
		ValidArgs: shells,
		RunE: func(c *cobra.Command, arguments []string) error {
			shell, known := commandline.OneOf(shells...).Read(arguments[0])
			root, out := c.Root(), c.OutOrStdout()
			switch {
			case !known:
				return commandline.Arguments(0, 0, commandline.OneOf(shells...).Want)(c, arguments)
			case shell == "bash":
				return root.GenBashCompletionV2(out, !bare)
			case shell == "zsh" && bare:
				return root.GenZshCompletionNoDesc(out)
			case shell == "zsh":
				return root.GenZshCompletion(out)
			case shell == "fish":
				return root.GenFishCompletion(out, !bare)
			case bare:
				return root.GenPowerShellCompletion(out)
			}
			return root.GenPowerShellCompletionWithDesc(out)
		},
	}
	c.Flags().BoolVar(&bare, "no-descriptions", false, "complete names without their descriptions")
	return c
}
