package session

import (
	"fmt"
	"slices"
	"time"

	"tfcnn/internal/ir"
	"tfcnn/internal/trace"
)

// LayerRun is what TensorFlow recorded of a layer in one run.
type LayerRun struct {
	Layer string
	// Devices are those that its operations ran on, as "/device:GPU:0": one,
	// unless TensorFlow has moved some. None where its optimizer left nothing
	// of the layer to run.
	Devices []string
	// Time is that of its kernels, added up; on a GPU, of starting them.
	Time time.Duration
}

// layerRuns returns what a record has of each layer.
func (s *Session) layerRuns(r trace.Record) []LayerRun {
	runs := make([]LayerRun, len(s.lowered.Layers))
	for i, layer := range s.lowered.Layers {
		runs[i].Layer = layer.Name
		for _, n := range r.Nodes {
			if n.Layer != layer.Name || !n.Arithmetic() {
				continue
			}
			runs[i].Time += time.Duration(n.KernelEnd - n.KernelStart)
			if !slices.Contains(runs[i].Devices, n.Device) {
				runs[i].Devices = append(runs[i].Devices, n.Device)
			}
		}
	}
	return runs
}

// placed is an error unless all of an operation's arithmetic ran on the device.
func placed(op ir.Op, r trace.Record, device string) error {
	if op.Traits().NoArithmetic {
		return nil
	}
	ran := 0
	for _, n := range r.Nodes {
		if !n.Arithmetic() {
			continue
		}
		ran++
		if n.Device != device {
			return fmt.Errorf("TensorFlow ran %s on %s, want %s", n.Op, n.Device, device)
		}
	}
	if ran == 0 {
		return fmt.Errorf("TensorFlow's trace has no operation, want some on %s", device)
	}
	return nil
}
