package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/output"
	"tfcnn/internal/parent"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow/operations"
	"tfcnn/session/process"
)

// randomFlags are the flags of a verification of random operations and networks.
type randomFlags struct {
	cases    int // 0: none
	ops      []string
	networks int    // 0: none
	repeat   string // a file of networks; "": none
	given    []draw.Network
}

// randomRule is a number of cases, or of networks.
var randomRule = commandline.WholeNumber(1, math.MaxInt)

func (f *randomFlags) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.ops, "op", nil, "draw this operation alone, repeatable (default: all)")
	operation := commandline.OneOf(proof.Operations()...)
	operation.Known = proof.Operations()
	commandline.UseRule(c, operation, "op")
}

func newVerifyRandomCommand() *cobra.Command {
	var f verifyFlags
	var random randomFlags
	c := &cobra.Command{
		Use:   "random [N]",
		Short: "Verify random operations and networks",
		Long: `verify random draws N operations and runs them in a process of their own, which it
watches. Three of four cases are valid; each of the others has one fault. A valid
case passes where its numbers lie within their bounds, a case with a fault where it
is refused with an error that names the fault. A case that ends the process fails.
Equal seeds draw equal cases on every machine. A case that fails is shrunk to the
smallest one that still fails, and printed as a file for verify cases.

In some numbers correct kernels differ, and nothing is asked of them: they are
unspecified. An operation with more than 2 % of them, and more than 500, is not held.

With --nets it draws whole networks, too, with or without operations: chains and
branches of all layers, channels up to 256, windows up to 11, batches up to 16, the
executors, and weights as constants or fed. verify random compares each layer, and the
network as it runs, like verify net. One in ten computes in bfloat16 or float16, for
which the reference has no bounds: such a network only has to run. A network that
fails is shrunk, too; verify random --repeat runs the file that is printed.

` + commandline.ExitStatus(
			"1    a case or a network failed, or an operation has too many unspecified numbers",
			"2    wrong usage: a wrong flag, an argument that is no number of cases, or a file",
			"     of networks that cannot be read",
			"3    the machine lacks memory, the device, or a place to write to; or the kernel",
			"     killed the process with the cases, as it does where memory runs out"),
		Example: `  cnndemo verify random 20000 --seed 7
  cnndemo verify random 500 --op conv2d_transpose --op lrn
  cnndemo verify random 2000 --nets 200
  cnndemo verify random --repeat failed.json`,
		Args:              random.arguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				text, known := randomRule.Read(arguments[0])
				if !known {
					return commandline.Arguments(0, 0, randomRule.Want)(c, arguments)
				}
				var err error
				if random.cases, err = strconv.Atoi(text); err != nil {
					return err
				}
			}
			return random.verify(c, &f)
		},
	}
	f.flags(c)
	f.seedFlag(c, "the seed of the cases")
	random.flags(c)
	random.networkFlags(c)
	return c
}

// arguments is the rule of the arguments: a number of cases, which --nets and --repeat
// may do without.
func (f *randomFlags) arguments(c *cobra.Command, arguments []string) error {
	least, most := 1, 1
	switch {
	case f.repeat != "":
		least, most = 0, 0
	case f.networks > 0:
		least = 0
	}
	var unused error
	if len(arguments) == 0 && c.Flags().Changed("op") {
		unused = commandline.Errorf(c, "--op wants N beside it")
	}
	return cmp.Or(
		commandline.Excludes(c, "repeat", "nets", "op", "seed"),
		unused,
		commandline.Arguments(least, most, "how many cases: "+randomRule.Want)(c, arguments),
	)
}

// caseLimit is how long one case may take; most take some milliseconds.
const caseLimit = time.Minute

