package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tfcnn/graph"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// Workload is the work whose memory is computed: to run, or train, a network on a
// batch of images. The zero value is a run of one image in float32.
type Workload struct {
	Batch int         `json:"batch"` // images at once; default 1
	DType graph.DType `json:"dtype"` // of every number; default graph.Float32
	// Training asks for the memory of a training step too.
	Training  bool      `json:"training"`
	Optimizer Optimizer `json:"optimizer,omitempty"` // of training; default SGD
}

// Optimizer is the rule by which training changes the parameters.
type Optimizer string

// The optimizers. For each parameter SGD keeps no number, Momentum one (its velocity),
// and Adam two (Kingma and Ba 2014: the moving means of the gradient and of its
// square).
const (
	SGD      Optimizer = "sgd"
	Momentum Optimizer = "momentum"
	Adam     Optimizer = "adam"
)

// states has the numbers that an optimizer keeps for each parameter.
var states = map[Optimizer]int64{SGD: 0, Momentum: 1, Adam: 2}

// ParseOptimizer returns the optimizer that a word names: sgd, momentum or adam.
func ParseOptimizer(word string) (Optimizer, error) {
	word, err := strict.Choice("optimizer", word, []string{string(SGD), string(Momentum), string(Adam)})
	return Optimizer(word), err
}

// Memory is the memory that a workload needs, in bytes. It counts tensors alone:
// neither the scratch memory of kernels, nor TensorFlow itself.
type Memory struct {
	Workload  Workload     `json:"workload"`
	Inference Requirement  `json:"inference"`
	Training  *Requirement `json:"training,omitempty"`
	// Busiest is the layer at which most bytes are live when the network runs.
	Busiest string `json:"busiest"`
	// Refused is the reason why TensorFlow's kernels would refuse so large a batch;
	// empty where they accept it.
	Refused string `json:"refused,omitempty"`

	buffers buffers
}

// Requirement is an amount of memory and its parts.
type Requirement struct {
	Bytes int64  `json:"bytes"`
	Parts []Part `json:"parts"`
	// The bytes for any batch, and the further bytes for each image.
	Fixed    int64 `json:"fixed_bytes"`
	PerImage int64 `json:"picture_bytes"`
}

// Part is one part of a requirement and its formula.
type Part struct {
	Name    string `json:"name"`
	Formula string `json:"formula,omitempty"`
	Bytes   int64  `json:"bytes"`
}

// Required returns the requirement of the workload: Training where the workload
// trains, Inference otherwise.
func (m Memory) Required() Requirement {
	if m.Training != nil {
		return *m.Training
	}
	return m.Inference
}

// withDefaults returns the workload with its defaults filled in, or an error.
func (w Workload) withDefaults() (Workload, error) {
	if w.Batch == 0 {
		w.Batch = 1
	}
	if w.DType == "" {
		w.DType = graph.Float32
	}
	if w.Optimizer == "" && w.Training {
		w.Optimizer = SGD
	}
	_, known := states[w.Optimizer]
	switch {
	case w.Batch < 1:
		return w, &graph.Error{Reason: fmt.Errorf("batch is %d, want 1 or more", w.Batch)}
	case w.DType.Bytes() == 0:
		return w, &graph.Error{Reason: fmt.Errorf("dtype is %s, want %q, %q or %q", quote.Name(string(w.DType)), graph.Float32, graph.Float16, graph.BFloat16)}
	case w.Optimizer != "" && !w.Training:
		return w, &graph.Error{Reason: fmt.Errorf("optimizer %s is of training, which is not asked for", quote.Name(string(w.Optimizer)))}
	case w.Training && !known:
		return w, &graph.Error{Reason: fmt.Errorf("optimizer is %s, want %q, %q or %q", quote.Name(string(w.Optimizer)), SGD, Momentum, Adam)}
	}
	return w, nil
}

