package node

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph"
	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
	"tfcnn/internal/quote"
)

// Conv2DOptions has the attributes of a Conv2D. Strides and Dilations are
// TensorFlow's four numbers: batch, height, width, channels.
type Conv2DOptions struct {
	Name      string // of the nodes' scope; default "conv2d"
	Strides   [4]int // all zero: 1, 1, 1, 1
	Dilations [4]int // all zero: 1, 1, 1, 1
	Padding   graph.Padding
	Groups    int // default 1
}

// PoolOptions has the attributes of a pool. Size and Strides are TensorFlow's four
// numbers: batch, height, width, channels.
type PoolOptions struct {
	Name    string // of the nodes' scope; default "max_pool" or "avg_pool"
	Size    [4]int
	Strides [4]int // all zero: Size
	Padding graph.Padding
}

// Conv2D adds TensorFlow's Conv2D to a scope: input [N,H,W,C], filter
// [height, width, C/groups, filters], output [N,H',W',filters]. H, W, C and
// the filter's shape must be static; N may be unknown. Both are float, half,
// bfloat16 or double, of one type. After an error the scope is as it was.
func Conv2D(scope *op.Scope, input, filter tf.Output, o Conv2DOptions) (tf.Output, error) {
	o.Name = withDefault(o.Name, "conv2d")
	fail := refusal("conv2d", o.Name)
	strides, err := spatial("strides", o.Strides, [4]int{1, 1, 1, 1})
	if err != nil {
		return fail(err)
	}
	dilations, err := spatial("dilations", o.Dilations, [4]int{1, 1, 1, 1})
	if err != nil {
		return fail(err)
	}
	if o.Groups == 0 {
		o.Groups = 1
	}
	operation := ir.Conv2D{Strides: strides, Dilations: dilations, Padding: paddingOf(o.Padding), Groups: o.Groups}
	y, err := addChecked(scope, o.Name, operation, input, filter)
	if err != nil {
		return fail(err)
	}
	return y, nil
}

// MaxPool adds TensorFlow's MaxPool to a scope: input [N,H,W,C], output
// [N,H',W',C]. H, W and C must be static; N may be unknown. After an error
// the scope is as it was.
func MaxPool(scope *op.Scope, input tf.Output, o PoolOptions) (tf.Output, error) {
	o.Name = withDefault(o.Name, "max_pool")
	fail := refusal("max_pool", o.Name)
	p, err := o.pool()
	if err != nil {
		return fail(err)
	}
	y, err := addChecked(scope, o.Name, ir.MaxPool{Pool: p}, input)
	if err != nil {
		return fail(err)
	}
	return y, nil
}

// AvgPool is MaxPool with the mean of each window. Padding is never counted.
// Explicit padding, which TensorFlow's AvgPool does not have, is made of other nodes.
func AvgPool(scope *op.Scope, input tf.Output, o PoolOptions) (tf.Output, error) {
	o.Name = withDefault(o.Name, "avg_pool")
	fail := refusal("avg_pool", o.Name)
	p, err := o.pool()
	if err != nil {
		return fail(err)
	}
	y, err := addChecked(scope, o.Name, ir.AvgPool{Pool: p}, input)
	if err != nil {
		return fail(err)
	}
	return y, nil
}

func (o PoolOptions) pool() (ir.Pool, error) {
	size, err := spatial("size", o.Size, [4]int{})
	if err != nil {
		return ir.Pool{}, err
	}
	strides, err := spatial("strides", o.Strides, o.Size)
	if err != nil {
		return ir.Pool{}, err
	}
	return ir.Pool{Size: size, Strides: strides, Padding: paddingOf(o.Padding)}, nil
}

func withDefault(name, standard string) string {
	if name == "" {
		return standard
	}
	return name
}

func refusal(kind, name string) func(error) (tf.Output, error) {
	return func(err error) (tf.Output, error) {
		return tf.Output{}, fmt.Errorf("node: %s %s: %w", kind, quote.Name(name), err)
	}
}

// spatial returns height and width of TensorFlow's four numbers.
func spatial(what string, four, standard [4]int) ([2]int, error) {
	if four == ([4]int{}) {
		four = standard
	}
	for _, axis := range []int{0, 3} {
		if four[axis] != 1 {
			name := map[int]string{0: "batch", 3: "channels"}[axis]
			return [2]int{}, fmt.Errorf("%s %v: factor %d on %s, want 1: windows move over height and width only, TensorFlow has no kernel for more", what, four, four[axis], name)
		}
	}
	return [2]int{four[1], four[2]}, nil
}

