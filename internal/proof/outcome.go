package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/ref"
)

// Backend computes operations: TensorFlow on some device, or anything else
// that is to be held to the reference.
type Backend interface {
	// Apply computes op on operands that may not fit it: then it returns an
	// error.
	Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error)
}

// Arithmetical is a Backend whose device may do more to sums than add float32
// products.
type Arithmetical interface {
	Arithmetic() ref.Arithmetic
}

// Outcome is what came of one case.
type Outcome struct {
	// File, Op and Name together are the case's name, and no other's of a run;
	// File is File.Name of the case file, Path how it was opened.
	File string `json:"file"`
	Path string `json:"path,omitempty"`
	Name string `json:"name"`
	Op   string `json:"op"`
	// Status is the worse of the two verdicts'.
	Status Status `json:"status"`
	// Expectation is the case's expect, held to the reference; nil without.
	Expectation *Verdict `json:"expectation,omitempty"`
	// Device is what the backend computed, held to the reference; nil where
	// the case is one to be refused or the backend failed.
	Device *Verdict `json:"device,omitempty"`
	// Refusal is the error of a case that was to be refused.
	Refusal string `json:"refusal,omitempty"`
	// Failure says in one line why Status is Fail, or Nothing.
	Failure string  `json:"failure,omitempty"`
	Seconds float64 `json:"seconds"`
	// Repeat is the case, a file for verify --cases, where Status is Fail or
	// Nothing.
	Repeat json.RawMessage `json:"repeat,omitempty"`

	// Output is what the backend computed, for a baseline; nil where it
	// computed nothing, and after Release.
	Output *tensor.Tensor `json:"-"`

	// Reference is the reference of the operation; nil where it refuses, and
	// after Release.
	Reference *ref.Result `json:"-"`
	// Digest is a sha256 over the operation, its attributes and its operands.
	Digest string `json:"-"`

	refused string          // the backend's error
	source  json.RawMessage // the case as it was read
}

// Release drops what only baselines need and what may be large: the output and
// the reference's.
func (o *Outcome) Release() { o.Output, o.Reference, o.source = nil, nil, nil }

// ID is the case's name in one line: FILE: OPERATION "NAME".
func (o Outcome) ID() string { return o.Key().String() }

// Key is the case's name.
func (o Outcome) Key() CaseKey { return CaseKey{o.File, o.Op, o.Name} }

// Refused is why there is no output.
func (o Outcome) Refused() string {
	if o.refused != "" {
		return o.refused
	}
	return o.Failure
}

// Text is the outcome in one line, without the case's name.
func (o Outcome) Text() string {
	switch {
	case o.Failure != "":
		return o.Failure
	case o.Refusal != "":
		return "refused as expected: " + o.Refusal
	case o.Expectation != nil && o.Device != nil && o.Expectation.Status.Worse(o.Device.Status) != o.Device.Status:
		return fmt.Sprintf("%v; the expectation: %v", o.Device, o.Expectation)
	case o.Device != nil:
		return o.Device.String()
	}
	return string(o.Status)
}

// Run runs one case: the reference, the expectation held to it, and the
// backend held to it. A ctx that ends is the only error.
func (c Case) Run(ctx context.Context, backend Backend) (Outcome, error) {
	start := time.Now()
	o := Outcome{Name: c.Name, Op: c.Op, Status: Pass, source: c.json}
	c.run(ctx, backend, &o)
	o.Seconds = time.Since(start).Seconds()
	err := ctx.Err()
	if err != nil {
		return Outcome{}, err
	}
	if !o.Status.OK() {
		if c.json == nil {
			// A case that was drawn, not read.
			if c.json, err = c.MarshalJSON(); err != nil {
				return Outcome{}, fmt.Errorf("proof: %s: %w", c.Name, err)
			}
		}
		o.Repeat = repeat(c.json)
	}
	return o, nil
}

// CaseFile returns a case file of the case, as it was read; nil for a case that
// was drawn, and after Release.
func (o Outcome) CaseFile() json.RawMessage {
	if o.source == nil {
		return nil
	}
	return repeat(o.source)
}

