package ir_test

import (
	"reflect"
	"testing"

	"tfcnn/internal/ir"
)

// Every operation names its operands, and each field of an operation belongs to an
// attribute, whose default has its type.
func TestEveryFieldIsAnAttribute(t *testing.T) {
	for _, op := range ir.Operations() {
		if len(op.Traits().Operands.Names()) == 0 {
			t.Errorf("%s: operands have no names", op.Kind())
		}
		attributes, edited := ir.Attributes(op)
		next := 100
		for _, a := range attributes {
			leaves(reflect.ValueOf(a.Value).Elem(), func(v reflect.Value) {
				next++ // no value is the default of another attribute
				switch v.Kind() {
				case reflect.Int:
					v.SetInt(int64(next))
				case reflect.Float32:
					v.SetFloat(float64(next))
				case reflect.String:
					v.SetString("other")
				case reflect.Slice:
					v.Set(reflect.MakeSlice(v.Type(), 1, 1))
				default:
					t.Errorf("%s: %s is a %s", op.Kind(), a.Name, v.Type())
				}
			})
		}
		pointer := reflect.New(reflect.TypeOf(op)).Elem()
		pointer.Set(reflect.ValueOf(edited()))
		leaves(pointer, func(v reflect.Value) {
			if v.IsZero() {
				t.Errorf("%s: a field of type %s belongs to no attribute", op.Kind(), v.Type())
			}
		})
		for _, a := range attributes {
			if a.Default == nil {
				continue
			}
			if a.IsDefault() {
				t.Errorf("%s: %s is set and is its default", op.Kind(), a.Name)
			}
			if a.Reset(); !a.IsDefault() {
				t.Errorf("%s: %s is reset and not its default", op.Kind(), a.Name)
			}
		}
	}
}

// leaves calls visit with each number, text and list of a value.
func leaves(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), visit)
		}
	case reflect.Array:
		for i := range v.Len() {
			leaves(v.Index(i), visit)
		}
	default:
		visit(v)
	}
}
