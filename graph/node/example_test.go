package node_test

import (
	"fmt"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/node"
)

// A pool in a graph that was built by hand. An operation without a TensorFlow kernel
// is an error, after which the scope can still be used.
func ExampleMaxPool() {
	root := tfgo.NewRoot()
	images := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 427, 640, 3)))
	_, err := node.MaxPool(root, images, node.PoolOptions{Size: [4]int{2, 2, 2, 1}})
	fmt.Println(err)
	pooled, err := node.MaxPool(root, images, node.PoolOptions{Size: [4]int{1, 2, 2, 1}})
	fmt.Println(pooled.Shape(), err)
	// Output:
	// node: max_pool "max_pool": size [2 2 2 1]: factor 2 on batch, want 1: windows move over height and width only, TensorFlow has no kernel for more
	// [?, 213, 320, 3] <nil>
}
