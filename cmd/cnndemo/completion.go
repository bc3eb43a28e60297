package main

import (
	"github.com/spf13/cobra"

	"tfcnn/internal/decode"
)

// choices are what the shell offers after a flag. A flag that takes other
// values too, as sizes, has none, or some of them.
var choices = map[string][]string{
	"device":        {"auto", "cpu", "gpu"},
	"padding":       {"same", "valid"},
	"pool-padding":  {"same", "valid"},
	"pool":          {"max", "avg"},
	"resize-method": decode.Methods,
	"filter":        filterNames(),
	"dtype":         {"float32", "float16", "bfloat16"},
	"optimizer":     {"sgd", "momentum", "adam"},
}

// complete gives the shell the values of flags, in every command that has
// them. Arguments are completed by the shell itself, as names of files.
func complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		for name, values := range choices {
			if c.Flags().Lookup(name) == nil {
				continue
			}
			directive := cobra.ShellCompDirectiveNoFileComp
			if name == "filter" {
				directive = cobra.ShellCompDirectiveDefault // or a .npy file
			}
			// The only error is that the flag is not there.
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, directive))
		}
	}
}