// addChecked checks the operands, adds the nodes to a temporary graph, and then to the
// scope.
func addChecked(scope *op.Scope, name string, o ir.Op, operands ...tf.Output) (y tf.Output, err error) {
	defer recovered(&err)
	if scope == nil {
		return tf.Output{}, errors.New("scope is nil")
	}
	if err := scope.Err(); err != nil {
		return tf.Output{}, fmt.Errorf("scope holds an earlier error: %w", firstLine(err))
	}
	if !graph.ValidName(name) {
		return tf.Output{}, errors.New("name has a character that TensorFlow does not take, want letters, digits, '_', '-' and '.'")
	}
	shapes := make([][]int, len(operands))
	for i, operand := range operands {
		what := []string{"input", "filter"}[i]
		if operand.Op == nil {
			return tf.Output{}, fmt.Errorf("%s is the output of no node", what)
		}
		if n := operand.Op.NumOutputs(); operand.Index < 0 || operand.Index >= n {
			return tf.Output{}, fmt.Errorf("%s is output %d of a node that has %d", what, operand.Index, n)
		}
		if !inGraph(scope, operand) {
			return tf.Output{}, fmt.Errorf("%s is a node of another graph than the scope's", what)
		}
		shape, err := staticShape(operand)
		if err != nil {
			return tf.Output{}, fmt.Errorf("%s %w", what, err)
		}
		shapes[i] = shape
		if dtype := operand.DataType(); !slices.Contains([]tf.DataType{tf.Float, tf.Half, tf.Bfloat16, tf.Double}, dtype) {
			return tf.Output{}, fmt.Errorf("%s has TensorFlow's type %d, want float, half, bfloat16 or double", what, dtype)
		} else if first := operands[0].DataType(); dtype != first {
			return tf.Output{}, fmt.Errorf("%s has TensorFlow's type %d, the input %d, want one type", what, dtype, first)
		}
	}
	if _, err := o.Shape(shapes...); err != nil {
		return tf.Output{}, err
	}
	if err := dryRun(o, shapes, operands); err != nil {
		return tf.Output{}, err
	}
	y, err = add(o, arguments{scope.SubScope(name), shapes, operands, handBuilt()})
	if err == nil {
		err = firstLine(scope.Err())
	}
	return y, err
}

// handBuilt returns the kernels for a graph whose device is not known here. It assumes
// a CPU, whose kernels refuse some fused nodes.
func handBuilt() kernels {
	on, _ := capi.OneDNN()
	return kernels{oneDNN: on, fed: true}
}

// inGraph reports whether an output belongs to the scope's graph, which TensorFlow
// does not check. Both have the graph in a private field; where the bindings have
// other fields, inGraph returns true.
func inGraph(scope *op.Scope, x tf.Output) bool {
	ours := reflect.ValueOf(scope).Elem().FieldByName("graph")
	its := reflect.ValueOf(x.Op).Elem().FieldByName("g")
	if !ours.IsValid() || !its.IsValid() {
		return true
	}
	return ours.Pointer() == its.Pointer()
}

// dryRun adds the nodes to a temporary graph, so that a node which TensorFlow refuses
// does not change the caller's scope.
func dryRun(o ir.Op, shapes [][]int, operands []tf.Output) error {
	scratch := tfgo.NewRoot()
	placeholders := make([]tf.Output, len(operands))
	for i, operand := range operands {
		placeholders[i] = placeholder(scratch, fmt.Sprint("operand", i), operand.DataType(), shapes[i])
	}
	if _, err := add(o, arguments{scratch, shapes, placeholders, handBuilt()}); err != nil {
		return err
	}
	// After an error, the bindings' finalizer frees the graph.
	finished, err := scratch.Finalize()
	if err != nil {
		return firstLine(err)
	}
	capi.FreeGraph(finished)
	return nil
}

// staticShape returns the shape that TensorFlow has inferred. Only the batch, the
// first axis, may be unknown.
func staticShape(x tf.Output) ([]int, error) {
	inferred := x.Shape()
	if inferred.NumDimensions() < 0 {
		return nil, errors.New("has a shape of unknown rank, want a static one")
	}
	shape := make([]int, inferred.NumDimensions())
	for i := range shape {
		shape[i] = int(inferred.Size(i))
		if shape[i] < 0 && i > 0 {
			return nil, fmt.Errorf("has the shape %v, want static sizes but for the batch", inferred)
		}
	}
	return shape, nil
}
