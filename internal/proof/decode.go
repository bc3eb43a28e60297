package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// decode reads a field's JSON into the value that into points to. A text is read
// as the word that it is in upper or lower case, where there are words: a text that
// is none of them is left as it is, as the operation refuses it, which a case may
// expect.
func decode(raw []byte, into any, words []string) (err error) {
	switch value := into.(type) {
	case *string:
		if *value, err = strict.String(raw); err != nil {
			return fmt.Errorf("want a string, got %s", strict.Excerpt(raw))
		}
		if word, err := strict.Choice("", *value, words); err == nil {
			*value = word
		}
	case *bool:
		if *value = string(raw) == "true"; !*value && string(raw) != "false" {
			return fmt.Errorf("want true or false, got %s", strict.Excerpt(raw))
		}
	case *int:
		if *value, err = strict.Int(raw, math.MinInt, math.MaxInt); err != nil {
			return fmt.Errorf("want a whole number, got %s", strict.Excerpt(raw))
		}
	case *[2]int:
		numbers, err := strict.Ints(raw, math.MinInt, math.MaxInt)
		if err != nil || len(numbers) != 2 {
			return fmt.Errorf("want [vertical, horizontal], got %s", strict.Excerpt(raw))
		}
		*value = [2]int(numbers)
	case *float32:
		var n Number
		if err := n.UnmarshalJSON(raw); err != nil {
			return err
		}
		if *value, err = n.float32(); err != nil {
			return err
		}
	case *[]float32:
		var t tensor.Tensor
		if err := decodeTensor(raw, &t); err != nil {
			return err
		}
		if len(t.Shape) != 1 || t.Check() != nil {
			return fmt.Errorf("want one axis, as [3], and as many numbers, got %s and %d", tensor.FormatShape(t.Shape), len(t.Data))
		}
		*value = t.Data
	case *ir.Sides:
		if *value, err = decodeSides(raw); err != nil {
			return fmt.Errorf("want [[top,bottom],[left,right]], got %s", strict.Excerpt(raw))
		}
	case *ir.Padding:
		*value, err = decodePadding(raw)
		return err
	case *tensor.Tensor:
		return decodeTensor(raw, value)
	case *[]tensor.Tensor:
		list, err := strict.List(raw)
		if err != nil {
			return fmt.Errorf("want a list, got %s", strict.Excerpt(raw))
		}
		*value = make([]tensor.Tensor, len(list))
		for i, item := range list {
			if err := decodeTensor(item, &(*value)[i]); err != nil {
				return fmt.Errorf("tensor %d: %w", i+1, err)
			}
		}
	case *graph.Network:
		return value.UnmarshalJSON(raw)
	case *graph.Weights:
		fields, err := strict.Object(raw)
		if err != nil {
			return err
		}
		*value = make(graph.Weights, len(fields))
		for _, f := range fields {
			var t tensor.Tensor
			if err := decodeTensor(f.Value, &t); err != nil {
				return fmt.Errorf("%s: %w", quote.Name(f.Name), err)
			}
			(*value)[f.Name] = t
		}
	default:
		return fmt.Errorf("a %T has no JSON form in case files", into)
	}
	return nil
}

// decodeTensor reads {"shape": […], "data": […]}, the data flat.
func decodeTensor(text []byte, t *tensor.Tensor) error {
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
				if t.Data[i], err = x.float32(); err != nil {
					return fmt.Errorf("data: number %d: %w", i, err)
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

// decodePadding reads "SAME", "VALID" or [[top,bottom],[left,right]].
func decodePadding(text []byte) (ir.Padding, error) {
	if word, err := strict.String(text); err == nil {
		if padding, err := graph.ParsePadding(word); err == nil {
			return ir.Padding{Kind: ir.PaddingKind(padding.Kind), Top: padding.Top, Bottom: padding.Bottom, Left: padding.Left, Right: padding.Right}, nil
		}
	}
	sides, err := decodeSides(text)
	if err != nil {
		return ir.Padding{}, fmt.Errorf(`want "SAME", "VALID" or [[top,bottom],[left,right]], got %s`, strict.Excerpt(text))
	}
	return ir.Padding{Kind: ir.Explicit, Top: sides.Top, Bottom: sides.Bottom, Left: sides.Left, Right: sides.Right}, nil
}

// decodeSides reads [[top,bottom],[left,right]].
func decodeSides(text []byte) (ir.Sides, error) {
	axes, err := strict.List(text)
	if err != nil || len(axes) != 2 {
		return ir.Sides{}, errNoSides
	}
	var sides [2][2]int
	for i, axis := range axes {
		if err := decode(axis, &sides[i], nil); err != nil {
			return ir.Sides{}, errNoSides
		}
	}
	return ir.Sides{Top: sides[0][0], Bottom: sides[0][1], Left: sides[1][0], Right: sides[1][1]}, nil
}

var errNoSides = errors.New("want two pairs of numbers")
