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

// Case is one operation with its operands, and the answer or the error that is
// expected; NetworkCase is that of a whole network. Its JSON form stands in a case
// file's list:
//
//	{"name": "2×2 of 3×3", "op": "max_pool", "size": [2,2], "strides": [1,1],
//	 "input":  {"shape": [1,3,3,1], "data": [1,2,3,4,5,6,7,8,9]},
//	 "expect": {"shape": [1,2,2,1], "data": [5,6,8,9]}}
//
// The fields between are the operation's attributes and operands, under the names
// that package ir has for them (ir.Attributes, ir.Operands.Names). An attribute
// that is left out has its default. With error, the case must be refused with that
// text in the error; without it and expect, only the device is compared with the
// reference. "random_signs": true states that the filter's numbers, or those of all
// operands, were drawn with random signs: then a device of less precision than float32
// fails, even within its bounds.
type Case struct {
	Name     string
	Op       ir.Op
	Operands []tensor.Tensor // in the operation's order

	Expect *tensor.Tensor
	Error  string
	// RandomSigns says that the operands' numbers, or the filter's, were drawn with
	// random signs, so that a device that rounds them is found by its errors.
	RandomSigns bool

	json json.RawMessage // as it was read
}

// JSON returns the case as it was read; nil for a case that was not.
func (c Case) JSON() json.RawMessage { return c.json }

// Operations lists the names of all operations, sorted.
func Operations() []string { return slices.Sorted(slices.Values(strict.Keys(operations))) }

// operations has every operation of package ir by its name.
var operations = func() map[string]ir.Op {
	all := map[string]ir.Op{}
	for _, op := range ir.Operations() {
		all[op.Kind()] = op
	}
	return all
}()

// InputAlone lists the names of the operations whose cases have an input and no
// other field of their own, sorted.
func InputAlone() []string {
	return slices.DeleteFunc(Operations(), func(name string) bool {
		op := operations[name]
		attributes, _ := ir.Attributes(op)
		return op.Traits().Operands != ir.OneInput || len(attributes) > 0
	})
}

// Operand returns the operand of a name, nil where the case has none. The operand
// may be changed.
func (c *Case) Operand(name string) *tensor.Tensor {
	named := func(o ir.Operand) bool { return o.Name == name }
	if i := slices.IndexFunc(c.Op.Traits().Operands.Names(), named); i >= 0 && i < len(c.Operands) {
		return &c.Operands[i]
	}
	return nil
}

// Copy returns a case whose operation and operands can be set and leave c as it is.
// The numbers are c's. Its JSON is nil.
func (c Case) Copy() Case {
	c.json = nil
	c.Operands = slices.Clone(c.Operands)
	return c
}

// UnmarshalJSON reads a case strictly: a field that is unknown, of another
// operation, missing or there twice is an error that names it.
func (c *Case) UnmarshalJSON(text []byte) error {
	fields, err := strict.Object(text)
	if err != nil {
		return err
	}
	return c.readOperation(text, fields)
}

// readOperation reads the name and the operation, and then the operation's fields.
func (c *Case) readOperation(text []byte, fields []strict.Field) error {
	*c = Case{json: slices.Clone(text)}
	if name, found := strict.Find(fields, "name"); found { // first: errors name the case
		if err := decode(name, &c.Name, nil); err != nil {
			return fmt.Errorf("name: %w", err)
		}
	}
	raw, found := strict.Find(fields, "op")
	if !found {
		return errors.New(`field "op" or "network" is missing`)
	}
	var kind string
	if err := decode(raw, &kind, nil); err != nil {
		return fmt.Errorf("op: %w", err)
	}
	kind, err := strict.Choice("op", kind, strict.Keys(operations))
	if err != nil {
		return err
	}
	return c.read(operations[kind], fields)
}

// read reads the fields of a case of an operation.
func (c *Case) read(op ir.Op, fields []strict.Field) error {
	var expect tensor.Tensor
	attributes, edited := ir.Attributes(op)
	operands := op.Traits().Operands.Names()
	c.Operands = make([]tensor.Tensor, len(operands))
	known := []ir.Attribute{
		{Name: "name", Value: &c.Name},
		{Name: "op", Value: new(string)}, // read before
		{Name: "expect", Value: &expect},
		{Name: "error", Value: &c.Error},
		{Name: "random_signs", Value: &c.RandomSigns},
	}
	var needed []string
	for i, o := range operands {
		field := ir.Attribute{Name: o.Name, Value: &c.Operands[i]}
		if o.List {
			field.Value = &c.Operands
		}
		known = append(known, field)
		if !o.Optional {
			needed = append(needed, o.Name)
		}
	}
	for _, a := range attributes {
		known = append(known, a)
		if a.Default == nil {
			needed = append(needed, a.Name)
		}
	}
	names := make([]string, len(known))
	for i, field := range known {
		names[i] = field.Name
	}
	for _, f := range fields {
		i := slices.Index(names, f.Name)
		if i < 0 {
			return strict.Unknown("field", f.Name, names)
		}
		if err := decode(f.Value, known[i].Value, known[i].Words); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	given := func(name string) bool { _, found := strict.Find(fields, name); return found }
	for _, name := range needed {
		if !given(name) {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	if given("error") && (given("expect") || c.Error == "") {
		return errors.New(`field "error" wants a text, and no "expect" beside it`)
	}
	if given("expect") {
		c.Expect = &expect
	}
	if last := operands[len(operands)-1]; last.Optional && !given(last.Name) {
		c.Operands = c.Operands[:len(operands)-1]
	}
	for _, a := range attributes {
		if !given(a.Name) {
			a.Reset()
		}
	}
	c.Op = edited()
	return nil
}
