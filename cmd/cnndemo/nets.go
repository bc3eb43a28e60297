package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/quote"
)

// netSummary is one line of cnndemo nets.
type netSummary struct {
	Name        string `json:"name"`
	Input       []int  `json:"input"` // [height, width, channels]
	Output      []int  `json:"output"`
	Layers      int    `json:"layers"`
	Parameters  int64  `json:"parameters"`
	Statistics  int64  `json:"statistics"` // moving means and variances
	MACs        int64  `json:"macs"`       // for one image
	Description string `json:"description"`
}

func newNetsCommand() *cobra.Command {
	var asJSON, schema bool
	c := &cobra.Command{
		Use:   "nets [NET]",
		Short: "List the ready networks, or print one as JSON",
		Long: `nets lists the ready networks. Multiplications are those of the layers with
filters, for one image, padding counted: multiply-accumulates (MACs). The moving
means and variances of batch norms are no parameters.

nets NET prints a network as JSON, to be edited and passed to run, plan, verify
net, draw and profile. NET is a name of the list, or a JSON file: nets checks it
and prints it in the form that cnndemo itself writes. --schema prints the JSON
Schema of that form, for editors.

` + commandline.ExitStatus(
			"2    wrong usage: a wrong flag, or a network that is unknown or wrong",
			"3    the output cannot be written"),
		Example: `  cnndemo nets
  cnndemo nets lenet5 > mine.json
  cnndemo nets mine.json                       # check a file
  cnndemo nets --schema > network.schema.json`,
		Args:              commandline.Arguments(0, 1, "at most one network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			out := c.OutOrStdout()
			switch {
			case schema && (asJSON || len(arguments) > 0):
				return commandline.Errorf(c, "got --schema with a network or --json, want --schema alone")
			case schema:
				_, err := out.Write(graph.Schema())
				return err
			case len(arguments) > 0 && asJSON:
				return commandline.Errorf(c, "--json is for the list; nets %s prints JSON without it", quote.Plain(arguments[0]))
			case len(arguments) > 0:
				found, err := findNetwork(arguments[0])
				if err != nil {
					return exitErrorf(exitUsage, "nets: %w", err)
				}
				return graph.WriteNetwork(out, found.network)
			}
			list, err := summariseNetworks()
			if err != nil {
				return exitErrorf(exitCheck, "nets: %w", err)
			}
			if asJSON {
				return printJSON(c, list)
			}
			return printNetworks(out, list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of a network's JSON form")
	return c
}

func summariseNetworks() ([]netSummary, error) {
	var list []netSummary
	for _, name := range nets.Names() {
		found, err := findNetwork(name)
		if err != nil {
			return nil, err
		}
		plan, err := found.network.Plan()
		if err != nil {
			return nil, err
		}
		in := found.network.Input
		list = append(list, netSummary{
			Name: name, Input: []int{in.Height, in.Width, in.Channels},
			Output: plan.Layers[len(plan.Layers)-1].Output, Layers: len(plan.Layers),
			Parameters: plan.Parameters, Statistics: plan.Statistics, MACs: plan.MACs(), Description: found.description,
		})
	}
	return list, nil
}

func printNetworks(w io.Writer, list []netSummary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "network\tinput\tlayers\tparameters\tmultiplications\t")
	for _, n := range list {
		fmt.Fprintf(t, "%s\t%d×%d×%d\t%6d\t%11s\t%15s\t%s\n", n.Name, n.Input[0], n.Input[1], n.Input[2], n.Layers, report.Grouped(n.Parameters), report.Grouped(n.MACs), n.Description)
	}
	return t.Flush()
}
