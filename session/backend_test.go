package session_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/session"
)

func backend(t testing.TB) *session.Backend {
	t.Helper()
	b, err := session.NewBackend(session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TensorFlow is held to every case file: known answers, and the reference.
func TestCaseFiles(t *testing.T) {
	files, err := proof.ReadAll(os.DirFS("../testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	b := backend(t)
	for _, file := range files {
		for _, c := range file.Cases {
			o, err := c.Run(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if o.Status == proof.Fail {
				t.Errorf("%s: %s: %s\nrepeat: %s", file.Name, c.Name, o.Text(), o.Repeat)
			}
		}
	}
}

// Random operations that their Shape lets pass: TensorFlow computes them, and
// within the bound. What Shape refuses is refused here too.
func TestRandomOperations(t *testing.T) {
	b := backend(t)
	random := rand.New(rand.NewPCG(7, 8))
	computed := map[string]int{}
	for i := range 1200 {
		op, operands := randomOperation(random)
		want, refErr := ref.Apply(t.Context(), op, operands...)
		got, err := b.Apply(t.Context(), op, operands...)
		where := fmt.Sprintf("case %d: %s %+v of %v", i, op.Kind(), op, shapesOf(operands))
		if (refErr == nil) != (err == nil) {
			t.Fatalf("%s: reference: %v, TensorFlow: %v", where, refErr, err)
		}
		if err != nil {
			continue
		}
		if v := proof.Compare(want, got); v.Status != proof.Pass {
			t.Errorf("%s: %v", where, v)
		}
		computed[op.Kind()]++
	}
	for _, kind := range []string{"conv2d", "max_pool", "avg_pool", "relu"} {
		if computed[kind] < 80 {
			t.Errorf("only %d of %s were computed: %v", computed[kind], kind, computed)
		}
	}
}

func shapesOf(operands []tensor.Tensor) (shapes []string) {
	for _, x := range operands {
		shapes = append(shapes, tensor.FormatShape(x.Shape))
	}
	return shapes
}

func randomOperation(random *rand.Rand) (ir.Op, []tensor.Tensor) {
	up := func(n int) int { return 1 + random.IntN(n) }
	pair := func(n int) [2]int { return [2]int{up(n), up(n)} }
	padding := func(most int) ir.Padding {
		side := func() int { return random.IntN(most + 1) }
		switch random.IntN(3) {
		case 0:
			return ir.Padding{Kind: ir.Same}
		case 1:
			return ir.Padding{Kind: ir.Explicit, Top: side(), Bottom: side(), Left: side(), Right: side()}
		}
		return ir.Padding{}
	}
	numbers := func(shape ...int) tensor.Tensor {
		x, err := tensor.New(shape...)
		if err != nil {
			panic(err)
		}
		kind := random.IntN(8)
		for i := range x.Data {
			v := random.NormFloat64()
			switch kind {
			case 0: // integers: exact
				v = math.Round(100 * v)
			case 1: // products near the smallest normal number
				v *= 0x1p-63
			case 2: // subnormal now and then
				v *= 0x1p-126
			}
			x.Data[i] = float32(v)
		}
		return x
	}
	n, h, w := random.IntN(3), up(9), up(9)
	if random.IntN(10) == 0 {
		return ir.ReLU{}, []tensor.Tensor{numbers(n, h, w)}
	}
	if random.IntN(3) > 0 {
		size := pair(4)
		p := ir.Pool{Size: size, Strides: pair(4), Padding: padding(2)}
		if random.IntN(2) == 0 {
			return ir.MaxPool{Pool: p}, []tensor.Tensor{numbers(n, h, w, up(5))}
		}
		return ir.AvgPool{Pool: p}, []tensor.Tensor{numbers(n, h, w, up(5))}
	}
	groups, depth, each := up(3), up(3), up(3)
	op := ir.Conv2D{Strides: pair(4), Dilations: pair(3), Padding: padding(4), Groups: groups}
	operands := []tensor.Tensor{numbers(n, h, w, groups*depth), numbers(up(4), up(4), depth, groups*each)}
	if random.IntN(2) == 0 {
		operands = append(operands, numbers(groups*each))
	}
	return op, operands
}

func TestBackendRefuses(t *testing.T) {
	b := backend(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Apply(ctx, ir.ReLU{}, tensor.Tensor{Shape: []int{1}, Data: []float32{1}}); err == nil {
		t.Error("a ctx that is done: no error")
	}
	if _, err := session.NewBackend(session.Options{Device: "tpu"}); err == nil {
		t.Error("device tpu: no error")
	}
}
