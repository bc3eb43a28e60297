package capi

/*
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tensor.h"
#include "tensorflow/c/tf_tstring.h"
#include "borrowed.h"
#include "copied.h"

// The part that all runs of a Runner share. Among the inputs, the feeds stand before
// the constants.
typedef struct {
	TF_Session* session;
	int feeds, constants, fetches, targets, keeps;
	TF_Output* inputs;
	TF_Tensor** constant;
	TF_Output* outputs;
	TF_Operation** operations;
} runner;

// One run.
typedef struct {
	borrowed_memory* borrowed;
	TF_Tensor** fed; // the constants, too
	TF_Tensor** fetched;
	TF_Status* status;
	int keeps;
} frame;

enum { FED, NO_MEMORY, WRONG_SIZE, NO_TYPE }; // as feedFault

static runner* runner_new(TF_Session* session, int feeds, int constants, int fetches, int targets) {
	runner* r = calloc(1, sizeof *r);
	r->session = session;
	r->feeds = feeds;
	r->constants = constants;
	r->fetches = fetches;
	r->targets = targets;
	r->inputs = calloc(feeds + constants + 1, sizeof *r->inputs);
	r->constant = calloc(constants + 1, sizeof *r->constant);
	r->outputs = calloc(fetches + 1, sizeof *r->outputs);
	r->operations = calloc(targets + 1, sizeof *r->operations);
	return r;
}

static void runner_input(runner* r, int i, TF_Operation* op, int index) {
	r->inputs[i].oper = op;
	r->inputs[i].index = index;
}

static void runner_keeps(runner* r) { r->keeps = 1; }

static void runner_constant(runner* r, int i, TF_Tensor* value) { r->constant[i] = value; }

static void runner_output(runner* r, int i, TF_Operation* op, int index) {
	r->outputs[i].oper = op;
	r->outputs[i].index = index;
}

static void runner_target(runner* r, int i, TF_Operation* op) { r->operations[i] = op; }

static void runner_free(runner* r) {
	free(r->inputs);
	free(r->constant);
	free(r->outputs);
	free(r->operations);
	free(r);
}

static frame* frame_new(const runner* r) {
	int inputs = r->feeds + r->constants;
	frame* f = calloc(1, sizeof *f + r->feeds * sizeof(borrowed_memory) + (inputs + r->fetches) * sizeof(TF_Tensor*));
	f->borrowed = (borrowed_memory*)(f + 1);
	f->fed = (TF_Tensor**)(f->borrowed + r->feeds);
	f->fetched = f->fed + inputs;
	memcpy(f->fed + r->feeds, r->constant, r->constants * sizeof *f->fed);
	f->status = TF_NewStatus();
	f->keeps = r->keeps;
	return f;
}

// frame_feed sets the value of feed i: of count numbers, whose memory TensorFlow
// borrows until frame_end, unless the graph may keep them: then they are copied; or of
// one string, which is copied.
static int frame_feed(frame* f, int i, TF_DataType type, const int64_t* shape, int rank, int64_t count, void* data, size_t bytes) {
	if (type == TF_STRING) {
		if (rank != 0) return WRONG_SIZE;
		f->fed[i] = string_tensor(data, bytes);
		return f->fed[i] ? FED : NO_MEMORY;
	}
	size_t size = TF_DataTypeSize(type);
	if (size == 0) return NO_TYPE;
	if (bytes != size * (size_t)count) return WRONG_SIZE;
	f->fed[i] = bytes && !f->keeps ? borrow_tensor(&f->borrowed[i], type, shape, rank, data, bytes) : copied_tensor(type, shape, rank, data, bytes);
	return f->fed[i] ? FED : NO_MEMORY;
}

static int frame_run(const runner* r, frame* f, TF_Buffer* options, TF_Buffer* metadata) {
	TF_SessionRun(r->session, options, r->inputs, f->fed, r->feeds + r->constants, r->outputs, f->fetched, r->fetches,
		(const TF_Operation* const*)r->operations, r->targets, metadata, f->status);
	return TF_GetCode(f->status);
}

static TF_Tensor* frame_result(const frame* f, int i) { return f->fetched[i]; }

// frame_fits reports whether result i has this type, shape and size.
static int frame_fits(const frame* f, int i, TF_DataType type, const int64_t* shape, int rank, size_t bytes) {
	const TF_Tensor* t = f->fetched[i];
	int fits = TF_TensorType(t) == type && TF_NumDims(t) == rank && TF_TensorByteSize(t) == bytes;
	for (int d = 0; fits && d < rank; d++) fits = TF_Dim(t, d) == shape[d];
	return fits;
}

static void frame_copy(const frame* f, int i, void* into, size_t bytes) { memcpy(into, TF_TensorData(f->fetched[i]), bytes); }

// frame_end frees a run. A result may be a feed's own memory: results go first.
static void frame_end(const runner* r, frame* f) {
	for (int i = 0; i < r->fetches; i++) {
		if (f->fetched[i]) TF_DeleteTensor(f->fetched[i]);
	}
	for (int i = 0; i < r->feeds; i++) {
		if (!f->fed[i]) continue;
		TF_DeleteTensor(f->fed[i]);
		await_return(&f->borrowed[i]);
	}
	TF_DeleteStatus(f->status);
	free(f);
}

// The result of run_once.
typedef struct {
	int fed, code, fits;
	char* message; // of a code other than TF_OK, to be freed
	// Of a result that does not fit; of more dimensions than dims has, the first.
	int kind, rank;
	int64_t dims[8];
	size_t bytes;
} outcome;

// run_once is a whole run of one feed and one result that has memory. A call of C
// takes longer than the kernels of a small network: run_once is one call, not six. No
// memory has to be pinned, as TensorFlow has returned it when run_once returns.
static outcome run_once(const runner* r, TF_DataType type, const int64_t* shape, int rank, int64_t count, void* data, size_t bytes,
		TF_DataType kind, const int64_t* dims, int dimensions, void* into, size_t room) {
	outcome o = {0};
	frame* f = frame_new(r);
	o.fed = frame_feed(f, 0, type, shape, rank, count, data, bytes);
	if (o.fed == FED) {
		o.code = frame_run(r, f, NULL, NULL);
		if (o.code != TF_OK) {
			o.message = strdup(TF_Message(f->status));
		} else if ((o.fits = frame_fits(f, 0, kind, dims, dimensions, room))) {
			if (room) frame_copy(f, 0, into, room);
		} else {
			const TF_Tensor* t = f->fetched[0];
			o.kind = TF_TensorType(t);
			o.rank = TF_NumDims(t);
			for (int d = 0; d < o.rank && d < 8; d++) o.dims[d] = TF_Dim(t, d);
			o.bytes = TF_TensorByteSize(t);
		}
	}
	frame_end(r, f);
	return o;
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

// Signature lists the feeds, fetches and targets of a Runner's runs.
type Signature struct {
	Feeds     []Output // whose values come with each run
	Constants []Constant
	Fetches   []Output
	Targets   []Operation // nodes that run, though none of their outputs is fetched
	// Keeps says that the graph may keep the feeds' values after a run, as a variable or
	// a queue does: each run then feeds copies. Without it such a run never ends, as it
	// waits until TensorFlow returns its caller's memory.
	Keeps bool
}

// Constant is a feed with the same value in each run. The tensor must outlive the
// Runner.
type Constant struct {
	Output Output
	Tensor *NativeTensor
}

// Runner runs a session for one Signature. Several goroutines may use it at once.
// A run allocates no memory in Go, except for results whose Data is nil.
type Runner struct {
	session *Session
	feeds   int
	fetches int
	c       *C.runner
}

// NewRunner makes a Runner, which Free frees.
func (s *Session) NewRunner(o Signature) (*Runner, error) {
	if most := max(len(o.Feeds), len(o.Constants), len(o.Fetches), len(o.Targets)); most > math.MaxInt16 {
		return nil, fmt.Errorf("capi: runner: got %d feeds, constants, fetches or targets, want at most %d of each", most, math.MaxInt16)
	}
	for _, constant := range o.Constants {
		if constant.Tensor == nil || constant.Tensor.c == nil {
			return nil, errors.New("capi: runner: a constant was freed")
		}
	}
	r := &Runner{
		session: s, feeds: len(o.Feeds), fetches: len(o.Fetches),
		c: C.runner_new(s.c, C.int(len(o.Feeds)), C.int(len(o.Constants)), C.int(len(o.Fetches)), C.int(len(o.Targets))),
	}
	live.runners.Add(1)
	if o.Keeps {
		C.runner_keeps(r.c)
	}
	for i, output := range o.Feeds {
		C.runner_input(r.c, C.int(i), output.op, output.index)
	}
	for i, constant := range o.Constants {
		C.runner_input(r.c, C.int(len(o.Feeds)+i), constant.Output.op, constant.Output.index)
		C.runner_constant(r.c, C.int(i), constant.Tensor.c)
	}
	for i, output := range o.Fetches {
		C.runner_output(r.c, C.int(i), output.op, output.index)
	}
	for i, target := range o.Targets {
		C.runner_target(r.c, C.int(i), target.op)
	}
	return r, nil
}

// Free frees the Runner's memory. A second call does nothing.
func (r *Runner) Free() {
	if r.c != nil {
		C.runner_free(r.c)
		r.c = nil
		live.runners.Add(-1)
	}
}

// Run executes the graph once. in has the values of the feeds. TensorFlow reads
// them where they are, if their first byte lies at a multiple of 64, and copies
// them else. out takes the results: a Value whose Data is nil gets memory of its
// own, type and shape; a Value with Data must have the result's type, shape and
// size. Without any out the results are dropped.
//
// Until Run returns, in and out must not be written to. Then Run uses neither any more
// and has freed all memory of the run, after an error too. After an error out is as it
// was.
func (r *Runner) Run(in, out []Value) error {
	_, err := r.run(nil, in, out)
	return err
}

// RunWith is Run with a RunOptions message; it returns the RunMetadata message.
func (r *Runner) RunWith(options []byte, in, out []Value) (metadata []byte, err error) {
	buffer, result := C.TF_NewBufferFromString(unsafe.Pointer(unsafe.SliceData(options)), C.size_t(len(options))), C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buffer)
	defer C.TF_DeleteBuffer(result)
	return r.run(&messages{buffer, result}, in, out)
}

// messages are a run's options and metadata.
type messages struct{ options, metadata *C.TF_Buffer }

func (r *Runner) run(with *messages, in, out []Value) (metadata []byte, err error) {
	switch {
	case r.c == nil:
		return nil, errors.New("capi: runner was freed")
	case len(in) != r.feeds:
		return nil, fmt.Errorf("capi: got values of %d feeds, want %d", len(in), r.feeds)
	case len(out) != r.fetches && len(out) > 0:
		return nil, fmt.Errorf("capi: got memory for %d results, want %d", len(out), r.fetches)
	}
	if with == nil && len(in) == 1 && len(out) == 1 && out[0].Data != nil {
		return nil, r.runOnce(in[0], out[0])
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	f := C.frame_new(r.c)
	live.runs.Add(1)
	defer r.end(f)
	for i := range in {
		if err := feed(f, i, in[i], &pins); err != nil {
			return nil, err
		}
	}
	if with == nil {
		with = &messages{}
	}
	if C.frame_run(r.c, f, with.options, with.metadata) != C.TF_OK {
		return nil, failure(f.status)
	}
	for i := range out {
		if err := fits(f, i, out[i]); err != nil {
			return nil, err
		}
	}
	for i := range out {
		if out[i].Data == nil {
			out[i] = copyResult(C.frame_result(f, C.int(i)))
		} else if len(out[i].Data) > 0 {
			C.frame_copy(f, C.int(i), unsafe.Pointer(unsafe.SliceData(out[i].Data)), C.size_t(len(out[i].Data)))
		}
	}
	if with.metadata != nil {
		metadata = C.GoBytes(unsafe.Pointer(with.metadata.data), C.int(with.metadata.length))
	}
	return metadata, nil
}

// runOnce is run for one feed and one result that has memory.
func (r *Runner) runOnce(in, out Value) error {
	n, err := tensor.Elements(in.Shape)
	if err != nil {
		return fmt.Errorf("capi: feed 0: %w", err)
	}
	live.runs.Add(1)
	defer live.runs.Add(-1)
	o := C.run_once(r.c, C.TF_DataType(in.Type), shapeOf(in), C.int(len(in.Shape)), C.int64_t(n), unsafe.Pointer(unsafe.SliceData(in.Data)), C.size_t(len(in.Data)),
		C.TF_DataType(out.Type), shapeOf(out), C.int(len(out.Shape)), unsafe.Pointer(unsafe.SliceData(out.Data)), C.size_t(len(out.Data)))
	runtime.KeepAlive(r)
	switch {
	case o.fed != C.FED:
		return feedError(0, in, n, int(C.TF_DataTypeSize(C.TF_DataType(in.Type))), feedFault(o.fed))
	case o.code != C.TF_OK:
		defer C.free(unsafe.Pointer(o.message))
		return &Error{Code: int(o.code), Message: oneLine(C.GoString(o.message))}
	case o.fits == 0:
		shape := make([]int, min(int(o.rank), len(o.dims)))
		for i := range shape {
			shape[i] = int(o.dims[i])
		}
		return mismatch(0, out, int(o.kind), shape, int64(o.bytes))
	}
	return nil
}

// end frees a run.
func (r *Runner) end(f *C.frame) {
	C.frame_end(r.c, f)
	live.runs.Add(-1)
	runtime.KeepAlive(r)
}

// feed sets a feed's value, and pins its memory.
func feed(f *C.frame, i int, v Value, pins *runtime.Pinner) error {
	n, err := tensor.Elements(v.Shape)
	if err != nil {
		return fmt.Errorf("capi: feed %d: %w", i, err)
	}
	data := unsafe.SliceData(v.Data)
	if data != nil {
		pins.Pin(data)
	}
	fed := C.frame_feed(f, C.int(i), C.TF_DataType(v.Type), shapeOf(v), C.int(len(v.Shape)), C.int64_t(n), unsafe.Pointer(data), C.size_t(len(v.Data)))
	if fed != C.FED {
		return feedError(i, v, n, int(C.TF_DataTypeSize(C.TF_DataType(v.Type))), feedFault(fed))
	}
	return nil
}

// fits returns an error where a result does not fit the memory that there is for
// it, or cannot be received.
func fits(f *C.frame, i int, v Value) error {
	t := C.frame_result(f, C.int(i))
	switch kind := C.TF_TensorType(t); {
	case v.Data == nil && kind == C.TF_STRING && C.TF_NumDims(t) > 0, v.Data == nil && kind != C.TF_STRING && C.TF_DataTypeSize(kind) == 0:
		return fmt.Errorf("capi: result %d has TensorFlow's type %d and shape %s, which cannot be received", i, int(kind), tensor.FormatShape(dims(t)))
	case v.Data == nil:
		return nil
	}
	if C.frame_fits(f, C.int(i), C.TF_DataType(v.Type), shapeOf(v), C.int(len(v.Shape)), C.size_t(len(v.Data))) == 0 {
		return mismatch(i, v, int(C.TF_TensorType(t)), dims(t), int64(C.TF_TensorByteSize(t)))
	}
	return nil
}

func shapeOf(v Value) *C.int64_t { return (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(v.Shape))) }
