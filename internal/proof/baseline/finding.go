package baseline

import (
	"fmt"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
)

// finding is the part of a comparison that has no figure in CaseChange.
type finding struct {
	kind          findingKind
	before, here  string // refusals
	was, is       []int  // shapes
	wrong         side
	bound, answer float64
}

type findingKind int

const (
	noFinding findingKind = iota
	otherCase
	otherRefusal
	computedHere // and refused in the baseline
	refusedHere  // and computed in the baseline
	otherShape
	outsideBound
)

// side is which of two numbers is outside its bound.
type side int

const (
	sideHere side = iota
	sideBefore
	sideBoth
)

// note is the finding in words, for CaseChange.Note.
func (f finding) note() string {
	switch f.kind {
	case otherCase:
		return "its operation, attributes or operands are not those of the baseline"
	case otherRefusal:
		return fmt.Sprintf("%q in the baseline, %q here", f.before, f.here)
	case computedHere:
		return fmt.Sprintf("refused in the baseline (%q), computed here", f.before)
	case refusedHere:
		return fmt.Sprintf("computed in the baseline, refused here (%q)", f.here)
	case otherShape:
		return fmt.Sprintf("shape %s in the baseline, %s here", tensor.FormatShape(f.was), tensor.FormatShape(f.is))
	case outsideBound:
		number := [...]string{sideHere: "the number here", sideBefore: "the number in the baseline", sideBoth: "each of the two numbers"}[f.wrong]
		return fmt.Sprintf("%s is not within %.3g of %v", number, f.bound, proof.Number(f.answer))
	}
	return ""
}
