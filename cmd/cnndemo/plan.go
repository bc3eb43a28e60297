package main

import (
	"math"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

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
	Remedies []graph.Remedy        `json:"remedies,omitempty"`
	Measured []profile.Measurement `json:"measured,omitempty"`
}

func newPlanCommand() *cobra.Command {
	var work graph.Workload
	var dtype, optimizer, memory string
	var measure, asJSON, here bool
	c := &cobra.Command{
		Use:   "plan NET",
		Short: "Say what a network costs, before it runs",
		Long: `plan says what a network costs without running it: for each layer the size of
its output, how many pixels one number of it sees (its receptive field, and
after the stroke the step to its neighbour's), its parameters, what a dense
layer between the same shapes would need, multiplications, and the bytes of its
output; in all the memory that a batch needs to run and, with --training, to be
trained on, each with its formula. NET is a ready network (cnndemo nets) or a
JSON file.

Multiplications are for one image, padding counted. Those of layers with
filters are multiply-accumulates (MACs); FLOPs count two for each.

A layer marked = takes no memory of its own when the network runs: activations,
batch_norm, scale_shift, softmax and add are written over an input that nobody
else needs, as TensorFlow does it, and flatten and dropout hand their input on.
A bias is added in place; TensorFlow puts conv2d or dense, bias, batch_norm and
activation into one kernel where it can, which takes the same memory. Tensors
are counted, not the scratch memory of kernels, nor TensorFlow itself:
--measure tells those.

With --memory plan computes the largest batch that fits, and what the ways to
need less would save.

--measure runs the network on the CPU in processes of its own, with oneDNN off
and on (or as TF_ENABLE_ONEDNN_OPTS says, where it is set), and prints the peak
of TensorFlow's own record (RunMetadata) beside the forecast. Where they differ
each difference is named. What TensorFlow does not record, constants and fed
tensors above all, shows in the growth of the process.

` + exitStatus(
			"1    with --memory, the batch does not fit; with --measure, the run failed",
			"2    wrong usage: a flag, or a network that is not known or not right",
			"3    the machine lacks memory for --measure, or the output cannot be written"),
		Example: `  cnndemo plan tutorial --batch 100
  cnndemo plan resnet18 --batch 32 --training --optimizer adam --memory 8GiB
  cnndemo plan my-net.json --dtype float16 --json
  cnndemo plan alexnet --batch 8 --measure`,
		Args: func(c *cobra.Command, arguments []string) error {
			if here {
				return argumentCount(0, 0, "none")(c, arguments)
			}
			return argumentCount(1, 1, "one network")(c, arguments)
		},
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			if here {
				return measureHere(c, work.Batch)
			}
			work.DType, work.Optimizer = graph.DType(dtype), graph.Optimizer(optimizer)
			if measure && work.DType != graph.Float32 {
				return usageError(c, "--measure runs in float32, not in %s", work.DType)
			}
			if err := needs(c, "training", "optimizer"); err != nil {
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
			if err == nil && result.Largest != nil && result.Memory.Asked().Bytes > bytes {
				return exitErrorf(exitCheck, "plan: a batch of %d needs %s, more than %s", work.Batch, size(result.Memory.Asked().Bytes), size(bytes))
			}
			return err
		},
	}
	c.Flags().IntVar(&work.Batch, "batch", 1, "images at once")
	c.Flags().StringVar(&dtype, "dtype", string(graph.Float32), "type of all numbers: float32, float16 or bfloat16")
	c.Flags().BoolVar(&work.Training, "training", false, "what a training step needs, too")
	c.Flags().StringVar(&optimizer, "optimizer", "", "with --training: sgd (the default), momentum or adam")
	c.Flags().StringVar(&memory, "memory", "", "size of a memory, as 8GiB or 500MB: which batch fits, and what would save")
	c.Flags().BoolVar(&measure, "measure", false, "run it, and print TensorFlow's peak beside the forecast")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&here, "measure-here", false, "")
	useRule(c, wholeNumber(1, math.MaxInt), "batch")
	useRule(c, oneOf(string(graph.Float32), string(graph.Float16), string(graph.BFloat16)), "dtype")
	useRule(c, oneOf(string(graph.SGD), string(graph.Momentum), string(graph.Adam)), "optimizer")
	useRule(c, memoryRule, "memory")
	// The only error is that the flag is not there.
	_ = c.Flags().MarkHidden("measure-here")
	return c
}

// memorySize is the value of --memory, which memoryRule has taken; 0 where it is
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
	r.Remedies, err = found.network.Remedies(work)
	return r, err
}