// verify runs the cases that are drawn.
func (f *randomFlags) verify(c *cobra.Command, to *verifyFlags) error {
	done, err := to.open(c, func(set *output.Set) error {
		set.AddInputs(f.repeat)
		return f.read()
	})
	if err != nil {
		return err
	}
	defer done()
	if err := to.configure(); err != nil {
		return err
	}
	// Look for the device here, so that a missing one is reported once.
	backend, err := operations.NewBackend(to.device)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	watch, err := f.watch(to)
	if err != nil {
		return err
	}
	defer watch.Close()
	defer unfinished.begin(watch.Kill)()
	var result randomResult
	if f.cases > 0 {
		bar := newProgress(c.ErrOrStderr(), "cases")
		defer bar.finish()
		result.RandomResult, err = draw.Random{
			Seed: to.seed, Cases: f.cases, Ops: f.ops, Parallel: runtime.GOMAXPROCS(0),
			Progress: func(done int) { bar.show(done, f.cases) },
		}.Run(c.Context(), watch)
		if err != nil {
			return randomError(c.Context(), watch, err)
		}
		bar.finish()
	}
	if result.Networks, err = f.runNetworks(c, to.seed, watch); err != nil {
		return randomError(c.Context(), watch, err)
	}
	result.Seed, result.Deaths = to.seed, watch.Deaths
	v := newVerification(c, to, backend.Device())
	fillRandom(&v, result)
	if err := to.write(v); err != nil {
		return err
	}
	if to.asJSON {
		err = printJSON(c, struct {
			TensorFlow string `json:"tensorflow"`
			Device     string `json:"device"`
			OneDNN     *bool  `json:"onednn,omitempty"`
			Command    string `json:"command"`
			randomResult
		}{v.TensorFlow, v.Device, v.OneDNN, v.Command, result})
		if err != nil {
			return err
		}
	} else {
		printRandom(c.OutOrStdout(), v, result)
	}
	return randomFault(result)
}

// randomResult is the result of a run: of the operations, and of the networks where some
// were asked for.
type randomResult struct {
	draw.RandomResult
	Networks *draw.NetworksResult `json:"networks,omitempty"`
}

// randomFault is the error of a run with cases or networks that failed, or with an
// operation over its budget.
func randomFault(r randomResult) error {
	var failed []string
	if n := len(r.Failures); n > 0 {
		failed = append(failed, fmt.Sprintf("%d of %d cases failed, seed %d", n, r.Cases, r.Seed))
	} else if over := r.OverBudget(); len(over) > 0 {
		failed = append(failed, fmt.Sprintf("%s: %v, seed %d", over[0].Op, over[0].Verdict.Budgeted(), r.Seed))
	}
	if n := r.Networks; n != nil && len(n.Failures) > 0 {
		failed = append(failed, fmt.Sprintf("%d of %d networks failed, %s", len(n.Failures), n.Networks, quote.Plain(n.From)))
	} else if n != nil && len(n.OverBudget()) > 0 {
		over := n.OverBudget()[0]
		failed = append(failed, fmt.Sprintf("%s in networks: %v, %s", over.Kind, over.Verdict.Budgeted(), quote.Plain(n.From)))
	}
	if failed == nil {
		return nil
	}
	return exitErrorf(exitCheck, "verify: %s", strings.Join(failed, "; "))
}

// randomError returns the error of a run that did not end.
func randomError(ctx context.Context, watch *draw.Watch, err error) error {
	switch {
	case ctx.Err() != nil:
		watch.Kill()
		return err
	case errors.Is(err, draw.ErrKilled):
		return exitErrorf(exitEnvironment, "verify: %w", err)
	}
	return exitErrorf(exitCheck, "verify: %w", err)
}

// watch returns the Watch of this program's workers.
func (f *randomFlags) watch(to *verifyFlags) (*draw.Watch, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, exitErrorf(exitEnvironment, "verify: %w", err)
	}
	return &draw.Watch{Limit: caseLimit, Command: func() *exec.Cmd {
		arguments := []string{workerName, "--device", to.device}
		if to.tf32 {
			arguments = append(arguments, "--tf32")
		}
		worker := exec.Command(program, arguments...)
		worker.SysProcAttr = ownProcessGroup()
		// Libraries may print to stdout, as oneDNN does with ONEDNN_VERBOSE.
		worker.Stdout = os.Stderr
		worker.Env = append(os.Environ(), parent.Off)
		return worker
	}}, nil
}

