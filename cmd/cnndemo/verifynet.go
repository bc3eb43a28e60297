package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/certificate"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/verify"
)

// netFlags name a network and its weights.
type netFlags struct {
	net, weights string
	noProbes     bool
	certificates certificates
}

// netResult is a network that was verified, and how.
type netResult struct {
	Network string `json:"network"`
	Weights string `json:"weights"`
	From    string `json:"from"`
	Note    string `json:"note,omitempty"`
	Command string `json:"command"`
	verify.Result
	Against *baseline.Comparison `json:"against,omitempty"` // nil without a certificate

	value graph.Network
}

func (f *netFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.net, "net", "", "the network: a ready one (cnndemo nets lists them) or a JSON file")
	commandline.UseRule(c, commandline.Network, "net")
	f.weightsFlag(c)
}

func (f *netFlags) weightsFlag(c *cobra.Command) {
	c.Flags().StringVar(&f.weights, "weights", "", "the network's weights, a .npz file (default: fresh ones from --seed)")
	commandline.UseRule(c, commandline.File, "weights")
}

// load reads the network's weights, and says where they come from. Without
// --weights, load returns nil, and the caller draws weights from the seed.
func (f *netFlags) load(net graph.Network, seed uint64) (weights graph.Weights, origin string, err error) {
	if f.weights == "" {
		return nil, fmt.Sprintf("drawn from seed %d", seed), nil
	}
	weights, err = readWeights(f.weights, net)
	return weights, f.weights, err
}

func newVerifyNetCommand() *cobra.Command {
	var f verifyFlags
	var net netFlags
	c := &cobra.Command{
		Use:   "net NET [images or folders…]",
		Short: "Verify each layer of a network",
		Long: `verify net runs a network over images and compares the output of every layer with
the reference. Without images it takes scikit-learn's two sample images; images
are resized to the network's input. The reference of a layer reads what TensorFlow
itself fed to that layer, so errors do not add up, and the first layer that is
wrong is named, with its worst number: its error in units in the last place (ULPs)
and as a share of its bound. Then the network runs again as in a program, where
TensorFlow may compute several layers in one call, and the numbers that a program
gets are compared: of Run and of RunOutputs, on each of TensorFlow's sessions. NET is
a ready network (cnndemo nets lists them) or a JSON file.

Then probes run each part of the network at its real shapes: with small whole numbers,
on which float32 rounds nothing, so that each number must be exact; and with Gaussian
numbers. --no-probes leaves them out.

The weights are drawn from --seed, or read from a .npz file, whose arrays are
named after the layers in the JSON of cnndemo nets NET: conv1/filter, conv1/bias.

--certificate writes a JSON file of what was compared: network, weights, images,
outputs and libtensorflow by their sha256, processor, device, oneDNN, threads, the
kernels that ran, each verdict, and the command that repeats it. Nothing signs it.
--against verifies the same inputs again and says what differs: outputs with equal
bits, other bits within the bound, or outside; and the machine, the libraries and
the kernels.

` + verifyStatus("a layer, a call or a probe failed or is no pass, or an image cannot be used;", "against a certificate: other inputs, a layer that passed and does not, or is missing,", "and with --equal-bits within bound, too"),
		Example: `  cnndemo verify net alexnet
  cnndemo verify net my-net.json --weights my-net.npz holiday/ --html report.html
  cnndemo verify net alexnet --certificate alexnet.json
  cnndemo verify net alexnet --against alexnet.json`,
		Args:              commandline.Arguments(1, math.MaxInt, "a network"),
		ValidArgsFunction: completeNetwork,
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := commandline.Needs(c, "against", "equal-bits"); err != nil {
				return err
			}
			net.net = arguments[0]
			return net.verify(c, &f, arguments[1:])
		},
	}
	f.flags(c)
	f.seedFlag(c, "the seed of fresh weights")
	net.weightsFlag(c)
	c.Flags().BoolVar(&net.noProbes, "no-probes", false, "leave out the probes, which run drawn numbers through the network's parts")
	net.certificates.flags(c)
	return c
}

// verify runs the command.
func (f *netFlags) verify(c *cobra.Command, to *verifyFlags, images []string) error {
	done, err := to.open(c, func(set *output.Set) error {
		set.AddInputs(f.net, f.weights)
		protectInputs(set, images, isImageName)
		return f.certificates.claim(c, set)
	})
	if err != nil {
		return err
	}
	defer done()
	if err := cmp.Or(f.certificates.read(), to.configure()); err != nil {
		return err
	}
	result, err := f.run(c, to, images)
	if err != nil {
		return err
	}
	if result.Against, err = f.certificates.finish(c, to, result); err != nil {
		return err
	}
	result.Command, _ = commandline.Repeat(c, c.Flags().Args())
	if err := to.write(result.page()); err != nil {
		return err
	}
	if to.asJSON {
		if err := printJSON(c, result); err != nil {
			return err
		}
	} else {
		result.print(c.OutOrStdout())
		printComparison(c.OutOrStdout(), result.Against)
	}
	if err := result.Err(); err != nil {
		return &exitError{exitCheck, err}
	}
	if text := comparisonFailure(result.Against); text != "" {
		return exitErrorf(exitCheck, "verify net: %s", text)
	}
	return nil
}

