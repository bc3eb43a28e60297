package draw_test

import (
	"fmt"
	"math"
	"testing"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
	"tfcnn/internal/ref"
)

// Of each operation nothing is asked of few of the numbers; and the inputs that find
// faults are drawn all the same: numbers of all kinds in each operand, and outputs in
// which kernels may differ or sums overflow.
func TestUnspecifiedNumbersAreRare(t *testing.T) {
	const seeds, cases = 4, 200
	unspecified := map[string]int{}
	for _, op := range proof.Operations() {
		kinds := map[string]int{}
		for seed := range uint64(seeds) {
			var of proof.Verdict
			for i := range cases {
				c := draw.Draw(seed, i, []string{op})
				if c.Error != "" {
					continue
				}
				for k, x := range c.Operands {
					for kind := range kindsOf(x.Data) {
						kinds[fmt.Sprint(min(k, 4), " ", kind)]++
					}
				}
				r, err := ref.Apply(t.Context(), c.Op, c.Operands...)
				if err != nil {
					t.Fatal(err)
				}
				of.Elements += len(r.State)
				for _, s := range r.State {
					if s == ref.Unspecified {
						of.Unspecified++
						unspecified[op]++
					}
				}
			}
			if of.Unspecified > draw.Allowance && of.OverBudget() {
				t.Errorf("%s, seed %d: %d of %d numbers are unspecified", op, seed, of.Unspecified, of.Elements)
			}
		}
		for k, operand := range draw.Draw(0, 0, []string{op}).Op.Traits().Operands.Names() {
			for _, kind := range []string{"NaN", "infinite", "huge", "subnormal", "whole", "fraction", "negative", "zero alone", "one number"} {
				least := 3
				if operand.Optional || operand.Name == "variance" && kind == "negative" {
					least = 1
				}
				if n := kinds[fmt.Sprint(k, " ", kind)]; n < least {
					t.Errorf("%s: operand %d is %s in %d of %d cases", op, k, kind, n, seeds*cases)
				}
			}
		}
	}
	for _, op := range []string{"batch_norm", "conv2d", "conv2d_transpose", "depthwise_conv2d", "lrn", "max_pool", "relu", "resize", "softmax"} {
		if unspecified[op] == 0 {
			t.Errorf("%s: no number is unspecified: the inputs for which kernels differ are missing", op)
		}
	}
}

// kindsOf returns the kinds of numbers that data has.
func kindsOf(data []float32) map[string]bool {
	kinds := map[string]bool{}
	zeros, equal := true, true
	for _, x := range data {
		v := math.Abs(float64(x))
		zeros, equal = zeros && v == 0, equal && x == data[0]
		switch {
		case x != x:
			kinds["NaN"] = true
		case math.IsInf(v, 1):
			kinds["infinite"] = true
		case v > 1e37:
			kinds["huge"] = true
		case v > 0 && v < 0x1p-126:
			kinds["subnormal"] = true
		case v > 1 && v < 1e6 && v == math.Trunc(v):
			kinds["whole"] = true
		case v > 0.01 && v < 10:
			kinds["fraction"] = true
		}
		if x < 0 {
			kinds["negative"] = true
		}
	}
	kinds["zero alone"] = len(data) > 0 && zeros
	kinds["one number"] = len(data) > 1 && equal && !zeros
	for kind, is := range kinds {
		if !is {
			delete(kinds, kind)
		}
	}
	return kinds
}

// Most numbers that are drawn are not zero: a case of zeros is right in any kernel.
func TestDrawnNumbersAreNotZero(t *testing.T) {
	for _, op := range proof.Operations() {
		drawn, zeros, nonzero := 0, 0, 0
		for i := range 200 {
			c := draw.Draw(6, i, []string{op})
			if c.Error != "" {
				continue
			}
			r, err := ref.Apply(t.Context(), c.Op, c.Operands...)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Value {
				if v != 0 {
					nonzero++
					break
				}
			}
			for _, x := range c.Operands {
				for _, v := range x.Data {
					if drawn++; v == 0 {
						zeros++
					}
				}
			}
		}
		if zeros*2 > drawn || nonzero < 80 {
			t.Errorf("%s: %d of %d numbers are zero, %d outputs have another number", op, zeros, drawn, nonzero)
		}
	}
}

// A run counts the unspecified numbers of each operation; more than 2 % of all, and more
// than the allowance, are over the budget.
func TestRandomBudget(t *testing.T) {
	for _, tt := range []struct {
		elements, unspecified int
		over                  bool
	}{
		{1000, 500, false},
		{1000, 501, true},
		{25049, 501, true},
		{25050, 501, false},
		{100_000, 2000, false},
		{100_000, 2001, true},
	} {
		w := watch(fmt.Sprintf(`answers {"id":1,"outcome":{"op":"relu","status":"pass","device":{"status":"pass","elements":%d,"unspecified":%d}}}`, tt.elements, tt.unspecified))
		result, err := draw.Random{Cases: 1}.Run(t.Context(), w)
		w.Close()
		if err != nil || len(result.Ops) != 1 || result.Ops[0].OverBudget != tt.over || (len(result.OverBudget()) == 1) != tt.over || result.Ops[0].Verdict.Unspecified != tt.unspecified {
			t.Errorf("%+v: %+v, %v", tt, result, err)
		}
	}
}
