package verify

import "tfcnn/internal/ref"

// bytes returns the most memory that Network takes for its batches: the outputs of all
// steps, in TensorFlow's memory and in Go's, and once more in a run that is compared
// beside; the references that are kept for a second use, with their sums; and that of the
// largest step, three times, as one is made of another, and its levels of both.
func (v *verifier) bytes() int64 {
	const (
		output    = 4 + 4 + 4
		reference = 3*8 + 1     // value, bound, level, state
		sums      = 8 + 4 + 3*8 // of a step that is computed as one with the step behind it; for levels
	)
	var all, largest, kept, largestSums, keptSums int64
	records := ref.RecordsSums(v.lowered.Program)
	for i, step := range v.lowered.Program.Steps {
		n := int64(v.largestBatch())
		for _, size := range step.Shape[1:] {
			n *= int64(size)
		}
		all, largest = all+n, max(largest, n)
		traits := step.Op.Traits()
		if traits.MultiplyAccumulate {
			kept += n
		}
		if records[i] && traits.TakesConstants {
			largestSums = max(largestSums, n)
			if traits.MultiplyAccumulate {
				keptSums += n
			}
		}
	}
	const garbage = 2 // Go collects when the heap has doubled
	return garbage * (output*all + reference*(min(kept, ref.MaxCached)+3*largest) + sums*(min(keptSums, ref.MaxCached)+2*largestSums))
}

// weightBytes returns the memory of the weights in TensorFlow sessions that open when a
// run comes: one that records its nodes and, where the session has one of each, the other
// of those that serve.
func (v *verifier) weightBytes() int64 {
	if v.session.SmallBatch() > 0 {
		return 2 * v.session.OpenBytes()
	}
	return v.session.OpenBytes()
}
