package main

import (
	"bytes"
	"fmt"
	"os"
	"unsafe"

	"github.com/galeone/tfgo"
	"google.golang.org/protobuf/proto"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/bench/worker"
	"tfcnn/graph"
	"tfcnn/graph/node"
	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
)

// manner is a way to use the bindings.
type manner int

const (
	// example: nested slices in and out, through NewTensor and Value;
	// finalizers free the tensors. So their own examples do it.
	example manner = iota
	// best: flat numbers in and out, and each tensor freed as soon as it has
	// served, which needs a call of C that the bindings lack.
	best
	// single: best, with the executor of one thread.
	single
)

// bindingsRunner is a job as a graph of constants in a session of the bindings.
type bindingsRunner struct {
	how     manner
	graph   *tf.Graph
	session *tf.Session
	input   tf.Output
	outputs []tf.Output
	nested  []any           // inputs of example
	flat    []tensor.Tensor // and of the others
	files   *fileReader
}

// fileReader decodes JPEG files in a graph of its own, as the bindings' example
// does.
type fileReader struct {
	names   []string
	graph   *tf.Graph
	session *tf.Session
	file    tf.Output
	image   tf.Output
}

func openBindings(j worker.Job, how manner) (worker.Runner, error) {
	network, err := j.Network()
	if err != nil {
		return nil, err
	}
	lowered, err := graph.Lower(network)
	if err != nil {
		return nil, err
	}
	weights, err := j.Weights()
	if err != nil {
		return nil, err
	}
	r := &bindingsRunner{how: how}
	root := tfgo.NewRoot()
	built, err := node.Build(root, lowered, weights, node.Options{})
	if err != nil {
		return nil, err
	}
	r.input = built.Input
	for _, step := range j.Outputs {
		r.outputs = append(r.outputs, built.Steps[step])
	}
	if r.graph, err = root.Finalize(); err != nil {
		return nil, err
	}
	options, err := how.options()
	if err != nil {
		return nil, err
	}
	if r.session, err = tf.NewSession(r.graph, options); err != nil {
		return nil, err
	}
	if len(j.Files) > 0 {
		r.files, err = openFiles(j.Files, options)
		return r, err
	}
	if r.flat, err = j.Images(); err != nil {
		return nil, err
	}
	if how == example {
		for _, x := range r.flat {
			r.nested = append(r.nested, nest(x))
		}
	}
	return r, nil
}

// options are none but for single.
func (m manner) options() (*tf.SessionOptions, error) {
	if m != single {
		return nil, nil
	}
	config, err := proto.Marshal(&for_core_protos_go_proto.ConfigProto{
		Experimental: &for_core_protos_go_proto.ConfigProto_Experimental{ExecutorType: "SINGLE_THREADED_EXECUTOR"},
	})
	return &tf.SessionOptions{Config: config}, err
}

func openFiles(names []string, options *tf.SessionOptions) (*fileReader, error) {
	root := tfgo.NewRoot()
	f := &fileReader{names: names}
	f.file = op.Placeholder(root, tf.String, op.PlaceholderShape(tf.ScalarShape()))
	rgb := op.DecodeJpeg(root, f.file, op.DecodeJpegChannels(3), op.DecodeJpegDctMethod("INTEGER_ACCURATE"))
	f.image = op.ExpandDims(root, op.Cast(root, rgb, tf.Float), op.Const(root.SubScope("axis"), int32(0)))
	var err error
	if f.graph, err = root.Finalize(); err != nil {
		return nil, err
	}
	f.session, err = tf.NewSession(f.graph, options)
	return f, err
}

// nest makes nested slices of a batch.
func nest(x tensor.Tensor) [][][][]float32 {
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	batch := make([][][][]float32, n)
	for i := range batch {
		batch[i] = make([][][]float32, h)
		for row := range batch[i] {
			batch[i][row] = make([][]float32, w)
			for column := range batch[i][row] {
				at := ((i*h+row)*w + column) * c
				batch[i][row][column] = x.Data[at : at+c : at+c]
			}
		}
	}
	return batch
}

func (r *bindingsRunner) Run(i int) (any, error) {
	input, err := r.feed(i)
	if err != nil {
		return nil, err
	}
	results, err := r.session.Run(map[tf.Output]*tf.Tensor{r.input: input}, r.outputs, nil)
	if err != nil {
		return nil, err
	}
	if r.how == example {
		values := make([]any, len(results))
		for k, result := range results {
			values[k] = result.Value()
		}
		return values, nil
	}
	capi.FreeTensor(input)
	flat := make([]tensor.Tensor, len(results))
	for k, result := range results {
		for _, size := range result.Shape() {
			flat[k].Shape = append(flat[k].Shape, int(size))
		}
		raw := result.TensorData()
		flat[k].Data = make([]float32, len(raw)/4)
		copy(asBytes(flat[k].Data), raw)
		capi.FreeTensor(result)
	}
	return flat, nil
}

// feed is input i as a tensor of the bindings.
func (r *bindingsRunner) feed(i int) (*tf.Tensor, error) {
	if r.files != nil {
		return r.files.read(i)
	}
	if r.how == example {
		return tf.NewTensor(r.nested[i])
	}
	x := r.flat[i]
	shape := make([]int64, len(x.Shape))
	for axis, size := range x.Shape {
		shape[axis] = int64(size)
	}
	return tf.ReadTensor(tf.Float, shape, bytes.NewReader(asBytes(x.Data)))
}

// read decodes a file; the result feeds the network as it is.
func (f *fileReader) read(i int) (*tf.Tensor, error) {
	text, err := os.ReadFile(f.names[i])
	if err != nil {
		return nil, err
	}
	file, err := tf.NewTensor(string(text))
	if err != nil {
		return nil, err
	}
	results, err := f.session.Run(map[tf.Output]*tf.Tensor{f.file: file}, []tf.Output{f.image}, nil)
	if err != nil {
		return nil, err
	}
	return results[0], nil // the file's text is left to its finalizer
}

// asBytes is a view of numbers.
func asBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

func (r *bindingsRunner) Numbers(result any) ([]tensor.Tensor, error) {
	if flat, is := result.([]tensor.Tensor); is {
		return flat, nil
	}
	var list []tensor.Tensor
	for _, value := range result.([]any) {
		tfTensor, err := tf.NewTensor(value)
		if err != nil {
			return nil, err
		}
		raw := tfTensor.TensorData()
		x := tensor.Tensor{Data: make([]float32, len(raw)/4)}
		for _, size := range tfTensor.Shape() {
			x.Shape = append(x.Shape, int(size))
		}
		copy(asBytes(x.Data), raw)
		list = append(list, x)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no result")
	}
	return list, nil
}

func (r *bindingsRunner) Close() error {
	if r.files != nil {
		if err := r.files.session.Close(); err != nil {
			return err
		}
	}
	return r.session.Close()
}
