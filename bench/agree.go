package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"tfcnn/bench/worker"
	"tfcnn/graph/tensor"
)

// agreement is the largest difference between two contestants' results, as a
// share of the span from the least to the largest number of ours, that is
// still roundings. Float32 sums of some thousand products in another order
// differ by 1e-6 to 1e-5 of it after a few layers; a shifted window, another
// padding or a layout mixed up by more than 1e-2.
const agreement = 1e-3

// coarse is the same for TF32 and float16, which keep 11 significant bits: a
// rounding is 5e-4 of a number, and some dozen layers of them 1e-3 to 5e-3.
const coarse = 1e-2

// agreement is that of a row.
func (r row) agreement() float64 {
	if r.tf32 || r.compute != "" {
		return coarse
	}
	return agreement
}

// readResults reads what a worker wrote: outputs of all inputs.
func readResults(folder string, inputs, outputs int) ([]tensor.Tensor, error) {
	var list []tensor.Tensor
	for i := range inputs {
		for k := range outputs {
			x, err := readNPY(filepath.Join(folder, worker.ResultFile(i, k)))
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("output %d of input %d is missing", k, i)
			}
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
	}
	return list, nil
}

func readNPY(path string) (x tensor.Tensor, err error) {
	file, err := os.Open(path)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return tensor.ReadNPY(file)
}

// difference is the largest between two lists of results, as a share of the
// span of each tensor of want. Results that say nothing, all numbers alike,
// cannot be compared.
func difference(got, want []tensor.Tensor) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d results, want %d", len(got), len(want))
	}
	most := 0.0
	for i, w := range want {
		g := got[i]
		if !slices.Equal(g.Shape, w.Shape) {
			return 0, fmt.Errorf("result %d is %s, want %s", i, tensor.FormatShape(g.Shape), tensor.FormatShape(w.Shape))
		}
		span := float64(slices.Max(w.Data)) - float64(slices.Min(w.Data))
		if !(span > 0) {
			return 0, fmt.Errorf("result %d says nothing, its numbers are all alike or not finite", i)
		}
		for k, x := range w.Data {
			d := math.Abs(float64(g.Data[k])-float64(x)) / span
			if math.IsNaN(d) {
				return 0, fmt.Errorf("result %d has NaN at %v", i, w.Index(k))
			}
			most = max(most, d)
		}
	}
	return most, nil
}
