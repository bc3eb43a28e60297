package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/process"
	"tfcnn/session/profile"
)

// profileFlags are the flags of profile.
type profileFlags struct {
	weights     string
	device      string
	batch, runs int
	seed        uint64
	page, trace string
	asJSON      bool
}

// profileResult is the profile of a network, with names for what ran.
type profileResult struct {
	Network string `json:"network"`
	Weights string `json:"weights"`
	From    string `json:"from"`
	Command string `json:"command"`
	profile.Profile
}

func newProfileCommand() *cobra.Command {
	var f profileFlags
	c := &cobra.Command{
		Use:   "profile NET [images or folders…]",
		Short: "Measure the time of each layer of a network, beside the machine's limits",
		Long: `profile runs a network repeatedly, after warming up, on the CPU or on --device, and
prints the time of each layer from TensorFlow's own record (RunMetadata). NET is a
ready network (cnndemo nets lists them) or a JSON file. It runs over images, as in
verify net (without images: scikit-learn's two sample images, resized to the
network's input), or with --batch N over N images of random numbers. Other work on
the machine changes the times.

Columns:
  TensorFlow ran    the kernels that computed the layer. TensorFlow's optimizer
                    puts a convolution and the bias, batch norm and activation
                    behind it into one kernel; such layers are marked "in" the
                    layer whose row counts them
  time, share       the median of the runs, and its share of a step; a step is one
                    run inside TensorFlow
  multiplications   of the plan, for the batch; and GFLOP/s: 10⁹ floating-point
                    operations a second, two for each multiply-accumulate
  bytes             of the plan: inputs and weights read, outputs written, each
                    number once; and GB/s of them
  allocated         the bytes that TensorFlow's allocators gave the kernels
  of limit          the time that the machine's limit allows, as a share of the
                    layer's time: the larger of the operations at the machine's
                    GFLOP/s and of the bytes at its GB/s. Above 100 % the bytes
                    came from the processor's caches
Below stand the time of a step in which no kernel of a layer ran, which is the
framework's, and the time of a whole call, without and with the record.

The machine's limits are measured before and after, and the better ones count:
GFLOP/s of a product of two 2048×2048 matrices in TensorFlow, GB/s of a copy of
128 MiB by all cores, bytes read and written added up.

On a GPU the kernels are those of the GPU, by NVIDIA's tracer, which gives whole
microseconds. Where the record names no node for a kernel, the kernel counts for the
node that launched a kernel at that time, and is marked. The host's time of
launching, and the copies from and to the GPU with their bytes, are listed apart.
The limits are the GPU's: the same product, and a ReLU of 128 MiB. docs/gpu.md has
more. profile was never run on a GPU.

--html writes a page: each layer's time beside its limits, and all layers under the
roofline. --trace writes the runs as a trace for ui.perfetto.dev: each kernel with
its shapes and bytes, and the memory in use. TensorFlow's record names no threads:
kernels that ran at the same time are on tracks of their own.

` + commandline.ExitStatus(
			"1    the run failed, or an image cannot be used",
			"2    wrong usage: a wrong flag, or a network or weights that are unknown or wrong",
			"3    the machine lacks memory, the device, or a place to write to"),
		Example: `  cnndemo profile lenet5
  cnndemo profile resnet18 --batch 8 --html resnet18.html --trace resnet18.json
  cnndemo profile my-net.json --weights my-net.npz holiday/ --runs 100 --json
  cnndemo profile resnet18 --batch 64 --device gpu --html resnet18.html
  TF_ENABLE_ONEDNN_OPTS=1 cnndemo profile alexnet --batch 1`,
		Args:              commandline.Arguments(1, math.MaxInt, "a network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			set, done := newSet(c.Context())
			defer done()
			set.AddInputs(arguments[0], f.weights)
			protectInputs(set, arguments[1:], isImageName)
			page, err := outputFlag(c, set, "html", f.page)
			if err != nil {
				return err
			}
			trace, err := outputFlag(c, set, "trace", f.trace)
			if err != nil {
				return err
			}
			result, err := f.profile(c, arguments[0], arguments[1:])
			if err != nil {
				return err
			}
			result.Command, _ = commandline.Repeat(c, arguments)
			if page != nil {
				err = page.Write(func(w io.Writer) error { return report.WriteProfile(w, result.page()) })
			}
			if trace != nil && err == nil {
				err = trace.Write(func(w io.Writer) error { return result.WriteTrace(w, result.process()) })
			}
			if err == nil {
				err = set.Commit()
			}
			if err != nil {
				return outputError("profile", err)
			}
			if f.asJSON {
				return printJSON(c, result)
			}
			return result.print(c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&f.device, "device", "cpu", "cpu, gpu, gpu:N or auto")
	c.Flags().IntVar(&f.batch, "batch", 0, "run over this number of images of random numbers")
	c.Flags().IntVar(&f.runs, "runs", 20, "the number of measured runs, after warming up")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "the seed of fresh weights and random images")
	c.Flags().StringVar(&f.weights, "weights", "", "the network's weights, a .npz file (default: fresh ones from --seed)")
	c.Flags().StringVar(&f.page, "html", "", "write a page with the layers' times and the roofline to this file")
	c.Flags().StringVar(&f.trace, "trace", "", "write the runs as a trace for Perfetto to this file")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	commandline.UseRule(c, commandline.Device, "device")
	commandline.UseRule(c, commandline.WholeNumber(1, math.MaxInt), "batch", "runs")
	commandline.UseRule(c, commandline.Seed, "seed")
	commandline.UseRule(c, commandline.File, "weights", "html", "trace")
	return c
}

// profile measures the network.
func (f profileFlags) profile(c *cobra.Command, name string, paths []string) (profileResult, error) {
	if f.batch > 0 && len(paths) > 0 {
		return profileResult{}, commandline.Errorf(c, "got --batch %d, which is of random numbers, and images; want one of them", f.batch)
	}
	found, err := findNetwork(name)
	if err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	net := found.network
	if _, err := net.Plan(); err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	if err := process.Configure(process.Options{NoTF32: true, NoWinograd: true}); err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	// The device is looked for here, before anything else is made ready.
	if _, err := tensorflow.ChooseDevice(f.device); err != nil {
		return profileResult{}, fmt.Errorf("profile: %w", err)
	}
	result := profileResult{Network: found.name, Weights: fmt.Sprintf("drawn from seed %d", f.seed)}
	var weights graph.Weights
	if f.weights == "" {
		weights = profile.RandomWeights(net, f.seed)
	} else {
		result.Weights = f.weights
		if weights, err = readWeights(f.weights, net); err != nil {
			return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
		}
	}
	images := &imageBatch{input: net.Input, drawn: f.batch}
	if f.batch == 0 {
		if images, err = newImageBatch(c.Name(), net.Input, paths); err != nil {
			return profileResult{}, err
		}
	}
	if err := fits(net, images.size()); err != nil {
		return profileResult{}, err
	}
	batch, from, err := images.read(c.Context(), f.seed)
	if err != nil {
		return profileResult{}, err
	}
	result.From = from
	if result.Profile, err = f.measure(c, net, weights, batch); err != nil {
		return profileResult{}, verifyError(c.Context(), err)
	}
	return result, nil
}

// limitsBytes is the memory that measuring the machine's limits takes.
const limitsBytes = 720 << 20

// fits returns an error where a batch cannot run in the memory that is free.
func fits(net graph.Network, batch int) error {
	forecast, err := net.Memory(graph.Workload{Batch: batch})
	if err != nil {
		return exitErrorf(exitUsage, "profile: %w", err)
	}
	if forecast.Refused != "" {
		return exitErrorf(exitUsage, "profile: batch of %d images: TensorFlow's kernels do not take it: %s", batch, forecast.Refused)
	}
	if err := tensorflow.CheckMemory(networkBytes(forecast.Inference) + limitsBytes); err != nil {
		return exitErrorf(exitEnvironment, "profile: %w", err)
	}
	return nil
}

// measure runs the network between two measurements of the machine.
func (f profileFlags) measure(c *cobra.Command, net graph.Network, weights graph.Weights, batch tensor.Tensor) (profile.Profile, error) {
	ctx := c.Context()
	bar := newProgress(c.ErrOrStderr(), "runs")
	defer bar.finish()
	o := session.Options{Device: f.device}
	before, err := profile.MachineLimits(ctx, o)
	if err != nil {
		return profile.Profile{}, err
	}
	p, err := profile.Run(ctx, net, weights, batch, profile.Options{Options: o, Runs: f.runs, Progress: bar.show})
	if err != nil {
		return profile.Profile{}, err
	}
	after, err := profile.MachineLimits(ctx, o)
	if err != nil {
		return profile.Profile{}, err
	}
	p.SetLimits(before.Better(after))
	return p, nil
}

// process names the recorded process in a trace.
func (r profileResult) process() string {
	return fmt.Sprintf("TensorFlow %s: %s, %s a run", r.TensorFlow, r.Network, count(r.Images, "image"))
}

// title names the network, its weights and its input.
func (r profileResult) title() string {
	return fmt.Sprintf("%s, weights %s, over %s", quote.Plain(r.Network), quote.Plain(r.Weights), strings.TrimSuffix(r.From, "."))
}
