package capi

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include "tensorflow/c/c_api.h"

// lone lets imported nodes name others, which are not imported, to be placed with.
// The library exports the function, its headers do not declare it.
static void lone(TF_ImportGraphDefOptions* options) {
	void (*validate)(TF_ImportGraphDefOptions*, unsigned char) = dlsym(RTLD_DEFAULT, "TF_ImportGraphDefOptionsSetValidateColocationConstraints");
	if (validate) validate(options, 0);
}
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// mostInferred is the most numbers of a constant that may tell a shape, as that of
// Reshape does. Larger ones are left out of an inference.
const mostInferred = 1024

// Infer returns the shapes of some outputs, as TensorFlow infers them where feeds,
// instead of their nodes' outputs, have the shapes given. The error is that of a node
// that does not take its input's shape, among the nodes that the outputs and the
// targets need. The weights of the graph are not copied.
func (g Graph) Infer(feeds []Output, shapes []tf.Shape, fetches []Output, targets []Operation) ([]tf.Shape, error) {
	graph := tf.NewGraph()
	defer FreeGraph(graph)
	into, err := WrapGraph(graph)
	if err != nil {
		return nil, err
	}
	i := inference{from: g, into: into, replaced: map[Output]bool{}, options: C.TF_NewImportGraphDefOptions()}
	defer C.TF_DeleteImportGraphDefOptions(i.options)
	C.lone(i.options)
	for k, feed := range feeds {
		if err := i.replace(feed, shapes[k]); err != nil {
			return nil, err
		}
	}
	var roots []*C.TF_Operation
	for _, fetch := range fetches {
		roots = append(roots, fetch.op)
	}
	for _, target := range targets {
		roots = append(roots, target.op)
	}
	nodes, err := i.needed(roots)
	if err != nil {
		return nil, err
	}
	if err := i.build(nodes); err != nil {
		return nil, err
	}
	inferred := make([]tf.Shape, len(fetches))
	for k, fetch := range fetches {
		name := C.GoString(C.TF_OperationName(fetch.op))
		found := graph.Operation(name)
		if found == nil {
			return nil, fmt.Errorf("capi: infer: node %q is not in the copy", name)
		}
		inferred[k] = found.Output(int(fetch.index)).Shape()
	}
	runtime.KeepAlive(g.graph)
	return inferred, nil
}

// inference is an Infer under way.
type inference struct {
	from, into Graph
	options    *C.TF_ImportGraphDefOptions
	replaced   map[Output]bool // that placeholders stand for
	number     int             // of the next placeholder
}

// replace has a placeholder of a shape stand for an output.
func (i *inference) replace(output Output, shape tf.Shape) error {
	i.replaced[output] = true
	name := fmt.Sprint("feed", i.number)
	for _, err := i.from.Operation(name); err == nil; _, err = i.from.Operation(name) {
		i.number++
		name = fmt.Sprint("feed", i.number)
	}
	i.number++
	placeholder, err := i.into.graph.AddOperation(tf.OpSpec{
		Type: "Placeholder", Name: name,
		Attrs: map[string]any{"dtype": tf.DataType(C.TF_OperationOutputType(output.c())), "shape": shape},
	})
	if err != nil {
		return errors.New(oneLine(err.Error()))
	}
	stands, err := i.into.OutputOf(placeholder.Output(0))
	if err != nil {
		return err
	}
	C.TF_ImportGraphDefOptionsAddInputMapping(i.options, C.TF_OperationName(output.op), output.index, stands.c())
	return nil
}

// needed returns the nodes that others need, and these. Placeholders come to stand for
// large constants, which are left out.
func (i *inference) needed(nodes []*C.TF_Operation) ([]*C.TF_Operation, error) {
	visited := map[*C.TF_Operation]bool{}
	var list []*C.TF_Operation
	for len(nodes) > 0 {
		node := nodes[len(nodes)-1]
		nodes = nodes[:len(nodes)-1]
		if visited[node] {
			continue
		}
		visited[node] = true
		list = append(list, node)
		for at := range C.TF_OperationNumInputs(node) {
			input := C.TF_OperationInput(C.TF_Input{oper: node, index: at})
			output := Output{op: input.oper, index: input.index}
			if i.replaced[output] {
				continue
			}
			if shape, large := i.from.large(output); large {
				if err := i.replace(output, shape); err != nil {
					return nil, err
				}
				continue
			}
			nodes = append(nodes, input.oper)
		}
		if n := C.TF_OperationNumControlInputs(node); n > 0 {
			inputs := make([]*C.TF_Operation, n)
			C.TF_OperationGetControlInputs(node, &inputs[0], n)
			nodes = append(nodes, inputs...)
		}
	}
	return list, nil
}

// large reports whether an output is a constant of so many numbers that they tell no
// shape, and returns its shape.
func (g Graph) large(output Output) (shape tf.Shape, large bool) {
	if C.GoString(C.TF_OperationOpType(output.op)) != "Const" {
		return shape, false
	}
	shape = g.graph.Operation(C.GoString(C.TF_OperationName(output.op))).Output(int(output.index)).Shape()
	numbers := int64(1)
	for axis := range max(shape.NumDimensions(), 0) {
		numbers *= max(shape.Size(axis), 0)
	}
	return shape, numbers > mostInferred
}

// build imports nodes, and the functions that they may call, into the new graph. They
// are imported at once, as those of a loop refer to each other.
func (i *inference) build(nodes []*C.TF_Operation) error {
	status := C.TF_NewStatus()
	defer C.TF_DeleteStatus(status)
	functions := make([]*C.TF_Function, C.TF_GraphNumFunctions(i.from.g)+1)
	for _, function := range functions[:C.TF_GraphGetFunctions(i.from.g, &functions[0], C.int(len(functions)), status)] {
		if C.TF_GetCode(status) == C.TF_OK {
			C.TF_GraphCopyFunction(i.into.g, function, nil, status)
		}
		C.TF_DeleteFunction(function)
	}
	if err := failure(status); err != nil {
		return err
	}
	// Fields of a GraphDef, each a message: its nodes, and its versions.
	const fieldNode, fieldVersions, message = 1, 4, 2
	var definition []byte
	add := func(field byte, write func(*C.TF_Buffer)) error {
		part := C.TF_NewBuffer()
		defer C.TF_DeleteBuffer(part)
		write(part)
		if err := failure(status); err != nil {
			return err
		}
		definition = binary.AppendUvarint(append(definition, field<<3|message), uint64(part.length))
		definition = append(definition, unsafe.Slice((*byte)(part.data), int(part.length))...)
		return nil
	}
	if err := add(fieldVersions, func(part *C.TF_Buffer) { C.TF_GraphVersions(i.from.g, part, status) }); err != nil {
		return err
	}
	for _, node := range nodes {
		if err := add(fieldNode, func(part *C.TF_Buffer) { C.TF_OperationToNodeDef(node, part, status) }); err != nil {
			return err
		}
	}
	whole := C.TF_NewBufferFromString(unsafe.Pointer(unsafe.SliceData(definition)), C.size_t(len(definition)))
	defer C.TF_DeleteBuffer(whole)
	C.TF_GraphImportGraphDef(i.into.g, whole, i.options, status)
	return failure(status)
}

func (o Output) c() C.TF_Output { return C.TF_Output{oper: o.op, index: o.index} }
