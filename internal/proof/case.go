package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
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
// [left,right]]. With error, the case must be refused with that text in the
// error; without it and expect, only the device is held to the reference.
type Case struct {
	Name      string
	Op        string // "conv2d", "max_pool", "avg_pool" or "relu"
	Input     tensor.Tensor
	Filter    tensor.Tensor  // conv2d
	Bias      *tensor.Tensor // conv2d, if any
	Size      *[2]int        // pools
	Strides   *[2]int
	Dilations *[2]int // conv2d
	Groups    *int    // conv2d
	Padding   ir.Padding
	Expect    *tensor.Tensor
	Error     string

	json json.RawMessage // as it was read
}

// operation is what a case file knows of an operation: the fields that are
// its own, those that it must have, and how the case becomes an ir.Op.
type operation struct {
	fields, required []string
	resolve          func(c Case) ir.Op
}

var operations = map[string]operation{
	"conv2d": {
		fields:   []string{"filter", "bias", "strides", "dilations", "padding", "groups"},
		required: []string{"filter"},
		resolve: func(c Case) ir.Op {
			return ir.Conv2D{
				Strides: or(c.Strides, [2]int{1, 1}), Dilations: or(c.Dilations, [2]int{1, 1}),
				Padding: c.Padding, Groups: or(c.Groups, 1),
			}
		},
	},
	"max_pool": {
		fields: poolFields, required: []string{"size"},
		resolve: func(c Case) ir.Op { return ir.MaxPool{Pool: c.pool()} },
	},
	"avg_pool": {
		fields: poolFields, required: []string{"size"},
		resolve: func(c Case) ir.Op { return ir.AvgPool{Pool: c.pool()} },
	},
	"relu": {resolve: func(Case) ir.Op { return ir.ReLU{} }},
}

var (
	poolFields   = []string{"size", "strides", "padding"}
	commonFields = []string{"name", "op", "input", "expect", "error"}
)

func or[T any](value *T, standard T) T {
	if value == nil {
		return standard
	}
	return *value
}

func (c Case) pool() ir.Pool {
	size := or(c.Size, [2]int{})
	return ir.Pool{Size: size, Strides: or(c.Strides, size), Padding: c.Padding}
}

// Resolve gives the operation and its operands. It does not check them.
func (c Case) Resolve() (ir.Op, []tensor.Tensor, error) {
	known, found := operations[c.Op]
	if !found {
		return nil, nil, unknown("op", c.Op, keys(operations))
	}
	operands := []tensor.Tensor{c.Input}
	if c.Op == "conv2d" {
		operands = append(operands, c.Filter)
		if c.Bias != nil {
			operands = append(operands, *c.Bias)
		}
	}
	return known.resolve(c), operands, nil
}

// JSON is the case as a case file holds it.
func (c Case) JSON() json.RawMessage { return c.json }

