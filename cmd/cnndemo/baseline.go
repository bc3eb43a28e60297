package main

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"tfcnn/internal/machine"
	"tfcnn/internal/proof"
	"tfcnn/session"
)

// baselines are what verify has to do with baselines: one that it writes, one
// that it is held to, both, the same file even, or none.
type baselines struct {
	write, against string
	equalBits      bool

	old        proof.Baseline
	comparison *proof.Comparison // nil without --against
	file       *renameio.PendingFile
	out        *bufio.Writer
	writer     *proof.BaselineWriter // nil without --write-baseline
}

func (b *baselines) flags(c *cobra.Command) {
	c.Flags().StringVar(&b.write, "write-baseline", "", "write every output, to the bit, and what made it to this file")
	c.Flags().StringVar(&b.against, "against", "", "hold every output to a baseline that --write-baseline wrote")
	c.Flags().BoolVar(&b.equalBits, "equal-bits", false, "with --against: bits that differ are a failure, though within the bound")
}

// read checks the flags and reads the baseline to be held to, before anything
// is computed.
func (b *baselines) read(c *cobra.Command) error {
	for name, value := range map[string]string{"write-baseline": b.write, "against": b.against} {
		// An empty one is a script's variable that was not set.
		if value == "" && c.Flags().Changed(name) {
			return exit(exitUsage, "verify: --%s is empty, want a file", name)
		}
	}
	if b.equalBits && b.against == "" {
		return exit(exitUsage, "verify: --equal-bits wants --against FILE beside it")
	}
	if b.against == "" {
		return nil
	}
	var err error
	if b.old, err = proof.OpenBaseline(b.against); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// begin opens the file to be written. The caller must call abandon.
func (b *baselines) begin(made proof.Made) error {
	if b.against != "" {
		b.comparison = proof.NewComparison(b.old, made, b.equalBits)
	}
	if b.write == "" {
		return nil
	}
	var err error
	b.file, err = renameio.NewPendingFile(b.write, renameio.WithTempDir(filepath.Dir(b.write)), renameio.WithPermissions(0o644))
	if err != nil {
		return exit(exitEnvironment, "verify: write %s: %w", b.write, err)
	}
	b.out = bufio.NewWriter(b.file)
	b.writer, err = proof.NewBaselineWriter(b.out, made)
	return b.written(err)
}

// add takes an outcome while its output is there.
func (b *baselines) add(o proof.Outcome) error {
	if b.comparison != nil {
		b.comparison.Add(o)
	}
	if b.writer != nil {
		return b.written(b.writer.Add(o))
	}
	return nil
}

// finish ends the comparison and gives the written file its name.
func (b *baselines) finish() error {
	if b.comparison != nil {
		b.comparison.Finish()
	}
	if b.writer == nil {
		return nil
	}
	err := b.writer.Close()
	if err == nil {
		err = b.out.Flush()
	}
	if err == nil {
		err = b.file.CloseAtomicallyReplace()
	}
	return b.written(err)
}

func (b *baselines) written(err error) error {
	if err == nil {
		return nil
	}
	return exit(exitEnvironment, "verify: write %s: %w", b.write, err)
}

// abandon removes what is not finished.
func (b *baselines) abandon() {
	if b.file != nil {
		_ = b.file.Cleanup()
	}
}

// failure says in how many cases the comparison failed; "" where in none.
func (b *baselines) failure() string {
	if b.comparison == nil || b.comparison.Failures() == 0 {
		return ""
	}
	return b.comparison.Summary()
}

// print lists what is not equal, then the counts, then what differs between
// the machines.
func (b *baselines) print(w io.Writer) {
	c := b.comparison
	if c == nil {
		return
	}
	for _, change := range c.Cases {
		if change.Change == proof.Equal || change.Change == proof.SameRefusal {
			continue
		}
		mark := "    "
		if c.Failed(change.Change) {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", mark, change.ID(), change.Text())
		if change.Repeat != nil {
			fmt.Fprintf(w, "      repeat with --cases: %s\n", change.Repeat)
		}
	}
	fmt.Fprintln(w, c.Summary())
	for _, d := range c.Machine {
		fmt.Fprintf(w, "differs: %s: %s in the baseline, %s here\n", d.What, d.Was, d.Is)
	}
}

// made describes this machine for a baseline.
func made(device string) proof.Made {
	this := machine.This("")
	m := proof.Made{
		TensorFlow: session.Version(), Device: device, OneDNN: "unknown",
		Threads: this.Cores, // TensorFlow takes a thread a core, verify sets no number
		Date:    time.Now().UTC().Truncate(time.Second),
	}
	m.Processor, m.Features = this.Processor()
	if on, known := session.OneDNNInUse(); known {
		m.OneDNN = map[bool]string{true: "on", false: "off"}[on]
	}
	return m
}
