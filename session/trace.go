package session

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tfcnn/internal/capi"
	"tfcnn/internal/ir"
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

// layerRuns sorts nodes to the layers whose names theirs begin with.
func (s *Session) layerRuns(nodes []capi.Node) []LayerRun {
	runs := make([]LayerRun, len(s.lowered.Layers))
	for i, layer := range s.lowered.Layers {
		runs[i].Layer = layer.Name
		for _, n := range nodes {
			if name, _, _ := strings.Cut(n.Name, "/"); name != layer.Name || !computes(n) {
				continue
			}
			runs[i].Time += n.Time
			if !slices.Contains(runs[i].Devices, n.Device) {
				runs[i].Devices = append(runs[i].Devices, n.Device)
			}
		}
	}
	return runs
}

// housekeeping are TensorFlow's operations without arithmetic.
var housekeeping = []string{"", "Const", "HostConst", "Identity", "NoOp", "Placeholder", "Shape", "_Arg", "_Retval", "_HostSend", "_HostRecv"}

// computes says whether a node does arithmetic; constants and copies may lie
// anywhere.
func computes(n capi.Node) bool { return !slices.Contains(housekeeping, n.Kind) }

// placed is an error unless all of an operation's arithmetic ran on the device.
func placed(op ir.Op, nodes []capi.Node, device string) error {
	if op.Traits().Free {
		return nil
	}
	ran := 0
	for _, n := range nodes {
		if !computes(n) {
			continue
		}
		ran++
		if n.Device != device {
			return fmt.Errorf("TensorFlow ran %s on %s, want %s", n.Kind, n.Device, device)
		}
	}
	if ran == 0 {
		return fmt.Errorf("TensorFlow's trace has no operation, want some on %s", device)
	}
	return nil
}
