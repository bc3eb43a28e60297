package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"tfcnn/internal/machine"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
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
	end        func()                // of what is registered as unfinished
}

func (b *baselines) flags(c *cobra.Command) {
	c.Flags().StringVar(&b.write, "write-baseline", "", "write every output, to the bit, and what made it to this file")
	c.Flags().StringVar(&b.against, "against", "", "hold every output to a baseline that --write-baseline wrote")
	c.Flags().BoolVar(&b.equalBits, "equal-bits", false, "with --against: bits that differ are a failure, though within the bound")
	keep(c, fileRule, "write-baseline", "against")
}

// read reads the baseline to be held to, before anything
// is computed.
func (b *baselines) read() error {
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
		return exit(exitEnvironment, "verify: write %s: %w", quote.Plain(b.write), err)
	}
	name := b.file.Name()
	b.end = unfinished.begin(func() { os.Remove(name) })
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
	if err == nil {
		unfinished.wrote(b.write)
	}
	return b.written(err)
}

func (b *baselines) written(err error) error {
	if err == nil {
		return nil
	}
	return exit(exitEnvironment, "verify: write %s: %w", quote.Plain(b.write), err)
}

// abandon removes what is not finished.
func (b *baselines) abandon() {
	if b.file != nil {
		_ = b.file.Cleanup()
		b.end()
	}
}

// failure says in how many cases the comparison failed; nil where in none.
func (b *baselines) failure() error {
	if b.comparison == nil || b.comparison.Failures() == 0 {
		return nil
	}
	return errors.New(b.comparison.Summary())
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
		fmt.Fprintf(w, "%s  %s: %s: %s\n", mark, quote.Plain(change.File), quote.Plain(change.Name), quote.Text(change.Text(), mostErrorBytes))
		if change.Repeat != nil {
			fmt.Fprintf(w, "      repeat with --cases: %s\n", quote.JSON(change.Repeat))
		}
	}
	fmt.Fprintln(w, quote.Text(c.Summary(), mostErrorBytes))
	for _, d := range c.Machine {
		fmt.Fprintf(w, "differs: %s: %s in the baseline, %s here\n", d.What, quote.Text(d.Was, mostErrorBytes), d.Is)
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
