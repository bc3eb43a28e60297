package main

import (
	"fmt"
	"io"
	"strings"
)

// table prints, for each network and fault, how many of the draws noticed the fault; and
// each part in which a fault went unnoticed in a draw.
func table(w io.Writer, counts []Count) error {
	type row struct{ parts, draws, bound, level, probe, any int }
	var order []string
	rows := map[string]*row{}
	for _, c := range counts {
		key := c.Network + "|" + c.Fault
		r := rows[key]
		if r == nil {
			r = &row{}
			rows[key] = r
			order = append(order, key)
		}
		r.parts++
		r.draws += c.Draws
		r.bound += c.Bound
		r.level += c.Level
		r.probe += c.Probe
		r.any += c.Any
	}
	fmt.Fprintln(w, "| network | fault | parts | draws | bound | level | probe | any |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---:|---:|---:|")
	total := row{}
	for _, key := range order {
		network, fault, _ := strings.Cut(key, "|")
		r := rows[key]
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d |\n", network, fault, r.parts, r.draws, r.bound, r.level, r.probe, r.any)
		total.draws += r.draws
		total.bound += r.bound
		total.level += r.level
		total.probe += r.probe
		total.any += r.any
	}
	fmt.Fprintf(w, "| all | all | | %d | %d | %d | %d | %d |\n", total.draws, total.bound, total.level, total.probe, total.any)
	fmt.Fprintln(w)
	missed := 0
	for _, c := range counts {
		if c.Any < c.Draws {
			fmt.Fprintf(w, "%s, %s (%d terms): %s: %d of %d draws\n", c.Network, strings.Join(c.Layers, " "), c.Terms, c.Fault, c.Any, c.Draws)
			missed++
		}
	}
	if missed == 0 {
		fmt.Fprintln(w, "Each fault was noticed in each draw of each part.")
	}
	return nil
}
