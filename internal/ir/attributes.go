package ir

import "reflect"

// Attribute is an attribute of an operation, as case files spell it.
type Attribute struct {
	Name string
	// Value points to the attribute: *int, *[2]int, *float32, *string, *Padding,
	// *Sides or *[]float32.
	Value any
	// Default points to the value of an attribute that is left out; nil where the
	// attribute must be given.
	Default any
	// Words are the texts that the operation knows, where Value is a *string.
	Words []string
}

// IsDefault reports whether the attribute may be left out as it is.
func (a Attribute) IsDefault() bool {
	return a.Default != nil && reflect.DeepEqual(a.Value, a.Default)
}

// Reset sets the attribute to its default.
func (a Attribute) Reset() {
	reflect.ValueOf(a.Value).Elem().Set(reflect.ValueOf(a.Default).Elem())
}

// configurable is a pointer to an operation with attributes. Every operation that
// is a struct with fields lists them beside its type.
type configurable interface {
	attributes() []Attribute
}

// Attributes returns the attributes of a copy of op, and a function that returns
// the copy with what was set until then.
//
//	attributes, edited := ir.Attributes(op)
//	*attributes[0].Value.(*[2]int) = [2]int{2, 2}
//	op = edited()
func Attributes(op Op) (attributes []Attribute, edited func() Op) {
	pointer := reflect.New(reflect.TypeOf(op))
	pointer.Elem().Set(reflect.ValueOf(op))
	if c, is := pointer.Interface().(configurable); is {
		attributes = c.attributes()
	}
	return attributes, func() Op { return pointer.Elem().Interface().(Op) }
}

// Operand is an operand of an operation, as case files spell it.
type Operand struct {
	Name string
	// Optional is a last operand that may be left out.
	Optional bool
	// List stands for all operands.
	List bool
}

var operandNames = [...][]Operand{
	OneInput:       {{Name: "input"}},
	FilterAndBias:  {{Name: "input"}, {Name: "filter"}, {Name: "bias", Optional: true}},
	ChannelNumbers: {{Name: "input"}, {Name: "scale"}, {Name: "offset"}, {Name: "mean"}, {Name: "variance"}},
	ManyInputs:     {{Name: "inputs", List: true}},
}

// Names returns the operands in their order.
func (o Operands) Names() []Operand { return operandNames[o] }

// Sides are rows and columns on the four sides of an image.
type Sides struct{ Top, Bottom, Left, Right int }

// one is the default of strides and dilations.
var one = [2]int{1, 1}
