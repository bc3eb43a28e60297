package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/quote"
	"tfcnn/session/process"
)

func newDevicesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Print TensorFlow's version and devices",
		Long: `devices prints TensorFlow's version and its devices on this machine. --device of
the other commands calls them cpu, gpu (the first GPU) and gpu:N.

` + commandline.ExitStatus("2    wrong usage", "3    TensorFlow cannot list its devices, or the output cannot be written"),
		Example: "  cnndemo devices\n  cnndemo devices --json",
		Args:    commandline.Arguments(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			devices, err := process.Devices()
			if err != nil {
				return &exitError{exitEnvironment, err}
			}
			if asJSON {
				return printJSON(c, map[string]any{"tensorflow": process.Version(), "devices": devices})
			}
			printDevices(c.OutOrStdout(), process.Version(), devices)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printDevices(w io.Writer, version string, devices []process.Device) {
	fmt.Fprintf(w, "TensorFlow %s\n", version)
	for _, d := range devices {
		memory := ""
		if d.Type == "GPU" {
			memory = fmt.Sprintf("  %.1f GiB", float64(d.MemoryBytes)/(1<<30))
		}
		fmt.Fprintf(w, "%s%s\n", d.Name, memory)
	}
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
