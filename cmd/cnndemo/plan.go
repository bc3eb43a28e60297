package main

import (
	"math"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph"
	"tfcnn/session/profile"
)

// planResult is a plan as plan --json prints it.
type planResult struct {
	Network string      `json:"network"`
	Input   graph.Input `json:"input"`
	graph.Plan
	MACs     int64                 `json:"macs"`  // multiplications of layers with filters
	FLOPs    uint64                `json:"flops"` // two a MAC
	Memory   graph.Memory          `json:"memory"`
	Largest  *graph.Largest        `json:"largest_batch,omitempty"`
	Savings  []graph.MemorySaving  `json:"remedies,omitempty"`
	Measured []profile.Measurement `json:"measured,omitempty"`
}

func newPlanCommand() *cobra.Command {
	var work graph.Workload
	var dtype, optimizer, memory string
	var measure, asJSON, here bool
	c := &cobra.Command{
		Use:   "plan NET",
		Short: "Compute the shapes, memory and cost of a network before it runs",
		Long: `plan computes the cost of a network without running it. For each layer it prints
  output            height, width and channels
  receptive field   the pixels of the input that one number of the output depends
                    on, and after the stroke their distance from those of the
                    next number
  parameters        and beside them those of a dense layer between the same shapes
  multiplications   for one image, padding counted
  activations       the bytes of the output
Below stands the memory that a batch needs to run and, with --training, to be
trained on, each with its formula. NET is a ready network (cnndemo nets lists them)
or a JSON file. Multiplications of layers with filters are multiply-accumulates
(MACs); each counts as two FLOPs.

A layer marked = takes no memory of its own when the network runs: TensorFlow
writes activations, batch_norm, scale_shift, softmax and add over an input that no
other layer needs, and flatten and dropout return their input. A bias is added in
place; where TensorFlow computes conv2d or dense, bias, batch_norm and activation in
one kernel, the memory is the same. Tensors are counted, the scratch memory of
kernels and TensorFlow itself are not; --measure measures those.

With --memory plan computes the largest batch that fits, and what each change of
the network or of the batch would save.

--measure runs the network on the CPU in processes of its own, with oneDNN off and
on (or as TF_ENABLE_ONEDNN_OPTS says, where it is set), and prints the peak of
TensorFlow's own record (RunMetadata) beside the forecast, with a name for each
difference. The growth of the process shows what TensorFlow does not record:
above all constants and fed tensors.

` + commandline.ExitStatus(
			"1    with --memory, the batch does not fit; with --measure, the run failed",
			"2    wrong usage: a wrong flag, or a network that is unknown or wrong",
			"3    the machine lacks memory for --measure, or the output cannot be written"),
		Example: `  cnndemo plan tutorial --batch 100
  cnndemo plan resnet18 --batch 32 --training --optimizer adam --memory 8GiB
  cnndemo plan my-net.json --dtype float16 --json
  cnndemo plan alexnet --batch 8 --measure`,
		Args: func(c *cobra.Command, arguments []string) error {
			if here {
				return commandline.Arguments(0, 0, "none")(c, arguments)
			}
			return commandline.Arguments(1, 1, "one network")(c, arguments)
		},
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			if here {
				return measureHere(c, work.Batch)
			}
			work.DType, work.Optimizer = graph.DType(dtype), graph.Optimizer(optimizer)
			if measure && work.DType != graph.Float32 {
				return commandline.Errorf(c, "--measure runs in float32, not in %s", work.DType)
			}
			if err := commandline.Needs(c, "training", "optimizer"); err != nil {
				return err
			}
			bytes := memorySize(memory)
			found, err := findNetwork(arguments[0])
			if err != nil {
				return exitErrorf(exitUsage, "plan: %w", err)
			}
			result, err := planNetwork(found, work, bytes)
			if err != nil {
				return exitErrorf(exitUsage, "plan: %w", err)
			}
			if measure {
				if result.Measured, err = measureNetwork(c, found.network, result.Memory); err != nil {
					return err
				}
			}
			if asJSON {
				err = printJSON(c, result)
			} else {
				err = result.print(c.OutOrStdout())
			}
			if err == nil && result.Largest != nil && result.Memory.Required().Bytes > bytes {
				return exitErrorf(exitCheck, "plan: a batch of %d needs %s, more than %s", work.Batch, size(result.Memory.Required().Bytes), size(bytes))
			}
			return err
		},
	}
	c.Flags().IntVar(&work.Batch, "batch", 1, "the number of images in a batch")
	c.Flags().StringVar(&dtype, "dtype", string(graph.Float32), "the type of all numbers: float32, float16 or bfloat16")
	c.Flags().BoolVar(&work.Training, "training", false, "print the memory of a training step too")
	c.Flags().StringVar(&optimizer, "optimizer", "", "with --training: sgd (the default), momentum or adam")
	c.Flags().StringVar(&memory, "memory", "", "a size of memory, as 8GiB or 500MB: print the largest batch that fits, and what would save memory")
	c.Flags().BoolVar(&measure, "measure", false, "run the network, and print TensorFlow's peak beside the forecast")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&here, "measure-here", false, "")
	commandline.UseRule(c, commandline.WholeNumber(1, math.MaxInt), "batch")
	commandline.UseRule(c, commandline.OneOf(string(graph.Float32), string(graph.Float16), string(graph.BFloat16)), "dtype")
	commandline.UseRule(c, commandline.OneOf(string(graph.SGD), string(graph.Momentum), string(graph.Adam)), "optimizer")
	commandline.UseRule(c, commandline.Memory, "memory")
	// The only error is that the flag is not there.
	_ = c.Flags().MarkHidden("measure-here")
	return c
}

// memorySize is the value of --memory, which commandline.Memory has taken; 0 where it is
// not given.
func memorySize(text string) int64 {
	bytes, err := humanize.ParseBytes(text)
	if err != nil {
		return 0
	}
	return int64(bytes)
}

// planNetwork computes the plan; memory is 0 where it does not matter.
func planNetwork(found foundNetwork, work graph.Workload, memory int64) (planResult, error) {
	r := planResult{Network: found.name, Input: found.network.Input}
	var err error
	if r.Plan, err = found.network.Plan(); err != nil {
		return r, err
	}
	r.MACs = r.Plan.MACs()
	r.FLOPs = 2 * uint64(r.MACs)
	if r.Memory, err = found.network.Memory(work); err != nil || memory == 0 {
		return r, err
	}
	largest, err := found.network.LargestBatch(work, memory)
	if err != nil {
		return r, err
	}
	r.Largest = &largest
	r.Savings, err = found.network.MemorySavings(work)
	return r, err
}
