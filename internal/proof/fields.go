package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// readers read each field's JSON into its place in the case.
func (c *Case) readers() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"name": text(&c.Name), "op": text(&c.Op), "error": text(&c.Error), "method": method(&c.Method),
		"input": (*tensorJSON)(&c.Input).UnmarshalJSON, "filter": (*tensorJSON)(&c.Filter).UnmarshalJSON,
		"inputs": list(&c.Inputs),
		"bias":   optionalTensor(&c.Bias), "expect": optionalTensor(&c.Expect),
		"scale": optionalTensor(&c.Scale), "offset": optionalTensor(&c.Offset),
		"mean": optionalTensor(&c.Mean), "variance": optionalTensor(&c.Variance), "shift": optionalTensor(&c.Shift),
		"size": pair(&c.Size), "strides": pair(&c.Strides), "dilations": pair(&c.Dilations), "output_size": pair(&c.OutputSize),
		"groups": whole(&c.Groups), "depth_radius": whole(&c.DepthRadius),
		"lrn_bias": number(&c.LRNBias), "alpha": number(&c.Alpha), "beta": number(&c.Beta), "epsilon": number(&c.Epsilon),
		"padding": (*paddingJSON)(&c.Padding).UnmarshalJSON,
	}
}

func text(place *string) func([]byte) error {
	return func(raw []byte) error {
		if raw[0] != '"' {
			return fmt.Errorf("want a string, got %s", strict.Excerpt(raw))
		}
		return json.Unmarshal(raw, place)
	}
}

// method leaves a word that is none of the methods as it is, as the operation
// refuses it, which a case may expect.
func method(place *string) func([]byte) error {
	return func(raw []byte) error {
		err := text(place)(raw)
		if known, unknown := strict.Choice("method", *place, []string{ir.Nearest, ir.Bilinear}); unknown == nil {
			*place = known
		}
		return err
	}
}

func optionalTensor(place **tensor.Tensor) func([]byte) error {
	return func(raw []byte) error {
		var t tensorJSON
		if err := t.UnmarshalJSON(raw); err != nil {
			return err
		}
		*place = (*tensor.Tensor)(&t)
		return nil
	}
}

func list(place *[]tensor.Tensor) func([]byte) error {
	return func(raw []byte) error {
		var parts []json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil || parts == nil {
			return fmt.Errorf("want a list, got %s", strict.Excerpt(raw))
		}
		*place = make([]tensor.Tensor, len(parts))
		for i, part := range parts {
			if err := (*tensorJSON)(&(*place)[i]).UnmarshalJSON(part); err != nil {
				return fmt.Errorf("tensor %d: %w", i+1, err)
			}
		}
		return nil
	}
}

func pair(place **[2]int) func([]byte) error {
	return func(raw []byte) error {
		numbers, err := strict.Ints(raw, math.MinInt, math.MaxInt)
		if err != nil || len(numbers) != 2 {
			return fmt.Errorf("want [vertical, horizontal], got %s", strict.Excerpt(raw))
		}
		*place = (*[2]int)(numbers)
		return nil
	}
}

func whole(place **int) func([]byte) error {
	return func(raw []byte) error {
		n, err := strict.Int(raw, math.MinInt, math.MaxInt)
		if err != nil {
			return fmt.Errorf("want a whole number, got %s", strict.Excerpt(raw))
		}
		*place = &n
		return nil
	}
}

func number(place **float32) func([]byte) error {
	return func(raw []byte) error {
		var n Number
		if err := n.UnmarshalJSON(raw); err != nil {
			return err
		}
		x := float32(n)
		if math.IsInf(float64(x), 0) && finite(float64(n)) {
			return fmt.Errorf("%v is beyond float32's range", n)
		}
		*place = &x
		return nil
	}
}

// tensorJSON is {"shape": […], "data": […]}, the data flat.
type tensorJSON tensor.Tensor

func (t *tensorJSON) UnmarshalJSON(text []byte) error {
	fields, err := strict.Object(text)
	if err != nil {
		return err
	}
	for _, f := range fields {
		switch f.Name {
		case "shape":
			if t.Shape, err = strict.Ints(f.Value, math.MinInt, math.MaxInt); err != nil {
				return fmt.Errorf("shape: want whole numbers, got %s", strict.Excerpt(f.Value))
			}
		case "data":
			var numbers []Number
			err := json.Unmarshal(f.Value, &numbers)
			if list := new(json.UnmarshalTypeError); errors.As(err, &list) {
				err = fmt.Errorf("want a list of numbers, got %s", strict.Excerpt(f.Value))
			}
			if err != nil {
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
			return strict.Unknown("field", f.Name, []string{"shape", "data"})
		}
	}
	if t.Shape == nil || t.Data == nil {
		return errors.New(`want an object with "shape" and "data"`)
	}
	return nil
}

// paddingJSON is "SAME", "VALID" or [[top,bottom],[left,right]].
type paddingJSON ir.Padding

func (p *paddingJSON) UnmarshalJSON(text []byte) error {
	if word, err := strict.String(text); err == nil {
		if padding, err := graph.ParsePadding(word); err == nil {
			*p = paddingJSON{Kind: ir.PaddingKind(padding.Kind), Top: padding.Top, Bottom: padding.Bottom, Left: padding.Left, Right: padding.Right}
			return nil
		}
	}
	wrong := fmt.Errorf(`want "SAME", "VALID" or [[top,bottom],[left,right]], got %s`, strict.Excerpt(text))
	rows, err := strict.List(text)
	if err != nil || len(rows) != 2 {
		return wrong
	}
	var sides []int
	for _, row := range rows {
		pair, err := strict.Ints(row, math.MinInt, math.MaxInt)
		if err != nil || len(pair) != 2 {
			return wrong
		}
		sides = append(sides, pair...)
	}
	*p = paddingJSON{Kind: ir.Explicit, Top: sides[0], Bottom: sides[1], Left: sides[2], Right: sides[3]}
	return nil
}