// fillRandom enters the result as the verification's page and JUnit show it: an
// outcome for each operation, and one for each failure.
func fillRandom(v *report.Verification, r randomResult) {
	v.Outcomes = append([]proof.Outcome{}, r.Failures...)
	file := fmt.Sprintf("seed %d", r.Seed)
	for _, op := range r.Ops {
		o := proof.Outcome{File: file, Op: op.Op, Status: proof.Pass, Name: fmt.Sprintf("%s: %d computed, %d refused as they must be", op.Op, op.Computed, op.Refused)}
		if op.Verdict.Status != proof.Fail && op.Computed > 0 {
			verdict := op.Verdict
			verdict.Worst = nil // of some case
			if op.OverBudget {
				verdict = verdict.Budgeted()
				o.Failure = verdict.String()
			}
			o.Device, o.Status = &verdict, verdict.Status
		}
		v.Outcomes = append(v.Outcomes, o)
	}
	if r.Networks != nil {
		v.Outcomes = append(v.Outcomes, networkOutcomes(*r.Networks)...)
	}
	countStatuses(v)
}

func printRandom(w io.Writer, v report.Verification, r randomResult) {
	printHeader(w, v.TensorFlow, v.Device, v.Precision, v.Note)
	if r.Cases > 0 || r.Networks == nil {
		printCases(w, r.RandomResult)
	}
	if r.Networks != nil {
		printNetworksResult(w, *r.Networks)
	}
}

func printCases(w io.Writer, r draw.RandomResult) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "operation\tcomputed\trefused\tnumbers\texact\tunspecified\tlargest share of bound\tfailed")
	computed, refused, void := 0, 0, 0
	for _, op := range r.Ops {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%d\n", op.Op, op.Computed, op.Refused, op.Verdict.Elements, op.Verdict.Exact, op.Verdict.UnspecifiedShare(), fmt.Sprintf("%.3g", op.Share), op.Failed)
		computed, refused, void = computed+op.Computed, refused+op.Refused, void+op.Uncompared
	}
	table.Flush()
	for _, o := range r.Failures {
		fmt.Fprintf(w, "FAIL  %s: %s\n", o.ID(), quote.Text(o.Text(), mostErrorBytes))
		printRepeat(w, o.Repeat)
	}
	fmt.Fprintf(w, "seed %d: %d cases in %.1f s, %d computed within their bounds, %d refused as they must be, %d failed; workers that died: %d\n",
		r.Seed, r.Cases, r.Seconds, computed, refused, len(r.Failures), r.Deaths)
	if void > 0 {
		fmt.Fprintf(w, "%d more cases prove nothing: no number of theirs was compared\n", void)
	}
	for _, op := range r.OverBudget() {
		fmt.Fprintf(w, "%s: %v\n", op.Op, op.Verdict.Budgeted())
	}
	if r.GaveUp {
		fmt.Fprintln(w, "given up after so many failures")
	}
}

// workerName is the hidden command that runs cases for verify random.
const workerName = "verify-worker"

func newWorkerCommand() *cobra.Command {
	var device string
	var tf32 bool
	c := &cobra.Command{
		Use:    workerName,
		Short:  "Run the cases that come on file descriptor 3, for verify random",
		Hidden: true,
		Args:   commandline.Arguments(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := process.Configure(process.Options{NoTF32: !tf32, NoWinograd: true}); err != nil {
				return &exitError{exitUsage, err}
			}
			backend, err := operations.NewBackend(device)
			if err != nil {
				return fmt.Errorf("verify: %w", err)
			}
			// The parent ends it by closing the jobs, or is gone.
			jobs, answers, err := draw.Protocol()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := draw.Serve(context.WithoutCancel(c.Context()), jobs, answers, networkBackend{backend, device}); err != nil {
				return &exitError{exitCheck, err}
			}
			return nil
		},
	}
	c.Flags().StringVar(&device, "device", "auto", "auto, cpu, gpu or gpu:N")
	c.Flags().BoolVar(&tf32, "tf32", false, "leave TF32 on")
	commandline.UseRule(c, commandline.Device, "device")
	return c
}
