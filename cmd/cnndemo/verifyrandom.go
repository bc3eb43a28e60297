package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/internal/parent"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
)

// randomFlags are what verify is asked for with --random.
type randomFlags struct {
	cases  int
	ops    []string
	device string
	tf32   bool
}

func (f *randomFlags) flags(c *cobra.Command) {
	c.Flags().IntVar(&f.cases, "random", 0, "draw so many operations, valid and not, and run them in a process that is watched")
	c.Flags().StringArrayVar(&f.ops, "op", nil, "with --random: draw this operation alone (repeatable; default: all)")
	operation := oneOf(proof.Operations()...)
	operation.known = proof.Operations()
	keep(c, operation, "op")
	keep(c, whole(1, math.MaxInt), "random")
}

// caseLimit is how long one case may take; most take some milliseconds.
const caseLimit = time.Minute

// verifyRandom is verify --random.
func verifyRandom(c *cobra.Command, f randomFlags, seed uint64, to outputs) error {
	if err := session.Configure(session.Process{NoTF32: !f.tf32, NoWinograd: true}); err != nil {
		return &exitError{exitUsage, err}
	}
	// The device is looked for here, so that one that lacks is said once.
	backend, err := session.NewBackend(session.Options{Device: f.device})
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return exit(exitEnvironment, "verify: %w", err)
	}
	watch := &proof.Watch{Limit: caseLimit, Command: func() *exec.Cmd {
		arguments := []string{workerName, "--device", f.device}
		if f.tf32 {
			arguments = append(arguments, "--tf32")
		}
		worker := exec.Command(program, arguments...)
		worker.SysProcAttr = apart()
		// What libraries print to stdout, as oneDNN does where it is asked to,
		// is noise.
		worker.Stdout = os.Stderr
		worker.Env = append(os.Environ(), parent.Off)
		return worker
	}}
	defer watch.Close()
	defer unfinished.begin(watch.Kill)()
	bar := newProgress(c.ErrOrStderr(), "cases")
	defer bar.finish()
	result, err := proof.Random{
		Seed: seed, Cases: f.cases, Ops: f.ops, Parallel: runtime.GOMAXPROCS(0),
		Progress: func(done int) { bar.show(done, f.cases) },
	}.Run(c.Context(), watch)
	if err != nil {
		if c.Context().Err() != nil {
			watch.Kill()
			return err
		}
		return exit(exitCheck, "verify: %w", err)
	}
	bar.finish()
	command, _ := commandLine(c, nil)
	v := randomPage(result, backend.Device(), command)
	v.Note = withoutGPU(f.device, backend.Device())
	if err := to.write(v); err != nil {
		return err
	}
	if to.asJSON {
		err = printJSON(c, struct {
			TensorFlow string `json:"tensorflow"`
			Device     string `json:"device"`
			OneDNN     *bool  `json:"onednn,omitempty"`
			Command    string `json:"command"`
			proof.RandomResult
		}{v.TensorFlow, v.Device, v.OneDNN, v.Command, result})
		if err != nil {
			return err
		}
	} else {
		printRandom(c.OutOrStdout(), v, result)
	}
	if n := len(result.Failures); n > 0 {
		return exit(exitCheck, "verify: %d of %d cases failed, seed %d", n, result.Cases, result.Seed)
	}
	return nil
}

// randomPage is the result as the verification's page and JUnit show it: an
// entry for each operation, and one for each failure.
func randomPage(r proof.RandomResult, device, command string) report.Verification {
	v := report.Verification{
		TensorFlow: session.Version(), Device: device, Precision: tensorflow.Precision(device), Command: command,
		Counts: map[proof.Status]int{}, Outcomes: append([]proof.Outcome{}, r.Failures...),
	}
	if on, known := tensorflow.OneDNNInUse(); known {
		v.OneDNN = &on
	}
	file := fmt.Sprintf("seed %d", r.Seed)
	for _, op := range r.Ops {
		o := proof.Outcome{File: file, Op: op.Op, Status: proof.Pass, Name: fmt.Sprintf("%s: %d computed, %d refused as they must be", op.Op, op.Computed, op.Refused)}
		if op.Verdict.Status != proof.Fail && op.Computed > 0 {
			verdict := op.Verdict
			verdict.Worst = nil // of some case
			o.Device, o.Status = &verdict, verdict.Status
		}
		v.Outcomes = append(v.Outcomes, o)
	}
	for _, o := range v.Outcomes {
		v.Cases++
		v.Counts[o.Status]++
	}
	return v
}

func printRandom(w io.Writer, v report.Verification, r proof.RandomResult) {
	fmt.Fprintf(w, "TensorFlow %s on %s: %s\n", v.TensorFlow, v.Device, v.Precision)
	if v.Note != "" {
		fmt.Fprintf(w, "note: %s\n", v.Note)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "operation\tcomputed\trefused\tnumbers\texact\tlargest share of bound\tfailed")
	computed, refused, void := 0, 0, 0
	for _, op := range r.Ops {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%d\n", op.Op, op.Computed, op.Refused, op.Verdict.Elements, op.Verdict.Exact, fmt.Sprintf("%.3g", op.Share), op.Failed)
		computed, refused, void = computed+op.Computed, refused+op.Refused, void+op.Void
	}
	table.Flush()
	for _, o := range r.Failures {
		fmt.Fprintf(w, "FAIL  %s: %s\n      repeat with --cases: %s\n", o.ID(), quote.Text(o.Text(), mostErrorBytes), quote.JSON(o.Repeat))
	}
	fmt.Fprintf(w, "seed %d: %d cases in %.1f s, %d computed within their bounds, %d refused as they must be, %d failed; workers that died: %d\n",
		r.Seed, r.Cases, r.Seconds, computed, refused, len(r.Failures), r.Deaths)
	if void > 0 {
		fmt.Fprintf(w, "%d more cases prove nothing: no number of theirs was compared\n", void)
	}
	if r.GaveUp {
		fmt.Fprintln(w, "given up after so many failures")
	}
}

// workerName is the hidden command that runs cases for verify --random.
const workerName = "verify-worker"

func newWorkerCommand() *cobra.Command {
	var device string
	var tf32 bool
	c := &cobra.Command{
		Use:    workerName,
		Short:  "Run the cases that come on file descriptor 3, for verify --random",
		Hidden: true,
		Args:   takes(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := session.Configure(session.Process{NoTF32: !tf32, NoWinograd: true}); err != nil {
				return &exitError{exitUsage, err}
			}
			backend, err := session.NewBackend(session.Options{Device: device})
			if err != nil {
				return err
			}
			// The parent ends it by closing the jobs, or is gone.
			jobs, answers, err := proof.Protocol()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := proof.Serve(context.WithoutCancel(c.Context()), jobs, answers, backend); err != nil {
				return &exitError{exitCheck, err}
			}
			return nil
		},
	}
	c.Flags().StringVar(&device, "device", "auto", "auto, cpu, gpu or gpu:N")
	c.Flags().BoolVar(&tf32, "tf32", false, "leave TF32 on")
	keep(c, deviceRule, "device")
	return c
}
