package proof

import (
	"reflect"
	"testing"

	"tfcnn/internal/ir"
)

// Every operation can be drawn, and every attribute of one has a field in a case
// file.
func TestEveryOperationHasCases(t *testing.T) {
	for _, op := range ir.Operations() {
		if _, found := drawing(op.Kind()); !found {
			t.Errorf("%s cannot be drawn", op.Kind())
		}
		own, found := attributes[op.Kind()]
		if has := reflect.TypeOf(op).Size() > 0; has != found || found && own.resolve == nil {
			t.Errorf("%s has attributes: %v, fields for them: %v", op.Kind(), has, found)
		}
		if operations[op.Kind()].operands == nil {
			t.Errorf("%s has operands of no field", op.Kind())
		}
	}
	for kind := range draws {
		if _, found := operations[kind]; !found {
			t.Errorf("%s is drawn and is no operation", kind)
		}
	}
	for kind := range attributes {
		if _, found := operations[kind]; !found {
			t.Errorf("%s has attributes and is no operation", kind)
		}
	}
}
