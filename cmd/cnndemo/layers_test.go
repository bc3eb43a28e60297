package main

import (
	"errors"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

// The weights of a network of free height and width are held to it when it has
// images' sizes: those that do not fit are wrong usage.
func TestWeightsOfFreeNetwork(t *testing.T) {
	a := application{
		network: graph.Network{
			Input:  graph.Input{Channels: 1},
			Layers: []graph.Layer{graph.Conv2D{Name: "c1", Filters: 2, Size: graph.Square(3), NoBias: true}},
		},
		weights: graph.Weights{"c1/filter": tensor.MustNew(3, 3, 1, 2)},
		origin:  "w.npz",
	}
	if _, err := a.at(5, 6, false); err != nil {
		t.Fatal(err)
	}
	a.weights = graph.Weights{"c1/filter": tensor.MustNew(3, 3, 1, 4)}
	_, err := a.at(5, 6, false)
	want := `weights w.npz: pictures of 6×5: graph: weights do not fit: "c1/filter" is [3,3,1,4], want [3,3,1,2]`
	if known := new(exitError); !errors.As(err, &known) || known.status != exitUsage || err.Error() != want {
		t.Errorf("got the error %v, want %s", err, want)
	}
}
