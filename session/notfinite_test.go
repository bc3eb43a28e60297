package session_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// The reference knows in which elements kernels differ where operands have NaN,
// infinities and subnormal numbers: in all others TensorFlow's numbers are as the
// reference has them, of every padding, dilation, stride and group.
func TestNotFiniteOperands(t *testing.T) {
	b := backend(t)
	special := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-40, -1e-41}
	for _, op := range []string{"conv2d", "conv2d_transpose", "depthwise_conv2d", "dense", "batch_norm"} {
		random := rand.New(rand.NewPCG(7, 8))
		v := proof.Verdict{Status: proof.Pass}
		for i := range 150 {
			c := draw.Draw(11, i, []string{op})
			if c.Error != "" {
				continue
			}
			for k := range c.Operands {
				x := c.Operands[k]
				for j := range x.Data {
					x.Data[j] = float32(random.NormFloat64())
					if random.IntN(12) == 0 && (i+k)%3 != 0 { // one operand of three is finite
						x.Data[j] = special[random.IntN(len(special))]
					}
				}
			}
			o, err := c.Run(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if o.Status == proof.Fail {
				t.Errorf("%s %s: %s\nrepeat: %.2000s", op, c.Name, o.Text(), o.Repeat)
			}
			v = v.Merge(*o.Device, 0)
		}
		if v.Unspecified == 0 && op != "dense" || v.NaN < 100 || v.Elements-v.Unspecified < 1000 {
			t.Errorf("%s: %d numbers, %d unspecified, %d NaN: kernels differ in some, and give NaN in others", op, v.Elements, v.Unspecified, v.NaN)
		}
	}
}
