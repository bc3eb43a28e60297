package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
)

// netFlags are what verify is asked for with --net.
type netFlags struct {
	net, weights string
	device       string
}

// netResult is a network that was verified, and how.
type netResult struct {
	Network  string `json:"network"`
	Weights  string `json:"weights"`
	Pictures string `json:"from"`
	Note     string `json:"note,omitempty"`
	Command  string `json:"command"`
	session.Verification

	value graph.Network
}

func (f *netFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.net, "net", "", "verify a network, layer by layer: a ready one (cnndemo nets) or a JSON file")
	c.Flags().StringVar(&f.weights, "weights", "", "the network's weights, a .npz file (default: fresh ones from --seed)")
	keep(c, netRule, "net")
	keep(c, fileRule, "weights")
}

// verifyNetwork is verify --net.
func verifyNetwork(c *cobra.Command, f netFlags, pictures []string, seed uint64, tf32 bool, to outputs) error {
	if err := session.Configure(session.Process{NoTF32: !tf32, NoWinograd: true}); err != nil {
		return &exitError{exitUsage, err}
	}
	result, err := f.verify(c, pictures, seed)
	if err != nil {
		return err
	}
	result.Command, _ = commandLine(c, pictures)
	if err := to.write(result.page()); err != nil {
		return err
	}
	if to.asJSON {
		if err := printJSON(c, result); err != nil {
			return err
		}
	} else {
		result.print(c.OutOrStdout())
	}
	if err := result.Err(); err != nil {
		return &exitError{exitCheck, err}
	}
	return nil
}

// verify runs the network over pictures and holds each layer.
func (f netFlags) verify(c *cobra.Command, pictures []string, seed uint64) (netResult, error) {
	boundHeap(0.5) // the rest is TensorFlow's
	found, err := findNetwork(f.net)
	if err != nil {
		return netResult{}, &exitError{exitUsage, err}
	}
	result := netResult{Network: found.name, value: found.network, Weights: fmt.Sprintf("drawn from seed %d", seed)}
	if _, err := found.network.Plan(); err != nil {
		return netResult{}, &exitError{exitUsage, err}
	}
	forecast, err := found.network.Memory(graph.Workload{})
	if err == nil {
		err = tensorflow.CheckMemory(networkBytes(forecast.Inference))
	}
	if err != nil {
		return netResult{}, verifyError(c.Context(), fmt.Errorf("verify: %w", err))
	}
	var weights graph.Weights
	if f.weights == "" {
		weights = found.network.InitialWeights(seed)
	} else {
		result.Weights = f.weights
		if weights, err = readWeights(f.weights, found.network); err != nil {
			return netResult{}, &exitError{exitUsage, err}
		}
	}
	batch, from, err := networkBatch(c.Context(), c.Name(), f.device, found.network.Input, pictures, seed)
	if err != nil {
		return netResult{}, err
	}
	result.Pictures = from
	bar := newProgress(c.ErrOrStderr(), "layers")
	defer bar.finish()
	result.Verification, err = session.Verify(c.Context(), found.network, weights, batch, session.VerifyOptions{
		Options: session.Options{Device: f.device}, Progress: bar.show,
	})
	if err != nil {
		return netResult{}, verifyError(c.Context(), err)
	}
	result.Note = withoutGPU(f.device, result.Device)
	return result, nil
}

// verifyError is a failure of the run itself.
func verifyError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if errors.Is(err, session.ErrNoDevice) {
		return err
	}
	return &exitError{exitCheck, err}
}

func readWeights(path string, net graph.Network) (graph.Weights, error) {
	const (
		widest = 8       // bytes of a float64 or an int64
		heads  = 1 << 20 // headers, and the archive's list of them
	)
	plan, err := net.Plan()
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	file, length, done, err := openRandomAccess(path, widest*(plan.Parameters+plan.Statistics)+heads)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	defer done()
	weights, err := graph.ReadNPZ(file, length)
	if err == nil {
		err = weights.Check(net)
	}
	if err != nil {
		return nil, fmt.Errorf("weights %s: %w", quote.Plain(path), err)
	}
	return weights, nil
}

// print is the table for people.
func (r netResult) print(w io.Writer) {
	fmt.Fprintf(w, "TensorFlow %s on %s: %s\n", r.TensorFlow, r.Device, r.Precision)
	if r.Note != "" {
		fmt.Fprintf(w, "note: %s\n", r.Note)
	}
	fmt.Fprintf(w, "%s, weights %s, over %s\n", quote.Plain(r.Network), quote.Plain(r.Weights), r.Pictures)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "layer\tkind\toutput\tlargest error\tof its bound\tULPs\tverdict")
	for _, l := range r.Layers {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.Layer, l.Kind, times(l.Output), verdictCells(l.Verdict))
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
	for _, l := range r.Layers {
		if !l.Verdict.OK() || l.Verdict.Status == proof.Precision {
			fmt.Fprintf(w, "%s %q: %v\n", l.Kind, l.Layer, l.Verdict)
		}
		if l.NaN+l.Infinite > 0 {
			fmt.Fprintf(w, "%s %q: TensorFlow gave %d NaN and %d infinities\n", l.Kind, l.Layer, l.NaN, l.Infinite)
		}
		if l.Note != "" {
			fmt.Fprintf(w, "%s %q: nothing is asked of %d numbers: %s\n", l.Kind, l.Layer, l.Verdict.Unspecified, l.Note)
		}
	}
	fmt.Fprintf(w, "%d layers: %s; TensorFlow %.2f s, reference %.2f s\n", len(r.Layers), r.Status, r.Run, r.Reference)
}

// verdictCells are a verdict's columns.
func verdictCells(v session.Verdict) string {
	status := string(v.Status)
	switch {
	case v.Elements == 0:
		return "-\t-\t-\t" + status + ", no numbers"
	case v.Status == proof.Nothing:
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

// outcomes are the layers as cases, for JUnit and the page.
func (r netResult) outcomes() []proof.Outcome {
	var list []proof.Outcome
	add := func(name, kind string, v session.Verdict) {
		o := proof.Outcome{File: r.Network, Name: name, Op: kind, Status: v.Status, Device: &v}
		switch v.Status {
		case proof.Nothing:
			o.Failure = v.String()
		case proof.Fail:
			o.Failure = fmt.Sprintf("device against the reference: %v", v)
		}
		list = append(list, o)
	}
	for _, l := range r.Layers {
		add(l.Layer, l.Kind, l.Verdict)
	}
	for _, l := range r.Chains {
		add(strings.Join(l.Layers, " → "), "as it runs", l.Verdict)
	}
	return list
}

// page is the result as the verification's page shows it.
func (r netResult) page() report.Verification {
	v := report.Verification{
		TensorFlow: r.TensorFlow, Device: r.Device, Precision: r.Precision, Note: r.Note, OneDNN: r.OneDNN,
		Command: r.Command, Outcomes: r.outcomes(), Counts: map[proof.Status]int{},
		Network: fmt.Sprintf("%s, weights %s, over %s", quote.Plain(r.Network), quote.Plain(r.Weights), r.Pictures),
	}
	// The network has been checked; it may have more layers than are drawn.
	if d, err := drawing(r.Network, r.value); err == nil {
		v.Drawing = &d
	}
	for _, o := range v.Outcomes {
		v.Cases++
		v.Counts[o.Status]++
	}
	return v
}
