package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session"
	"tfcnn/testdata"
)

// casesFlags are the flags of a verification of case files.
type casesFlags struct {
	paths    []string // none: the built-in ones
	baseline baselines
}

func (f *casesFlags) flags(c *cobra.Command) { f.baseline.flags(c) }

// folded joins words by commas in lines of at most 80 characters, the first of
// which begins with something else.
func folded(begin string, words []string) string {
	const width = 80
	text, column := "", len(begin)
	for i, word := range words {
		switch {
		case i == 0:
		case column+len(", ")+len(word)+len(",") > width:
			text, column = text+",\n", 0
		default:
			text, column = text+", ", column+len(", ")
		}
		text, column = text+word, column+len(word)
	}
	return text
}

func newVerifyCasesCommand() *cobra.Command {
	var f verifyFlags
	var cases casesFlags
	c := &cobra.Command{
		Use:   "cases [FILES or FOLDERS…]",
		Short: "Verify the operations and networks of case files",
		Long: `verify cases runs case files and prints the verdict on each case. It makes two
comparisons: of the answer in the file with the reference, and of TensorFlow's
output with the reference. Without files it runs the built-in cases, as cnndemo
verify does.

A case file is {"cases": [{"name": "…", "op": "conv2d", "input": {"shape":
[1,5,5,1], "data": […]}, "filter": {…}, "bias": {…}, "strides": [2,2],
"dilations": [1,1], "padding": "SAME", "groups": 1, "expect": {…}}]}; padding is
"VALID", "SAME" or [[top,bottom],[left,right]]. A case with "error": "text" passes
where it is refused with an error that contains the text. "random_signs": true says
that the numbers of the filter, or of all operands, were drawn with random signs: then
the verdict is precision where TensorFlow rounds numbers. Each operation has input
(add and concat: inputs), and
  conv2d             filter [h,w,in/groups,out], bias, strides, dilations,
                     padding, groups
  depthwise_conv2d   filter [h,w,in,multiplier], the same but groups
  conv2d_transpose   filter [h,w,out/groups,in], the same, output_size [H,W];
                     explicit padding is that of the forward convolution
  dense              filter [in,units], bias
  max_pool, avg_pool size, strides, padding
  batch_norm         scale, offset, mean, variance, epsilon
  lrn                depth_radius, lrn_bias, alpha, beta
  leaky_relu         alpha
  pad                padding
  resize             size, method ("nearest" or "bilinear")
  scale_shift        scale, shift
Without further fields: ` + folded("Without further fields: ", proof.InputAlone()) + `.

In place of an operation a case may have a whole network: {"name": "…",
"network": {…}, "weights": {"conv1/filter": {…}, …}, "input": {…}, "expect": {…}}.
network is the JSON that verify net reads; expect is the network's one output, or
an object of outputs by layer. Each output is a case of the operation "network",
named NAME or NAME: LAYER. "source" beside "name", and "made_by" beside "cases",
are notes.

File, operation and name identify a case on the terminal, in JSON, in JUnit's XML
and in baselines; two cases that share all three are refused. A file is named
without its folders, or with as many of them as tell it from the other files. All
case files together may have 64 MiB, a baseline 1 GiB.

--write-baseline FILE writes the bits of every output, with TensorFlow's version,
the device, oneDNN, the processor and the threads. --against FILE compares each
case with such a baseline:
  equal bits       the same shape and bits
  within bound     other bits, and both outputs lie within the bound, so that they
                   differ by twice the bound at most
  outside          one of the two lies outside; or the shapes differ; or one of
                   the two is refused
  same refusal, refusal changed
                   both are refused, with the same text or with another
  new, missing     the case is not in the baseline, or there alone
  case changed     another operation, attribute or operand: not comparable
Both flags may name one file: it is read first and replaced at the end, also
where cases failed.

` + verifyStatus("a case failed or is no pass; against a baseline: outside, missing or", "case changed, and with --equal-bits within bound, too"),
		Example: `  cnndemo verify cases my-cases/ --junit report.xml --html report.html
  cnndemo verify cases a.json b.json --write-baseline baseline.json
  cnndemo verify cases a.json b.json --against baseline.json --equal-bits`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := commandline.Needs(c, "against", "equal-bits"); err != nil {
				return err
			}
			cases.paths = arguments
			return cases.verify(c, &f)
		},
	}
	f.flags(c)
	cases.flags(c)
	return c
}

