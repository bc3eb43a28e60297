package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tfcnn/internal/quote"
)

// Workload is what a network is to do with its memory: run, or be trained, on
// so many pictures at once. The zero value is one picture in float32.
type Workload struct {
	Batch int   `json:"batch"` // pictures at once; default 1
	DType DType `json:"dtype"` // of every number; default Float32
	// Training asks for what a training step needs, too.
	Training  bool      `json:"training"`
	Optimizer Optimizer `json:"optimizer,omitempty"` // of training; default SGD
}

// DType is a type of numbers.
type DType string

// The types of numbers.
const (
	Float32  DType = "float32"
	Float16  DType = "float16"
	BFloat16 DType = "bfloat16"
)

// Bytes is a number's size; 0 where the type is none of ours.
func (d DType) Bytes() int64 {
	return map[DType]int64{Float32: 4, Float16: 2, BFloat16: 2}[d]
}

// Optimizer is how training changes the parameters.
type Optimizer string

// The optimizers. SGD keeps nothing, Momentum one number a parameter (its
// velocity), Adam two (Kingma and Ba 2014: the moving means of the gradient
// and of its square).
const (
	SGD      Optimizer = "sgd"
	Momentum Optimizer = "momentum"
	Adam     Optimizer = "adam"
)

// states is how many numbers an optimizer keeps for each parameter.
var states = map[Optimizer]int64{SGD: 0, Momentum: 1, Adam: 2}

// Memory is what a workload needs, in bytes. It counts tensors alone: neither
// the scratch memory of kernels, nor TensorFlow itself.
type Memory struct {
	Workload  Workload     `json:"workload"`
	Inference Requirement  `json:"inference"`
	Training  *Requirement `json:"training,omitempty"`
	// Busiest is the layer at which most is live when the network runs.
	Busiest string `json:"busiest"`
	// Refused is why TensorFlow's kernels would not take so large a batch;
	// empty where they do.
	Refused string `json:"refused,omitempty"`

	buffers buffers
}

// Requirement is an amount of memory and what it is made of.
type Requirement struct {
	Bytes int64  `json:"bytes"`
	Parts []Part `json:"parts"`
	// What is needed for any batch, and what for each picture more.
	Fixed      int64 `json:"fixed_bytes"`
	PerPicture int64 `json:"picture_bytes"`
}

// Part is one part of a requirement and how it is computed.
type Part struct {
	Name    string `json:"name"`
	Formula string `json:"formula,omitempty"`
	Bytes   int64  `json:"bytes"`
}

// Asked is the requirement of what the workload asks for: training, or else
// inference.
func (m Memory) Asked() Requirement {
	if m.Training != nil {
		return *m.Training
	}
	return m.Inference
}

// settle fills in the defaults.
func (w Workload) settle() (Workload, error) {
	if w.Batch == 0 {
		w.Batch = 1
	}
	if w.DType == "" {
		w.DType = Float32
	}
	if w.Optimizer == "" && w.Training {
		w.Optimizer = SGD
	}
	_, known := states[w.Optimizer]
	switch {
	case w.Batch < 1:
		return w, &Error{Reason: fmt.Errorf("batch is %d, want 1 or more", w.Batch)}
	case w.DType.Bytes() == 0:
		return w, &Error{Reason: fmt.Errorf("dtype is %s, want %q, %q or %q", quote.Name(string(w.DType)), Float32, Float16, BFloat16)}
	case w.Optimizer != "" && !w.Training:
		return w, &Error{Reason: fmt.Errorf("optimizer %s is of training, which is not asked for", quote.Name(string(w.Optimizer)))}
	case w.Training && !known:
		return w, &Error{Reason: fmt.Errorf("optimizer is %s, want %q, %q or %q", quote.Name(string(w.Optimizer)), SGD, Momentum, Adam)}
	}
	return w, nil
}

