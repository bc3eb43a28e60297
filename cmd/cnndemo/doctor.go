package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/machine"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	var device string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check what TensorFlow and a GPU need on this machine",
		Long: `doctor checks the processor, TensorFlow and its devices, and what a GPU needs: a
libtensorflow built for CUDA, NVIDIA's driver, a device, and NVIDIA's libraries,
which TensorFlow opens by name. Each thing that is missing is printed with its fix.
With --device gpu the exit status is 3 where a GPU lacks something.

` + commandline.ExitStatus(
			"2    wrong usage",
			"3    the device of --device lacks something, TensorFlow cannot list its devices,",
			"     or the output cannot be written"),
		Example: "  cnndemo doctor\n  docker run --rm --gpus all tfcnn-cuda doctor --device gpu",
		Args:    commandline.Arguments(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			tf, err := describeTensorFlow()
			if err != nil {
				return &exitError{exitEnvironment, err}
			}
			facts := machine.This("").RuntimeFacts(c.Context(), tf, device == "gpu")
			if asJSON {
				if err := printJSON(c, facts); err != nil {
					return err
				}
			} else {
				printFacts(c.OutOrStdout(), facts)
			}
			if missing := machine.Missing(facts); len(missing) > 0 {
				return exitErrorf(exitEnvironment, "doctor: needed and missing: %d", len(missing))
			}
			return nil
		},
	}
	c.Flags().StringVar(&device, "device", "auto", "auto, cpu or gpu: the device that must be usable")
	c.Flags().BoolVar(&asJSON, "json", false, "print the facts as JSON")
	commandline.UseRule(c, commandline.OneOf("auto", "cpu", "gpu"), "device")
	return c
}

func printFacts(w io.Writer, facts []machine.Fact) {
	for _, f := range facts {
		fmt.Fprintln(w, f)
	}
}

func describeTensorFlow() (machine.TensorFlow, error) {
	tf := machine.TensorFlow{Version: process.Version(), CUDA: tensorflow.BuiltWithCUDA()}
	devices, err := process.Devices()
	if err != nil {
		return machine.TensorFlow{}, err
	}
	for _, d := range devices {
		tf.Devices = append(tf.Devices, d.Name)
	}
	for _, l := range tensorflow.CUDALibraries() {
		tf.Libraries = append(tf.Libraries, machine.Library(l))
	}
	return tf, nil
}

// missingForGPU lists what this machine lacks for a GPU, with the fixes.
func missingForGPU(ctx context.Context) string {
	tf, err := describeTensorFlow()
	if err != nil {
		return ""
	}
	var lines []string
	for _, f := range machine.This("").GPUFacts(ctx, tf) {
		if !f.Found {
			lines = append(lines, fmt.Sprintf("  %s: %s\n    → %s", f.Name, f.Value, f.Fix))
		}
	}
	if len(lines) == 0 {
		return "hint: cnndemo devices lists what TensorFlow has"
	}
	return "missing for a GPU:\n" + strings.Join(lines, "\n")
}

// missingGPUNote is a note for a run that might have had a GPU and has none.
func missingGPUNote(requested, device string) string {
	if (requested != "auto" && requested != "") || !tensorflow.BuiltWithCUDA() || strings.Contains(device, "GPU") {
		return ""
	}
	return "TensorFlow is built for CUDA and sees no GPU, the CPU is used; cnndemo doctor lists what is missing"
}