// verify runs the case files.
func (f *casesFlags) verify(c *cobra.Command, to *verifyFlags) error {
	baseline := &f.baseline
	done, err := to.open(c, func(set *output.Set) error {
		protectInputs(set, f.paths, func(name string) bool { return strings.HasSuffix(name, ".json") })
		return baseline.claim(c, set)
	})
	if err != nil {
		return err
	}
	defer done()
	files, err := readCases(f.paths)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if err := cmp.Or(baseline.read(), to.configure()); err != nil {
		return err
	}
	backend, err := newCaseDevice(to.device)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if err := baseline.begin(thisMachine(backend.Device())); err != nil {
		return err
	}
	result := newVerification(c, to, backend.Device())
	if result.Outcomes, err = runCases(c.Context(), files, backend, baseline.add, newProgress(c.ErrOrStderr(), "cases")); err != nil {
		return err
	}
	if err := baseline.finish(); err != nil {
		return err
	}
	result.Against = baseline.comparison
	countStatuses(&result)
	if err := to.write(result); err != nil {
		return err
	}
	if to.asJSON {
		if err := printJSON(c, result); err != nil {
			return err
		}
	} else {
		printVerification(c.OutOrStdout(), result)
		printComparison(c.OutOrStdout(), baseline.comparison)
	}
	var faults []string
	if n := result.Counts[proof.Fail]; n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d cases failed", n, result.Cases))
	}
	if n := result.Counts[proof.Precision]; n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d cases are less precise than float32", n, result.Cases))
	}
	if n := result.Counts[proof.NotHeld]; n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d cases have numbers without a known bound", n, result.Cases))
	}
	if n := result.Counts[proof.Nothing]; n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d cases compared no number and prove nothing", n, result.Cases))
	}
	if text := comparisonFailure(baseline.comparison); text != "" {
		faults = append(faults, text)
	}
	if len(faults) > 0 {
		return exitErrorf(exitCheck, "verify: %s", strings.Join(faults, "; "))
	}
	return nil
}

func readCases(paths []string) ([]proof.File, error) {
	if len(paths) == 0 {
		return proof.ReadAll(testdata.Files, "cases")
	}
	var all proof.CaseFiles
	for _, path := range paths {
		folder, name := filepath.Split(filepath.Clean(path))
		if folder == "" {
			folder = "."
		}
		if err := all.Add(inputFolder(folder), folder, name); err != nil {
			return nil, err
		}
	}
	return all.Files()
}

// caseDevice is a device of TensorFlow's: an operation runs in a graph of its own, a
// network in a session of its own.
type caseDevice struct {
	*operations.Backend
	name string
}

func newCaseDevice(name string) (caseDevice, error) {
	backend, err := operations.NewBackend(name)
	return caseDevice{backend, name}, err
}

// RunNetwork returns the outputs of a network's layers.
func (d caseDevice) RunNetwork(ctx context.Context, n graph.Network, w graph.Weights, input tensor.Tensor, layers []string) ([]tensor.Tensor, error) {
	s, err := session.Open(n, w, session.Options{Device: d.name})
	if err != nil {
		return nil, err
	}
	outputs, err := s.RunOutputs(ctx, input, layers...)
	return outputs, errors.Join(err, s.Close())
}

// runCases hands each outcome to each while its output is there, and keeps it
// without.
func runCases(ctx context.Context, files []proof.File, device caseDevice, each func(proof.Outcome) error, bar *progress) ([]proof.Outcome, error) {
	total := 0
	for _, file := range files {
		total += len(file.Cases)
		for _, c := range file.Networks {
			total += len(c.Outputs())
		}
	}
	defer bar.finish()
	var outcomes []proof.Outcome
	add := func(file proof.File, list ...proof.Outcome) error {
		for _, o := range list {
			o.File, o.Path = file.Name, file.Path
			if err := each(o); err != nil {
				return err
			}
			o.Release()
			outcomes = append(outcomes, o)
			bar.show(len(outcomes), total)
		}
		return nil
	}
	for _, file := range files {
		for _, c := range file.Cases {
			o, err := c.Run(ctx, device)
			if err == nil {
				err = add(file, o)
			}
			if err != nil {
				return nil, err
			}
		}
		for _, c := range file.Networks {
			list, err := c.Run(ctx, device)
			if err == nil {
				err = add(file, list...)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return outcomes, nil
}

func printVerification(w io.Writer, v report.Verification) {
	printHeader(w, v.TensorFlow, v.Device, v.Precision, v.Note)
	for _, o := range v.Outcomes {
		mark := "ok  "
		switch o.Status {
		case proof.Fail, proof.Precision:
			mark = "FAIL"
		case proof.NotHeld, proof.Nothing:
			mark = "VOID"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", mark, o.ID(), quote.Text(o.Text(), mostErrorBytes))
		printRepeat(w, o.Repeat)
	}
	fmt.Fprintf(w, "%d cases", v.Cases)
	for _, status := range proof.Statuses {
		if n := v.Counts[status]; n > 0 || status == proof.Fail {
			fmt.Fprintf(w, ", %d %s", n, status)
		}
	}
	fmt.Fprintln(w)
}

// printRepeat prints a case file that repeats a failure, where there is one.
func printRepeat(w io.Writer, repeat []byte) {
	if repeat != nil {
		fmt.Fprintf(w, "      repeat with verify cases: %s\n", quote.JSON(repeat))
	}
}
