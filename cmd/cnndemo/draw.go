package main

import (
	"bytes"
	"fmt"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"tfcnn/graph"
	"tfcnn/internal/report"
)

func newDrawCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "draw NET",
		Short: "Draw a network as an SVG picture",
		Long: `draw makes a picture of a network: its layers from top to bottom, each with its
name, kind, kernel and stride, the shape that comes out and its parameters;
branches side by side. NET is a ready network (cnndemo nets) or a JSON file, of
5,000 layers at most.

The picture is SVG, for browsers and vector programs; it is light or dark as
the reader's screen is. Without --out it is printed.

Exit status: 0 done, 2 a network that is not known or not right, 3 the file
cannot be written.`,
		Example: `  cnndemo draw resnet18 --out resnet18.svg
  cnndemo draw mine.json > mine.svg`,
		Args:              cobra.ExactArgs(1),
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
				return exit(exitEnvironment, "draw: write %s: %w", out, err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "write the picture to this file (default: stdout)")
	return c
}

// drawing is a network as package report draws it.
func drawing(name string, n graph.Network) (report.Drawing, error) {
	if got := len(n.Layers); got > report.MostLayers {
		return report.Drawing{}, fmt.Errorf("%s has %d layers, a drawing at most %d", name, got, report.MostLayers)
	}
	plan, err := n.Plan()
	if err != nil {
		return report.Drawing{}, err
	}
	d := report.Drawing{
		Title: name, Input: []int{n.Input.Height, n.Input.Width, n.Input.Channels},
		Parameters: plan.Parameters, MACs: plan.MACs(),
	}
	outputs := map[string]bool{}
	for _, name := range n.Outputs {
		outputs[name] = true
	}
	if len(outputs) == 0 {
		outputs[plan.Layers[len(plan.Layers)-1].Name] = true
	}
	places := map[string]int{graph.InputName: report.DrawnInput}
	for i, l := range plan.Layers {
		layer := report.DrawnLayer{
			Name: l.Name, Kind: l.Kind, Note: graph.Summary(n.Layers[i]), Shape: l.Output,
			Parameters: l.Parameters, Output: outputs[l.Name],
		}
		for _, from := range l.From {
			layer.From = append(layer.From, places[from])
		}
		places[l.Name] = i
		d.Layers = append(d.Layers, layer)
	}
	return d, nil
}
