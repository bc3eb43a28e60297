// Command outside is a program of somebody else's: a module of its own that
// embeds tfcnn through a replace line in its go.mod.
package main

import (
	"context"
	"fmt"
	"log"
	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/graphs"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

func main() {
	runNetwork()
	runGraph()
}

// runNetwork runs a network.
func runNetwork() {
	net := graph.Network{
		Input: graph.Input{Height: 28, Width: 28, Channels: 1},
		Layers: []graph.Layer{
			graph.Conv2D{Filters: 32, Size: graph.Square(5), Padding: graph.Same, Activation: graph.ReLUActivation},
			graph.MaxPool{Size: graph.Square(2)},
			graph.Conv2D{Filters: 8, Size: graph.Square(3)},
		},
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	out, err := s.RunOutputs(context.Background(), tensor.MustNew(4, 28, 28, 1), "conv1", "conv2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Shape, out[1].Shape)
}

// runGraph runs a graph that is built by hand.
func runGraph() {
	root := tfgo.NewRoot()
	images := op.Placeholder(root, tf.Float, op.PlaceholderShape(tf.MakeShape(-1, 28, 28, 1)))
	pooled, err := node.MaxPool(root, images, node.PoolOptions{Size: [4]int{1, 2, 2, 1}})
	if err != nil {
		log.Fatal(err)
	}
	s, err := graphs.Open(root, graphs.Options{})
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
	out, err := pool.Run(context.Background(), map[string]tensor.Tensor{"images": tensor.MustNew(4, 28, 28, 1)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out["pooled"].Shape)
}
