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
// that is compared with the reference.
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

// Cause is the part of a case's run that a failure is about.
type Cause int

// The causes. Two failures of one cause and status are alike, even where their texts differ.
const (
	// CaseCause: the case itself cannot be run.
	CaseCause Cause = iota + 1
	// ReferenceCause: the reference refuses the case.
	ReferenceCause
	// ExpectationCause: the case's expect differs from the reference.
	ExpectationCause
	// BackendCause: the backend refuses the case.
	BackendCause
	// NumbersCause: the backend's numbers differ from the reference.
	NumbersCause
	// RefusalCause: the case must be refused, and is not, or with another text.
	RefusalCause
	// ProcessCause: the process that ran the case ended.
	ProcessCause
	// RepetitionCause: the case does not fail again.
	RepetitionCause
)

// Outcome is the result of one case.
type Outcome struct {
	// File, Op and Name together name the case, and no other of a run. File is
	// File.Name of the case file, Path is how it was opened.
	File string `json:"file"`
	Path string `json:"path,omitempty"`
	Name string `json:"name"`
	Op   string `json:"op"`
	// Status is the worse of the two verdicts'.
	Status Status `json:"status"`
	// Expectation compares the case's expect with the reference; nil without.
	Expectation *Verdict `json:"expectation,omitempty"`
	// Device compares the backend's output with the reference; nil where the case
	// is to be refused or the backend failed.
	Device *Verdict `json:"device,omitempty"`
	// Refusal is the error of a case that was to be refused.
	Refusal string `json:"refusal,omitempty"`
	// Failure says in one line why Status is not OK.
	Failure string  `json:"failure,omitempty"`
	Seconds float64 `json:"seconds"`
	// Repeat is the case, a file for verify --cases, where Status is not OK.
	Repeat json.RawMessage `json:"repeat,omitempty"`

	// Cause is the part of the run that Failure is about; zero where Status is OK.
	Cause Cause `json:"-"`

	// Output is the backend's output, for a baseline; nil where the backend
	// refused the case, and after Release.
	Output *tensor.Tensor `json:"-"`

	// Reference is the reference of the operation; nil where it refuses, and
	// after Release.
	Reference *ref.Result `json:"-"`
	// Digest is a sha256 over the operation, its attributes and its operands.
	Digest string `json:"-"`

	refused string          // the backend's error
	source  json.RawMessage // the case as it was read
}

// Release drops the output, the reference and the source, which only baselines
// need and which may be large.
func (o *Outcome) Release() { o.Output, o.Reference, o.source = nil, nil, nil }

// ID is the case's name in one line: FILE: OPERATION "NAME".
func (o Outcome) ID() string { return o.Key().String() }

// Key is the case's name.
func (o Outcome) Key() CaseKey { return CaseKey{o.File, o.Op, o.Name} }

// Refused returns the reason why there is no output.
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

// Run runs one case: the reference, the comparison of the expectation with it, and
// the comparison of the backend's output with it. The only error is ctx's.
func (c Case) Run(ctx context.Context, backend Backend) (Outcome, error) {
	start := time.Now()
	o := Outcome{Name: c.Name, Op: c.Op.Kind(), Status: Pass, source: c.json}
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
func Failed(c Case, cause Cause, reason error) (Outcome, error) {
	text, err := c.MarshalJSON()
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Name: c.Name, Op: c.Op.Kind(), Repeat: repeat(text)}
	o.fail(cause, "%v", reason)
	return o, nil
}

// repeat is a case file of one case.
func repeat(source json.RawMessage) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"cases": []json.RawMessage{source}})
	return text
}

func (o *Outcome) fail(cause Cause, format string, arguments ...any) {
	o.Status, o.Cause, o.Failure = Fail, cause, fmt.Sprintf(format, arguments...)
}

