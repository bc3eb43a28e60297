package graphs_test

import (
	"context"
	"fmt"
	"log"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/session/graphs"
)

// The largest number of each 2×2 window, by a graph built with tfgo.
func Example() {
	root := tfgo.NewRoot()
	images := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 4, 4, 1)))
	pooled, err := node.MaxPool(root, images, node.PoolOptions{Size: [4]int{1, 2, 2, 1}})
	if err != nil {
		log.Fatal(err)
	}
	s, err := graphs.Open(root, graphs.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	pool, err := s.Function(graphs.Signature{
		Feeds:   map[string]tf.Output{"images": images},
		Fetches: map[string]tf.Output{"pooled": pooled},
	})
	if err != nil {
		log.Fatal(err)
	}
	batch := tensor.Tensor{Shape: []int{1, 4, 4, 1}, Data: []float32{
		1, 2, 3, 4,
		5, 6, 7, 8,
		0, 0, 1, 1,
		0, 4, 1, 1,
	}}
	out, err := pool.Run(context.Background(), map[string]tensor.Tensor{"images": batch})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out["pooled"].Shape, out["pooled"].Data)

	_, err = pool.Run(context.Background(), map[string]tensor.Tensor{"images": tensor.MustNew(1, 4, 4, 3)})
	fmt.Println(err)
	// Output:
	// [1 2 2 1] [6 8 4 1]
	// graphs: run fetching "pooled" feeding "images": feed "images" has shape [1,4,4,3], want [?,4,4,1]
}