// run runs the network over images and verifies each layer.
func (f *netFlags) run(c *cobra.Command, to *verifyFlags, paths []string) (netResult, error) {
	boundHeap(0.5) // the rest is TensorFlow's
	found, err := findNetwork(f.net)
	if err != nil {
		return netResult{}, &exitError{exitUsage, err}
	}
	images, err := newImageBatch("verify", found.network.Input, paths)
	if err != nil {
		return netResult{}, err
	}
	forecast, err := plan.MemoryOf(found.network, plan.Workload{Batch: images.size()})
	if err != nil {
		return netResult{}, &exitError{exitUsage, err}
	}
	if err := tensorflow.CheckMemory(networkBytes(forecast.Inference)); err != nil {
		return netResult{}, verifyError(c.Context(), fmt.Errorf("verify: %w", err))
	}
	result := netResult{Network: found.name, value: found.network}
	weights, origin, err := f.load(found.network, to.seed)
	if err != nil {
		return netResult{}, &exitError{exitUsage, err}
	}
	if weights == nil {
		weights = found.network.InitialWeights(to.seed)
	}
	result.Weights = origin
	batch, from, err := images.read(c.Context(), to.seed)
	if err != nil {
		return netResult{}, err
	}
	result.From = from
	if err := f.certificates.enter(result, weights, batch); err != nil {
		return netResult{}, err
	}
	bar := newProgress(c.ErrOrStderr(), "layers")
	defer bar.finish()
	result.Result, err = verify.Network(c.Context(), found.network, weights, batch, verify.Options{
		Options: session.Options{Device: to.device}, Progress: bar.show, SkipProbes: f.noProbes,
	})
	if err != nil {
		return netResult{}, verifyError(c.Context(), err)
	}
	result.Note = missingGPUNote(to.device, result.Device)
	return result, nil
}

// verifyError is a failure of the run itself.
func verifyError(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, session.ErrNoDevice) {
		return err
	}
	return &exitError{exitCheck, err}
}

// maxFreeWeights is the most bytes that are read of a pipe with the weights of a
// network whose plan is not known yet.
const maxFreeWeights = 1 << 30

// readWeights reads a network's weights. Those of a network of free height and
// width are checked when it has a size.
func readWeights(path string, net graph.Network) (graph.Weights, error) {
	const (
		widest = 8       // bytes of a float64 or an int64
		heads  = 1 << 20 // headers, and the archive's list of them
	)
	most := int64(maxFreeWeights)
	if !net.FreeSize() {
		planned, err := plan.Of(net)
		if err != nil {
			return nil, fmt.Errorf("weights: %w", err)
		}
		most = widest*(planned.Parameters+planned.Statistics) + heads
	}
	file, length, done, err := openRandomAccess(path, most)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer done()
	weights, err := graph.ReadNPZ(file, length)
	if err == nil && !net.FreeSize() {
		err = weights.Check(net)
	}
	if err != nil {
		return nil, fmt.Errorf("weights %s: %w", quote.Plain(path), err)
	}
	return weights, nil
}

// print is the table for people.
func (r netResult) print(w io.Writer) {
	printHeader(w, r.TensorFlow, r.Device, r.Precision, r.Note)
	fmt.Fprintf(w, "%s, weights %s, over %s\n", quote.Plain(r.Network), quote.Plain(r.Weights), r.From)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "layer\tkind\toutput\tlargest error\tof its bound\tULPs\tverdict")
	for _, l := range r.Layers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.Layer, l.Kind, shapeText(l.Output), verdictCells(l.Verdict))
	}
	table.Flush()
	if len(r.Chains) > 0 {
		fmt.Fprintln(w, "as it runs, with what TensorFlow may compute in one call left together:")
		table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "layers\tlargest error\tof its bound\tULPs\tverdict")
		for _, l := range r.Chains {
			fmt.Fprintf(table, "%s\t%s\n", strings.Join(l.Layers, " → "), verdictCells(l.Verdict))
		}
		table.Flush()
	}
	for _, run := range r.Runs {
		fmt.Fprintln(w, runText(run))
	}
	for _, l := range r.Layers {
		if !l.Verdict.OK() {
			fmt.Fprintf(w, "%s %q: %v\n", l.Kind, l.Layer, l.Verdict)
		}
		if l.NaN+l.Infinite > 0 {
			fmt.Fprintf(w, "%s %q: TensorFlow gave %d NaN and %d infinities\n", l.Kind, l.Layer, l.NaN, l.Infinite)
		}
		if l.Note != "" {
			fmt.Fprintf(w, "%s %q: nothing is asked of %d numbers: %s\n", l.Kind, l.Layer, l.Verdict.Unspecified, l.Note)
		}
	}
	r.printProbes(w)
	fmt.Fprintf(w, "%d layers: %s; TensorFlow %.2f s, reference %.2f s\n", len(r.Layers), r.Status, r.Run, r.Reference)
}

