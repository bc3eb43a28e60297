package proof_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/prooftest"
	"tfcnn/internal/ref"
)

// rounding is a device that cuts its factors to so many bits of the significand.
type rounding struct {
	prooftest.Reference
	drop       int
	arithmetic ref.Arithmetic
}

func (r rounding) Arithmetic() ref.Arithmetic { return r.arithmetic }

func (r rounding) Apply(ctx context.Context, op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error) {
	cut := make([]tensor.Tensor, len(operands))
	for k, x := range operands {
		cut[k] = x.Clone()
		for i, v := range x.Data {
			cut[k].Data[i] = math.Float32frombits(math.Float32bits(v) >> r.drop << r.drop)
		}
	}
	return r.Reference.Apply(ctx, op, cut...)
}

// A case whose numbers have random signs fails where the device rounds its factors, within
// the bound too; without that statement it passes, as where the device has declared it.
func TestPrecision(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x, filter := tensor.MustNew(1, 2000), tensor.MustNew(2000, 8)
	for _, numbers := range [][]float32{x.Data, filter.Data} {
		for i := range numbers {
			numbers[i] = float32(random.NormFloat64())
		}
	}
	for _, tt := range []struct {
		name        string
		randomSigns bool
		device      rounding
		is          proof.Status
	}{
		{"float32", true, rounding{}, proof.Pass},
		{"TF32", true, rounding{drop: 13}, proof.Precision},
		{"not drawn", false, rounding{drop: 13}, proof.Pass},
		{"declared", true, rounding{drop: 13, arithmetic: ref.Arithmetic{TF32: true}}, proof.Pass},
	} {
		c := proof.Case{Name: tt.name, Op: ir.Dense{}, Operands: []tensor.Tensor{x, filter}, RandomSigns: tt.randomSigns}
		text, err := c.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var again proof.Case
		if err := json.Unmarshal(text, &again); err != nil || again.RandomSigns != tt.randomSigns {
			t.Errorf("%s: read back random signs %v: %v", tt.name, again.RandomSigns, err)
		}
		o, err := again.Run(t.Context(), tt.device)
		if err != nil {
			t.Fatal(err)
		}
		failed := tt.is == proof.Precision
		if o.Status != tt.is || o.Status.OK() == failed || (o.Repeat != nil) != failed || (o.Failure != "") != failed || (o.Cause == proof.NumbersCause) != failed {
			t.Errorf("%s: %s, failure %q, cause %d, repeat of %d bytes; want %s", tt.name, o.Status, o.Failure, o.Cause, len(o.Repeat), tt.is)
		}
		if failed && (!strings.HasPrefix(o.Failure, "precision: largest error is ") || !strings.Contains(string(o.Repeat), `"random_signs":true`)) {
			t.Errorf("%s: failure %q, repeat %.200s…", tt.name, o.Failure, o.Repeat)
		}
		// A figure in any case, in units of the bound where less precision is declared.
		if v := o.Device; v.Level == 0 || (v.Level > ref.AlarmLevel) != (tt.device.drop > 0 && tt.name != "declared") {
			t.Errorf("%s: level %v", tt.name, v.Level)
		}
	}
	// An expectation is judged like a device.
	wrong, err := rounding{drop: 13}.Apply(t.Context(), ir.Dense{}, x, filter)
	if err != nil {
		t.Fatal(err)
	}
	o, err := proof.Case{Op: ir.Dense{}, Operands: []tensor.Tensor{x, filter}, RandomSigns: true, Expect: &wrong}.Run(t.Context(), rounding{})
	if err != nil || o.Status != proof.Precision || !strings.Contains(o.Failure, "; the expectation: precision: ") {
		t.Errorf("a rounded expectation: %s, %q, %v", o.Status, o.Failure, err)
	}
	for _, text := range []string{"null", "1", `"true"`} {
		var c proof.Case
		if err := json.Unmarshal([]byte(`{"op":"relu","input":{"shape":[1],"data":[1]},"random_signs":`+text+`}`), &c); err == nil || !strings.Contains(err.Error(), "random_signs: want true or false, got ") {
			t.Errorf("random_signs %s: %v", text, err)
		}
	}
}
