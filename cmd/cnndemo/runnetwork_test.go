package main

import (
	"errors"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

// A network of free height and width has the shapes of its weights only when it gets
// the size of an image: weights of other shapes are then wrong usage.
func TestWeightsOfFreeNetwork(t *testing.T) {
	a := runNetwork{
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
	want := `weights w.npz: images of 6×5: graph: weights do not fit: "c1/filter" is [3,3,1,4], want [3,3,1,2]`
	if known := new(exitError); !errors.As(err, &known) || known.status != exitUsage || err.Error() != want {
		t.Errorf("got the error %v, want %s", err, want)
	}
}
