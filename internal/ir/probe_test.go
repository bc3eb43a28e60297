package ir_test

import (
	"math"
	"testing"

	"tfcnn/internal/ir"
)

// The operations that round small whole numbers, the numbers to which functions respond, and
// the filters' axes along the input's channels.
func TestWhatProbesAsk(t *testing.T) {
	above := ir.Interval{Low: 0, High: math.Inf(1)}
	round := func(reach float64) ir.Interval { return ir.Interval{Low: -reach, High: reach} }
	for _, tt := range []struct {
		op       ir.Op
		rounds   bool
		responds ir.Interval
	}{
		{ir.ReLU{}, false, above},
		{ir.ReLU6{}, false, ir.Interval{Low: 0, High: 6}},
		{ir.LeakyReLU{Alpha: 0.5}, true, ir.Interval{}},
		{ir.LeakyReLU{}, true, above},
		{ir.ELU{}, true, round(4)},
		{ir.SELU{}, true, round(4)},
		{ir.Sigmoid{}, true, round(4)},
		{ir.Tanh{}, true, round(2)},
		{ir.Swish{}, true, round(4)},
		{ir.HardSwish{}, true, round(3)},
		{ir.Softmax{}, true, round(8)},
		{ir.LRN{Bias: 4, Alpha: 0.25}, true, round(4)},
		{ir.LRN{Bias: 4}, true, ir.Interval{}},
		{ir.LRN{Bias: 4, Alpha: -1}, true, ir.Interval{}},
		{ir.LRN{Alpha: 1}, true, ir.Interval{}},
		{ir.BatchNorm{}, true, ir.Interval{}},
		{ir.AvgPool{}, true, ir.Interval{}},
		{ir.Resize{}, true, ir.Interval{}},
		{ir.ScaleShift{}, false, ir.Interval{}},
		{ir.ScaleShift{Scale: []float32{2}}, true, ir.Interval{}},
		{ir.ScaleShift{Shift: []float32{2}}, true, ir.Interval{}},
		{ir.Conv2D{}, false, ir.Interval{}},
		{ir.DepthwiseConv2D{}, false, ir.Interval{}},
		{ir.Conv2DTranspose{}, false, ir.Interval{}},
		{ir.Dense{}, false, ir.Interval{}},
		{ir.MaxPool{}, false, ir.Interval{}},
		{ir.Flatten{}, false, ir.Interval{}},
		{ir.Pad{}, false, ir.Interval{}},
		{ir.ReverseChannels{}, false, ir.Interval{}},
		{ir.Add{}, false, ir.Interval{}},
		{ir.Concat{}, false, ir.Interval{}},
		{ir.Identity{}, false, ir.Interval{}},
	} {
		traits := tt.op.Traits()
		if traits.Rounds != tt.rounds || traits.Responds != tt.responds {
			t.Errorf("%s: rounds %v, responds to %v; want %v, %v", tt.op.Kind(), traits.Rounds, traits.Responds, tt.rounds, tt.responds)
		}
		want := map[string]int{"conv2d": 2, "depthwise_conv2d": 2, "conv2d_transpose": 3}[tt.op.Kind()]
		if traits.ChannelAxis != want {
			t.Errorf("%s: the filter's axis %d runs over channels, want %d", tt.op.Kind(), traits.ChannelAxis, want)
		}
	}
}
