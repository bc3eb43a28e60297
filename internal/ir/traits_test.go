package ir_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/internal/ir"
)

// Every type of this package with a Kind is one of the operations.
func TestOperationsAreAll(t *testing.T) {
	noTests := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), ".", noTests, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range packages["ir"].Files {
		for _, d := range file.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Recv != nil && f.Name.Name == "Kind" {
				want = append(want, f.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	var got, kinds []string
	for _, op := range ir.Operations() {
		got, kinds = append(got, reflect.TypeOf(op).Name()), append(kinds, op.Kind())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Operations has %v, the package %v", got, want)
	}
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); len(kinds) != len(got) {
		t.Errorf("two operations are of one kind: %v", kinds)
	}
}

// Every operation states all facts, and no two facts contradict each other.
func TestTraitsAreStated(t *testing.T) {
	families := []ir.Family{ir.Convolution, ir.FullyConnected, ir.Pooling, ir.Normalization, ir.Activation, ir.Reshaping, ir.Merging}
	for _, op := range ir.Operations() {
		traits := op.Traits()
		if !slices.Contains(families, traits.Family) {
			t.Errorf("%s: family %q", op.Kind(), traits.Family)
		}
		for name, value := range map[string][2]int{
			"operands": {int(traits.Operands), int(ir.ManyInputs)},
			"output":   {int(traits.Output), int(ir.SameBuffer)},
			"saved":    {int(traits.Saved), int(ir.SavesBoth)},
			"reads":    {int(traits.Reads), int(ir.NeighbourPixels)},
		} {
			if value[0] < 1 || value[0] > value[1] {
				t.Errorf("%s: %s is %d, want 1 to %d", op.Kind(), name, value[0], value[1])
			}
		}
		_, is := op.(ir.Windowed)
		if slides := traits.Reads == ir.SlidingWindow || traits.Reads == ir.TransposedWindow; is != slides {
			t.Errorf("%s: has a window: %v, its traits say %v", op.Kind(), is, slides)
		}
		if traits.Elementwise && (traits.Operands != ir.OneInput || traits.Reads != ir.SamePosition) {
			t.Errorf("%s is elementwise and reads more than one number", op.Kind())
		}
		if traits.Output == ir.SameBuffer && !traits.NoArithmetic {
			t.Errorf("%s hands its input on and is not free", op.Kind())
		}
	}
}
