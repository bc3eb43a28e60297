package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// A baseline is what one machine computed of a list of cases, to the bit, so
// that another machine, or another TensorFlow, can be held to it. It is JSON,
// with a line for each case:
//
//	{"format": 2, "made": {"tensorflow": "2.21.0", …}, "cases": [
//	{"file": "conv2d.json", "name": "…", "op": "conv2d", "case": "sha256…",
//	 "status": "pass", "shape": [1,3,3,1], "bits": "base64…", "sha256": "…"},
//	{"file": "refused.json", …, "status": "pass", "refusal": "…"}
//	]}
//
// file, op and name, together, are the case's name, and no other's. In format 1
// file and name were: file was without folders, and the second case of a name in
// it was called "name (2)".
//
// case is a digest of the operation, its attributes and its operands, not of
// what the case file wants to come of it. bits are the output's float32, little
// endian, and sha256 is of those bytes.

// BaselineFormat is the version of the format that is written. All versions up
// to it are read.
const BaselineFormat = 2

// MaxBaselineBytes is the most bytes of a baseline that is read. Reading it
// takes about as much memory.
const MaxBaselineBytes = 1 << 30

// Made says what a baseline was made with. What is not known is empty, or 0.
type Made struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	// OneDNN is "on", "off" or "unknown".
	OneDNN string `json:"onednn"`
	// Processor is its model, Features those of its features that kernels are
	// chosen by, both as Linux names them.
	Processor string   `json:"processor"`
	Features  []string `json:"features"`
	// Threads is what one operation's work is split over.
	Threads int       `json:"threads"`
	Date    time.Time `json:"date"`
}

// Record is one case of a baseline: an output, or the text of a refusal.
type Record struct {
	File   string // File.Name of the case file
	Op     string
	Name   string // of the case; unique in a baseline, with File and Op
	Case   string // sha256
	Status Status
	// Shape is nil and Refusal not empty where there is no output.
	Shape   []int
	Refusal string
	bits    []byte
}

// Tensor is the record's output.
func (r Record) Tensor() tensor.Tensor {
	x := tensor.Tensor{Shape: r.Shape, Data: make([]float32, len(r.bits)/4)}
	for i := range x.Data {
		x.Data[i] = r.at(i)
	}
	return x
}

func (r Record) key() caseKey { return caseKey{r.File, r.Op, r.Name} }

func (r Record) at(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.bits[4*i:]))
}

// recordJSON is a record's line. What is written is this struct; reading is
// stricter, see readRecord.
type recordJSON struct {
	File    string  `json:"file"`
	Name    string  `json:"name"`
	Op      string  `json:"op"`
	Case    string  `json:"case"`
	Status  Status  `json:"status"`
	Shape   *[]int  `json:"shape,omitempty"`
	Bits    *string `json:"bits,omitempty"`
	SHA256  string  `json:"sha256,omitempty"`
	Refusal string  `json:"refusal,omitempty"`
}

// BaselineWriter writes a baseline as the cases are run, so that their outputs
// need not be kept.
type BaselineWriter struct {
	w    io.Writer
	seen map[caseKey]bool
}

// NewBaselineWriter writes a baseline's beginning.
func NewBaselineWriter(w io.Writer, made Made) (*BaselineWriter, error) {
	if made.Features == nil {
		made.Features = []string{} // null is refused by the reader
	}
	head, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("proof: baseline: %w", err)
	}
	if _, err := fmt.Fprintf(w, "{\"format\": %d, \"made\": %s, \"cases\": [", BaselineFormat, head); err != nil {
		return nil, fmt.Errorf("proof: baseline: %w", err)
	}
	return &BaselineWriter{w: w, seen: map[caseKey]bool{}}, nil
}

// Add writes an outcome that Case.Run gave and that was not released.
func (b *BaselineWriter) Add(o Outcome) error {
	key := o.key()
	switch {
	case o.digest == "":
		return fmt.Errorf("proof: baseline: %v is no outcome of Case.Run", key)
	case b.seen[key]:
		return fmt.Errorf("proof: baseline: %v is there already", key)
	}
	r := recordJSON{File: o.File, Name: o.Name, Op: o.Op, Case: o.digest, Status: o.Status}
	if o.Output != nil {
		bits := littleEndian(o.Output.Data)
		text := base64.StdEncoding.EncodeToString(bits)
		shape := append([]int{}, o.Output.Shape...)
		r.Shape, r.Bits, r.SHA256 = &shape, &text, digestOf(bits)
	} else {
		r.Refusal = o.refusal()
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("proof: baseline: %w", err)
	}
	separator := ",\n"
	if len(b.seen) == 0 {
		separator = "\n"
	}
	b.seen[key] = true
	if _, err := fmt.Fprintf(b.w, "%s%s", separator, line); err != nil {
		return fmt.Errorf("proof: baseline: %w", err)
	}
	return nil
}

// Close writes a baseline's end. A file without it is refused when it is read.
func (b *BaselineWriter) Close() error {
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

// digest is a sha256 over the operation, its attributes and its operands. The
// name, the expectation and how the numbers were written do not count, nor do
// attributes that are 0, false or empty, so that an attribute which is added to
// an operation one day does not change the digests of today.
func (c Case) digest() (string, error) {
	op, operands, err := c.Resolve()
	if err != nil {
		return "", err
	}
	text, err := attributesText(op)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", op.Kind(), text)
	for _, x := range operands {
		fmt.Fprintln(h, strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ",")) // all of it, which no text for readers has
		if err := x.WriteNumbers(h); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// attributesText is an operation's attributes, the same text whatever attributes
// without a value come to it later.
func attributesText(op ir.Op) ([]byte, error) {
	text, err := json.Marshal(op)
	var notFinite *json.UnsupportedValueError
	if errors.As(err, &notFinite) {
		return fmt.Appendf(nil, "%+v", op), nil
	}
	if err != nil {
		return nil, err
	}
	var attributes any
	if err := json.Unmarshal(text, &attributes); err != nil {
		return nil, err
	}
	// Maps are marshalled in the order of their keys.
	return json.Marshal(withoutZeros(attributes))
}

// withoutZeros drops an object's members that are 0, false, "" or null, or
// objects that are empty then. Lists are left alone.
func withoutZeros(value any) any {
	object, is := value.(map[string]any)
	if !is {
		return value
	}
	left := map[string]any{}
	for name, member := range object {
		member = withoutZeros(member)
		if inner, is := member.(map[string]any); is && len(inner) == 0 {
			continue
		}
		if member == nil || member == 0.0 || member == false || member == "" {
			continue
		}
		left[name] = member
	}
	return left
}