// Memory checks the network and computes what the workload needs. Every error
// is an *Error; a workload that needs more bytes than an int64 counts is
// refused.
//
// When a network runs, the weights are there, the batch (who feeds it holds it
// until the end), and the outputs of layers, each from its making to its last
// reader: what counts is the step at which most of them are live. A step needs
// what it reads and what it writes at once, but TensorFlow's activations,
// BatchNorm, ScaleShift, Softmax and Add write over an input that nobody else
// needs, a bias is added in place, and Flatten and Dropout hand their input
// on; this is counted so. Layers that no output depends on are not run. Steps
// run one after the other in the network's order; TensorFlow may run branches
// at once.
//
// Training keeps what the backward pass of each operation reads, as
// TensorFlow's gradients do: the inputs of convolutions, Dense, BatchNorm and
// LeakyReLU, the outputs of the other activations, both of MaxPool and LRN, a
// number for each that Dropout may drop. It adds the gradients of all
// parameters, the most gradients of activations that are live at once, and the
// optimizer's state. As what is kept is freed step by step while gradients
// come, the sum is an upper bound, and near: both are at their most when the
// backward pass begins. All numbers are of the workload's type; training in
// mixed precision, which keeps float32 weights beside, needs 4 bytes more a
// parameter.
func (n Network) Memory(w Workload) (Memory, error) {
	lowered, err := Lower(n)
	if err != nil {
		return Memory{}, err
	}
	return lowered.memory(w)
}

func (l Lowered) memory(w Workload) (Memory, error) {
	w, err := w.settle()
	if err != nil {
		return Memory{}, err
	}
	plan, err := l.plan()
	if err != nil {
		return Memory{}, err
	}
	var count counting
	size, batch := w.DType.Bytes(), int64(w.Batch)
	m := Memory{Workload: w, buffers: assign(l, false)}
	live, at := m.buffers.peak(&count)
	m.Busiest = l.layerOf(at)

	weights := piece{name: "weights", fixed: true, numbers: count.sum(plan.Parameters, plan.Statistics), each: size}
	weights.text = fmt.Sprintf("%s parameters × %d bytes", thousands(plan.Parameters), size)
	if plan.Statistics > 0 {
		weights.text = fmt.Sprintf("(%s parameters + %s statistics) × %d bytes", thousands(plan.Parameters), thousands(plan.Statistics), size)
	}
	input := piece{name: "input", numbers: elements(l.Program.Input), each: size}
	m.Inference = require(&count, batch,
		weights, input,
		piece{name: "activations", numbers: live, each: size, note: "live at " + m.Busiest})
	if w.Training {
		kept, gradients := l.trained(&count)
		training := require(&count, batch,
			weights, input,
			piece{name: "kept for the backward pass", numbers: kept, each: size},
			piece{name: "gradients of weights", fixed: true, numbers: plan.Parameters, each: size},
			piece{name: "gradients of activations", numbers: gradients, each: size, note: "live at once"},
			piece{
				name: "optimizer's state", fixed: true, numbers: count.product(plan.Parameters, states[w.Optimizer]), each: size,
				text: fmt.Sprintf("%s parameters × %d of %s × %d bytes", thousands(plan.Parameters), states[w.Optimizer], w.Optimizer, size),
			})
		m.Training = &training
	}
	for _, layer := range plan.Layers {
		count.product(layer.Activations, size, batch) // counts where nobody reads it, too
	}
	if err := count.err(); err != nil {
		return Memory{}, err
	}
	if err := l.fits(w.Batch); err != nil {
		m.Refused = err.Error()
	}
	return m, nil
}

// piece is a part before it is multiplied out.
type piece struct {
	name, text, note string
	fixed            bool // not for each picture
	numbers, each    int64
}

