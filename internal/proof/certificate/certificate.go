// Package certificate writes down what a verification of a network compared, on which
// machine, with which verdicts, so that another run can be compared with it.
//
//	c := certificate.Certificate{Command: …, Inputs: …, Machine: …, Checks: checks}
//	err := c.Write(file)
//	…
//	old, err := certificate.Open("alexnet.json")
//	comparison := c.Against(old, false)
//
// Nothing signs a certificate: its worth is the command in it, which makes it again. Two
// runs of one program on one machine give equal files, but for figures of runs whose
// threads share a sum in another order; no time of day stands in it.
package certificate

import (
	"slices"

	"tfcnn/graph/verdict"
	"tfcnn/internal/proof/baseline"
)

// Format is the version of the format that Write writes and Read reads.
const Format = 1

// Certificate is the record of a verification.
type Certificate struct {
	Format  int     `json:"format"`
	Program Program `json:"tfcnn"`
	// Command repeats the verification, without its outputs; Seed is the seed of what it
	// drew.
	Command string  `json:"command"`
	Seed    uint64  `json:"seed"`
	Inputs  Inputs  `json:"inputs"`
	Machine Machine `json:"machine"`
	// Status is the worst status of the checks.
	Status  verdict.Status `json:"status"`
	Totals  []Total        `json:"totals"` // of each kind of check
	Kernels []Kernel       `json:"kernels"`
	Checks  []Check        `json:"checks"`
}

// Program is the program that verified.
type Program struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
}

// Inputs are the network, its weights and the images.
type Inputs struct {
	Network Input `json:"network"` // the file that cnndemo nets NET prints
	Weights Input `json:"weights"` // the .npz that graph.Weights.WriteNPZ writes
	Images  Input `json:"images"`  // the .npy of the batch, [N,H,W,C]
}

// Input is a file by its sha256. From names its source for people.
type Input struct {
	From   string `json:"from"`
	SHA256 string `json:"sha256"`
}

// Machine is the machine and the libraries on it.
type Machine struct {
	TensorFlow string    `json:"tensorflow"`
	Libraries  []Library `json:"libraries"` // of TensorFlow, as the process has them loaded
	Device     string    `json:"device"`
	Precision  string    `json:"precision"` // the arithmetic that the device may use
	OneDNN     string    `json:"onednn"`    // "on", "off" or "unknown"
	Processor  string    `json:"processor"`
	Features   []string  `json:"features"`
	Threads    int       `json:"threads"` // of one operation
	Executor   string    `json:"executor"`
	Compute    string    `json:"compute"` // the type of the network's arithmetic
}

// Library is a file of libtensorflow.
type Library struct {
	Name   string `json:"name"` // without folders
	SHA256 string `json:"sha256"`
}

// Kernel is a type of TensorFlow's operations that ran on a device for some layers.
type Kernel struct {
	Op     string   `json:"op"`
	Device string   `json:"device"`
	Layers []string `json:"layers"`
}

// Kind is the kind of a check.
type Kind string

// The kinds of checks.
const (
	Layer Kind = "layer" // a layer by itself
	Chain Kind = "chain" // layers as they run
	Run   Kind = "run"   // numbers that a call of a session returned
	Probe Kind = "probe" // drawn numbers at a layer's shapes
)

// Kinds are all kinds, in the order of Totals.
var Kinds = []Kind{Layer, Chain, Run, Probe}

// Check is one output that was compared with the reference.
type Check struct {
	Kind   Kind     `json:"kind"`
	Layers []string `json:"layers"`
	// Name is the layer's kind, the call, or the probe's kind; empty for a chain.
	Name    string `json:"name,omitempty"`
	Session string `json:"session,omitempty"` // of TensorFlow's, where that was chosen
	Images  int    `json:"images"`
	// SHA256 is that of the output's .npy; empty of calls and probes.
	SHA256 string `json:"sha256,omitempty"`
	// EqualBits reports of a call that each number equals, bit for bit, one that another
	// check compared.
	EqualBits bool `json:"equal_bits,omitempty"`
	// Rounding lists the operations of an exact probe that round its numbers; Alike are
	// the layers of parts that are the same as the probed one.
	Rounding []string        `json:"rounding,omitempty"`
	Alike    [][]string      `json:"alike,omitempty"`
	Verdict  verdict.Verdict `json:"verdict"` // without its histogram
}

// Total counts the numbers of all checks of a kind.
type Total struct {
	Kind        Kind                   `json:"kind"`
	Checks      int                    `json:"checks"`
	Statuses    map[verdict.Status]int `json:"statuses"`
	Numbers     int                    `json:"numbers"`
	Compared    int                    `json:"compared"`
	Exact       int                    `json:"exact"`
	Unspecified int                    `json:"unspecified"`
	Unbounded   int                    `json:"not_held"`
	Outside     int                    `json:"outside"`
	// LargestShare is the largest share of a bound that an error took.
	LargestShare float64 `json:"largest_share"`
}

// Complete sets Format, Status and Totals from the checks, and leaves the checks without
// histograms.
func (c *Certificate) Complete() {
	c.Format, c.Status, c.Totals = Format, verdict.Pass, []Total{}
	c.Checks = slices.Clone(c.Checks)
	for i := range c.Checks {
		c.Checks[i].Verdict.Histogram = nil
		c.Status = c.Status.Worse(c.Checks[i].Verdict.Status)
	}
	for _, kind := range Kinds {
		total := Total{Kind: kind, Statuses: map[verdict.Status]int{}}
		for _, check := range c.Checks {
			if check.Kind == kind {
				total.add(check.Verdict)
			}
		}
		if total.Checks > 0 {
			c.Totals = append(c.Totals, total)
		}
	}
}

func (t *Total) add(v verdict.Verdict) {
	t.Checks++
	t.Statuses[v.Status]++
	t.Numbers += v.Elements
	t.Compared += v.Compared()
	t.Exact += v.Exact
	t.Unspecified += v.Unspecified
	t.Unbounded += v.Unbounded
	t.Outside += v.Outside
	t.LargestShare = max(t.LargestShare, v.Share)
}

// made returns the part of a machine that baselines have, too.
func (m Machine) made() baseline.Made {
	return baseline.Made{
		TensorFlow: m.TensorFlow, Device: m.Device, OneDNN: m.OneDNN,
		Processor: m.Processor, Features: m.Features, Threads: m.Threads,
	}
}
