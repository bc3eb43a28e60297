package proof_test

import (
	"math"
	"slices"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/ref"
)

// The traits are true of the values of cases of all kinds: a free operation gives
// its input; in an elementwise one a number of the input changes one number of the
// output; a linear one gives, for a sum of inputs, the sum of its outputs for each,
// none of it negative where no input is.
func TestTraits(t *testing.T) {
	for _, kind := range proof.Operations() {
		checked := 0
		for i := 0; checked < 12; i++ {
			c := draw.Draw(11, i, []string{kind})
			op, operands := c.Op, c.Operands
			if c.Error != "" || len(operands[0].Data) == 0 {
				continue
			}
			checked++
			traits := op.Traits()
			data := operands // inputs that sum up exactly
			if traits.Operands != ir.ManyInputs {
				data = operands[:1]
			}
			for k := range data {
				data[k] = numbered(data[k].Shape, 1+k)
			}
			if traits.Operands == ir.FilterAndBias {
				operands[1] = numbered(operands[1].Shape, 5)
				operands = operands[:2] // no bias
			}
			x := apply(t, op, operands)
			if traits.NoArithmetic && !equalNumbers(x, data[0].Data) {
				t.Errorf("%s is free and does not give its input", kind)
			}
			if traits.Elementwise && !changesOneNumber(t, op, operands, x) {
				t.Errorf("%s is elementwise and changes more than one number with one", kind)
			}
			if !traits.Linear {
				continue
			}
			twice := slices.Clone(operands)
			for k := range data {
				twice[k] = data[k].Clone()
				for j := range twice[k].Data {
					twice[k].Data[j] += float32(j % 3)
				}
			}
			rest := slices.Clone(operands)
			for k := range data {
				rest[k] = data[k].Clone()
				for j := range rest[k].Data {
					rest[k].Data[j] = float32(j % 3)
				}
			}
			sum, part := apply(t, op, twice), apply(t, op, rest)
			for j := range sum {
				if math.Abs(sum[j]-x[j]-part[j]) > 1e-9*math.Abs(sum[j]) || part[j] < 0 {
					t.Fatalf("%s is linear: number %d is %v, of parts %v and %v", kind, j, sum[j], x[j], part[j])
				}
			}
		}
	}
}

// numbered has small whole numbers of 0 or more.
func numbered(shape []int, seed int) tensor.Tensor {
	x, _ := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32((i*7 + seed) % 11)
	}
	return x
}

func apply(t *testing.T, op ir.Op, operands []tensor.Tensor) []float64 {
	t.Helper()
	r, err := ref.Apply(t.Context(), op, operands...)
	if err != nil {
		t.Fatalf("%s: %v", op.Kind(), err)
	}
	return r.Value
}

func equalNumbers(got []float64, want []float32) bool {
	return slices.EqualFunc(got, want, func(x float64, y float32) bool { return x == float64(y) })
}

// changesOneNumber changes the first number of the input.
func changesOneNumber(t *testing.T, op ir.Op, operands []tensor.Tensor, before []float64) bool {
	t.Helper()
	other := operands[0].Clone()
	other.Data[0] += 0.5
	after := apply(t, op, []tensor.Tensor{other})
	return after[0] != before[0] && slices.Equal(after[1:], before[1:])
}
