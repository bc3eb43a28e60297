package main

import (
	"bytes"
	"runtime"
	"sync"

	"github.com/galeone/tfgo"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/bench/worker"
	"tfcnn/graph/tensor"
)

// limits is what the machine can do at best. Input 0 is a product of two
// matrices in TensorFlow, input 1 a copy by all cores.
type limits struct {
	session  *tf.Session
	feeds    map[tf.Output]*tf.Tensor
	corner   tf.Output
	from, to []byte
}

func openLimits(j worker.Job) (worker.Runner, error) {
	const n = worker.ProductSize
	l := &limits{
		feeds: map[tf.Output]*tf.Tensor{},
		from:  make([]byte, j.CopyBytes/2), to: make([]byte, j.CopyBytes/2),
	}
	for i := range l.from {
		l.from[i] = byte(i)
	}
	root := tfgo.NewRoot()
	var matrices []tf.Output
	for i, name := range []string{"a", "b"} {
		matrix := op.Placeholder(root.SubScope(name), tf.Float, op.PlaceholderShape(tf.MakeShape(n, n)))
		matrices = append(matrices, matrix)
		numbers := make([]float32, n*n)
		for k := range numbers {
			numbers[k] = float32((k*(i+3))%17) / 16
		}
		var err error
		if l.feeds[matrix], err = tf.ReadTensor(tf.Float, []int64{n, n}, bytes.NewReader(asBytes(numbers))); err != nil {
			return nil, err
		}
	}
	product := op.MatMul(root, matrices[0], matrices[1])
	// The whole product is computed, one number of it brought back.
	l.corner = op.Slice(root, product, op.Const(root.SubScope("begin"), []int32{0, 0}), op.Const(root.SubScope("size"), []int32{1, 1}))
	graph, err := root.Finalize()
	if err != nil {
		return nil, err
	}
	l.session, err = tf.NewSession(graph, nil)
	return l, err
}

func (l *limits) Run(i int) (any, error) {
	if i == 0 {
		return l.session.Run(l.feeds, []tf.Output{l.corner}, nil)
	}
	var group sync.WaitGroup
	part := (len(l.from) + runtime.NumCPU() - 1) / runtime.NumCPU()
	for at := 0; at < len(l.from); at += part {
		end := min(at+part, len(l.from))
		group.Go(func() { copy(l.to[at:end], l.from[at:end]) })
	}
	group.Wait()
	return nil, nil
}

// Numbers has none: limits are asked for times alone.
func (l *limits) Numbers(any) ([]tensor.Tensor, error) { return nil, nil }

func (l *limits) Close() error { return l.session.Close() }
