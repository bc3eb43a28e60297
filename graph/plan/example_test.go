package plan_test

import (
	"fmt"

	"tfcnn/graph"
	"tfcnn/graph/plan"
)

// The tutorial's example on scikit-learn's 427×640 images: a stride-2 SAME convolution
// and a 2×2 VALID pool, both of the images; the pool cannot read the odd last row.
func ExampleOf() {
	net := graph.Network{
		Input: graph.Input{Height: 427, Width: 640, Channels: 3},
		Layers: []graph.Layer{
			graph.Conv2D{Name: "lines", Filters: 2, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Same, NoBias: true},
			graph.MaxPool{From: graph.InputName, Size: graph.Square(2)},
		},
		Outputs: []string{"lines", "max_pool1"},
	}
	planned, err := plan.Of(net)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, layer := range planned.Layers {
		fmt.Println(layer.Name, layer.Input, "→", layer.Output, layer.Parameters, "parameters", layer.Padding, layer.Unread)
	}
	// Output:
	// lines [427 640 3] → [214 320 2] 294 parameters {3 3 2 3} {0 0}
	// max_pool1 [427 640 3] → [213 320 3] 0 parameters {0 0 0 0} {1 0}
}
