package main

import (
	"fmt"
	"io"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/session/verify"
)

// printProbes prints a line for the probes of each kind, and one for each probe that is no
// plain pass.
func (r netResult) printProbes(w io.Writer) {
	for _, kind := range []string{"exact", "random signs"} {
		runs, bounded, numbers := 0, 0, 0
		statuses := map[verify.Status]int{}
		for _, p := range r.Probes {
			if p.Kind != kind {
				continue
			}
			runs++
			numbers += p.Verdict.Elements
			statuses[p.Verdict.Status]++
			if len(p.Rounding) > 0 {
				bounded++
			}
		}
		if runs == 0 {
			continue
		}
		var list []string
		for _, status := range proof.Statuses {
			if n := statuses[status]; n > 0 {
				list = append(list, fmt.Sprintf("%d %s", n, status))
			}
		}
		line := fmt.Sprintf("probes, %s: %d runs of the network's parts, %d numbers: %s", kind, runs, numbers, strings.Join(list, ", "))
		if bounded > 0 {
			line += fmt.Sprintf("; %d within bounds, as their operations round", bounded)
		}
		fmt.Fprintln(w, line)
	}
	for _, p := range r.Probes {
		if p.Verdict.Status != proof.Pass {
			fmt.Fprintf(w, "probe of %s, %s, batches of %d, %s: %v\n", strings.Join(p.Layers, " → "), p.Kind, p.Images, p.Session, p.Verdict)
		}
	}
}
