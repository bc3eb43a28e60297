package calls

import (
	"math"
	"strings"
	"testing"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// A panic on a worker's goroutine becomes the call's error, and the goroutine and its
// memory serve the next call.
func TestPanicInTheBackground(t *testing.T) {
	faulty := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "internal fault: panic: ") {
			t.Errorf("%s: %v, want the panic as an error", what, err)
		}
	}
	ended := make(chan Admission, 8)
	c := workerPool{ended: func(a Admission) { ended <- a }}
	one := func(done <-chan struct{}, n int) (left bool, err error) { // without a runner
		x := tensor.Tensor{Shape: []int{1}, Data: []float32{1}}
		left, _, err = c.run(done, Request{Borrowed: n%2 == 0, Admission: Admission{number: n}}, []capi.Value{capi.Float32s(x)}, []capi.Value{capi.Float32s(x)})
		return left, err
	}
	for n := range 3 {
		_, err := one(nil, n)
		faulty("workers", err)
	}
	if len(c.idle) != 1 {
		t.Errorf("%d workers are idle, want 1", len(c.idle))
	}
	over := make(chan struct{})
	close(over)
	for n := range 50 {
		if left, _ := one(over, n); left {
			select {
			case got := <-ended:
				if got.number != n {
					t.Errorf("admission %d has ended, want %d", got.number, n)
				}
			case <-time.After(time.Minute):
				t.Fatal("a run that was left never ends its admission")
			}
		}
	}
	c.close()
}

func TestTimes(t *testing.T) {
	for _, tt := range [][3]int64{
		{0, math.MaxInt64, 0},
		{math.MaxInt64, 0, 0},
		{1, math.MaxInt64, math.MaxInt64},
		{1 << 31, 1 << 31, 1 << 62},
		{1 << 32, 1 << 31, math.MaxInt64},
		{3, 3074457345618258602, 9223372036854775806},
		{3, 3074457345618258603, math.MaxInt64},
	} {
		if got := Times(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%d times %d is %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}
