package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session"
	"tfcnn/session/verify"
)

// networkFlags are the flags of verify random that are about networks.
func (f *randomFlags) networkFlags(c *cobra.Command) {
	c.Flags().IntVar(&f.networks, "nets", 0, "draw this many networks, too, or alone without N")
	c.Flags().StringVar(&f.repeat, "repeat", "", "run the networks of this file, which a failure printed")
	commandline.UseRule(c, randomRule, "nets")
	commandline.UseRule(c, commandline.File, "repeat")
}

// read reads the networks of --repeat.
func (f *randomFlags) read() error {
	if f.repeat == "" {
		return nil
	}
	text, err := readInput(f.repeat, proof.MaxCaseBytes)
	if err == nil {
		f.given, err = draw.ReadNetworks(f.repeat, text)
	}
	if err != nil {
		return exitErrorf(exitUsage, "verify: %w", err)
	}
	return nil
}

// runNetworks runs the networks that were asked for; it returns nil where none were.
func (f *randomFlags) runNetworks(c *cobra.Command, seed uint64, watch *draw.Watch) (*draw.NetworksResult, error) {
	total := max(f.networks, len(f.given))
	if total == 0 {
		return nil, nil
	}
	bar := newProgress(c.ErrOrStderr(), "networks")
	defer bar.finish()
	result, err := draw.RandomNetworks{
		Seed: seed, Networks: f.networks, Given: f.given, GivenFrom: filepath.Base(f.repeat), Parallel: runtime.GOMAXPROCS(0),
		Progress: func(done int) { bar.show(done, total) },
	}.Run(c.Context(), watch)
	return &result, err
}

// networkBackend runs operations and networks on one device.
type networkBackend struct {
	*operations.Backend
	device string // by the name that Backend was opened with
}

// RunNetwork compares a network's layers with the reference, and the network as it
// runs. In a type of arithmetic without bounds the network only runs.
func (b networkBackend) RunNetwork(ctx context.Context, n draw.Network) (draw.NetworkResult, error) {
	weights, err := n.Weights()
	if err != nil {
		return draw.NetworkResult{}, err
	}
	o := session.Options{Device: b.device, Executor: session.Executor(n.Executor), Compute: n.Compute}
	if b.Device() == tensorflow.CPU {
		o.Threads, o.Weights = n.Threads, session.WeightStore(n.Store)
	}
	if !n.BoundsKnown() {
		return runUnbounded(ctx, n, weights, o)
	}
	// The network's own numbers are drawn: probes would draw others.
	v, err := verify.Network(ctx, n.Network, weights, n.Input(), verify.Options{Options: o, SkipProbes: true})
	if err != nil {
		return draw.NetworkResult{}, err
	}
	result := draw.NetworkResult{Kernels: v.Kernels}
	for _, l := range v.Layers {
		result.Parts = append(result.Parts, draw.NetworkPart{Kind: l.Kind, Layers: []string{l.Layer}, Verdict: l.Verdict})
	}
	for _, l := range v.Chains {
		result.Parts = append(result.Parts, draw.NetworkPart{Kind: "as it runs", Layers: l.Layers, Verdict: l.Verdict})
	}
	for _, l := range v.Runs {
		result.Parts = append(result.Parts, draw.NetworkPart{Kind: l.Call, Layers: l.Outputs, Verdict: l.Verdict})
	}
	return result, nil
}

// runUnbounded runs a network for its outputs' shapes, which the session checks.
func runUnbounded(ctx context.Context, n draw.Network, weights graph.Weights, o session.Options) (_ draw.NetworkResult, err error) {
	s, err := session.Open(n.Network, weights, o)
	if err != nil {
		return draw.NetworkResult{}, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	outputs, err := s.RunOutputs(ctx, n.Input())
	var result draw.NetworkResult
	for _, output := range outputs {
		result.Unbounded += len(output.Data)
	}
	return result, err
}

// networkOutcomes are the result as the page and JUnit show it: an outcome for each
// kind of layer, and one for each failure.
func networkOutcomes(r draw.NetworksResult) []proof.Outcome {
	list := append([]proof.Outcome{}, r.Failures...)
	for _, kind := range r.Kinds {
		verdict := kind.Verdict
		if kind.Failed > 0 {
			continue // the failure is an outcome
		}
		if kind.OverBudget {
			verdict = verdict.Budgeted()
		}
		list = append(list, proof.Outcome{
			File: r.From, Op: kind.Kind, Name: fmt.Sprintf("%s: %d in random networks", kind.Kind, kind.Parts),
			Status: verdict.Status, Device: &verdict,
		})
	}
	return list
}

// printNetworksResult is the table for people.
func printNetworksResult(w io.Writer, r draw.NetworksResult) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "in networks\tcompared\tnumbers\texact\tunspecified\tlargest share of bound\tfailed")
	for _, kind := range r.Kinds {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%.3g\t%d\n", kind.Kind, kind.Parts, kind.Verdict.Elements, kind.Verdict.Exact, kind.Verdict.UnspecifiedShare(), kind.Share, kind.Failed)
	}
	table.Flush()
	for _, kind := range r.OverBudget() {
		fmt.Fprintf(w, "%s: %v\n", kind.Kind, kind.Verdict.Budgeted())
	}
	for _, o := range r.Failures {
		fmt.Fprintf(w, "FAIL  %s: %s\n", o.ID(), quote.Text(o.Text(), mostErrorBytes))
		if o.Repeat != nil {
			fmt.Fprintf(w, "      repeat with verify random --repeat: %s\n", quote.JSON(o.Repeat))
		}
	}
	fmt.Fprintf(w, "%s: %d networks in %.1f s, %d compared with the reference, %d failed", quote.Plain(r.From), r.Networks, r.Seconds, r.Compared, len(r.Failures))
	if r.Unbounded > 0 {
		fmt.Fprintf(w, "; %d ran in bfloat16 or float16, without a comparison", r.Unbounded)
	}
	fmt.Fprintln(w)
	if r.GaveUp {
		fmt.Fprintln(w, "given up after so many failures")
	}
}
