package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"tfcnn/graph"
	"tfcnn/internal/ir"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/images"
)

// workingBytes bounds the memory of images that are run together, of their outputs
// and of the reference; the bound is less where less memory is free. An image that
// takes more is run alone. Tests lower the bound.
var workingBytes int64 = 1 << 30

// pendingBytes bounds the memory of decoded images that wait for others of their size;
// the bound is less where less memory is free.
const pendingBytes int64 = 256 << 20

// Of memory that is free, the share that images may take that run together, and
// that wait. The rest is for decoding, and for garbage that Go has not collected.
const (
	workingShare = 2
	pendingShare = 4
)

// memoryLimit is a number of bytes, or a share of the free memory where that is less.
func memoryLimit(bytes int64, share int64) int64 {
	if free, known := tensorflow.FreeMemory(); known {
		return min(bytes, free/share)
	}
	return bytes
}

// What cnndemo run takes for each number, in bytes. An image's numbers are in
// Go's memory, and a second time in TensorFlow's while it runs. An output's are in
// both; then come the reference's, of which an operation that selects numbers has values
// alone (the pages of zeros behind a bound that is never written take no memory), and its PNG: pixels of
// up to 4 bytes for 3 numbers, and a file that a buffer holds while it doubles. See
// docs/memory.md for what was measured.
const (
	inputBytes     = 4
	outputBytes    = 4
	valueBytes     = 8
	referenceBytes = 3*8 + 1 // value, bound, level, state
	writingBytes   = 5
	// imageBytes is for each image beside: its part of the page, threads.
	imageBytes = 24 << 20
)

// runBytes is the most that one image takes when it is run, checked and written.
func (s *networkAtSize) runBytes(checked bool) int64 {
	in := numbers(s.plan.Layers[0].Input)
	var fetched, written, within, reference, largest int64
	for i, layer := range s.plan.Layers {
		n := numbers(layer.Output)
		if slices.Contains(s.written, i) {
			written += n
		}
		if !slices.Contains(s.fetched, i) {
			within += n
			continue
		}
		fetched += n
		each := n * referenceBytes
		if s.selects(i) {
			each = n * valueBytes
		}
		reference, largest = reference+each, max(largest, each)
	}
	// Layers are compared one after the other; Go collects when the heap has doubled.
	reference = min(reference, 2*largest)
	if !checked {
		reference = 0
	}
	running := 2*inputBytes*in + 2*outputBytes*fetched + outputBytes*within
	writing := inputBytes*in + outputBytes*fetched + writingBytes*written + reference
	return max(running, writing)
}

// selects reports whether each number of a layer's output is one number of its
// input, so that the reference's bounds stay unwritten.
func (s *networkAtSize) selects(layer int) bool {
	l := s.lowered.Layers[layer]
	steps := s.lowered.Program.Steps[l.First : l.Last+1]
	return !slices.ContainsFunc(steps, func(step ir.Step) bool { return !step.Op.Traits().Selects })
}

// weightBytes is the memory of the network's weights in a session that is recorded.
func (s *networkAtSize) weightBytes() int64 {
	return weightCopies * outputBytes * (s.plan.Parameters + s.plan.Statistics)
}

func numbers(shape []int) int64 {
	n := int64(1)
	for _, size := range shape {
		n *= int64(size)
	}
	return n
}

// imagesPerRun is how many images, each of which takes so much, are run together.
func imagesPerRun(each int64) int {
	return int(max(1, memoryLimit(workingBytes, workingShare)/max(1, each)))
}

// firstRunBytes is the memory of a process's first run: TensorFlow's threads, its
// graphs and its compiled code.
const firstRunBytes = 32 << 20

// The memory of a network in a command that runs each layer and records it, as
// measured: the weights are in Go's memory, in that of two sessions, and there
// twice; a batch's numbers in TensorFlow's and in Go's, as garbage too.
const (
	weightCopies = 5
	batchCopies  = 4
)

func networkBytes(r graph.Requirement) int64 {
	return weightCopies*r.Fixed + batchCopies*(r.Bytes-r.Fixed) + firstRunBytes
}

// queue hands out sources, as many at a time as may be decoded together in the
// memory that is free.
type queue struct {
	sources []source
	options images.Options
	// after is the most that a decoded image takes from then on, itself included.
	after func(height, width int) int64
	// release frees the memory of earlier images. It may be nil.
	release func() error

	next *sourceFile // read, and not handed out
}

// sourceFile is a source that was read.
type sourceFile struct {
	name     string
	file     []byte
	refused  error
	decoding int64 // the most that reading and decoding it takes
	after    int64
}

// peak is the most that the image takes at any time.
func (o *sourceFile) peak() int64 { return max(o.decoding, int64(len(o.file))+o.after) + firstRunBytes }

// open reads a source and estimates its memory.
func (q *queue) open(s source) *sourceFile {
	o := &sourceFile{name: s.name}
	if info, err := os.Stat(s.name); err == nil && info.Mode().IsRegular() {
		if o.refused = tensorflow.CheckMemory(info.Size()); o.refused != nil {
			return o
		}
	}
	if o.file, o.refused = s.read(); o.refused != nil {
		return o
	}
	e, err := images.Examine(o.file, q.options)
	if err != nil {
		o.refused, o.file = err, nil
		return o
	}
	o.decoding = int64(len(o.file)) + e.Bytes
	o.after = q.after(e.Height, e.Width)
	return o
}

// nextFiles gives the next sources. One that does not fit into the memory that is free
// when nothing else takes memory is refused.
func (q *queue) nextFiles(ctx context.Context) ([]*sourceFile, error) {
	free, known := tensorflow.FreeMemory()
	limit := workingBytes
	if known {
		limit = max(limit, free/workingShare)
	}
	var list []*sourceFile
	var decoding, largest int64
	for len(list) < 4*runtime.GOMAXPROCS(0) && ctx.Err() == nil {
		if q.next == nil {
			if len(q.sources) == 0 {
				break
			}
			q.next, q.sources = q.open(q.sources[0]), q.sources[1:]
		}
		o := q.next
		if o.refused == nil {
			if len(list) > 0 && (decoding+o.decoding > limit || known && decoding+max(largest, o.peak()) > free) {
				break
			}
			if known && o.peak() > free {
				if q.release != nil {
					if err := q.release(); err != nil {
						return nil, err
					}
				}
				if o.refused = tensorflow.CheckMemory(o.peak()); o.refused != nil {
					o.file = nil
				}
			}
			decoding, largest = decoding+o.decoding, max(largest, o.peak())
		}
		list, q.next = append(list, o), nil
	}
	return list, ctx.Err()
}

// boundHeap has Go collect its garbage before it takes more than a share of the
// memory that is free. GOMEMLIMIT in the environment goes before.
func boundHeap(share float64) {
	const least = 64 << 20 // with less Go would do nothing but collect
	if free, known := tensorflow.FreeMemory(); known && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(least, int64(share*float64(free))))
	}
}
