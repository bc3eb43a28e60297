package proof

import (
	"reflect"
	"testing"

	"tfcnn/internal/ir"
)

// Every operation that has attributes has fields for them in a case file, and no
// other has.
func TestEveryOperationHasCases(t *testing.T) {
	for _, op := range ir.Operations() {
		own, found := attributes[op.Kind()]
		if has := reflect.TypeOf(op).Size() > 0; has != found || found && own.resolve == nil {
			t.Errorf("%s has attributes: %v, fields for them: %v", op.Kind(), has, found)
		}
		if operations[op.Kind()].operands == nil {
			t.Errorf("%s has operands of no field", op.Kind())
		}
	}
	for kind := range attributes {
		if _, found := operations[kind]; !found {
			t.Errorf("%s has attributes and is no operation", kind)
		}
	}
}
