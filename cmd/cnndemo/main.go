// Command cnndemo runs convolutional networks over images in TensorFlow, compares
// every number with a reference, and plans, draws and profiles the networks.
//
//	cnndemo run                   the sample images
//	cnndemo run holiday/ --out maps
//	cnndemo run --net lenet5      a ready network, or a JSON file
//	cnndemo verify                built-in known answers
//	cnndemo verify cases my.json  case files
//	cnndemo verify net alexnet    a network, layer by layer
//	cnndemo verify random 20000   random operations
//	cnndemo plan alexnet          shapes, memory and cost
//	cnndemo nets                  the ready networks
//	cnndemo draw resnet18         a drawing of a network
//	cnndemo profile lenet5        the time of each layer
//	cnndemo devices               TensorFlow's devices
//	cnndemo doctor                what this machine has and what is missing
//	cnndemo version
//	cnndemo completion bash       completion of commands and flags
//
// Exit status: 0 done, 1 a comparison failed or an image cannot be used, 2 wrong
// usage, 3 the machine lacks something (a full disk at stdout included), 130
// interrupted. Where the reader of stdout has closed the pipe, as head does, the
// command ends by SIGPIPE (a shell's 141) without a message.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/output"
	"tfcnn/internal/parent"
	"tfcnn/internal/quote"
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

func exitErrorf(status int, format string, arguments ...any) error {
	return &exitError{status, fmt.Errorf(format, arguments...)}
}

// commands are the program's, one file each.
var commands = []func() *cobra.Command{
	newRunCommand, newVerifyCommand, newNetsCommand, newDrawCommand, newPlanCommand, newProfileCommand,
	newDevicesCommand, newDoctorCommand, newVersionCommand, newCompletionCommand, newWorkerCommand,
}

func main() {
	status := run()
	parent.Ended()
	os.Exit(status)
}

func run() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return supervise(signals, os.Stderr, &unfinished, func(ctx context.Context) int {
		return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	})
}

// newRoot is the program's command line.
func newRoot() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "cnndemo",
		Short: "Run, verify, plan, draw and profile convolutional networks in TensorFlow",
		Long: `cnndemo runs convolutional networks over images in TensorFlow and compares every
number with a reference in Go, within a computed error bound. It plans the memory
and the cost of a network, draws it, and measures the time of its layers.

` + commandline.ExitStatus(
			"1    a comparison failed, or an image cannot be used",
			"2    wrong usage: a wrong flag or argument, or a wrong network, weights or case file",
			"3    the machine lacks memory, a device, or a place to write to") + `
The help of each command says what its exit statuses mean.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, arguments []string) error {
			switch {
			case len(arguments) > 0:
				return commandline.UnknownCommand(c, c, arguments[0])
			case version:
				thisBuild().print(c.OutOrStdout())
				return nil
			}
			return c.Help()
		},
		Example:       "  cnndemo run\n  cnndemo run holiday/ --filter sobel-x --filter sobel-y --out maps\n  cnndemo verify",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.Flags().BoolVar(&version, "version", false, "print what cnndemo version prints")
	for _, command := range commands {
		root.AddCommand(command())
	}
	complete(root)
	root.SetHelpCommand(newHelpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(commandline.FlagError)
	return root
}

func execute(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(arguments)
	printed := output.NewStdout(stdout)
	root.SetOut(printed)
	root.SetErr(stderr)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		json := c.Flags().Lookup("json")
		if file, isFile := stdout.(*os.File); json == nil || json.Value.String() != "true" || !isFile || file != os.Stdout {
			return nil
		}
		own, err := output.OwnStdout()
		if err != nil {
			return exitErrorf(exitEnvironment, "%w", err)
		}
		printed = output.NewStdout(own)
		root.SetOut(printed)
		return nil
	}
	command, err := root.ExecuteContextC(ctx)
	err = unprinted(ctx, err, printed.Close())
	if err == nil {
		return 0
	}
	status, hint := classify(ctx, command, err)
	if status == exitInterrupted {
		return status // supervise says so
	}
	if status == exitClosedPipe {
		return status
	}
	fmt.Fprintf(stderr, "cnndemo: %s\n", quote.Text(err.Error(), mostErrorBytes))
	if hint != "" {
		fmt.Fprintln(stderr, hint)
	}
	return status
}

// unprinted joins a command's error with that of its standard output, which
// decides the exit status, because the command's output is lost.
func unprinted(ctx context.Context, err, printing error) error {
	switch {
	case printing == nil || ctx.Err() != nil:
		return err
	case output.ClosedPipe(printing):
		return &exitError{exitClosedPipe, printing}
	case err == nil || errors.Is(err, printing):
		return &exitError{exitEnvironment, printing}
	}
	return exitErrorf(exitEnvironment, "%w; and %w", err, printing)
}

// mostErrorBytes bounds the line that a command fails with.
const mostErrorBytes = 4000

// classify finds the exit status of a command's error, and a hint for people.
func classify(ctx context.Context, command *cobra.Command, err error) (status int, hint string) {
	var known *exitError
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case errors.Is(err, session.ErrNoDevice):
		return exitEnvironment, missingForGPU(ctx)
	case errors.Is(err, session.ErrMemory):
		return exitEnvironment, ""
	case errors.As(err, &known):
		return known.status, ""
	}
	// All other errors are of a wrong command line.
	return exitUsage, fmt.Sprintf("hint: %s --help", command.CommandPath())
}
