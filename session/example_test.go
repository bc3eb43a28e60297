package session_test

import (
	"context"
	"fmt"
	"log"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// The mean of each 2×2 window of one 4×4 image, and the largest number of
// each, from one run.
func Example() {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.AvgPool{Size: graph.Square(2)},
			graph.MaxPool{From: graph.InputName, Size: graph.Square(2)},
		},
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	image := tensor.Tensor{Shape: []int{1, 4, 4, 1}, Data: []float32{
		1, 2, 3, 4,
		5, 6, 7, 8,
		0, 0, 1, 1,
		0, 4, 1, 1,
	}}
	out, err := s.RunOutputs(context.Background(), image, "avg_pool1", "max_pool1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Shape, out[0].Data)
	fmt.Println(out[1].Shape, out[1].Data)
	// Output:
	// [1 2 2 1] [3.5 5.5 1 1]
	// [1 2 2 1] [6 8 4 1]
}