// MemoryOf checks the network and computes the memory that the workload needs. Every
// error is a *graph.Error; a workload whose bytes overflow an int64 is refused.
//
// A run needs the weights, the batch (which the caller keeps until the end), and the
// outputs of layers, each until its last reader has run. The step at which most bytes
// are live decides. A step needs its inputs and its output at once, but TensorFlow's
// activations, BatchNorm, ScaleShift, Softmax and Add write over an input that no
// other step reads, a bias is added in place, and Flatten and Dropout return their
// input. Layers that no output depends on are not run. Steps run one after the other
// in the network's order; TensorFlow may run branches at once.
//
// Training keeps the tensors that the backward pass of each operation reads, as
// TensorFlow's gradients do: the inputs of convolutions, Dense, BatchNorm and
// LeakyReLU, the outputs of the other activations, both of MaxPool and LRN, and a
// number for each one that Dropout may drop. It adds the gradients of all parameters,
// the most gradients of activations that are live at once, and the optimizer's state.
// The sum is an upper bound, since the kept tensors are freed step by step while
// gradients are computed. The bound is near, since both parts are largest when the
// backward pass begins. All numbers have the workload's type; training in mixed
// precision, which keeps float32 weights too, needs 4 bytes more a parameter.
func MemoryOf(n graph.Network, w Workload) (Memory, error) {
	l, err := lower(n)
	if err != nil {
		return Memory{}, err
	}
	return l.memory(w)
}

func (l lowered) memory(w Workload) (Memory, error) {
	w, err := w.withDefaults()
	if err != nil {
		return Memory{}, err
	}
	plan, err := l.plan()
	if err != nil {
		return Memory{}, err
	}
	var count checkedMath
	size, batch := w.DType.Bytes(), int64(w.Batch)
	m := Memory{Workload: w, buffers: assignBuffers(l, false)}
	live, at := m.buffers.peak(&count)
	m.Busiest = l.layerOf(at)

	weights := partFactors{name: "weights", fixed: true, numbers: count.sum(plan.Parameters, plan.Statistics), each: size}
	weights.text = fmt.Sprintf("%s parameters × %d bytes", thousands(plan.Parameters), size)
	if plan.Statistics > 0 {
		weights.text = fmt.Sprintf("(%s parameters + %s statistics) × %d bytes", thousands(plan.Parameters), thousands(plan.Statistics), size)
	}
	input := partFactors{name: "input", numbers: elements(l.Program.Input), each: size}
	m.Inference = newRequirement(&count, batch,
		weights, input,
		partFactors{name: "activations", numbers: live, each: size, note: "live at " + m.Busiest})
	if w.Training {
		kept, gradients := l.trainingNumbers(&count)
		training := newRequirement(&count, batch,
			weights, input,
			partFactors{name: "kept for the backward pass", numbers: kept, each: size},
			partFactors{name: "gradients of weights", fixed: true, numbers: plan.Parameters, each: size},
			partFactors{name: "gradients of activations", numbers: gradients, each: size, note: "live at once"},
			partFactors{
				name: "optimizer's state", fixed: true, numbers: count.product(plan.Parameters, states[w.Optimizer]), each: size,
				text: fmt.Sprintf("%s parameters × %d of %s × %d bytes", thousands(plan.Parameters), states[w.Optimizer], w.Optimizer, size),
			})
		m.Training = &training
	}
	for _, layer := range plan.Layers {
		count.product(layer.Activations, size, batch) // refuses an overflow in unread layers too
	}
	if err := count.err(); err != nil {
		return Memory{}, err
	}
	if err := l.checkBatch(w.Batch); err != nil {
		m.Refused = err.Error()
	}
	return m, nil
}

// partFactors has the factors of a Part.
type partFactors struct {
	name, text, note string
	fixed            bool // not for each image
	numbers, each    int64
}

