package proof_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/graph/verdict"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
)

// square is a reference of two rows and two columns, all of whose numbers have bounds.
func square(bounds [4]float64, values ...float64) ref.Result {
	return ref.Result{Shape: []int{2, 2}, Value: values, Bound: bounds[:], Level: make([]float64, 4), State: make([]ref.State, 4)}
}

// counted is a histogram with one number in each of the buckets.
func counted(buckets ...int) []int {
	h := make([]int, verdict.HistogramBuckets)
	for _, b := range buckets {
		h[b]++
	}
	return h
}

// Every figure of a verdict, where the worst number is clear and where several are alike.
func TestFiguresOfVerdicts(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const outside = verdict.HistogramBuckets - 1
	states := square([4]float64{0, 0, 0, 1}, 1, math.NaN(), 5, 2)
	states.State = []ref.State{ref.Unspecified, ref.Plain, ref.OverflowPossible, ref.Plain}
	unheld := square([4]float64{0, 0, 1, 1}, 1, 2, 3, 4)
	unheld.State = []ref.State{ref.NoBound, ref.Unspecified, ref.Plain, ref.Plain}
	for _, tt := range []struct {
		name string
		want ref.Result
		got  []float32
		is   proof.Verdict
	}{
		{"the last number is the worst", square([4]float64{0.5, 0.5, 0, 1}, 1, 2, 3, 4), []float32{1.25, 2, 3, 3}, proof.Verdict{
			Status: proof.Pass, MaxError: 1, Bound: 1, Share: 1, ULP: 1 / ref.Spacing(4), Worst: []int{1, 1}, Got: 3, Want: 4, Exact: 1, Histogram: counted(12, 0, 0, 13),
		}},
		{"of two alike the first is", square([4]float64{1, 0.5, 0.5, 1}, 1, 2, 3, 4), []float32{1, 2.25, 2.75, 4}, proof.Verdict{
			Status: proof.Pass, MaxError: 0.25, Bound: 0.5, Share: 0.5, ULP: 0.25 / ref.Spacing(2), Worst: []int{0, 1}, Got: 2.25, Want: 2, Histogram: counted(0, 12, 12, 0),
		}},
		{"all are equal", square([4]float64{0, 0, 0, 0}, 1, 2, 3, 4), []float32{1, 2, 3, 4}, proof.Verdict{
			Status: proof.Pass, Worst: []int{0, 0}, Got: 1, Want: 1, Exact: 4, Histogram: counted(0, 0, 0, 0),
		}},
		{"a large share is no fault where another must be exact", square([4]float64{1, 0, 1, 0}, 1, 2, 3, 4), []float32{4, 2.5, 3, 3}, proof.Verdict{
			Status: proof.Fail, Outside: 3, MaxError: 0.5, Share: math.MaxFloat64, ULP: 0.5 / ref.Spacing(2), Worst: []int{0, 1}, Got: 2.5, Want: 2, Exact: 2, Histogram: counted(outside, outside, 0, outside),
		}},
		{"the first number that is not finite is the worst", square([4]float64{0, 1, 1, 1}, 1, 2, math.Inf(1), 4), []float32{2, inf, 3, nan}, proof.Verdict{
			Status: proof.Fail, Outside: 4, Share: math.MaxFloat64, Worst: []int{0, 1}, Got: verdict.Number(math.Inf(1)), Want: 2, Exact: 1, Histogram: counted(outside, outside, outside, outside),
		}},
		{"infinities that are right are equal", square([4]float64{0, 0, 0, 1}, math.Inf(1), math.Inf(-1), 3, 4), []float32{inf, -inf, 3, 4.5}, proof.Verdict{
			Status: proof.Pass, MaxError: 0.5, Bound: 1, Share: 0.5, ULP: 0.5 / ref.Spacing(4), Worst: []int{1, 1}, Got: 4.5, Want: 4, Exact: 3, Histogram: counted(0, 0, 0, 12),
		}},
		{"not all are compared", states, []float32{9, nan, inf, 2.25}, proof.Verdict{
			Status: proof.Overflow, MaxError: 0.25, Bound: 1, Share: 0.25, ULP: 0.25 / ref.Spacing(2), Worst: []int{1, 1}, Got: 2.25, Want: 2,
			Exact: 1, Overflowed: 1, Unspecified: 1, NaN: 1, Histogram: counted(0, 11),
		}},
		{"some have no bound", unheld, []float32{9, 9, 3.5, 4.25}, proof.Verdict{
			Status: proof.NotHeld, MaxError: 0.5, Bound: 1, Share: 0.5, ULP: 0.5 / ref.Spacing(3), Worst: []int{1, 0}, Got: 3.5, Want: 3,
			Unspecified: 1, Unbounded: 1, Histogram: counted(12, 11),
		}},
	} {
		tt.is.Elements = 4
		got := proof.Compare(tt.want, tensor.Tensor{Shape: []int{2, 2}, Data: tt.got})
		if !reflect.DeepEqual(got, tt.is) {
			t.Errorf("%s: got\n%#v, want\n%#v", tt.name, got, tt.is)
		}
	}
	for _, other := range []tensor.Tensor{
		{Shape: []int{4}, Data: make([]float32, 4)},
		{Shape: []int{2, 2}, Data: make([]float32, 3)},
	} {
		got := proof.Compare(square([4]float64{}, 0, 0, 0, 0), other)
		want := proof.Verdict{Status: proof.Fail, Elements: 4, Outside: 4, Note: "output is " + tensor.FormatShape(other.Shape) + ", want [2,2]"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d numbers of shape %v: got\n%#v, want\n%#v", len(other.Data), other.Shape, got, want)
		}
	}
}

