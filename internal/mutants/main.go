// Command mutants changes the reference, the operations, the lowering to TensorFlow's
// nodes and the comparison, one expression or statement at a time, and checks that a
// test fails each time.
//
//	go run ./internal/mutants              # every mutant
//	go run ./internal/mutants -sample 50   # some of each package and rule
//	go run ./internal/mutants -only 'graph/node .*: arguments'
//
// A mutant is a site in the source and a rule: an operator, a constant, an index or a
// field is another one, a condition is its opposite, a statement is left out. All
// mutants are compiled at once: the files are rewritten into an overlay, in which each
// site asks package mutation for the mutant of the process. So each suite of tests is
// built once, and a mutant is a run of the suite with a number in the environment. A
// first run without a number finds the sites that a suite reaches.
//
// A mutant that no test can catch, as it computes the same, stands in
// testdata/survivors.json with the reason. The command fails when another one
// survives, and when one that stands there is caught or is no more.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	sample := flag.Int("sample", 0, "run about `n` mutants, some of each package and rule; 0 is all")
	seed := flag.Uint64("seed", 1, "of the sample's draw")
	only := flag.String("only", "", "run mutants whose names match the `expression`")
	jobs := flag.Int("jobs", runtime.NumCPU(), "runs at a time")
	list := flag.Bool("list", false, "print the mutants' names, and run none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sample, *seed, *only, *jobs, *list); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sample int, seed uint64, only string, jobs int, list bool) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	sites, overlay, err := mutate(root, folder, areas)
	if err != nil {
		return err
	}
	if list {
		for _, s := range sites {
			fmt.Println(s)
		}
		return nil
	}
	known, err := readSurvivors(filepath.Join(root, survivorsFile))
	if err != nil {
		return err
	}
	start := time.Now()
	binaries, err := build(ctx, root, folder, overlay)
	if err != nil {
		return err
	}
	fmt.Printf("%d mutants in %d suites, built in %v\n", len(sites), len(binaries), time.Since(start).Round(time.Second))
	for _, b := range binaries {
		if err := b.reach(ctx, len(sites)); err != nil {
			return err
		}
		fmt.Printf("suite %q comes to %d of them in %v\n", b.name, bytes.Count(b.reached, []byte{1}), b.took.Round(time.Millisecond))
	}
	outcomes := make([]outcome, len(sites))
	var chosen []int
	for i, s := range sites {
		outcomes[i] = unreached
		for _, b := range binaries {
			if b.reached[i] == 1 {
				outcomes[i] = skipped
			}
		}
		if outcomes[i] == skipped && pattern.MatchString(s.String()) {
			chosen = append(chosen, i)
		}
	}
	if sample > 0 {
		chosen = draw(sites, chosen, known, sample, seed)
	}
	if err := limitMemory(); err != nil {
		return err
	}
	if err := try(ctx, binaries, chosen, outcomes, jobs, func(i int) {
		if outcomes[i] == survived && known[sites[i].String()] == "" {
			fmt.Println("survived:", sites[i])
		}
	}); err != nil {
		return err
	}
	printTable(os.Stdout, sites, outcomes)
	return judge(sites, outcomes, known)
}

// outcome is the result of a mutant.
type outcome int

const (
	skipped outcome = iota
	unreached
	caught
	survived
)

// try runs the suites that come to each mutant until one catches it. done is
// called with each, one after the other.
func try(ctx context.Context, binaries []*binary, chosen []int, outcomes []outcome, jobs int, done func(int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mutex sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, jobs)
	for _, i := range chosen {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			result := survived
			for _, b := range binaries {
				if b.reached[i] == 0 {
					continue
				}
				is, err := b.catches(ctx, i)
				if err != nil {
					cancel(err)
					return
				}
				if is {
					result = caught
					break
				}
			}
			mutex.Lock()
			defer mutex.Unlock()
			outcomes[i] = result
			done(i)
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// limitMemory limits the address space, so that a mutant which allocates without end
// dies.
func limitMemory() error {
	const most = 16 << 30
	return syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most})
}

func moduleRoot() (string, error) {
	text, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	root := strings.TrimSpace(string(text))
	if root == "" {
		return "", errors.New("not in the module")
	}
	return root, nil
}
