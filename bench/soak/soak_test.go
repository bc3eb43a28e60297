package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
)

// The answer to another image, or to the same ones in another order, is
// noticed, and said whose it is; so is one other bit.
func TestCheck(t *testing.T) {
	list, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPool(t.Context(), list[1], spoilt+6, 1, []int{2})
	if err != nil {
		t.Fatal(err)
	}
	b := &p.batches[0]
	b.images = []int{0, 1}
	answer := func(images ...int) tensor.Tensor {
		classes := len(p.wants[0][0].Value)
		x := tensor.Tensor{Shape: []int{len(images), classes}}
		for _, i := range images {
			for _, v := range p.wants[i][0].Value {
				x.Data = append(x.Data, float32(v))
			}
		}
		return x
	}
	right := answer(0, 1)
	if err := p.check(b, 0, right); err != nil {
		t.Errorf("the right answer: %v", err)
	}
	for _, tt := range []struct {
		answer tensor.Tensor
		want   string
	}{
		{answer(1, 0), "it is the answer to image 1"},
		{answer(0, 3), "it is the answer to image 3"},
		{answer(0), "2 images gave [1,10]"},
		{tensor.Tensor{Shape: []int{2, 10}}, "got 0 numbers"},
		{tensor.Tensor{Shape: right.Shape, Data: make([]float32, 20)}, "fail"},
	} {
		if err := p.check(b, 0, tt.answer); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
	b.first = []tensor.Tensor{right, right}
	other := right.Clone()
	other.Data[3] = math.Nextafter32(other.Data[3], 1)
	if err := p.check(b, 0, other); err == nil || !strings.Contains(err.Error(), "other bits") {
		t.Errorf("one other bit: %v", err)
	}
}

// Each fault is refused with an error that its check accepts; errors of another type, of
// another batch or with a wrong reason are not accepted.
func TestFaults(t *testing.T) {
	s, err := session.Open(tutorial, graph.Weights{"lines/filter": lines()}, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	random := rand.New(rand.NewPCG(1, 2))
	good := tensor.MustNew(2, tutorial.Input.Height, tutorial.Input.Width, tutorial.Input.Channels)
	for _, f := range faults {
		bad := f.spoil(good, random)
		_, err := s.Run(t.Context(), bad)
		if err := f.check(err, bad, tutorial.Input); err != nil {
			t.Error(err)
		}
		var right *session.BatchError
		if !errors.As(err, &right) {
			continue
		}
		reason := *right
		reason.Reason = map[bool]error{true: errors.New("a reason"), false: nil}[right.Reason == nil]
		for name, wrong := range map[string]error{
			"no error": nil, "another type": errors.New(right.Error()), "another reason": &reason,
			"another batch": &session.BatchError{Got: right.Got, Numbers: right.Numbers + 1, Want: right.Want, Reason: right.Reason},
		} {
			if f.check(wrong, bad, tutorial.Input) == nil {
				t.Errorf("%s: %s is accepted", f.name, name)
			}
		}
	}
	if _, err := s.RunOutputs(t.Context(), good, "nobody"); unknownLayer(err) != nil || unknownLayer(errors.New("no layer")) == nil {
		t.Errorf("unknown layer: %v", err)
	}
}

func TestReportFails(t *testing.T) {
	sample := func(rss int64) Sample { return Sample{RSS: rss} }
	r := Report{Growth: 0.05}
	for range samples - 1 {
		r.Samples = append(r.Samples, sample(1000))
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "9 of 10") {
		t.Errorf("a sample is missing: %v", err)
	}
	r.Samples = append(r.Samples, sample(1050))
	if err := r.Err(); err != nil {
		t.Errorf("5 %% more: %v", err)
	}
	r.Samples[samples-1] = sample(1051)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "grew by 5.1 %") {
		t.Errorf("5.1 %% more: %v", err)
	}
	r.Samples[samples-1] = sample(900)
	if err := r.Err(); err != nil {
		t.Errorf("less: %v", err)
	}
	r.Failures = []string{"call 7: wrong"}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "call 7: wrong") {
		t.Errorf("a failure: %v", err)
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	h.add(0)
	q := h.quantiles()
	for _, x := range []struct{ got, want float64 }{{q.Median, 500}, {q.P99, 990}, {q.Most, 1000}} {
		if x.got < x.want/bucketWidth || x.got > x.want*bucketWidth {
			t.Errorf("got %g ms, want %g", x.got, x.want)
		}
	}
	if q := (&histogram{}).quantiles(); q != (Quantiles{}) {
		t.Errorf("of nothing: %v", q)
	}
}

// What is written to shows in the figures.
func TestLook(t *testing.T) {
	before, err := look()
	if err != nil {
		t.Skip(err)
	}
	const size = 64 << 20
	memory := make([]byte, size)
	for i := 0; i < size; i += 512 {
		memory[i] = 1
	}
	after, err := look()
	if err != nil {
		t.Fatal(err)
	}
	if after.Anonymous-before.Anonymous < size/2 || after.RSS-before.RSS < size/2 || after.GoHeap < size || memory[512] != 1 {
		t.Errorf("%v, after 64 MiB were written %v", before, after)
	}
}