// An expectation has one rounding more than a device: that of the file. Beyond float32's
// range there is none.
func TestRoundingOfExpectations(t *testing.T) {
	tenth := float64(float32(0.1)) - 0.1
	one := func(value, bound float64) ref.Result {
		return ref.Result{Shape: []int{1}, Value: []float64{value}, Bound: []float64{bound}, Level: []float64{0}, State: []ref.State{ref.Plain}}
	}
	for _, tt := range []struct {
		want     ref.Result
		expected float32
		is       proof.Verdict
	}{
		{one(0.1, 0), 0.1, proof.Verdict{Status: proof.Pass, MaxError: tenth, Bound: tenth, Share: 1, ULP: tenth / ref.Spacing(0.1), Got: verdict.Number(tenth + 0.1), Want: 0.1, Histogram: counted(13)}},
		{one(0.1, tenth), 0.1, proof.Verdict{Status: proof.Pass, MaxError: tenth, Bound: 2 * tenth, Share: 0.5, ULP: tenth / ref.Spacing(0.1), Got: verdict.Number(tenth + 0.1), Want: 0.1, Histogram: counted(12)}},
		{one(1, 0), 1, proof.Verdict{Status: proof.Pass, Got: 1, Want: 1, Exact: 1, Histogram: counted(0)}},
		{one(math.NaN(), 0), float32(math.NaN()), proof.Verdict{Status: proof.Pass, Exact: 1, NaN: 1, Histogram: counted(0)}},
	} {
		tt.is.Elements = 1
		if tt.is.NaN == 0 {
			tt.is.Worst = []int{0}
		}
		if got := proof.CompareExpectation(tt.want, tensor.Tensor{Shape: []int{1}, Data: []float32{tt.expected}}); !reflect.DeepEqual(got, tt.is) {
			t.Errorf("%v of %v: got\n%#v, want\n%#v", tt.expected, tt.want, got, tt.is)
		}
	}
	for expected, want := range map[float32]float64{math.MaxFloat32: 1e39, -math.MaxFloat32: -1e39, math.Nextafter32(0.1, 1): 0.1} {
		if v := proof.CompareExpectation(one(want, 0), tensor.Tensor{Shape: []int{1}, Data: []float32{expected}}); v.Status != proof.Fail || v.Outside != 1 {
			t.Errorf("%v for %v: %v", expected, want, v)
		}
	}
}

