// Command readynets verifies the ready networks one after the other, each in a process
// of its own, and prints a table. Make nets runs it.
//
//	go run ./internal/readynets -cnndemo bin/cnndemo
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"tfcnn/graph/nets"
	"tfcnn/graph/verdict"
)

func main() {
	program := flag.String("cnndemo", "bin/cnndemo", "the program that verifies")
	only := flag.String("only", "", "names of networks with commas between them (default: all)")
	flag.Parse()
	names := nets.Names()
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	if err := run(os.Stdout, *program, names); err != nil {
		fmt.Fprintln(os.Stderr, "readynets:", err)
		os.Exit(1)
	}
}

// result is what the table needs of verify net --json.
type result struct {
	Status verdict.Status    `json:"status"`
	Layers []json.RawMessage `json:"layers"`
	Chains []json.RawMessage `json:"chains"`
	Runs   []json.RawMessage `json:"runs"`
	Probes []json.RawMessage `json:"probes"`

	Run       float64 `json:"run_seconds"`
	Reference float64 `json:"reference_seconds"`

	seconds float64 // of the process
	memory  int64   // the most resident bytes of the process
}

// run verifies the networks and prints a line for each as soon as it is there. The error
// names those that did not pass.
func run(w io.Writer, program string, names []string) error {
	table := tabwriter.NewWriter(w, 12, 0, 2, ' ', 0)
	fmt.Fprintln(table, "network\tverdict\tlayers\tchains\truns\tprobes\tTensorFlow\treference\tin all\tmemory")
	var failed []error
	for _, name := range names {
		r, err := verified(program, name)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%.1f s\t%.1f s\t%.1f s\t%d MiB\n",
			name, r.Status, len(r.Layers), len(r.Chains), len(r.Runs), len(r.Probes), r.Run, r.Reference, r.seconds, r.memory>>20)
		table.Flush()
	}
	return errors.Join(failed...)
}

// verified verifies one network.
func verified(program, name string) (result, error) {
	var r result
	var text, complaint bytes.Buffer
	c := exec.Command(program, "verify", "net", name, "--json")
	c.Stdout, c.Stderr = &text, &complaint
	start := time.Now()
	err := c.Run()
	if line := strings.TrimSpace(complaint.String()); err != nil && line != "" {
		err = fmt.Errorf("%w: %s", err, line)
	}
	if err == nil {
		err = json.Unmarshal(text.Bytes(), &r)
	} else {
		_ = json.Unmarshal(text.Bytes(), &r) // a network that failed has a result, too
	}
	if r.Status == "" {
		r.Status = verdict.Fail
	}
	if err == nil && !r.Status.OK() {
		err = fmt.Errorf("verdict is %s", r.Status)
	}
	r.seconds = time.Since(start).Seconds()
	if state := c.ProcessState; state != nil {
		if usage, known := state.SysUsage().(*syscall.Rusage); known {
			r.memory = usage.Maxrss << 10
		}
	}
	return r, err
}
