// Command outside is a program of somebody else's: a module of its own that
// embeds tfcnn through a replace line in its go.mod.
package main

import (
	"context"
	"fmt"
	"log"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

func main() {
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
