// Command soak runs sessions for long and checks that memory stays flat and that every
// call gets its own answer or its own error.
//
//	soak memory                    # 50,000 runs from 16 goroutines, 200 open-run-close cycles
//	soak load                      # 24 goroutines for 10 minutes
//	soak load --minutes 0.5 --json
//
// Images are drawn from a seed, and the reference of each image is computed beforehand
// for the whole network (ref.Propagation). Each answer is compared with the references
// of its images, and with the bits of the first answer to the same batch.
//
// With -tags plain, the program does not import session/tuned.
//
// The report is on stdout, progress on stderr. Exit status: 0 all checks passed, 1 a
// check failed, 2 wrong usage, 3 the machine lacks something, 130 interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tfcnn/internal/output"
	"tfcnn/session"
)

// Exit statuses.
const (
	exitCheck       = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitInterrupted = 130
)

// errCheck is the error of a soak whose checks failed; its report says why.
var errCheck = errors.New("a check failed")

func main() { os.Exit(run()) }

func run() int {
	// The soak makes its images anew for each call, in Go: a heap that swings
	// by half its size between collections would hide what sessions do.
	debug.SetGCPercent(25)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command()
	printed := output.NewStdout(os.Stdout)
	root.SetOut(printed)
	err := root.ExecuteContext(ctx)
	if lost := printed.Close(); lost != nil {
		err = fmt.Errorf("soak: %w: %w", ErrEnvironment, lost)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "soak: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(os.Stderr, err)
	switch {
	case errors.Is(err, errCheck):
		return exitCheck
	case errors.Is(err, ErrEnvironment), errors.Is(err, session.ErrNoDevice):
		return exitEnvironment
	}
	fmt.Fprintln(os.Stderr, "hint: soak --help")
	return exitUsage
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "soak",
		Short: "Sessions for long, from many goroutines, checked",
		Long: `soak runs sessions for long, from many goroutines, with errors, cancellations
and bad input mixed in. Every answer is compared with the reference of its own
images, every error with the error that is due, and the process's memory with
its size after the first tenth.`,
		Example:       "  soak memory\n  soak memory --runs 5000 --cycles 20\n  soak load --minutes 1 --json",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
	}
	root.AddCommand(part("memory", "runs of mixed batch sizes, and open-run-close cycles of different networks", Memory),
		part("load", "goroutines at the limit, bad input, sessions closed under their callers", Load))
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

func part(name, short string, start func(context.Context, Plan) (Report, error)) *cobra.Command {
	var (
		plan    Plan
		minutes float64
		asJSON  bool
	)
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		Example: "  soak " + name + "\n  soak " + name + " --goroutines 64 --seed 2 --json",
	}
	if name == "memory" {
		c.Flags().IntVar(&plan.Runs, "runs", 50000, "calls")
		c.Flags().IntVar(&plan.Cycles, "cycles", 200, "sessions to open, run and close beside")
		c.Flags().IntVar(&plan.Goroutines, "goroutines", 16, "that call at once")
	} else {
		c.Flags().Float64Var(&minutes, "minutes", 10, "how long")
		c.Flags().IntVar(&plan.Cycles, "cycles", 50, "sessions to open, run and close beside")
		c.Flags().IntVar(&plan.Goroutines, "goroutines", 24, "that call at once")
	}
	c.Flags().Uint64Var(&plan.Seed, "seed", 1, "of images, batches and kinds of calls")
	c.Flags().Float64Var(&plan.Growth, "growth", 0.05, "how much RSS may grow after the first tenth, as a share")
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if plan.Goroutines < 1 || name == "memory" && plan.Runs < 1 || name == "load" && !(minutes > 0) || plan.Cycles < 0 || !(plan.Growth > 0) {
			return errors.New("soak: --runs, --minutes, --goroutines and --growth must be above 0, --cycles not below")
		}
		plan.Time = time.Duration(minutes * float64(time.Minute))
		plan.Progress = c.ErrOrStderr()
		report, err := start(c.Context(), plan)
		if err != nil {
			return err
		}
		if asJSON {
			to := json.NewEncoder(c.OutOrStdout())
			to.SetIndent("", "  ")
			err = to.Encode(report)
		} else {
			err = report.Write(c.OutOrStdout())
		}
		if err != nil {
			return fmt.Errorf("soak: report: %w: %w", ErrEnvironment, err)
		}
		if failed := report.Err(); failed != nil {
			return fmt.Errorf("%w: %w", failed, errCheck)
		}
		return nil
	}
	return c
}
