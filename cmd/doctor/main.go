// Command doctor checks what tfcnn needs on this machine, and prints a fix for each
// thing that is missing. It needs no libtensorflow.
//
//	go run ./cmd/doctor
//
// Exit status: 0 nothing needed is missing, 2 wrong usage, 3 something needed is
// missing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"tfcnn/docker/libtf"
	"tfcnn/internal/machine"
	"tfcnn/internal/output"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	printed := output.NewStdout(os.Stdout)
	status := run(machine.This(project()).Facts(ctx), os.Args[1:], printed, os.Stderr)
	if err := printed.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "doctor: %v\n", err)
		status = 3
	}
	os.Exit(status)
}

// project returns the work tree of the current folder, or else that in which the
// doctor was built, as bin/doctor.
func project() string {
	if here := libtf.Project("."); here != "" {
		return here
	}
	if program, err := os.Executable(); err == nil {
		return libtf.Project(filepath.Dir(program))
	}
	return ""
}

func run(facts []machine.Fact, arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Checks what tfcnn needs on this machine, and prints a fix for each thing that is missing.\n\nUsage:\n  doctor [-json]\n\nExit status:\n  0  nothing needed is missing\n  2  wrong usage\n  3  something needed is missing\n\nExample:\n  go run ./cmd/doctor -json\n\nFlags:")
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print the facts as JSON")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "doctor: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	missing := machine.Missing(facts)
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(facts); err != nil {
			fmt.Fprintf(stderr, "doctor: %v\n", err)
			return 1
		}
	} else {
		for _, f := range facts {
			fmt.Fprintln(stdout, f)
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(stderr, "doctor: needed and missing: %d\n", len(missing))
		return 3
	}
	return 0
}