// UnmarshalJSON reads a case strictly: a field that is unknown, of another
// operation, missing or there twice is an error that names it.
func (c *Case) UnmarshalJSON(text []byte) error {
	fields, err := object(text)
	if err != nil {
		return err
	}
	*c = Case{json: json.RawMessage(append([]byte(nil), text...))}
	if raw, found := find(fields, "name"); found {
		if err := json.Unmarshal(raw, &c.Name); err != nil {
			return fmt.Errorf("name: want a string, got %s", raw)
		}
	}
	raw, found := find(fields, "op")
	if !found {
		return errors.New(`field "op" is missing`)
	}
	if err := json.Unmarshal(raw, &c.Op); err != nil {
		return fmt.Errorf("op: want a string, got %s", raw)
	}
	known, found := operations[c.Op]
	if !found {
		return unknown("op", c.Op, keys(operations))
	}
	targets := map[string]any{
		"name": &c.Name, "op": &c.Op, "input": (*tensorJSON)(&c.Input), "filter": (*tensorJSON)(&c.Filter),
		"size": (*pairJSON)(new([2]int)), "strides": (*pairJSON)(new([2]int)), "dilations": (*pairJSON)(new([2]int)),
		"groups": new(int), "padding": (*paddingJSON)(&c.Padding), "error": &c.Error,
		"bias": new(tensorJSON), "expect": new(tensorJSON),
	}
	allowed := append(append([]string{}, commonFields...), known.fields...)
	seen := map[string]bool{}
	for _, f := range fields {
		if !contains(allowed, f.name) {
			return unknown("field", f.name, allowed)
		}
		if err := json.Unmarshal(f.value, targets[f.name]); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		seen[f.name] = true
	}
	for _, name := range append([]string{"input"}, known.required...) {
		if !seen[name] {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	if seen["error"] && (seen["expect"] || c.Error == "") {
		return errors.New(`field "error" wants a text, and no "expect" beside it`)
	}
	pairs := map[string]**[2]int{"size": &c.Size, "strides": &c.Strides, "dilations": &c.Dilations}
	for name, place := range pairs {
		if seen[name] {
			*place = (*[2]int)(targets[name].(*pairJSON))
		}
	}
	if seen["groups"] {
		c.Groups = targets["groups"].(*int)
	}
	if seen["bias"] {
		c.Bias = (*tensor.Tensor)(targets["bias"].(*tensorJSON))
	}
	if seen["expect"] {
		c.Expect = (*tensor.Tensor)(targets["expect"].(*tensorJSON))
	}
	return nil
}

// tensorJSON is {"shape": […], "data": […]}, the data flat.
type tensorJSON tensor.Tensor

func (t *tensorJSON) UnmarshalJSON(text []byte) error {
	fields, err := object(text)
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.name {
		case "shape":
			t.Shape = []int{}
			if err := json.Unmarshal(f.value, &t.Shape); err != nil || t.Shape == nil {
				return fmt.Errorf("shape: want whole numbers, got %s", f.value)
			}
		case "data":
			var numbers []Number
			if err := json.Unmarshal(f.value, &numbers); err != nil {
				return fmt.Errorf("data: %w", err)
			}
			t.Data = make([]float32, len(numbers))
			for i, x := range numbers {
				t.Data[i] = float32(x)
				if math.IsInf(float64(t.Data[i]), 0) && finite(float64(x)) {
					return fmt.Errorf("data: number %d is %v, beyond float32's range", i, x)
				}
			}
		default:
			return unknown("field", f.name, []string{"shape", "data"})
		}
	}
	if t.Shape == nil || t.Data == nil {
		return errors.New(`want an object with "shape" and "data"`)
	}
	return nil
}

// pairJSON is [vertical, horizontal].
type pairJSON [2]int

func (p *pairJSON) UnmarshalJSON(text []byte) error {
	var list []int
	if err := json.Unmarshal(text, &list); err != nil || len(list) != 2 {
		return fmt.Errorf("want [vertical, horizontal], got %s", text)
	}
	*p = pairJSON(list)
	return nil
}

// paddingJSON is "SAME", "VALID" or [[top,bottom],[left,right]].
type paddingJSON ir.Padding

func (p *paddingJSON) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"VALID"`:
		*p = paddingJSON{Kind: ir.Valid}
		return nil
	case `"SAME"`:
		*p = paddingJSON{Kind: ir.Same}
		return nil
	}
	var sides [][]int
	if err := json.Unmarshal(text, &sides); err != nil || len(sides) != 2 || len(sides[0]) != 2 || len(sides[1]) != 2 {
		return fmt.Errorf(`want "SAME", "VALID" or [[top,bottom],[left,right]], got %s`, text)
	}
	*p = paddingJSON{
		Kind: ir.Explicit,
		Top:  sides[0][0], Bottom: sides[0][1], Left: sides[1][0], Right: sides[1][1],
	}
	return nil
}
