package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// survivorsFile is a JSON object: why mutants are not caught, and their names.
const survivorsFile = "internal/mutants/testdata/survivors.json"

// readSurvivors returns the reasons by mutant.
func readSurvivors(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var byReason map[string][]string
	if err := json.Unmarshal(text, &byReason); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	known := map[string]string{}
	for reason, names := range byReason {
		for _, name := range names {
			if reason == "" || known[name] != "" {
				return nil, fmt.Errorf("%s: %s: want one reason, got %q and %q", file, name, reason, known[name])
			}
			known[name] = reason
		}
	}
	return known, nil
}

// judge returns an error where a mutant survived that is not known, or a known
// one did not.
func judge(sites []site, outcomes []outcome, known map[string]string) error {
	var errs []error
	exists := map[string]bool{}
	for i, s := range sites {
		name := s.String()
		reason := known[name]
		exists[name] = true
		switch {
		case outcomes[i] == survived && reason == "":
			errs = append(errs, fmt.Errorf("survived: %s", name))
		case outcomes[i] == caught && reason != "":
			errs = append(errs, fmt.Errorf("caught, but stands in %s: %s", survivorsFile, name))
		case outcomes[i] == unreached && reason != "":
			errs = append(errs, fmt.Errorf("no suite comes to it, but it stands in %s: %s", survivorsFile, name))
		}
	}
	for name := range known {
		if !exists[name] {
			errs = append(errs, fmt.Errorf("no such mutant, but it stands in %s: %s", survivorsFile, name))
		}
	}
	return errors.Join(errs...)
}

// draw chooses about n mutants: one of each package and rule, and then one of
// each function in turn, so that every function that can be has one before another
// has two. A mutant's name and the seed alone say which come first, so that other
// code changes little in the draw.
func draw(sites []site, from []int, known map[string]string, n int, seed uint64) []int {
	order := map[int]uint64{}
	var left []int
	for _, i := range from {
		name := sites[i].String()
		if known[name] == "" {
			left = append(left, i)
			hash := fnv.New64a()
			fmt.Fprint(hash, seed, name)
			order[i] = hash.Sum64()
		}
	}
	slices.SortFunc(left, func(a, b int) int { return cmp.Compare(order[a], order[b]) })
	type group struct{ folder, detail string }
	count := map[group]int{}
	var chosen []int
	take := func(most int, key func(site) group) {
		var rest []int
		for _, i := range left {
			s := sites[i]
			if len(chosen) < n && count[key(s)] < most {
				chosen = append(chosen, i)
				count[group{s.folder, s.rule}]++
				count[group{s.folder, "func " + s.function}]++
				continue
			}
			rest = append(rest, i)
		}
		left = rest
	}
	take(1, func(s site) group { return group{s.folder, s.rule} })
	for most := 1; len(chosen) < n && len(left) > 0; most++ {
		take(most, func(s site) group { return group{s.folder, "func " + s.function} })
	}
	return chosen
}

// printTable counts the mutants of each package and rule.
func printTable(w io.Writer, sites []site, outcomes []outcome) {
	type row struct{ folder, rule string }
	counts := map[row]*[4]int{}
	add := func(r row, o outcome) {
		if counts[r] == nil {
			counts[r] = new([4]int)
		}
		counts[r][o]++
	}
	for i, s := range sites {
		add(row{s.folder, s.rule}, outcomes[i])
		add(row{s.folder, "all rules"}, outcomes[i])
		add(row{"all packages", s.rule}, outcomes[i])
		add(row{"all packages", "all rules"}, outcomes[i])
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "package\trule\tcaught\tsurvived\tunreached\tnot run\t")
	for _, a := range append(areas, area{folder: "all packages"}) {
		for _, rule := range append(rules, "all rules") {
			if c := counts[row{a.folder, rule}]; c != nil {
				fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t\n", a.folder, rule, c[caught], c[survived], c[unreached], c[skipped])
			}
		}
	}
	table.Flush()
}
