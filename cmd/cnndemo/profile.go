package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/profile"
)

// profileFlags are what profile is asked for.
type profileFlags struct {
	weights     string
	device      string
	batch, runs int
	seed        uint64
	page, trace string
	asJSON      bool
}

// profileResult is a network's profile, and of what.
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
		Short: "Say where a network's time goes, layer by layer, beside the machine's limits",
		Long: `profile runs a network again and again, warm, on the CPU or on --device, and
says where the time goes by TensorFlow's own record (RunMetadata). NET is a
ready network (cnndemo nets) or a JSON file. It runs over images, as
verify net does (without any: scikit-learn's two sample images, brought to
its size), or with --batch N over N images of random numbers. It wants the
machine for itself: whatever else runs is in the times.

For each layer it tells
  TensorFlow ran    the kernels that computed it. TensorFlow's optimizer puts a
                    convolution and the bias, batch norm and activation behind
                    it into one kernel; such layers are marked "in" the one
                    whose row counts them all
  time, share       median of the runs, and its share of a step; a step is one
                    run inside TensorFlow
  multiplications   of the plan, for the batch, and GFLOP/s: 10⁹ floating-point
                    operations a second, two for each multiply-accumulate
  bytes             of the plan: inputs and weights read, outputs written, each
                    number once; and GB/s of them
  allocated         what TensorFlow's allocators gave the kernels
  of limit          the share reached of what the machine can do: the larger of
                    the times that the operations need at its GFLOP/s and the
                    bytes at its GB/s, by the layer's time. Above 100 % the
                    bytes came from the processor's caches
and below it the time of a step in which no layer's kernel ran, which is the
framework's, and that of a whole call, without and with the record.

The machine's limits are measured before and after, the better counts: GFLOP/s
of a product of two 2048×2048 matrices by TensorFlow, GB/s of a plain copy of
128 MiB by all cores, read and written bytes added up.

On a GPU the kernels are those that ran on the card, by NVIDIA's tracer, which
gives whole microseconds; a kernel that the record names no node for counts for
the node whose launch lies at its time, and is marked so. Apart from them stand
the host's time of launching, and the copies from and to the card, with their
bytes. The limits are the card's: the same product, and a ReLU of 128 MiB.
docs/gpu.md tells more. profile was never run on a GPU.

--html writes a page: each layer's time beside its limits, and all layers under
the roofline. --trace writes the runs as a trace that ui.perfetto.dev opens: what
ran when, with shapes and bytes, and the memory that was live. TensorFlow's
record names no threads: what ran at once lies on tracks below each other.

` + exitStatus(
			"1    the run failed, or an image cannot be used",
			"2    wrong usage: a flag, or a network or weights that are not known or not right",
			"3    the machine lacks memory, the device, or a place to write to"),
		Example: `  cnndemo profile lenet5
  cnndemo profile resnet18 --batch 8 --html resnet18.html --trace resnet18.json
  cnndemo profile my-net.json --weights my-net.npz holiday/ --runs 100 --json
  cnndemo profile resnet18 --batch 64 --device gpu --html resnet18.html
  TF_ENABLE_ONEDNN_OPTS=1 cnndemo profile alexnet --batch 1`,
		Args:              argumentCount(1, math.MaxInt, "a network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			set, done := newSet(c.Context())
			defer done()
			set.Keep(arguments[0], f.weights)
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
			result.Command, _ = commandLine(c, arguments)
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
	c.Flags().IntVar(&f.batch, "batch", 0, "run over so many images of random numbers")
	c.Flags().IntVar(&f.runs, "runs", 20, "runs that are measured, after warming up")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "what weights and random images are drawn from")
	c.Flags().StringVar(&f.weights, "weights", "", "the network's weights, a .npz file (default: fresh ones from --seed)")
	c.Flags().StringVar(&f.page, "html", "", "write a page with the layers' times and the roofline to this file")
	c.Flags().StringVar(&f.trace, "trace", "", "write the runs as a trace for Perfetto to this file")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	useRule(c, deviceRule, "device")
	useRule(c, wholeNumber(1, math.MaxInt), "batch", "runs")
	useRule(c, seedRule, "seed")
	useRule(c, fileRule, "weights", "html", "trace")
	return c
}

// profile measures the network.
func (f profileFlags) profile(c *cobra.Command, name string, images []string) (profileResult, error) {
	if f.batch > 0 && len(images) > 0 {
		return profileResult{}, usageError(c, "--batch %d is of random numbers, want no images beside it", f.batch)
	}
	found, err := findNetwork(name)
	if err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	net := found.network
	if _, err := net.Plan(); err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	if err := session.Configure(session.Process{NoTF32: true, NoWinograd: true}); err != nil {
		return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
	}
	// The device is looked for here, before anything else is made ready.
	if _, err := session.NewBackend(session.Options{Device: f.device}); err != nil {
		return profileResult{}, err
	}
	result := profileResult{Network: found.name, Weights: fmt.Sprintf("drawn from seed %d", f.seed)}
	var weights graph.Weights
	if f.weights == "" {
		weights = session.DrawnWeights(net, f.seed)
	} else {
		result.Weights = f.weights
		if weights, err = readWeights(f.weights, net); err != nil {
			return profileResult{}, exitErrorf(exitUsage, "profile: %w", err)
		}
	}
	var batch tensor.Tensor
	if f.batch > 0 {
		if err := fits(net, f.batch); err != nil {
			return profileResult{}, err
		}
		batch, result.From = drawnBatch(net.Input, f.batch, f.seed), count(f.batch, "image")+" of random numbers"
	} else if batch, result.From, err = networkBatch(c.Context(), c.Name(), f.device, net.Input, images, f.seed); err != nil {
		return profileResult{}, err
	} else if err := fits(net, batch.Shape[0]); err != nil {
		return profileResult{}, err
	}
	if result.Profile, err = f.measure(c, net, weights, batch); err != nil {
		return profileResult{}, verifyError(c.Context(), err)
	}
	return result, nil
}

// limitsBytes is what the measurements of the machine take.
const limitsBytes = 720 << 20

// fits says whether a batch can run in the memory that is free.
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
	return fmt.Sprintf("TensorFlow %s: %s, %s a run", r.TensorFlow, r.Network, count(r.Pictures, "image"))
}

// title is what was run, over what.
func (r profileResult) title() string {
	return fmt.Sprintf("%s, weights %s, over %s", quote.Plain(r.Network), quote.Plain(r.Weights), strings.TrimSuffix(r.From, "."))
}
