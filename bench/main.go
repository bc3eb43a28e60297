// Command bench measures this project and others side by side, on the same
// weights and images, and writes what it found.
//
//	make bench                                    all of it, into bench/: half an hour
//	make bench ROWS=conv2d,max_pool ROUNDS=5      some of it, into out/bench/
//	make bench DEVICE=gpu BENCH_PYTHON=python3    networks on a GPU, beside PyTorch
//
// It needs what `make bench` builds: bench/ours, bench/gorgonia, and a Python
// with bench/requirements.txt.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tfcnn/internal/output"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

func run(ctx context.Context, arguments []string, stderr io.Writer) int {
	var t tools
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&t.ours, "ours", "bin/bench-ours", "the program of bench/ours")
	flags.StringVar(&t.plain, "plain", "bin/bench-ours-plain", "the same, built with -tags plain")
	flags.StringVar(&t.gorgonia, "gorgonia", "bin/bench-gorgonia", "the program of bench/gorgonia")
	flags.StringVar(&t.python, "python", "python3", "a Python that has bench/requirements.txt")
	flags.StringVar(&t.peers, "peers", "bench/peers", "the folder of the Python contestants")
	flags.StringVar(&t.oneDNN, "onednn", "1", "TF_ENABLE_ONEDNN_OPTS of all that run TensorFlow; empty: TensorFlow's default for the processor")
	out := flags.String("out", "bench", "the folder for RESULTS.md and results.json")
	device := flags.String("device", "", "cpu or gpu: measure the rows of networks on it, this project and PyTorch; empty: all else, on the CPU")
	rowNames := flags.String("rows", "", "rows to measure, with commas (default all)")
	names := flags.String("contestants", "", "contestants, with commas (default all); "+ourName+" always takes part")
	rounds := flags.Int("rounds", 10, "rounds of each row")
	block := flags.Float64("seconds", 0.4, "how long a contestant is called in a round")
	keep := flags.Bool("keep", false, "keep the rows of an earlier results.json that are not measured now")
	if err := flags.Parse(arguments); err != nil {
		return exitUsage
	}
	fail := func(code int, err error) int {
		fmt.Fprintln(stderr, "bench:", err)
		return code
	}
	if *rounds < 1 || *block <= 0 || flags.NArg() > 0 {
		return fail(exitUsage, errors.New("want 1 round or more, a time above 0, and nothing but flags"))
	}
	all := rows()
	if *device != "" {
		if err := t.checkDevice(ctx, *device); err != nil {
			code := exitEnvironment
			if errors.Is(err, errUnknownDevice) {
				code = exitUsage
			}
			return fail(code, err)
		}
		all = deviceRows(*device)
		if *names == "" {
			*names = ourName + "," + deviceRival
		}
	}
	chosenRows, err := choose(all, func(r row) string { return r.name }, *rowNames)
	if err != nil {
		return fail(exitUsage, err)
	}
	chosen, err := choose(t.contestants(), func(c contestant) string { return c.name }, withOurs(*names))
	if err != nil {
		return fail(exitUsage, err)
	}
	begun := time.Now()
	r := results{Made: begun, Revision: revision(ctx), Machine: thisMachine(t.oneDNN), Rounds: *rounds}
	p := plan{rounds: *rounds, block: *block, log: func(format string, arguments ...any) {
		fmt.Fprintf(stderr, "%6.0fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, arguments...))
	}}
	var earlier []measured
	if *keep {
		if earlier, err = readEarlier(filepath.Join(*out, "results.json")); err != nil {
			return fail(exitEnvironment, err)
		}
	}
	var now []measured
	for i, row := range chosenRows {
		m, err := measureRow(ctx, row.complete(), chosen, t.limits(*device), p)
		if ctx.Err() != nil {
			return fail(exitInterrupted, errors.New("interrupted"))
		}
		if err != nil {
			return fail(exitEnvironment, err)
		}
		now = append(now, m)
		// What has been measured is written at once: all of it takes long.
		r.Rows, r.Unfinished = merged(all, now, earlier), i+1 < len(chosenRows)
		if *device == "" { // targets are the CPU's
			r.Targets = targetsOf(r.Rows)
		}
		if err := write(*out, r, t.contestants()); err != nil {
			return fail(exitEnvironment, err)
		}
	}
	failed := failures(r.Rows)
	for _, f := range failed {
		fmt.Fprintln(stderr, "bench:", f)
	}
	if len(failed) > 0 {
		return exitFailed
	}
	return 0
}

// withOurs puts this project first among the names.
func withOurs(names string) string {
	if names == "" || slices.Contains(strings.Split(names, ","), ourName) {
		return names
	}
	return ourName + "," + names
}

// choose takes those of a list that are named, in the list's order.
func choose[T any](all []T, name func(T) string, names string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var known, unknown []string
	for _, one := range all {
		known = append(known, name(one))
	}
	wanted := strings.Split(names, ",")
	for _, w := range wanted {
		if !slices.Contains(known, w) {
			unknown = append(unknown, w)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%s: not known, want some of %s", strings.Join(unknown, ", "), strings.Join(known, ", "))
	}
	return slices.DeleteFunc(all, func(one T) bool { return !slices.Contains(wanted, name(one)) }), nil
}

// revision is the commit that was measured, as git names it.
func revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// readEarlier reads the rows of an earlier run; there may be none.
func readEarlier(path string) ([]measured, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var earlier results
	if err := json.Unmarshal(text, &earlier); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return earlier.Rows, nil
}

// merged is the rows that were measured now, and those of an earlier run that
// were not, in the results' order.
func merged(order []row, now, earlier []measured) []measured {
	var all []measured
	for _, r := range order {
		for _, list := range [][]measured{now, earlier} {
			if at := slices.IndexFunc(list, func(m measured) bool { return m.Row == r.name }); at >= 0 {
				all = append(all, list[at])
				break
			}
		}
	}
	return all
}

// write writes both files, whole and together.
func write(folder string, r results, contestants []contestant) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	set := output.New(context.Background())
	defer set.Close()
	figures, err := set.File(filepath.Join(folder, "results.json"))
	if err != nil {
		return err
	}
	words, err := set.File(filepath.Join(folder, "RESULTS.md"))
	if err != nil {
		return err
	}
	err = figures.Write(func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", " ")
		return encoder.Encode(r)
	})
	if err != nil {
		return err
	}
	if err := words.Write(func(w io.Writer) error { return writeReport(w, r, contestants) }); err != nil {
		return err
	}
	return set.Commit()
}
