package session

import (
	"context"
	"sync"

	"tfcnn/internal/capi"
)

// tracker counts the calls that are inside TensorFlow.
type tracker struct {
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

// begin counts a call, unless the tracker is closed.
func (t *tracker) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.calls.Add(1)
	return true
}

// end takes back a call that begin has counted.
func (t *tracker) end() { t.calls.Done() }

// do makes a call that begin has counted. It returns early when ctx ends; the
// call stays counted until it is through.
func (t *tracker) do(ctx context.Context, call *capi.Call, traced bool) ([]capi.Fetched, []capi.Node, error) {
	type answer struct {
		results []capi.Fetched
		nodes   []capi.Node
		err     error
	}
	run := func() (a answer) {
		defer t.end()
		if traced {
			a.results, a.nodes, a.err = call.RunTraced()
		} else {
			a.results, a.err = call.Run()
		}
		return a
	}
	if ctx.Done() == nil {
		a := run()
		return a.results, a.nodes, a.err
	}
	through := make(chan answer, 1)
	go func() { through <- run() }()
	select {
	case a := <-through:
		return a.results, a.nodes, a.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// close lets no call in any more and waits for those inside. It is false
// where the tracker was closed before.
func (t *tracker) close() bool {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	t.calls.Wait()
	return first
}
