package operations

import (
	"math"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/nodes"
)

// Where TensorFlow has two nodes for an operation, their outputs are compared number by
// number: another kernel than the one that a network gets is held as well.
func TestTwoNodesAreCompared(t *testing.T) {
	b, err := NewBackend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Tensor{Shape: []int{1, 4}, Data: []float32{1, 2, -3, 4}}
	build := nodes.Operation
	defer func() { nodes.Operation = build }()
	for _, tt := range []struct {
		name  string
		other func(*op.Scope, tf.Output) tf.Output
		want  string // "" none
	}{
		{"the same numbers", func(s *op.Scope, y tf.Output) tf.Output { return op.Identity(s, y) }, ""},
		{"no negative number", func(s *op.Scope, y tf.Output) tf.Output { return op.Relu(s, y) }, "operations: identity: TensorFlow's Identity and Relu differ at number 2"},
		{"the other sign", func(s *op.Scope, y tf.Output) tf.Output { return op.Neg(s, y) }, "operations: identity: TensorFlow's Identity and Neg differ at number 0"},
	} {
		nodes.Operation = func(s *op.Scope, o ir.Op, oneDNN bool, shapes ...[]int) (inputs, outputs []tf.Output, err error) {
			if inputs, outputs, err = build(s, o, oneDNN, shapes...); err == nil {
				outputs = append(outputs, tt.other(s.SubScope("other"), outputs[0]))
			}
			return inputs, outputs, err
		}
		y, err := b.Apply(t.Context(), ir.Identity{}, x)
		if tt.want == "" {
			if same, _ := tensor.Equal(x, y); err != nil || !same {
				t.Errorf("%s: %v, %v", tt.name, y, err)
			}
		} else if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// One kernel may read subnormal numbers as zero; all other numbers have to be equal.
func TestEqualButSubnormals(t *testing.T) {
	nan := float32(math.NaN())
	row := func(data ...float32) tensor.Tensor { return tensor.Tensor{Shape: []int{len(data)}, Data: data} }
	for _, tt := range []struct {
		a, b tensor.Tensor
		same bool
	}{
		{row(1, 1e-40, nan), row(1, 0, nan), true},
		{row(0, -1e-40), row(1e-41, 0x1.fffffcp-127), true},
		{row(0x1p-126), row(0), false},
		{row(0), row(-0x1p-126), false},
		{row(1, 2), row(1, 3), false},
		{row(nan), row(1), false},
		{row(1e-40, 1), row(1e-40), false},
		{row(1e-40), row(0, 1), false},
	} {
		if same, _ := equalButSubnormals(tt.a, tt.b); same != tt.same {
			t.Errorf("%v and %v: equal %v", tt.a, tt.b, same)
		}
	}
}

// A finished run is on the device that was asked for, and operands that do not fit are
// refused.
func TestApplyRefuses(t *testing.T) {
	b, err := NewBackend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(t.Context(), ir.ReLU{}, tensor.Tensor{Shape: []int{2}, Data: []float32{1}}); err == nil || !strings.HasPrefix(err.Error(), "operations: relu: operand 0: ") {
		t.Errorf("a tensor that lacks a number: %v", err)
	}
	if _, err := b.Apply(t.Context(), ir.Softmax{}, tensor.Tensor{Shape: []int{1}, Data: []float32{1}}); err == nil || !strings.HasPrefix(err.Error(), "operations: ") {
		t.Errorf("a shape that does not fit: %v", err)
	}
}
