package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/testdata"
)

func newVerifyCommand() *cobra.Command {
	var cases []string
	var junit, page, device string
	var asJSON, tf32 bool
	var baseline baselines
	var seed uint64
	var net netFlags
	var random randomFlags
	c := &cobra.Command{
		Use:   "verify [--net NET [pictures or folders…]]",
		Short: "Hold TensorFlow on this machine to known answers and to the reference",
		Long: `verify runs case files and says of each case whether it passes, or by how much
it fails. Two checks are made: the file's expectation against the reference,
and the device against the reference. Without --cases the known answers of
TensorFlow's own kernel tests, of definitions computed by NumPy, sums of random
numbers, and what was found in TensorFlow before are run.

A case file is {"cases": [{"name": "…", "op": "conv2d", "input": {"shape":
[1,5,5,1], "data": […]}, "filter": {…}, "bias": {…}, "strides": [2,2],
"dilations": [1,1], "padding": "SAME", "groups": 1, "expect": {…}}]}; padding is
"VALID", "SAME" or [[top,bottom],[left,right]]; "error": "text" wants the case
refused. Beside input, or inputs for add and concat, operations have
  conv2d             filter [h,w,in/groups,out], bias, strides, dilations,
                     padding, groups
  depthwise_conv2d   filter [h,w,in,multiplier], the same but groups
  conv2d_transpose   filter [h,w,out/groups,in], the same, output_size [H,W];
                     explicit padding is that of the convolution back
  dense              filter [in,units], bias
  max_pool, avg_pool size, strides, padding
  batch_norm         scale, offset, mean, variance, epsilon
  lrn                depth_radius, lrn_bias, alpha, beta
  leaky_relu         alpha
  pad                padding
  resize             size, method ("nearest" or "bilinear")
  scale_shift        scale, shift
and without more: relu, relu6, elu, selu, sigmoid, tanh, softmax, flatten,
identity, reverse_channels.

A case is known by its file, its operation and its name, on the terminal, in
JSON, JUnit's XML and baselines; two that share all three are refused. The file
is named without its folders, or with as many as tell it from the others. All
case files together have 64 MiB at most, a baseline 1 GiB.

A verdict is pass, overflow possible, precision, proves nothing or fail. It
proves nothing where no number was compared: all are NaN on both sides and the
case does not expect that, or nothing is asked of them.

With --net a network is run over pictures (without any: scikit-learn's two
sample pictures, brought to its size) and every layer is held, each fed in the
reference with what TensorFlow itself fed to it: errors do not add up, and the
first layer that diverges is named with its worst number, its error in units in
the last place (ULPs) and as a share of its bound. Then it is run again as a
program runs it, where TensorFlow may compute several layers in one call.
Weights are fresh, from --seed, or a .npz file of arrays named as cnndemo nets
NET lists the layers: conv1/filter, conv1/bias, …

With --random N operations are drawn, in three of four cases such as TensorFlow
can compute, else with one fault, and run in a process of their own, which is
watched: what must be refused has to be, with an error that names the fault,
all else has to be within its bound, and no case may end the process. The same
--seed draws the same cases everywhere. A failure is shrunk to the smallest case
that still fails, and printed for --cases.

--write-baseline FILE keeps every output, to the bit, with what made it:
TensorFlow's version, the device, oneDNN, the processor, the threads. --against
FILE says what changed since, case by case:
  equal bits       the same shape and bits
  within bound     other bits, each of the two outputs within its bound of the
                   exact value, so that they differ by twice the bound at most
  outside          one of the two is not; or another shape; or a refusal where
                   there was an output, or the reverse
  same refusal, refusal changed
                   refused both times, with the same text or another
  new, missing     not in the baseline; or only there
  case changed     another operation, attribute or operand: not comparable
Both may name one file: it is read first and replaced at the end, also where
cases failed.

` + exitStatus(
			"1    a case failed or proves nothing, or a picture cannot be used; against a",
			"     baseline: outside, missing or case changed, and with --equal-bits within",
			"     bound, too",
			"2    wrong usage: a flag, or a file of cases, a baseline, a network or weights",
			"     that are not known or not right",
			"3    the machine lacks something: memory, the device, a place to write to"),
		Example: `  cnndemo verify
  cnndemo verify --cases my-cases/ --junit report.xml --html report.html
  cnndemo verify --net alexnet
  cnndemo verify --random 20000 --seed 7
  cnndemo verify --random 500 --op conv2d_transpose --op lrn
  cnndemo verify --net my-net.json --weights my-net.npz holiday/ --html report.html
  cnndemo verify --write-baseline baseline.json
  cnndemo verify --against baseline.json --junit report.xml || echo "exit status $?"
  cnndemo verify --against baseline.json --equal-bits    # on a machine that never changes`,
		Args: func(c *cobra.Command, arguments []string) error {
			if net.net == "" {
				return takes(0, 0, "pictures beside --net alone")(c, arguments)
			}
			return nil
		},
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := checkTogether(c); err != nil {
				return err
			}
			set, done := newSet(c.Context())
			defer done()
			set.Keep(net.net, net.weights)
			keepInputs(set, cases, func(name string) bool { return strings.HasSuffix(name, ".json") })
			keepInputs(set, arguments, calledPicture)
			if err := baseline.claim(c, set); err != nil {
				return err
			}
			to := outputs{set: set, asJSON: asJSON}
			var err error
			if to.junit, err = outputFlag(c, set, "junit", junit); err != nil {
				return err
			}
			if to.page, err = outputFlag(c, set, "html", page); err != nil {
				return err
			}
			if c.Flags().Changed("random") {
				random.device, random.tf32 = device, tf32
				return verifyRandom(c, random, seed, to)
			}
			if net.net != "" {
				net.device = device
				return verifyNetwork(c, net, arguments, seed, tf32, to)
			}
			files, err := readCases(cases)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := baseline.read(); err != nil {
				return err
			}
			if err := session.Configure(session.Process{NoTF32: !tf32, NoWinograd: true}); err != nil {
				return &exitError{exitUsage, err}
			}
			backend, err := session.NewBackend(session.Options{Device: device})
			if err != nil {
				return err
			}
			if err := baseline.begin(made(backend.Device())); err != nil {
				return err
			}
			result := report.Verification{
				TensorFlow: session.Version(), Device: backend.Device(), Precision: tensorflow.Precision(backend.Device()),
				Note: withoutGPU(device, backend.Device()), Counts: map[proof.Status]int{},
			}
			if result.Outcomes, err = runCases(c.Context(), files, backend, baseline.add, newProgress(c.ErrOrStderr(), "cases")); err != nil {
				return err
			}
			if err := baseline.finish(); err != nil {
				return err
			}
			result.Against = baseline.comparison
			for _, o := range result.Outcomes {
				result.Cases++
				result.Counts[o.Status]++
			}
			result.Command, _ = commandLine(c, nil)
			if on, known := tensorflow.OneDNNInUse(); known {
				result.OneDNN = &on
			}
			if err := to.write(result); err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(c, result); err != nil {
					return err
				}
			} else {
				printVerification(c.OutOrStdout(), result)
				baseline.print(c.OutOrStdout())
			}
			var faults []string
			if n := result.Counts[proof.Fail]; n > 0 {
				faults = append(faults, fmt.Sprintf("%d of %d cases failed", n, result.Cases))
			}
			if n := result.Counts[proof.Nothing]; n > 0 {
				faults = append(faults, fmt.Sprintf("%d of %d cases compared no number and prove nothing", n, result.Cases))
			}
			if text := baseline.failure(); text != "" {
				faults = append(faults, text)
			}
			if len(faults) > 0 {
				return exit(exitCheck, "verify: %s", strings.Join(faults, "; "))
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&cases, "cases", nil, "a case file, or a folder of them (repeatable; default: the built-in ones)")
	c.Flags().StringVar(&junit, "junit", "", "write the outcomes as JUnit's XML to this file")
	c.Flags().StringVar(&page, "html", "", "write a page with all outcomes, the worst first, to this file")
	c.Flags().StringVar(&device, "device", "auto", "auto, cpu, gpu or gpu:N")
	c.Flags().BoolVar(&tf32, "tf32", false, "let a GPU cut factors to 11 bits, TensorFlow's default, and hold it to that")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().Uint64Var(&seed, "seed", 1, "what random cases, or fresh weights, are drawn from")
	net.flags(c)
	random.flags(c)
	baseline.flags(c)
	keep(c, fileRule, "junit", "html")
	keep(c, rule{kind: "FILE|FOLDER", want: "a file or a folder", read: notEmpty}, "cases")
	keep(c, deviceRule, "device")
	keep(c, seedRule, "seed")
	return c
}

