package profile

import (
	"cmp"
	"slices"
	"time"

	"tfcnn/internal/trace"
)

// allocation is a stretch of memory that TensorFlow's allocators gave a node.
type allocation struct {
	node     int // index into the recorded nodes
	bytes    int64
	from, to int64 // nanoseconds since 1970, in whole microseconds; to is forever where it was not freed
	output   bool  // it is the node's first output
	pointer  uint64
}

const forever = 1<<63 - 1

// allocations pairs the allocations of nodes with their frees. Of several stretches of
// one size, the one that is freed last is the output.
func allocations(nodes []trace.Node) []allocation {
	var all []allocation
	for i, n := range nodes {
		var own []allocation
		for _, change := range n.Allocations {
			if change.Bytes > 0 {
				own = append(own, allocation{node: i, bytes: change.Bytes, from: change.At, to: forever})
			}
		}
		for _, o := range n.Outputs {
			at := slices.IndexFunc(own, func(a allocation) bool { return a.bytes == o.Bytes && !a.output })
			if o.Slot == 0 && at >= 0 {
				own[at].output, own[at].pointer = true, o.Pointer
			}
		}
		for _, change := range n.Allocations {
			if change.Bytes >= 0 {
				continue
			}
			at := -1
			for k, a := range own {
				if a.bytes == -change.Bytes && a.to == forever && a.from <= change.At && (at < 0 || own[at].output || !a.output) {
					at = k
				}
			}
			if at >= 0 {
				own[at].to = change.At
			}
		}
		all = append(all, own...)
	}
	return all
}

// busiest returns the most bytes that were live at once, and the allocation that made
// them so many. Within a microsecond, which is all that TensorFlow's
// record tells, freed memory counts as live.
func busiest(all []allocation) (most int64, at int) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[a].from, all[b].from) })
	at = -1
	for k, i := range order {
		live := int64(0)
		for _, other := range order[:k+1] {
			if all[other].to >= all[i].from {
				live += all[other].bytes
			}
		}
		if live > most {
			most, at = live, i
		}
	}
	return most, at
}

// ownerOf returns the node whose output lies in a stretch of memory at a time.
func ownerOf(nodes []trace.Node, a allocation, at int64) int {
	owns := func(n trace.Node) bool {
		start := n.Start - n.Start%micro
		return start <= at && start <= a.to && slices.ContainsFunc(n.Outputs, func(o trace.Output) bool { return o.Pointer == a.pointer })
	}
	last := a.node
	for i, n := range nodes {
		if i > last && a.pointer != 0 && owns(n) {
			last = i
		}
	}
	return last
}

// micro is a microsecond, which is all that TensorFlow's record of allocations
// tells.
const micro = int64(time.Microsecond)