// runText is a call of Run or RunOutputs in one line.
func runText(run verify.Run) string {
	how := run.Verdict.String()
	if run.EqualBits {
		how = fmt.Sprintf("%s: equal, bit for bit, to numbers compared above", run.Verdict.Status)
	}
	return fmt.Sprintf("%s of %s, [%s], %s: %s", run.Call, count(run.Images, "image"), quote.Names(run.Outputs), run.Session, how)
}

// verdictCells are a verdict's columns.
func verdictCells(v verify.Verdict) string {
	status := string(v.Status)
	switch {
	case v.Elements == 0:
		return "-\t-\t-\t" + status + ", no numbers"
	case v.Status == proof.NotHeld, v.Status == proof.Nothing:
		return "-\t-\t-\t" + status
	case v.NaN > 0:
		status += fmt.Sprintf(", %d NaN", v.NaN)
	}
	if v.Exact == v.Elements && v.Status == proof.Pass {
		return "0\t0\t0\t" + strings.Replace(status, "pass", "pass, exact", 1)
	}
	share := fmt.Sprintf("%.3g", v.Share)
	if v.Share > 1e300 {
		share = "must be exact"
	}
	return fmt.Sprintf("%.3g\t%s\t%.3g\t%s", v.MaxError, share, v.ULP, status)
}

// outcomes are the checks as cases, for JUnit; probes that pass are left out.
func (r netResult) outcomes() []proof.Outcome {
	var list []proof.Outcome
	for _, c := range r.checks() {
		o := proof.Outcome{File: r.Network, Name: strings.Join(c.Layers, " → "), Op: c.Name, Status: c.Verdict.Status, Device: &c.Verdict}
		switch c.Kind {
		case certificate.Chain:
			o.Op = "as it runs"
		case certificate.Run:
			o.Op, o.Name = "as it is called", fmt.Sprintf("%s of %s, [%s], %s", c.Name, count(c.Images, "image"), strings.Join(c.Layers, " "), c.Session)
		case certificate.Probe:
			if c.Verdict.Status == proof.Pass {
				continue // there are many
			}
			o.Op, o.Name = "probe, "+c.Name, fmt.Sprintf("%s, batches of %d, %s", o.Name, c.Images, c.Session)
		}
		switch c.Verdict.Status {
		case proof.NotHeld, proof.Nothing, proof.Precision:
			o.Failure = c.Verdict.String()
		case proof.Fail:
			o.Failure = fmt.Sprintf("device against the reference: %v", c.Verdict)
		}
		list = append(list, o)
	}
	return list
}

// layers describes the layers for the page.
func (r netResult) layers() []report.NetLayer {
	in := r.value.Input
	shapes := map[string][]int{graph.InputName: {r.Images, in.Height, in.Width, in.Channels}}
	var list []report.NetLayer
	for _, l := range r.Layers {
		layer := report.NetLayer{Name: l.Layer, Kind: l.Kind, Out: l.Output, Note: l.Note, NaN: l.NaN, Infinite: l.Infinite}
		for _, from := range l.From {
			layer.In = append(layer.In, shapes[from])
		}
		shapes[l.Layer] = l.Output
		list = append(list, layer)
	}
	return list
}

// page is the result as the verification's page shows it.
func (r netResult) page() report.Verification {
	v := report.Verification{
		TensorFlow: r.TensorFlow, Device: r.Device, Precision: r.Precision, Note: r.Note, OneDNN: r.OneDNN,
		Command: r.Command, Outcomes: r.outcomes(), Against: r.Against, Layers: r.layers(), Checks: r.checks(),
		Network: fmt.Sprintf("%s, weights %s, over %s", quote.Plain(r.Network), quote.Plain(r.Weights), r.From),
	}
	// The network has been checked; it may have more layers than are drawn.
	if d, err := drawing(r.Network, r.value); err == nil {
		v.Drawing = &d
	}
	countStatuses(&v)
	return v
}
