package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// Case is one operation with its operands, and what is to come of it. Its
// JSON form is what a case file lists:
//
//	{"name": "2×2 of 3×3", "op": "max_pool", "size": [2,2], "strides": [1,1],
//	 "input":  {"shape": [1,3,3,1], "data": [1,2,3,4,5,6,7,8,9]},
//	 "expect": {"shape": [1,2,2,1], "data": [5,6,8,9]}}
//
// strides default to 1 (a pool's to its size), dilations and groups to 1,
// padding to "VALID"; the other values are "SAME" and [[top,bottom],
// [left,right]]. The defaults of lrn, leaky_relu and batch_norm are
// TensorFlow's, and those of package graph. With error, the case must be
// refused with that text in the error; without it and expect, only the device
// is held to the reference.
type Case struct {
	Name string
	Op   string // one of Operations

	Input  tensor.Tensor
	Inputs []tensor.Tensor // add and concat, instead of Input
	Filter tensor.Tensor   // convolutions and dense
	Bias   *tensor.Tensor  // the same, if any

	Size       *[2]int // pools and resize
	Strides    *[2]int
	Dilations  *[2]int
	Groups     *int
	OutputSize *[2]int // conv2d_transpose
	Padding    ir.Padding
	Method     string // resize

	DepthRadius   *int     // lrn
	LRNBias, Beta *float32 // lrn
	Alpha         *float32 // lrn and leaky_relu
	Epsilon       *float32 // batch_norm

	Scale, Offset, Mean, Variance *tensor.Tensor // batch_norm; Scale is scale_shift's, too
	Shift                         *tensor.Tensor // scale_shift

	Expect *tensor.Tensor
	Error  string

	json json.RawMessage // as it was read
}

// JSON is the case as a case file holds it.
func (c Case) JSON() json.RawMessage { return c.json }

// Resolve gives the operation and its operands. It does not check them.
func (c Case) Resolve() (ir.Op, []tensor.Tensor, error) {
	known, found := operations[c.Op]
	if !found {
		return nil, nil, strict.Unknown("op", c.Op, strict.Keys(operations))
	}
	return known.resolve(c), known.operands(c), nil
}

// UnmarshalJSON reads a case strictly: a field that is unknown, of another
// operation, missing or there twice is an error that names it.
func (c *Case) UnmarshalJSON(text []byte) error {
	fields, err := strict.Object(text)
	if err != nil {
		return err
	}
	*c = Case{json: json.RawMessage(append([]byte(nil), text...))}
	readers := c.readers()
	for _, name := range []string{"name", "op"} {
		raw, found := strict.Find(fields, name)
		switch {
		case found:
			if err := readers[name](raw); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		case name == "op":
			return errors.New(`field "op" is missing`)
		}
	}
	if c.Op, err = strict.Choice("op", c.Op, strict.Keys(operations)); err != nil {
		return err
	}
	known := operations[c.Op]
	allowed := known.allowed()
	seen := map[string]bool{}
	for _, f := range fields {
		if !slices.Contains(allowed, f.Name) {
			return strict.Unknown("field", f.Name, allowed)
		}
		seen[f.Name] = true
		if f.Name == "name" || f.Name == "op" { // read above
			continue
		}
		if err := readers[f.Name](f.Value); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	for _, name := range known.need {
		if !seen[name] {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	if seen["error"] && (seen["expect"] || c.Error == "") {
		return errors.New(`field "error" wants a text, and no "expect" beside it`)
	}
	return c.checkAttributes()
}

// checkAttributes holds what operations take as attributes to their form, which
// Resolve takes for granted.
func (c Case) checkAttributes() error {
	if c.Op == "pad" && c.Padding.Kind != ir.Explicit {
		return errors.New("padding: want [[top,bottom],[left,right]]")
	}
	if c.Op != "scale_shift" {
		return nil
	}
	for name, t := range map[string]*tensor.Tensor{"scale": c.Scale, "shift": c.Shift} {
		if t != nil && (len(t.Shape) != 1 || t.Check() != nil) {
			return fmt.Errorf("%s: want one axis, as [3], and as many numbers, got %s and %d", name, tensor.FormatShape(t.Shape), len(t.Data))
		}
	}
	return nil
}

// Clone returns a case that shares nothing with c but its expectation. It is one
// of its own: JSON is nil.
func (c Case) Clone() Case {
	c.json = nil
	if c.Groups != nil {
		groups := *c.Groups
		c.Groups = &groups
	}
	for _, p := range []**[2]int{&c.Size, &c.Strides, &c.Dilations, &c.OutputSize} {
		if *p != nil {
			pair := **p
			*p = &pair
		}
	}
	c.Inputs = slices.Clone(c.Inputs)
	for _, t := range c.Tensors() {
		*t = t.Clone()
	}
	return c
}

// Tensors returns the case's operands. A pointer of the case points to a tensor of
// its own afterwards.
func (c *Case) Tensors() []*tensor.Tensor {
	var list []*tensor.Tensor
	for _, t := range []*tensor.Tensor{&c.Input, &c.Filter} {
		if t.Shape != nil {
			list = append(list, t)
		}
	}
	for i := range c.Inputs {
		list = append(list, &c.Inputs[i])
	}
	for _, p := range []**tensor.Tensor{&c.Bias, &c.Scale, &c.Offset, &c.Mean, &c.Variance, &c.Shift} {
		if *p != nil {
			t := **p
			*p = &t
			list = append(list, &t)
		}
	}
	return list
}
