package session

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A panic on a goroutine of the session's own becomes the call's error, and the
// goroutine, its memory and its batch serve the next call or are freed.
func TestPanicInTheBackground(t *testing.T) {
	faulty := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "internal fault: panic: ") {
			t.Errorf("%s: %v, want the panic as an error", what, err)
		}
	}
	b := newBatcher(Batching{Size: 4, Wait: time.Millisecond}, 2, 1, func(int, []float32, []float32) error { panic("a bug") })
	for range 3 {
		_, err := b.run(context.Background(), make([]float32, 1), make([]float32, 2), 1)
		faulty("batcher", err)
	}
	b.close()
	select {
	case <-b.empty:
	case <-time.After(time.Minute):
		t.Fatalf("%d batches are never freed", b.batches)
	}
}
