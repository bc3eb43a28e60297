// Package baseline keeps the outputs of a list of cases on one machine, to the bit,
// so that another machine, or another TensorFlow, can be compared with them.
//
//	b, err := baseline.Open("baseline.json")
//	c := baseline.NewComparison(b, made, false)
//	c.Add(outcome) // of each case that runs here
//	c.Finish()
//	fmt.Println(c.Summary())
//
// The file is JSON, with a line for each case:
//
//	{"format": 2, "made": {"tensorflow": "2.21.0", …}, "cases": [
//	{"file": "conv2d.json", "name": "…", "op": "conv2d", "case": "sha256…",
//	 "status": "pass", "shape": [1,3,3,1], "bits": "base64…", "sha256": "…"},
//	{"file": "refused.json", …, "status": "pass", "refusal": "…"}
//	]}
//
// file, op and name, together, name the case, and no other. In format 1 file and
// name did: file was without folders, and the second case of a name in it was
// called "name (2)".
//
// case is a digest of the operation, its attributes and its operands, not of the
// case file's expectation. bits are the output's float32, little endian, and
// sha256 is of those bytes.
package baseline

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
)

// Format is the version of the format that Writer writes. Read reads all versions
// up to it.
const Format = 2

// MaxBytes is the most bytes of a baseline that Read reads. Reading takes about
// as much memory.
const MaxBytes = 1 << 30

// Made is the machine and the software that made a baseline. An unknown property
// is empty, or 0.
type Made struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	// OneDNN is "on", "off" or "unknown".
	OneDNN string `json:"onednn"`
	// Processor is its model, Features those of its features by which TensorFlow
	// chooses kernels, both as Linux names them.
	Processor string   `json:"processor"`
	Features  []string `json:"features"`
	// Threads is the number of threads of one operation.
	Threads int       `json:"threads"`
	Date    time.Time `json:"date"`
}

// Record is one case of a baseline: an output, or the text of a refusal.
type Record struct {
	File   string // File.Name of the case file
	Op     string
	Name   string // of the case; unique in a baseline, with File and Op
	Case   string // sha256
	Status proof.Status
	// Shape is nil and Refusal not empty where there is no output.
	Shape   []int
	Refusal string
	bits    []byte
}

// Tensor returns the record's output.
func (r Record) Tensor() tensor.Tensor {
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.bits)/4)}
	for i := range x.Data {
		x.Data[i] = r.at(i)
	}
	return x
}

func (r Record) key() proof.CaseKey { return proof.CaseKey{File: r.File, Op: r.Op, Name: r.Name} }

func (r Record) at(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.bits[4*i:]))
}

// recordJSON is a record's line, as Writer writes it; readRecord reads it more
// strictly.
type recordJSON struct {
	File    string       `json:"file"`
	Name    string       `json:"name"`
	Op      string       `json:"op"`
	Case    string       `json:"case"`
	Status  proof.Status `json:"status"`
	Shape   *[]int       `json:"shape,omitempty"`
	Bits    *string      `json:"bits,omitempty"`
	SHA256  string       `json:"sha256,omitempty"`
	Refusal string       `json:"refusal,omitempty"`
}

// Writer writes a baseline as the cases are run, so that their outputs
// need not be kept.
type Writer struct {
	w     io.Writer
	added map[proof.CaseKey]bool
}

// NewWriter writes a baseline's beginning.
func NewWriter(w io.Writer, made Made) (*Writer, error) {
	if made.Features == nil {
		made.Features = []string{} // null is refused by the reader
	}
	head, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("proof: baseline: %w", err)
	}
	if _, err := fmt.Fprintf(w, "{\"format\": %d, \"made\": %s, \"cases\": [", Format, head); err != nil {
		return nil, fmt.Errorf("proof: baseline: %w", err)
	}
	return &Writer{w: w, added: map[proof.CaseKey]bool{}}, nil
}

// Add writes an outcome that Case.Run gave and that was not released.
func (b *Writer) Add(o proof.Outcome) error {
	key := o.Key()
	switch {
	case o.Digest == "":
		return fmt.Errorf("proof: baseline: %v is no outcome of Case.Run", key)
	case b.added[key]:
		return fmt.Errorf("proof: baseline: %v is there already", key)
	}
	r := recordJSON{File: o.File, Name: o.Name, Op: o.Op, Case: o.Digest, Status: o.Status}
	if o.Output != nil {
		bits := littleEndian(o.Output.Data)
		text := base64.StdEncoding.EncodeToString(bits)
		shape := append([]int{}, o.Output.Shape...)
		r.Shape, r.Bits, r.SHA256 = &shape, &text, digestOf(bits)
	} else {
		r.Refusal = o.Refused()
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("proof: baseline: %w", err)
	}
	separator := ",\n"
	if len(b.added) == 0 {
		separator = "\n"
	}
	b.added[key] = true
	if _, err := fmt.Fprintf(b.w, "%s%s", separator, line); err != nil {
		return fmt.Errorf("proof: baseline: %w", err)
	}
	return nil
}

// Close writes a baseline's end. A file without it is refused when it is read.
func (b *Writer) Close() error {
	if _, err := io.WriteString(b.w, "\n]}\n"); err != nil {
		return fmt.Errorf("proof: baseline: %w", err)
	}
	return nil
}

func littleEndian(data []float32) []byte {
	bits := make([]byte, 0, 4*len(data))
	for _, x := range data {
		bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(x))
	}
	return bits
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
