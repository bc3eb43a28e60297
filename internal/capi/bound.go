package capi

/*
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"
#include "loan.h"

// What every run of one input and one output has in common. The first feed is
// the input.
typedef struct {
	TF_Session* session;
	int feeds;
	TF_Output* inputs;
	TF_Tensor** fed; // without the first
	TF_Output output;
} bound;

enum { NO_MEMORY = -1, WRONG_SIZE = -2 };

typedef struct {
	int code;      // of TF_Code, or one of the above
	char* message; // of TensorFlow, to be freed; or null
	size_t bytes;  // of the result
} outcome;

// bound_run runs the graph once, from the caller's memory into the caller's
// memory, which may both be Go's: when it returns TensorFlow has let go of
// them. It does not copy the input where TensorFlow likes its alignment; else
// TensorFlow does.
static outcome bound_run(const bound* b, const int64_t* shape, int rank, void* batch, size_t batch_bytes, void* into, size_t into_bytes) {
	outcome o = {0};
	loan l;
	TF_Tensor* fed[b->feeds];
	fed[0] = loan_tensor(&l, shape, rank, batch, batch_bytes);
	if (!fed[0]) {
		o.code = NO_MEMORY;
		return o;
	}
	for (int i = 1; i < b->feeds; i++) fed[i] = b->fed[i];
	TF_Tensor* result = NULL;
	TF_Status* status = TF_NewStatus();
	TF_SessionRun(b->session, NULL, b->inputs, fed, b->feeds, &b->output, &result, 1, NULL, 0, NULL, status);
	o.code = TF_GetCode(status);
	if (o.code != TF_OK) {
		o.message = strdup(TF_Message(status));
	} else {
		o.bytes = TF_TensorByteSize(result);
		if (TF_TensorType(result) != TF_FLOAT || o.bytes != into_bytes) {
			o.code = WRONG_SIZE;
		} else if (into_bytes > 0) {
			memcpy(into, TF_TensorData(result), into_bytes);
		}
	}
	TF_DeleteStatus(status);
	// The result may be the input's own memory: it goes first.
	if (result) TF_DeleteTensor(result);
	TF_DeleteTensor(fed[0]);
	loan_end(&l);
	return o;
}

static bound* new_bound(TF_Session* session, int feeds) {
	bound* b = calloc(1, sizeof *b);
	b->session = session;
	b->feeds = feeds;
	b->inputs = calloc(feeds, sizeof *b->inputs);
	b->fed = calloc(feeds, sizeof *b->fed);
	return b;
}

static void bind_port(bound* b, int i, TF_Operation* op, int index, TF_Tensor* fed) {
	TF_Output* port = i < 0 ? &b->output : &b->inputs[i];
	port->oper = op;
	port->index = index;
	if (i > 0) b->fed[i] = fed;
}

static void free_bound(bound* b) {
	free(b->inputs);
	free(b->fed);
	free(b);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"tfcnn/graph/tensor"
)

// An int must be an int64_t for a shape to be handed over as it is.
var _ [unsafe.Sizeof(int(0)) - 8]struct{}

// Bound is a session with all fixed but the numbers of one input: the feeds
// that are held, and one output to fetch. A run allocates nothing in Go.
// Several goroutines may call Run at once.
type Bound struct {
	session *Session
	weights []Feed
	c       *C.bound
}

// Bind fixes a run of one input. Each of the weights must be held, and outlive
// the Bound, which Free frees.
func (s *Session) Bind(input Port, weights []Feed, output Port) (*Bound, error) {
	if len(weights) > math.MaxInt16 {
		return nil, fmt.Errorf("capi: %d weights are fed, want at most %d", len(weights), math.MaxInt16)
	}
	b := &Bound{session: s, weights: weights, c: C.new_bound(s.c, C.int(len(weights)+1))}
	C.bind_port(b.c, 0, input.op, input.index, nil)
	C.bind_port(b.c, -1, output.op, output.index, nil)
	for i, w := range weights {
		if w.Held == nil || w.Held.c == nil {
			b.Free()
			return nil, errors.New("capi: a weight is not held")
		}
		C.bind_port(b.c, C.int(i+1), w.Port.op, w.Port.index, w.Held.c)
	}
	live.bounds.Add(1)
	return b, nil
}

// Free frees what Bind has made. A second call does nothing.
func (b *Bound) Free() {
	if b.c != nil {
		C.free_bound(b.c)
		b.c = nil
		live.bounds.Add(-1)
	}
}

// Run computes the output for a batch into a slice of just its length, both
// float32. Neither is used any more when it returns, whether it failed or not;
// until then nobody may write to either. The batch is not copied where its
// first number lies at a multiple of 64 bytes, as in Native and in large Go
// slices.
func (b *Bound) Run(into []float32, shape []int, batch []float32) error {
	n, err := tensor.Elements(shape)
	switch {
	case err != nil:
		return fmt.Errorf("capi: %w", err)
	case n != len(batch):
		return fmt.Errorf("capi: batch %s has %d numbers, want %d", tensor.FormatShape(shape), len(batch), n)
	case b.c == nil:
		return errors.New("capi: bound run was freed")
	}
	o := C.bound_run(b.c, (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(shape))), C.int(len(shape)),
		unsafe.Pointer(unsafe.SliceData(batch)), C.size_t(4*len(batch)),
		unsafe.Pointer(unsafe.SliceData(into)), C.size_t(4*len(into)))
	runtime.KeepAlive(b)
	switch {
	case o.code == C.TF_OK:
		return nil
	case o.code == C.NO_MEMORY:
		return fmt.Errorf("capi: TensorFlow takes no tensor of %d bytes", 4*len(batch))
	case o.code == C.WRONG_SIZE:
		return fmt.Errorf("capi: result has %d bytes, want %d of float32", uint64(o.bytes), 4*len(into))
	}
	defer C.free(unsafe.Pointer(o.message))
	return &Error{Code: int(o.code), Message: oneLine(C.GoString(o.message))}
}