func newRequirement(count *checkedMath, batch int64, pieces ...partFactors) Requirement {
	var r Requirement
	for _, p := range pieces {
		part := Part{Name: p.name, Formula: p.text}
		one := count.product(p.numbers, p.each)
		if p.fixed {
			part.Bytes = one
			r.Fixed = count.sum(r.Fixed, one)
		} else {
			part.Bytes = count.product(one, batch)
			r.PerImage = count.sum(r.PerImage, one)
		}
		switch note := ""; {
		case part.Formula != "":
		default:
			if p.note != "" {
				note = " " + p.note
			}
			images := ""
			if !p.fixed {
				images = map[bool]string{true: "1 image × ", false: thousands(batch) + " images × "}[batch == 1]
			}
			part.Formula = fmt.Sprintf("%s%s numbers%s × %d bytes", images, thousands(p.numbers), note, p.each)
		}
		r.Bytes = count.sum(r.Bytes, part.Bytes)
		r.Parts = append(r.Parts, part)
	}
	return r
}

// Live is a live buffer, and the layers whose outputs have been in it so far, one
// after the other.
type Live struct {
	Layers []string
	Bytes  int64
}

// Live returns the buffers that are live at the step which allocates the buffer of a
// layer's output. For a layer that writes over its input, that is the step which made
// the input. Live returns nil where no layer has the name, and for a layer whose output
// is the network's input.
func (m Memory) Live(layer string) []Live {
	b := m.buffers
	i, err := b.lowered.Layer(layer)
	if err != nil || b.owner[b.lowered.Layers[i].Last] == noBuffer {
		return nil
	}
	last := b.lowered.Layers[i].Last
	at := b.list[b.owner[last]].firstStep
	var list []Live
	for _, buffer := range b.list {
		if buffer.firstStep > at || buffer.lastStep < at {
			continue
		}
		live := Live{Bytes: buffer.numbers * int64(m.Workload.Batch) * m.Workload.DType.Bytes()}
		for _, step := range buffer.steps {
			if step <= at || buffer.firstStep == at && step <= last {
				live.Layers = append(live.Layers, b.lowered.layerOf(step))
			}
		}
		live.Layers = slices.Compact(live.Layers)
		list = append(list, live)
	}
	return list
}

// checkBatch returns an error where TensorFlow's kernels refuse the batch.
func (l lowered) checkBatch(batch int) error {
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
	Batch  int   `json:"batch"` // 0: not one image
	Bytes  int64 `json:"bytes"` // of that batch
	// Limit is the reason why a larger batch does not fit.
	Limit string `json:"limit"`
}

// LargestBatch computes the largest batch that fits into memory, in bytes, by the
// formulas of MemoryOf. It ignores the workload's own batch.
func LargestBatch(n graph.Network, w Workload, memory int64) (Largest, error) {
	l, err := lower(n)
	if err != nil {
		return Largest{}, err
	}
	w.Batch = 1
	m, err := l.memory(w)
	if err != nil {
		return Largest{}, err
	}
	if memory < 1 {
		return Largest{}, &graph.Error{Reason: errors.New("memory is less than 1 byte")}
	}
	required := m.Required()
	found := Largest{Memory: memory, Limit: "memory"}
	if memory < required.Fixed || (memory-required.Fixed)/required.PerImage == 0 {
		found.Limit = fmt.Sprintf("memory: one image needs %d bytes", required.Bytes)
		return found, nil
	}
	most := (memory - required.Fixed) / required.PerImage
	// Each tensor has at least one number for each image: no kernel takes more.
	low, high := 1, int(min(most, math.MaxInt32)) // low fits
	if err := l.checkBatch(low); err != nil {
		found.Limit = err.Error()
		return found, nil
	}
	if l.checkBatch(high) != nil {
		for high-low > 1 {
			if middle := low + (high-low)/2; l.checkBatch(middle) == nil {
				low = middle
			} else {
				high = middle
			}
		}
		found.Limit = "TensorFlow's kernels: " + l.checkBatch(high).Error()
		high = low
	}
	found.Batch, found.Bytes = high, required.Fixed+int64(high)*required.PerImage
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
