package proof

import (
	"encoding/json"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// MarshalJSON writes the case as a case file holds it. Numbers read back to the
// bit, but for NaN, of which there is one.
func (c Case) MarshalJSON() ([]byte, error) {
	form := caseJSON{
		Name: c.Name, Op: c.Op, Error: c.Error, Method: c.Method,
		Bias: form(c.Bias), Scale: form(c.Scale), Offset: form(c.Offset), Mean: form(c.Mean), Variance: form(c.Variance),
		Shift: form(c.Shift), Expect: form(c.Expect),
		Size: c.Size, Strides: c.Strides, Dilations: c.Dilations, OutputSize: c.OutputSize,
		Groups: c.Groups, DepthRadius: c.DepthRadius,
		LRNBias: formNumber(c.LRNBias), Alpha: formNumber(c.Alpha), Beta: formNumber(c.Beta), Epsilon: formNumber(c.Epsilon),
	}
	known := operations[c.Op]
	if slices.Contains(known.need, "input") {
		form.Input = formOf(c.Input)
	}
	if slices.Contains(known.need, "inputs") {
		list := []*tensorForm{}
		for _, x := range c.Inputs {
			list = append(list, formOf(x))
		}
		form.Inputs = &list
	}
	if slices.Contains(known.need, "filter") {
		form.Filter = formOf(c.Filter)
	}
	switch {
	case c.Padding.Kind == ir.Same:
		form.Padding = "SAME"
	case c.Padding.Kind == ir.Explicit:
		form.Padding = [2][2]int{{c.Padding.Top, c.Padding.Bottom}, {c.Padding.Left, c.Padding.Right}}
	}
	return json.Marshal(form)
}

type caseJSON struct {
	Name        string         `json:"name,omitempty"`
	Op          string         `json:"op"`
	Size        *[2]int        `json:"size,omitempty"`
	Strides     *[2]int        `json:"strides,omitempty"`
	Dilations   *[2]int        `json:"dilations,omitempty"`
	Padding     any            `json:"padding,omitempty"`
	Groups      *int           `json:"groups,omitempty"`
	OutputSize  *[2]int        `json:"output_size,omitempty"`
	Method      string         `json:"method,omitempty"`
	DepthRadius *int           `json:"depth_radius,omitempty"`
	LRNBias     *Number        `json:"lrn_bias,omitempty"`
	Alpha       *Number        `json:"alpha,omitempty"`
	Beta        *Number        `json:"beta,omitempty"`
	Epsilon     *Number        `json:"epsilon,omitempty"`
	Input       *tensorForm    `json:"input,omitempty"`
	Inputs      *[]*tensorForm `json:"inputs,omitempty"`
	Filter      *tensorForm    `json:"filter,omitempty"`
	Bias        *tensorForm    `json:"bias,omitempty"`
	Scale       *tensorForm    `json:"scale,omitempty"`
	Offset      *tensorForm    `json:"offset,omitempty"`
	Mean        *tensorForm    `json:"mean,omitempty"`
	Variance    *tensorForm    `json:"variance,omitempty"`
	Shift       *tensorForm    `json:"shift,omitempty"`
	Expect      *tensorForm    `json:"expect,omitempty"`
	Error       string         `json:"error,omitempty"`
}

type tensorForm struct {
	Shape []int    `json:"shape"`
	Data  []Number `json:"data"`
}

func formOf(t tensor.Tensor) *tensorForm {
	f := &tensorForm{Shape: t.Shape, Data: make([]Number, len(t.Data))}
	if f.Shape == nil {
		f.Shape = []int{}
	}
	for i, x := range t.Data {
		f.Data[i] = Number(x)
	}
	return f
}

func form(t *tensor.Tensor) *tensorForm {
	if t == nil {
		return nil
	}
	return formOf(*t)
}

func formNumber(x *float32) *Number {
	if x == nil {
		return nil
	}
	n := Number(*x)
	return &n
}
