package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/junit"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

// verifyFlags are the flags of every verification.
type verifyFlags struct {
	device          string
	tf32            bool
	junit, page     string
	asJSON          bool
	seed            uint64
	set             *output.Set
	junitTo, pageTo *output.File // nil: not asked for
}

func (f *verifyFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.junit, "junit", "", "write the outcomes as JUnit's XML to this file")
	c.Flags().StringVar(&f.page, "html", "", "write a page with all outcomes to this file")
	c.Flags().StringVar(&f.device, "device", "auto", "auto, cpu, gpu or gpu:N")
	c.Flags().BoolVar(&f.tf32, "tf32", false, "let a GPU use factors of 11 bits (TF32), as TensorFlow does by default, and widen the bounds")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	commandline.UseRule(c, commandline.File, "junit", "html")
	commandline.UseRule(c, commandline.Device, "device")
}

func (f *verifyFlags) seedFlag(c *cobra.Command, usage string) {
	c.Flags().Uint64Var(&f.seed, "seed", 1, usage)
	commandline.UseRule(c, commandline.Seed, "seed")
}

// open claims the outputs and sets TensorFlow up. claim registers what the
// command reads, and outputs of its own.
func (f *verifyFlags) open(c *cobra.Command, claim func(*output.Set) error) (done func(), err error) {
	f.set, done = newSet(c.Context())
	if err = claim(f.set); err == nil {
		f.junitTo, err = outputFlag(c, f.set, "junit", f.junit)
	}
	if err == nil {
		f.pageTo, err = outputFlag(c, f.set, "html", f.page)
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// configure sets TensorFlow up for a verification.
func (f *verifyFlags) configure() error {
	if err := process.Configure(process.Options{NoTF32: !f.tf32, NoWinograd: true}); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// write writes the files that were asked for, a baseline too, together.
func (f *verifyFlags) write(v report.Verification) error {
	if f.pageTo != nil {
		if err := f.pageTo.Write(func(w io.Writer) error { return report.WriteVerification(w, v) }); err != nil {
			return outputError("verify", err)
		}
	}
	if f.junitTo != nil {
		if err := f.junitTo.Write(func(w io.Writer) error { return junit.Write(w, v.Outcomes, v.Against) }); err != nil {
			return outputError("verify", err)
		}
	}
	return outputError("verify", f.set.Commit())
}

// newVerifyCommand returns verify, which is verify cases with the built-in
// cases. Its flags --cases, --net and --random, and those beside them, are older
// names of the commands below it.
func newVerifyCommand() *cobra.Command {
	var f verifyFlags
	var cases casesFlags
	var net netFlags
	var random randomFlags
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare TensorFlow on this machine with known answers and with the reference",
		Long: `verify computes operations in TensorFlow and compares their numbers with known
answers and with a reference in Go, within a computed error bound. Without a
command it runs the built-in cases: the known answers of TensorFlow's own kernel
tests, definitions computed by NumPy, sums of random numbers, faults that
TensorFlow had before, and whole networks computed by Keras. Its commands verify
case files, a network layer by layer, or random operations.

The verdict on an output is pass, overflow possible, precision, proves nothing,
not held or fail. It is "proves nothing" where no number was compared: where all
are NaN on both sides and the case does not expect NaN, or where all are
unspecified. It is "not held" where no bound is known for some numbers. It is
"precision" where, on numbers that were drawn with random signs, errors within
their bounds are larger than float32 kernels make: the device rounds numbers to
TF32, bfloat16 or the like, and --tf32 has not declared it. The last four are no
pass.

` + verifyStatus("a case failed or is no pass, or an image cannot be used; against a", "baseline: outside, missing or case changed, and with --equal-bits within", "bound, too"),
		Example: `  cnndemo verify
  cnndemo verify cases my-cases/ --junit report.xml
  cnndemo verify net alexnet --html report.html
  cnndemo verify random 20000 --seed 7
  cnndemo verify --write-baseline baseline.json
  cnndemo verify --against baseline.json --junit report.xml || echo "exit status $?"`,
		Args: func(c *cobra.Command, arguments []string) error {
			if net.net == "" {
				return commandline.Arguments(0, 0, "one of the commands "+strings.Join(commandline.CommandNames(c), ", ")+", or none")(c, arguments)
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := checkTogether(c); err != nil {
				return err
			}
			switch {
			case c.Flags().Changed("random"):
				return random.verify(c, &f)
			case net.net != "":
				return net.verify(c, &f, arguments)
			}
			return cases.verify(c, &f)
		},
	}
	f.flags(c)
	f.seedFlag(c, "")
	cases.flags(c)
	c.Flags().StringArrayVar(&cases.paths, "cases", nil, "")
	commandline.UseRule(c, commandline.FileOrFolder, "cases")
	net.flags(c)
	random.flags(c)
	c.Flags().IntVar(&random.cases, "random", 0, "")
	commandline.UseRule(c, randomRule, "random")
	for _, name := range []string{"cases", "net", "weights", "random", "op", "seed"} {
		// The only error is that the flag is not there.
		_ = c.Flags().MarkHidden(name)
	}
	c.AddCommand(newVerifyCasesCommand(), newVerifyNetCommand(), newVerifyRandomCommand())
	return c
}

// verifyStatus lists the exit statuses of a verification; the given lines describe
// status 1.
func verifyStatus(failed ...string) string {
	return commandline.ExitStatus(
		"1    "+strings.Join(failed, "\n       "),
		"2    wrong usage: a wrong flag, or a case file, a baseline, a network or weights",
		"     that are unknown or wrong",
		"3    the machine lacks memory, the device, or a place to write to",
	)
}

// checkTogether refuses flags of verify that would do nothing.
func checkTogether(c *cobra.Command) error {
	return cmp.Or(
		commandline.Excludes(c, "net", "random", "cases", "write-baseline", "against", "equal-bits"),
		commandline.Excludes(c, "random", "cases", "write-baseline", "against", "equal-bits"),
		commandline.Needs(c, "net", "weights"),
		commandline.Needs(c, "random", "op"),
		commandline.Needs(c, "against", "equal-bits"),
	)
}

// newVerification is a verification without outcomes.
func newVerification(c *cobra.Command, f *verifyFlags, device string) report.Verification {
	v := report.Verification{
		TensorFlow: process.Version(), Device: device, Precision: tensorflow.Precision(device), Note: missingGPUNote(f.device, device),
	}
	v.Command, _ = commandline.Repeat(c, c.Flags().Args())
	if on, known := tensorflow.OneDNNInUse(); known {
		v.OneDNN = &on
	}
	return v
}

// countStatuses enters the outcomes' statuses into the verification.
func countStatuses(v *report.Verification) {
	v.Counts = map[proof.Status]int{}
	for _, o := range v.Outcomes {
		v.Cases++
		v.Counts[o.Status]++
	}
}

// printHeader prints the first lines of every verification.
func printHeader(w io.Writer, tensorflow, device, precision, note string) {
	fmt.Fprintf(w, "TensorFlow %s on %s: %s\n", tensorflow, device, precision)
	if note != "" {
		fmt.Fprintf(w, "note: %s\n", note)
	}
}