// The level of a verdict is the largest error in units of the reference's level. Numbers
// without a level have none. It is a figure,
// unless the reference may judge by it.
func TestLevelOfVerdicts(t *testing.T) {
	want := square([4]float64{99, 99, 99, 99}, 0, 0, 0, 0)
	want.Level = []float64{0, 1, 2, 1}
	for _, tt := range []struct {
		got   []float32
		level float64
	}{
		{[]float32{8, 1, 3, 0.25}, 1.5},
		{[]float32{8, 0.5, 4, 0.25}, 2},
		{[]float32{8, 2.5, 3, -2}, 2.5},
		{[]float32{0, 0, 0, -3}, 3},
		{[]float32{0, 0, 2 * ref.AlarmLevel, 0}, ref.AlarmLevel},
		{[]float32{0, 0, 0, ref.AlarmLevel + 0.5}, ref.AlarmLevel + 0.5},
	} {
		if v := proof.Compare(want, tensor.Tensor{Shape: []int{2, 2}, Data: tt.got}); v.Level != tt.level || v.Status != proof.Pass {
			t.Errorf("%v: level %v, %s; want %v, pass", tt.got, v.Level, v.Status, tt.level)
		}
		// Where it may judge, a level above the alarm's does.
		judged := want
		judged.Judged = true
		status := proof.Pass
		if tt.level > ref.AlarmLevel {
			status = proof.Precision
		}
		if v := proof.Compare(judged, tensor.Tensor{Shape: []int{2, 2}, Data: tt.got}); v.Level != tt.level || v.Status != status {
			t.Errorf("%v, judged: level %v, %s; want %v, %s", tt.got, v.Level, v.Status, tt.level, status)
		}
	}
}

// Numbers that were drawn with random signs judge the precision of a case and of a
// network; others measure it.
func TestPrecisionIsJudgedByRandomSigns(t *testing.T) {
	const n = 4096
	random := rand.New(rand.NewPCG(1, 2))
	drawn := func(shape ...int) tensor.Tensor {
		x, err := tensor.New(shape...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.Data {
			x.Data[i] = float32(random.NormFloat64())
		}
		return x
	}
	net := graph.Network{Input: graph.Input{Height: 1, Width: 1, Channels: n}, Layers: []graph.Layer{graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(1), NoBias: true}}}
	lowered, err := graph.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	filter := drawn(1, 1, n, 2)
	input := drawn(1, 1, 1, n)
	narrow := filter.Clone()
	for i, w := range narrow.Data {
		narrow.Data[i] = math.Float32frombits(math.Float32bits(w) &^ 0xffff) // bfloat16
	}
	for _, judged := range []bool{false, true} {
		for _, rounded := range []bool{false, true} {
			want, levels := proof.Pass, ref.MeasureLevels
			if judged {
				levels = ref.JudgeLevels
				if rounded {
					want = proof.Precision
				}
			}
			used := map[bool]tensor.Tensor{false: filter, true: narrow}[rounded]
			got, err := reference{}.Apply(t.Context(), lowered.Program.Steps[0].Op, input, used)
			if err != nil {
				t.Fatal(err)
			}
			c := proof.Case{Name: "n", Op: lowered.Program.Steps[0].Op, Operands: []tensor.Tensor{input, filter}, RandomSigns: judged}
			o, err := c.Run(t.Context(), backend(func() (tensor.Tensor, error) { return got, nil }))
			if err != nil || o.Status != want || rounded && !(o.Device.Level > ref.AlarmLevel) {
				t.Errorf("judged %v, rounded %v: the case has level %v, %s, want %s, %v", judged, rounded, o.Device.Level, o.Status, want, err)
			}
			network := proof.Network{Lowered: lowered, Weights: graph.Weights{"c/filter": filter}, Levels: levels}
			parts, err := network.Compare(t.Context(), proof.Run{Input: input, Steps: []int{0}, Outputs: []tensor.Tensor{got}}, nil)
			if err != nil || len(parts) != 1 || parts[0].Verdict.Status != want {
				t.Errorf("judged %v, rounded %v: the network has %v, want %s, %v", judged, rounded, parts, want, err)
			}
		}
	}
}
