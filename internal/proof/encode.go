package proof

import (
	"encoding/json"
	"errors"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// MarshalJSON writes the case as a case file has it, without attributes that
// have their default. Numbers read back to the bit, but for NaN, of which there
// is one.
func (c Case) MarshalJSON() ([]byte, error) {
	if c.Op == nil {
		return nil, errors.New("proof: case has no operation")
	}
	var object object
	if c.Name != "" {
		object.add("name", c.Name)
	}
	object.add("op", c.Op.Kind())
	attributes, _ := ir.Attributes(c.Op)
	for _, a := range attributes {
		if !a.IsDefault() {
			object.add(a.Name, a.Value)
		}
	}
	for i, o := range c.Op.Traits().Operands.Names() {
		switch {
		case o.List:
			object.add(o.Name, c.Operands)
		case i < len(c.Operands):
			object.add(o.Name, c.Operands[i])
		}
	}
	if c.Expect != nil {
		object.add("expect", *c.Expect)
	}
	if c.Error != "" {
		object.add("error", c.Error)
	}
	if c.RandomSigns {
		object.add("random_signs", true)
	}
	return object.end()
}

// object is a JSON object that is written field by field.
type object struct {
	text []byte
	err  error
}

func (o *object) add(name string, value any) {
	text, err := json.Marshal(encoded(value))
	o.err = errors.Join(o.err, err)
	if len(o.text) > 0 {
		o.text = append(o.text, ',')
	}
	o.text = append(append(o.text, `"`+name+`":`...), text...)
}

func (o *object) end() ([]byte, error) {
	return append(append([]byte("{"), o.text...), '}'), o.err
}

// encoded returns a value in the form that decode reads.
func encoded(value any) any {
	switch v := value.(type) {
	case *float32:
		return Number(*v)
	case *[]float32:
		return encoded(tensor.Tensor{Shape: []int{len(*v)}, Data: *v})
	case *ir.Sides:
		return [2][2]int{{v.Top, v.Bottom}, {v.Left, v.Right}}
	case *ir.Padding:
		if v.Kind == ir.Explicit {
			return encoded(&ir.Sides{Top: v.Top, Bottom: v.Bottom, Left: v.Left, Right: v.Right})
		}
		return v.Kind.String()
	case tensor.Tensor:
		data := make([]Number, len(v.Data))
		for i, x := range v.Data {
			data[i] = Number(x)
		}
		return struct {
			Shape []int    `json:"shape"`
			Data  []Number `json:"data"`
		}{append([]int{}, v.Shape...), data}
	case graph.Weights:
		tensors := make(map[string]any, len(v))
		for name, x := range v {
			tensors[name] = encoded(x)
		}
		return tensors
	case []tensor.Tensor:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = encoded(x)
		}
		return list
	}
	return value
}