// Failed returns the outcome of a case that failed before there was a verdict, as
// where the process that ran it died.
func Failed(c Case, why error) (Outcome, error) {
	text, err := c.MarshalJSON()
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Name: c.Name, Op: c.Op, Status: Fail, Failure: why.Error(), Repeat: repeat(text)}, nil
}

// repeat is a case file of one case.
func repeat(source json.RawMessage) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"cases": []json.RawMessage{source}})
	return text
}

func (c Case) run(ctx context.Context, backend Backend, o *Outcome) {
	fail := func(format string, arguments ...any) {
		o.Status, o.Failure = Fail, fmt.Sprintf(format, arguments...)
	}
	op, operands, err := c.Resolve()
	if err != nil {
		fail("%v", err)
		return
	}
	if o.Digest, err = c.digest(); err != nil {
		fail("%v", err)
		return
	}
	if err := checkOutput(op, operands); err != nil {
		fail("%v", err)
		return
	}
	want, refErr := ref.Apply(ctx, op, operands...)
	if refErr == nil {
		o.Reference = &want
	}
	if c.Error != "" {
		c.runRefusal(ctx, backend, op, operands, refErr, o)
		return
	}
	if refErr != nil {
		fail("refused: %v", refErr)
		return
	}
	if c.Expect != nil {
		v := CompareExpectation(want, *c.Expect)
		o.Expectation = &v
		o.Status = v.Status
		if v.Status == Fail {
			fail("expectation against the reference: %v", v)
		}
	}
	got, err := backend.Apply(ctx, op, operands...)
	if err != nil {
		o.refused = err.Error()
		fail("device: %v", err)
		return
	}
	if b, known := backend.(Arithmetical); known && b.Arithmetic() != (ref.Arithmetic{}) {
		if want, err = ref.ApplyIn(ctx, b.Arithmetic(), op, operands...); err != nil {
			fail("refused: %v", err)
			return
		}
	}
	o.Output = &got
	v := Compare(want, got)
	if o.Expectation != nil && o.Expectation.OK() {
		v = expectingNaN(v)
	}
	o.Device = &v
	if v.Status == Fail {
		text := fmt.Sprintf("device against the reference: %v", v)
		if o.Failure != "" {
			text = o.Failure + "; " + text
		}
		fail("%s", text)
	}
	if o.Status = o.Status.Worse(v.Status); o.Status == Nothing {
		o.Failure = v.String()
	}
}

// mostOutput is the most numbers of a case's output. The reference takes 25
// bytes for each, and a case of few bytes may ask for billions.
const mostOutput = 1 << 24

// checkOutput refuses an output that is too large; one that cannot be at all is
// for others to refuse.
func checkOutput(op ir.Op, operands []tensor.Tensor) error {
	shapes := make([][]int, len(operands))
	for i, x := range operands {
		shapes[i] = x.Shape
	}
	shape, err := op.Shape(shapes...)
	if err != nil {
		return nil
	}
	if n, err := tensor.Elements(shape); err == nil && n > mostOutput {
		return fmt.Errorf("output %s has %d numbers, a case's may have %d", tensor.FormatShape(shape), n, mostOutput)
	}
	return nil
}

// runRefusal asks the reference and the backend to refuse the case, with the
// text that it wants.
func (c Case) runRefusal(ctx context.Context, backend Backend, op ir.Op, operands []tensor.Tensor, refErr error, o *Outcome) {
	got, deviceErr := backend.Apply(ctx, op, operands...)
	if deviceErr == nil {
		o.Output = &got
	} else {
		o.refused = deviceErr.Error()
	}
	for _, side := range []struct {
		name string
		err  error
	}{{"reference", refErr}, {"device", deviceErr}} {
		switch {
		case side.err == nil:
			side.err = errors.New("computed")
			fallthrough
		case !strings.Contains(side.err.Error(), c.Error):
			o.Status = Fail
			o.Failure = fmt.Sprintf("%s: got %q, want it refused with %q", side.name, side.err, c.Error)
			return
		}
	}
	o.Refusal = deviceErr.Error()
}