func require(count *counting, batch int64, pieces ...piece) Requirement {
	var r Requirement
	for _, p := range pieces {
		part := Part{Name: p.name, Formula: p.text}
		one := count.product(p.numbers, p.each)
		if p.fixed {
			part.Bytes = one
			r.Fixed = count.sum(r.Fixed, one)
		} else {
			part.Bytes = count.product(one, batch)
			r.PerPicture = count.sum(r.PerPicture, one)
		}
		switch note := ""; {
		case part.Formula != "":
		default:
			if p.note != "" {
				note = " " + p.note
			}
			pictures := ""
			if !p.fixed {
				pictures = map[bool]string{true: "1 picture × ", false: thousands(batch) + " pictures × "}[batch == 1]
			}
			part.Formula = fmt.Sprintf("%s%s numbers%s × %d bytes", pictures, thousands(p.numbers), note, p.each)
		}
		r.Bytes = count.sum(r.Bytes, part.Bytes)
		r.Parts = append(r.Parts, part)
	}
	return r
}

// Live is one stretch of memory that is live, and the layers whose outputs lie
// in it one after the other, as far as they have been computed.
type Live struct {
	Layers []string
	Bytes  int64
}

// Live lists what is live while a layer computes what its output lies in: with
// a layer that writes over its input, while that input was made. Nil where no
// layer has the name, or it takes no memory but the network's input.
func (m Memory) Live(layer string) []Live {
	b := m.buffers
	i, err := b.lowered.Layer(layer)
	if err != nil || b.owner[b.lowered.Layers[i].Last] == none {
		return nil
	}
	last := b.lowered.Layers[i].Last
	at := b.list[b.owner[last]].born
	var list []Live
	for _, buffer := range b.list {
		if buffer.born > at || buffer.dies < at {
			continue
		}
		live := Live{Bytes: buffer.numbers * int64(m.Workload.Batch) * m.Workload.DType.Bytes()}
		for _, step := range buffer.steps {
			if step <= at || buffer.born == at && step <= last {
				live.Layers = append(live.Layers, b.lowered.layerOf(step))
			}
		}
		live.Layers = slices.Compact(live.Layers)
		list = append(list, live)
	}
	return list
}

// fits says whether TensorFlow's kernels take a batch.
func (l Lowered) fits(batch int) error {
	for i, step := range l.Program.Steps {
		if _, err := step.Op.Shape(l.Program.Operands(i, batch)...); err != nil {
			return fmt.Errorf("%s %s: %w", step.Op.Kind(), quote.Name(step.Name), err)
		}
	}
	return nil
}

// Largest is the largest batch that fits into a memory.
type Largest struct {
	Memory int64 `json:"memory_bytes"`
	Batch  int   `json:"batch"` // 0: not one picture
	Bytes  int64 `json:"bytes"` // what that batch needs
	// Limit is what keeps it from being larger.
	Limit string `json:"limit"`
}

// LargestBatch computes how many pictures fit into so many bytes, by the
// formulas of Memory; the workload's own batch does not matter.
func (n Network) LargestBatch(w Workload, memory int64) (Largest, error) {
	lowered, err := Lower(n)
	if err != nil {
		return Largest{}, err
	}
	w.Batch = 1
	m, err := lowered.memory(w)
	if err != nil {
		return Largest{}, err
	}
	if memory < 1 {
		return Largest{}, &Error{Reason: errors.New("memory is less than 1 byte")}
	}
	asked := m.Asked()
	found := Largest{Memory: memory, Limit: "memory"}
	if memory < asked.Fixed || (memory-asked.Fixed)/asked.PerPicture == 0 {
		found.Limit = fmt.Sprintf("memory: one picture needs %d bytes", asked.Bytes)
		return found, nil
	}
	most := (memory - asked.Fixed) / asked.PerPicture
	// Each tensor has at least one number a picture: no kernel takes more.
	low, high := 1, int(min(most, math.MaxInt32)) // low fits
	if err := lowered.fits(low); err != nil {
		found.Limit = err.Error()
		return found, nil
	}
	if lowered.fits(high) != nil {
		for high-low > 1 {
			if middle := low + (high-low)/2; lowered.fits(middle) == nil {
				low = middle
			} else {
				high = middle
			}
		}
		found.Limit = "TensorFlow's kernels: " + lowered.fits(high).Error()
		high = low
	}
	found.Batch, found.Bytes = high, asked.Fixed+int64(high)*asked.PerPicture
	return found, nil
}

// thousands writes a number as 15,200.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
