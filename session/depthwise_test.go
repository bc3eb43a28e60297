package session_test

import (
	"testing"

	"tfcnn/graph"
	"tfcnn/internal/proof"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/profile"
	"tfcnn/session/verify"
)

// A depthwise convolution, its batch norm and its activation are within the
// reference's bounds, alone and as they run together: with oneDNN, in one call.
func TestDepthwiseBlock(t *testing.T) {
	for _, layer := range []graph.DepthwiseConv2D{
		{Name: "d", Size: graph.Square(3), NoBias: true},
		{Name: "d", Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Same, NoBias: true},
		{Name: "d", Size: graph.Square(3), Padding: graph.Explicit(1, 0, 2, 1), NoBias: true},
		{Name: "d", Size: graph.Square(2), Multiplier: 3, NoBias: true},
		{Name: "d", Size: graph.Square(3), Padding: graph.Same}, // with a bias of its own
	} {
		net := graph.Network{
			Input:  graph.Input{Height: 13, Width: 11, Channels: 16},
			Layers: []graph.Layer{layer, graph.BatchNorm{Name: "n"}, graph.ReLU6{Name: "r"}},
		}
		weights, batch := profile.RandomWeights(net, 3), batchOf(net, 2, 5)
		v, err := verify.Network(t.Context(), net, weights, batch, verify.Options{})
		if err == nil {
			err = v.Err()
		}
		if err != nil || v.Status != proof.Pass || len(v.Chains) != 1 {
			t.Errorf("%+v: %v, status %q, %d chains", layer, err, v.Status, len(v.Chains))
		}
		s, err := session.Open(net, weights, session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		_, runs, err := profile.Trace(t.Context(), s, batch, "r")
		if err != nil {
			t.Fatal(err)
		}
		var ran []string
		for _, r := range runs {
			if len(r.Devices) > 0 {
				ran = append(ran, r.Layer)
			}
		}
		if on, _ := tensorflow.OneDNNInUse(); on && layer.NoBias && len(ran) != 1 {
			t.Errorf("%+v: %v ran by themselves, want one call", layer, ran)
		}
		s.Close()
	}
}
