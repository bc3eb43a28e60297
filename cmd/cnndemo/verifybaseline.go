package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/machine"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

// baselines is the baseline that verify writes and the one that it compares with;
// there may be one, both, in one file even, or none.
type baselines struct {
	write, against string
	equalBits      bool

	old        baseline.Baseline
	comparison *baseline.Comparison // nil without --against
	file       *output.File         // nil without --write-baseline
	writer     *baseline.Writer
}

func (b *baselines) flags(c *cobra.Command) {
	c.Flags().StringVar(&b.write, "write-baseline", "", "write the bits of every output, and the machine's description, to this file")
	c.Flags().StringVar(&b.against, "against", "", "compare every output with this baseline, which --write-baseline wrote")
	c.Flags().BoolVar(&b.equalBits, "equal-bits", false, "with --against: bits that differ are a failure, within the bound too")
	commandline.UseRule(c, commandline.File, "write-baseline", "against")
}

// claim adds the file to be written to the outputs.
func (b *baselines) claim(c *cobra.Command, set *output.Set) error {
	var err error
	if b.file, err = outputFlag(c, set, "write-baseline", b.write); err != nil {
		return err
	}
	if b.file == nil || !b.file.SameFile(b.against) {
		set.AddInputs(b.against) // one file is read first and replaced at the end
	}
	return nil
}

// read reads the baseline of --against, before anything is computed.
func (b *baselines) read() error {
	if b.against == "" {
		return nil
	}
	var err error
	if b.old, err = baseline.Open(b.against); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// begin begins the file to be written.
func (b *baselines) begin(made baseline.Made) error {
	if b.against != "" {
		b.comparison = baseline.NewComparison(b.old, made, b.equalBits)
	}
	if b.file == nil {
		return nil
	}
	w, err := b.file.Writer()
	if err == nil {
		b.writer, err = baseline.NewWriter(w, made)
	}
	return outputError("verify", err)
}

// add takes an outcome while its output is there.
func (b *baselines) add(o proof.Outcome) error {
	if b.comparison != nil {
		b.comparison.Add(o)
	}
	if b.writer != nil {
		return outputError("verify", b.writer.Add(o))
	}
	return nil
}

// finish ends the comparison and the written file, which waits for its name.
func (b *baselines) finish() error {
	if b.comparison != nil {
		b.comparison.Finish()
	}
	if b.writer == nil {
		return nil
	}
	return outputError("verify", b.writer.Close())
}

// comparisonFailure says in how many cases a comparison failed; "" where in none.
func comparisonFailure(c *baseline.Comparison) string {
	if c == nil || c.Failures() == 0 {
		return ""
	}
	return c.Summary()
}

// printComparison lists the outputs that are not equal to those of a baseline or a
// certificate, then the counts, then the differences between the machines; nil is none.
func printComparison(w io.Writer, c *baseline.Comparison) {
	if c == nil {
		return
	}
	for _, change := range c.Cases {
		if change.Change == baseline.Equal || change.Change == baseline.SameRefusal {
			continue
		}
		mark := "    "
		if c.Failed(change.Change) {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", mark, change.ID(), quote.Text(change.Text(), mostErrorBytes))
		printRepeat(w, change.Repeat)
	}
	fmt.Fprintln(w, quote.Text(c.Summary(), mostErrorBytes))
	for _, d := range c.Machine {
		fmt.Fprintf(w, "differs: %s: %s in the %s, %s here\n", d.What, quote.Text(d.Was, mostErrorBytes), cmp.Or(c.Of, "baseline"), d.Is)
	}
}

// thisMachine describes this machine for a baseline.
func thisMachine(device string) baseline.Made {
	this := machine.This("")
	m := baseline.Made{
		TensorFlow: process.Version(), Device: device, OneDNN: "unknown",
		Threads: this.Cores, // TensorFlow takes a thread a core, verify sets no number
		Date:    time.Now().UTC().Truncate(time.Second),
	}
	m.Processor, m.Features = this.Processor()
	if on, known := tensorflow.OneDNNInUse(); known {
		m.OneDNN = map[bool]string{true: "on", false: "off"}[on]
	}
	return m
}
