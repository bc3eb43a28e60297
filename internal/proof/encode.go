package proof

import (
	"encoding/json"
	"errors"

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
	object := []byte("{")
	var failed error
	add := func(name string, value any) {
		text, err := json.Marshal(encoded(value))
		failed = errors.Join(failed, err)
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(object, `"`+name+`":`...), text...)
	}
	if c.Name != "" {
		add("name", c.Name)
	}
	add("op", c.Op.Kind())
	attributes, _ := ir.Attributes(c.Op)
	for _, a := range attributes {
		if !a.IsDefault() {
			add(a.Name, a.Value)
		}
	}
	for i, o := range c.Op.Traits().Operands.Names() {
		switch {
		case o.List:
			add(o.Name, c.Operands)
		case i < len(c.Operands):
			add(o.Name, c.Operands[i])
		}
	}
	if c.Expect != nil {
		add("expect", *c.Expect)
	}
	if c.Error != "" {
		add("error", c.Error)
	}
	if c.RandomSigns {
		add("random_signs", true)
	}
	return append(object, '}'), failed
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
	case []tensor.Tensor:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = encoded(x)
		}
		return list
	}
	return value
}
