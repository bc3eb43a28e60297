package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tfcnn/internal/quote"
	"tfcnn/session"
)

func newDevicesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Print TensorFlow's version and devices",
		Long: `devices prints TensorFlow's version and the devices that it runs on here, by
the names that --device takes: cpu, gpu, gpu:1.

` + exitStatus("2    wrong usage", "3    TensorFlow cannot list its devices, or the output cannot be written"),
		Example: "  cnndemo devices\n  cnndemo devices --json",
		Args:    argumentCount(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			devices, err := session.Devices()
			if err != nil {
				return &exitError{exitEnvironment, err}
			}
			if asJSON {
				return printJSON(c, map[string]any{"tensorflow": session.Version(), "devices": devices})
			}
			fmt.Fprintf(c.OutOrStdout(), "TensorFlow %s\n", session.Version())
			for _, d := range devices {
				memory := ""
				if d.Type == "GPU" {
					memory = fmt.Sprintf("  %.1f GiB", float64(d.MemoryBytes)/(1<<30))
				}
				fmt.Fprintf(c.OutOrStdout(), "%s%s\n", d.Name, memory)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printJSON(c *cobra.Command, value any) error {
	if err := writeJSON(c.OutOrStdout(), value); err != nil {
		return exitErrorf(exitCheck, "print JSON: %w", err)
	}
	return nil
}

// writeJSON writes a value as indented JSON. Characters that act on a terminal
// are escaped, those too that JSON would let stand.
func writeJSON(w io.Writer, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, quote.JSON(text))
	return err
}
