package graph_test

import (
	"fmt"
	"os"

	"tfcnn/graph"
)

func ExampleReadNetwork() {
	net, err := graph.ReadNetwork("small.json", []byte(`{
		"input": {"height": 28, "width": 28, "channels": 1},
		"layers": [
			{"type": "conv2d", "filters": 8, "size": [5, 5], "activation": "relu"},
			{"type": "max_pool", "size": 2},
			{"type": "flatten"},
			{"type": "dense", "units": 10, "initializer": "he_normal"}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := graph.WriteNetwork(os.Stdout, net); err != nil {
		fmt.Println(err)
	}
	_, err = graph.ReadNetwork("typo.json", []byte(`{
		"input": {"height": 28, "width": 28, "channels": 1},
		"layers": [{"type": "conv2d", "name": "c1", "filtres": 8, "size": 5}]
	}`))
	fmt.Println(err)
	// Output:
	// {
	//   "input": {"height": 28, "width": 28, "channels": 1},
	//   "layers": [
	//     {"type": "conv2d", "filters": 8, "size": 5, "activation": "relu"},
	//     {"type": "max_pool", "size": 2},
	//     {"type": "flatten"},
	//     {"type": "dense", "units": 10, "initializer": "he_normal"}
	//   ]
	// }
	// graph: network typo.json: layer 1 "c1": field "filtres" is not known here, the nearest is "filters"
}