func (c Case) run(ctx context.Context, backend Backend, o *Outcome) {
	var err error
	if o.Digest, err = c.digest(); err != nil {
		o.fail(CaseCause, "%v", err)
		return
	}
	if err := c.checkOutput(); err != nil {
		o.fail(CaseCause, "%v", err)
		return
	}
	levels := ref.MeasureLevels
	if c.RandomSigns {
		levels = ref.JudgeLevels
	}
	want, refErr := ref.ApplyLevels(ctx, ref.Arithmetic{}, levels, c.Op, c.Operands...)
	if refErr == nil {
		o.Reference = &want
	}
	if c.Error != "" {
		c.runRefusal(ctx, backend, refErr, o)
		return
	}
	if refErr != nil {
		o.fail(ReferenceCause, "refused: %v", refErr)
		return
	}
	if c.Expect != nil {
		o.compareExpectation(want, *c.Expect)
	}
	got, err := backend.Apply(ctx, c.Op, c.Operands...)
	if err != nil {
		o.refused = err.Error()
		o.fail(BackendCause, "device: %v", err)
		return
	}
	if b, known := backend.(Arithmetical); known && b.Arithmetic() != (ref.Arithmetic{}) {
		if want, err = ref.ApplyLevels(ctx, b.Arithmetic(), levels, c.Op, c.Operands...); err != nil {
			o.fail(ReferenceCause, "refused: %v", err)
			return
		}
	}
	o.compareDevice(want, got)
}

// compareExpectation compares what a case expects with the reference.
func (o *Outcome) compareExpectation(want ref.Result, expected tensor.Tensor) {
	v := CompareExpectation(want, expected)
	o.Expectation = &v
	o.Status = v.Status
	if v.Status == Fail {
		o.fail(ExpectationCause, "expectation against the reference: %v", v)
	}
}

// compareDevice compares the backend's output with the reference. The expectation, if
// any, was compared before.
func (o *Outcome) compareDevice(want ref.Result, got tensor.Tensor) {
	o.Output = &got
	v := Compare(want, got)
	if o.Expectation != nil && o.Expectation.OK() {
		v = expectingNaN(v)
	}
	o.Device = &v
	switch {
	case v.Status == Fail && o.Failure != "":
		o.Failure += fmt.Sprintf("; device against the reference: %v", v)
	case v.Status == Fail:
		o.fail(NumbersCause, "device against the reference: %v", v)
	}
	if o.Status = o.Status.Worse(v.Status); !o.Status.OK() && o.Failure == "" {
		o.Cause, o.Failure = NumbersCause, o.Text()
	}
}

// mostOutput is the most numbers of a case's output. The reference takes 25
// bytes for each, and a case of few bytes may ask for billions.
const mostOutput = 1 << 24

// checkOutput refuses a case with an output that is too large. The reference and
// the backend refuse a case that has no output.
func (c Case) checkOutput() error {
	shapes := make([][]int, len(c.Operands))
	for i, x := range c.Operands {
		shapes[i] = x.Shape
	}
	shape, err := c.Op.Shape(shapes...)
	if err != nil {
		return nil
	}
	if n, err := tensor.Elements(shape); err == nil && n > mostOutput {
		return fmt.Errorf("output %s has %d numbers, a case's may have %d", tensor.FormatShape(shape), n, mostOutput)
	}
	return nil
}

// runRefusal asks the reference and the backend to refuse the case, with the
// text that it wants. The text is the case file's contract.
func (c Case) runRefusal(ctx context.Context, backend Backend, refErr error, o *Outcome) {
	got, deviceErr := backend.Apply(ctx, c.Op, c.Operands...)
	if deviceErr == nil {
		o.Output = &got
	} else {
		o.refused = deviceErr.Error()
	}
	for _, side := range []struct {
		name string
		err  error
	}{{"reference", refErr}, {"device", deviceErr}} {
		if side.err == nil {
			side.err = errors.New("computed")
		} else if strings.Contains(side.err.Error(), c.Error) {
			continue
		}
		o.fail(RefusalCause, "%s: got %q, want it refused with %q", side.name, side.err, c.Error)
		return
	}
	o.Refusal = deviceErr.Error()
}
