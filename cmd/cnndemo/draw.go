package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/internal/output"
	"tfcnn/internal/quote"
)

// drawFormats are the formats that draw writes, by the ending of their file.
var drawFormats = map[string]func(report.Drawing, io.Writer) error{
	".svg": report.Drawing.WriteSVG,
	".png": report.Drawing.WritePNG,
}

func newDrawCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "draw NET",
		Short: "Draw a network as SVG or PNG",
		Long: `draw draws a network: its layers from top to bottom, branches side by side, each
layer with its name, kind, kernel and stride, the shape of its output and its
parameters. NET is a ready network (cnndemo nets lists them) or a JSON file, of
5,000 layers at most.

The name of the file that --out names ends in .svg or .png, which chooses the
format. SVG is for browsers and vector programs, and follows the reader's light or
dark colours. PNG has light colours, and four pixels for each of the SVG. Without
--out, or with --out -, SVG is printed; a FIFO or a device gets SVG, unless its
name ends in .png.

` + commandline.ExitStatus(
			"2    wrong usage: a wrong flag, a network that is unknown or wrong, a name with",
			"     another ending, or a drawing that is too large for PNG",
			"3    the output cannot be written"),
		Example: `  cnndemo draw resnet18 --out resnet18.svg
  cnndemo draw resnet18 --out resnet18.png
  cnndemo draw mine.json > mine.svg`,
		Args:              commandline.Arguments(1, 1, "one network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			set, done := newSet(c.Context())
			defer done()
			set.AddInputs(arguments...)
			var file *output.File
			format := drawFormats[".svg"]
			if out != "-" {
				var err error
				if file, err = outputFlag(c, set, "out", out); err != nil {
					return err
				}
			}
			if file != nil {
				chosen, known := drawFormats[strings.ToLower(filepath.Ext(out))]
				if known {
					format = chosen
				} else if !file.Special() {
					return commandline.Errorf(c, "--out: got %s, want a name that ends in .svg or .png", quote.Name(out))
				}
			}
			found, err := findNetwork(arguments[0])
			if err != nil {
				return exitErrorf(exitUsage, "draw: %w", err)
			}
			d, err := drawing(found.name, found.network)
			if err != nil {
				return exitErrorf(exitUsage, "draw: %w", err)
			}
			var content bytes.Buffer
			if err := format(d, &content); errors.Is(err, report.ErrLargeDrawing) {
				return exitErrorf(exitUsage, "draw: %w", err)
			} else if err != nil {
				return exitErrorf(exitCheck, "draw: %w", err)
			}
			if file == nil {
				_, err := content.WriteTo(c.OutOrStdout())
				return err
			}
			err = file.Write(func(w io.Writer) error { _, err := content.WriteTo(w); return err })
			if err == nil {
				err = set.Commit()
			}
			return outputError("draw", err)
		},
	}
	c.Flags().StringVar(&out, "out", "", "write the drawing to this file, .svg or .png (default: SVG to stdout)")
	commandline.UseRule(c, commandline.File, "out")
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
		Title: quote.Plain(name), Input: []int{n.Input.Height, n.Input.Width, n.Input.Channels},
		Parameters: plan.Parameters, MACs: plan.MACs(),
	}
	outputs := map[string]bool{}
	for _, name := range n.Outputs {
		outputs[name] = true
	}
	if len(outputs) == 0 {
		outputs[plan.Layers[len(plan.Layers)-1].Name] = true
	}
	indices := map[string]int{graph.InputName: report.DrawnInput}
	for i, l := range plan.Layers {
		layer := report.DrawnLayer{
			Name: l.Name, Kind: l.Kind, Family: l.Family, Note: graph.Summary(n.Layers[i]), Shape: l.Output,
			Parameters: l.Parameters, Output: outputs[l.Name],
		}
		for _, from := range l.From {
			layer.From = append(layer.From, indices[from])
		}
		indices[l.Name] = i
		d.Layers = append(d.Layers, layer)
	}
	return d, nil
}
