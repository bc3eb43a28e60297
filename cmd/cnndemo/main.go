// Command cnndemo runs convolutions and pools over pictures in TensorFlow and
// holds every number to a reference.
//
//	cnndemo run                  the sample pictures
//	cnndemo run holiday/ --out maps
//	cnndemo verify               known answers of TensorFlow's own tests
//	cnndemo nets                 networks that come with it
//	cnndemo draw resnet18        a network as a picture
//	cnndemo profile lenet5       where the time goes
//	cnndemo devices
//	cnndemo doctor               what lacks for running, on a GPU too
//	cnndemo version
//	cnndemo completion bash
//
// Exit status: 0 done, 1 a check failed, 2 wrong usage, 3 the machine lacks
// something, a full disk at stdout included, 130 interrupted. Where the reader
// of stdout has gone, as head goes, it ends by SIGPIPE (a shell's 141), silently.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/internal/output"
	"tfcnn/internal/parent"
	"tfcnn/session"
)

// Exit statuses.
const (
	exitCheck       = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitInterrupted = 130
	exitClosedPipe  = 141 // a shell's status of SIGPIPE
)

// exitError is an error with the status that it ends the program with.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exit(status int, format string, arguments ...any) error {
	return &exitError{status, fmt.Errorf(format, arguments...)}
}

// commands are the program's, one file each.
var commands = []func() *cobra.Command{
	newRunCommand, newVerifyCommand, newNetsCommand, newDrawCommand, newPlanCommand, newProfileCommand,
	newDevicesCommand, newDoctorCommand, newVersionCommand, newWorkerCommand,
}

func main() {
	status := run()
	parent.Ended()
	os.Exit(status)
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

func execute(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "cnndemo",
		Short: "Convolutions and pools over pictures, in TensorFlow, checked",
		Long: `cnndemo runs convolutions and pools over pictures in TensorFlow and holds
every number to a reference, with a computed error bound.`,
		Example:       "  cnndemo run\n  cnndemo run holiday/ --filter sobel-x --filter sobel-y --out maps\n  cnndemo verify",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	for _, command := range commands {
		root.AddCommand(command())
	}
	complete(root)
	root.SetFlagErrorFunc(suggestFlag)
	root.SetArgs(arguments)
	printed := output.NewStdout(stdout)
	root.SetOut(printed)
	root.SetErr(stderr)
	err := unprinted(ctx, root.ExecuteContext(ctx), printed.Close())
	if err == nil {
		return 0
	}
	status, hint := classify(ctx, err)
	if status == exitInterrupted {
		fmt.Fprintln(stderr, "cnndemo: interrupted, nothing was written")
		return status
	}
	if status == exitClosedPipe {
		return status
	}
	fmt.Fprintf(stderr, "cnndemo: %v\n", err)
	if hint != "" {
		fmt.Fprintln(stderr, hint)
	}
	return status
}

// unprinted joins a command's error with that of its standard output, which
// decides the exit status: what the command printed is lost.
func unprinted(ctx context.Context, err, printing error) error {
	switch {
	case printing == nil || ctx.Err() != nil:
		return err
	case output.ClosedPipe(printing):
		return &exitError{exitClosedPipe, printing}
	case err == nil || errors.Is(err, printing):
		return &exitError{exitEnvironment, printing}
	}
	return exit(exitEnvironment, "%w; and %w", err, printing)
}

// suggestFlag names the flag that is nearest to an unknown one.
func suggestFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	nearest, least := "", 4 // further apart is no likeness
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if d := levenshtein.ComputeDistance(unknown.GetSpecifiedName(), f.Name); d < least {
			nearest, least = f.Name, d
		}
	})
	if nearest == "" {
		return err
	}
	return fmt.Errorf("%w, the nearest is --%s", err, nearest)
}

// classify finds the exit status of an error, and a hint for people.
func classify(ctx context.Context, err error) (status int, hint string) {
	var known *exitError
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case errors.Is(err, session.ErrNoDevice):
		return exitEnvironment, lacking(ctx)
	case errors.Is(err, session.ErrMemory):
		return exitEnvironment, ""
	case errors.As(err, &known):
		return known.status, ""
	}
	// What is left is cobra's: an unknown command or flag, a wrong value.
	return exitUsage, "hint: cnndemo --help"
}
