package main

import (
	"bytes"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/internal/report"
)

func newDrawCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "draw NET",
		Short: "Draw a network as an SVG picture",
		Long: `draw makes a picture of a network: its layers from top to bottom, each with its
name, kind, kernel and stride, the shape that comes out and its parameters;
branches side by side. NET is a ready network (cnndemo nets) or a JSON file.

The picture is SVG, for browsers and vector programs; it is light or dark as
the reader's screen is. Without --out it is printed.

` + exitStatus("2    wrong usage: a flag, or a network that is not known or not right", "3    the file cannot be written"),
		Example: `  cnndemo draw resnet18 --out resnet18.svg
  cnndemo draw mine.json > mine.svg`,
		Args:              takes(1, 1, "one network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			found, err := findNetwork(arguments[0])
			if err != nil {
				return exit(exitUsage, "draw: %w", err)
			}
			d, err := drawing(found.name, found.network)
			if err != nil {
				return exit(exitUsage, "draw: %w", err)
			}
			var picture bytes.Buffer
			if err := d.WriteSVG(&picture); err != nil {
				return exit(exitCheck, "draw: %w", err)
			}
			if out == "" {
				_, err := c.OutOrStdout().Write(picture.Bytes())
				return err
			}
			if err := renameio.WriteFile(out, picture.Bytes(), 0o644); err != nil {
				return exit(exitEnvironment, "draw: write %s: %w", quote.Plain(out), err)
			}
			unfinished.wrote(out)
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "write the picture to this file (default: stdout)")
	keep(c, fileRule, "out")
	return c
}

// drawing is a network as package report draws it.
func drawing(name string, n graph.Network) (report.Drawing, error) {
	plan, err := n.Plan()
	if err != nil {
		return report.Drawing{}, err
	}
	d := report.Drawing{
		Title: quote.Plain(name), Input: []int{n.Input.Height, n.Input.Width, n.Input.Channels},
		Parameters: plan.Parameters, MACs: plan.MACs(),
	}
	outputs := n.Outputs
	if len(outputs) == 0 {
		outputs = []string{plan.Layers[len(plan.Layers)-1].Name}
	}
	for i, l := range plan.Layers {
		layer := report.DrawnLayer{
			Name: l.Name, Kind: l.Kind, Note: graph.Summary(n.Layers[i]), Shape: l.Output,
			Parameters: l.Parameters, Output: slices.Contains(outputs, l.Name),
		}
		for _, from := range l.From {
			at := slices.IndexFunc(plan.Layers[:i], func(l graph.LayerPlan) bool { return l.Name == from })
			layer.From = append(layer.From, at) // −1, the input, where no layer has the name
		}
		d.Layers = append(d.Layers, layer)
	}
	return d, nil
}
