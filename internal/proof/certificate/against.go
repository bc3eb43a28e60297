package certificate

import (
	"fmt"
	"slices"
	"strings"

	"tfcnn/internal/proof/baseline"
)

// Differences lists the inputs that differ from those of an earlier verification.
// Verdicts on other inputs cannot be compared.
func (now Inputs) Differences(old Inputs) []baseline.Difference {
	var list []baseline.Difference
	for _, input := range []struct {
		what    string
		was, is Input
	}{
		{"network", old.Network, now.Network},
		{"weights", old.Weights, now.Weights},
		{"images", old.Images, now.Images},
	} {
		if input.was.SHA256 != input.is.SHA256 {
			list = append(list, baseline.Difference{What: input.what, Was: input.was.String(), Is: input.is.String()})
		}
	}
	return list
}

// String returns the source and the beginning of the sha256.
func (i Input) String() string {
	return fmt.Sprintf("%s (sha256 %.12s…)", i.From, i.SHA256)
}

// Against compares the certificate with an earlier one of the same inputs, which name
// is the file of. A check that passed and does not now, or that is missing, is a
// failure; with equalBits, output bits that differ are a failure, too.
func (c Certificate) Against(name string, old Certificate, equalBits bool) *baseline.Comparison {
	comparison := &baseline.Comparison{
		Baseline: name, Of: "certificate", EqualBits: equalBits,
		Machine: c.Machine.differences(old.Machine), Counts: map[baseline.Change]int{},
	}
	comparison.Machine = append(comparison.Machine, kernelDifferences(old.Kernels, c.Kernels)...)
	if old.Program != c.Program {
		comparison.Machine = append(comparison.Machine, baseline.Difference{What: "tfcnn", Was: old.Program.String(), Is: c.Program.String()})
	}
	file := c.Inputs.Network.From
	earlier := map[string]Check{}
	for _, check := range old.Checks {
		earlier[check.key()] = check
	}
	add := func(change baseline.CaseChange) {
		comparison.Counts[change.Change]++
		comparison.Cases = append(comparison.Cases, change)
	}
	for _, check := range c.Checks {
		change := check.named(file)
		change.Change, change.Is, change.Elements = baseline.New, check.Verdict.Status, check.Verdict.Elements
		if was, found := earlier[check.key()]; found {
			change.Was = was.Verdict.Status
			change.Change, change.Note = check.change(was)
			delete(earlier, check.key())
		}
		add(change)
	}
	for _, check := range old.Checks {
		if _, left := earlier[check.key()]; left {
			change := check.named(file)
			change.Change, change.Was = baseline.Missing, check.Verdict.Status
			add(change)
		}
	}
	return comparison
}

// String returns the version and the revision.
func (p Program) String() string { return p.Version + ", revision " + p.Revision }

// change returns the change since an earlier check of the same output, and a note.
func (now Check) change(was Check) (baseline.Change, string) {
	bits := was.SHA256 == now.SHA256
	switch {
	case !now.Verdict.OK() && bits && was.Verdict.Status == now.Verdict.Status:
		return baseline.Equal, now.Verdict.String() // as wrong as it was
	case !now.Verdict.OK():
		return baseline.Outside, now.Verdict.String()
	case !was.Verdict.OK():
		return baseline.Mended, was.Verdict.String()
	case bits && now.SHA256 != "":
		return baseline.Equal, ""
	case bits && sameFigures(was, now):
		return baseline.Equal, "" // each bit was compared with those of other checks
	}
	return baseline.Within, fmt.Sprintf("the largest error was %.3g of its bound and is %.3g", was.Verdict.Share, now.Verdict.Share)
}

// sameFigures reports whether the worst numbers of two checks, and the counts, are equal.
func sameFigures(a, b Check) bool {
	v, w := a.Verdict, b.Verdict
	return v.Elements == w.Elements && v.Share == w.Share && v.MaxError == w.MaxError && v.Exact == w.Exact && v.Status == w.Status && a.EqualBits == b.EqualBits
}

// key tells a check from the others of a certificate.
func (now Check) key() string {
	return strings.Join(append([]string{string(now.Kind), now.Name, now.Session, fmt.Sprint(now.Images)}, now.Layers...), "\x00")
}

// named returns a change with the check's name in it.
func (now Check) named(file string) baseline.CaseChange {
	op := now.Name
	if op == "" {
		op = string(now.Kind)
	}
	return baseline.CaseChange{File: file, Name: strings.Join(now.Layers, " → "), Op: op, Of: "certificate"}
}

// differences lists the properties in which two machines differ.
func (m Machine) differences(old Machine) []baseline.Difference {
	list := old.made().Differences(m.made())
	compare := func(what, was, is string) {
		if was != is {
			list = append(list, baseline.Difference{What: what, Was: was, Is: is})
		}
	}
	for _, name := range libraryNames(old, m) {
		compare("library "+name, old.library(name), m.library(name))
	}
	compare("precision", old.Precision, m.Precision)
	compare("executor", old.Executor, m.Executor)
	compare("compute", old.Compute, m.Compute)
	return list
}

// libraryNames returns the names of the libraries of two machines, each once.
func libraryNames(machines ...Machine) (names []string) {
	for _, m := range machines {
		for _, l := range m.Libraries {
			if !slices.Contains(names, l.Name) {
				names = append(names, l.Name)
			}
		}
	}
	return names
}

// library describes a library by its sha256.
func (m Machine) library(name string) string {
	for _, l := range m.Libraries {
		if l.Name == name {
			return fmt.Sprintf("sha256 %.12s…", l.SHA256)
		}
	}
	return "not loaded"
}

// kernelDifferences lists the kernels that ran for other layers than before.
func kernelDifferences(old, now []Kernel) (list []baseline.Difference) {
	layers := func(kernels []Kernel, op, device string) string {
		for _, k := range kernels {
			if k.Op == op && k.Device == device {
				return strings.Join(k.Layers, " ")
			}
		}
		return "no layer"
	}
	done := map[[2]string]bool{}
	for _, k := range slices.Concat(old, now) {
		if done[[2]string{k.Op, k.Device}] {
			continue
		}
		done[[2]string{k.Op, k.Device}] = true
		if was, is := layers(old, k.Op, k.Device), layers(now, k.Op, k.Device); was != is {
			list = append(list, baseline.Difference{What: fmt.Sprintf("kernel %s on %s", k.Op, k.Device), Was: was, Is: is})
		}
	}
	return list
}