// checkTogether refuses flags of verify that would do nothing.
func checkTogether(c *cobra.Command) error {
	return cmp.Or(
		apartFrom(c, "net", "random", "cases", "write-baseline", "against", "equal-bits"),
		apartFrom(c, "random", "cases", "write-baseline", "against", "equal-bits"),
		needs(c, "net", "weights"),
		needs(c, "random", "op"),
		needs(c, "against", "equal-bits"),
	)
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

// runCases hands each outcome to each while its output is there, and keeps it
// without.
func runCases(ctx context.Context, files []proof.File, backend proof.Backend, each func(proof.Outcome) error, bar *progress) ([]proof.Outcome, error) {
	total := 0
	for _, file := range files {
		total += len(file.Cases)
	}
	defer bar.finish()
	var outcomes []proof.Outcome
	for _, file := range files {
		for _, c := range file.Cases {
			o, err := c.Run(ctx, backend)
			if err != nil {
				return nil, err
			}
			o.File, o.Path = file.Name, file.Path
			if err := each(o); err != nil {
				return nil, err
			}
			o.Release()
			outcomes = append(outcomes, o)
			bar.show(len(outcomes), total)
		}
	}
	return outcomes, nil
}

func printVerification(w io.Writer, v report.Verification) {
	fmt.Fprintf(w, "TensorFlow %s on %s: %s\n", v.TensorFlow, v.Device, v.Precision)
	if v.Note != "" {
		fmt.Fprintf(w, "note: %s\n", v.Note)
	}
	for _, o := range v.Outcomes {
		mark := "ok  "
		switch o.Status {
		case proof.Fail:
			mark = "FAIL"
		case proof.Nothing:
			mark = "VOID"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", mark, o.ID(), quote.Text(o.Text(), mostErrorBytes))
		if o.Repeat != nil {
			fmt.Fprintf(w, "      repeat with --cases: %s\n", quote.JSON(o.Repeat))
		}
	}
	fmt.Fprintf(w, "%d cases", v.Cases)
	for _, status := range proof.Statuses {
		if n := v.Counts[status]; n > 0 || status == proof.Fail {
			fmt.Fprintf(w, ", %d %s", n, status)
		}
	}
	fmt.Fprintln(w)
}

// outputs are where a verification goes besides stdout.
type outputs struct {
	set         *output.Set
	junit, page *output.File // nil: not asked for
	asJSON      bool
}

// write writes the files that were asked for, a baseline too, together.
func (to outputs) write(v report.Verification) error {
	if to.page != nil {
		if err := to.page.Write(func(w io.Writer) error { return report.WriteVerification(w, v) }); err != nil {
			return unwritten("verify", err)
		}
	}
	if to.junit != nil {
		if err := to.junit.Write(func(w io.Writer) error { return proof.WriteJUnit(w, v.Outcomes, v.Against) }); err != nil {
			return unwritten("verify", err)
		}
	}
	return unwritten("verify", to.set.Commit())
}
