package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"tfcnn/session"
)

func newDevicesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "devices",
		Short:   "Print TensorFlow's version and devices",
		Example: "  cnndemo devices\n  cnndemo devices --json",
		Args:    cobra.NoArgs,
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
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return exit(exitCheck, "print JSON: %w", err)
	}
	return nil
}
