package session

import (
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
)

// fits refuses a tensor that a step's output for so many pictures does not fit.
func (c *core) fits(into tensor.Tensor, step, pictures int) error {
	want := c.lowered.Program.Steps[step].Shape
	if len(into.Shape) != len(want) || into.Shape[0] != pictures || !slices.Equal(into.Shape[1:], want[1:]) {
		return fmt.Errorf("result is to go into %s, want %s", tensor.FormatShape(into.Shape), tensor.FormatShape(c.shape(step, pictures)))
	}
	return into.Check()
}

// fitAll is fits for several.
func (c *core) fitAll(into []tensor.Tensor, steps []int, pictures int) error {
	if len(into) != len(steps) {
		return fmt.Errorf("results are to go into %d tensors, want %d", len(into), len(steps))
	}
	for i, step := range steps {
		if err := c.fits(into[i], step, pictures); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// check refuses a batch before TensorFlow sees it.
func (c *core) check(batch tensor.Tensor) error {
	if len(batch.Shape) != 4 || !slices.Equal(batch.Shape[1:], c.input) {
		return fmt.Errorf("batch is %s, want %s", tensor.FormatShape(batch.Shape), "[N,"+tensor.FormatShape(c.input)[1:])
	}
	if err := batch.Check(); err != nil {
		return err
	}
	return c.takes(int64(batch.Shape[0]))
}

// takes refuses more pictures than an operation takes, or memory is free for.
func (c *core) takes(pictures int64) error {
	if err := tensorflow.CheckMemoryCached(times(c.perPicture, pictures)); err != nil {
		return fmt.Errorf("batch of %d pictures: %w", pictures, err)
	}
	if pictures <= c.checked.Load() {
		return nil // what takes more takes fewer
	}
	program := c.lowered.Program
	for i, step := range program.Steps {
		if _, err := step.Op.Shape(program.Operands(i, int(pictures))...); err != nil {
			return fmt.Errorf("batch of %d pictures: %s %s: %w", pictures, step.Op.Kind(), quote.Name(step.Name), err)
		}
	}
	for {
		most := c.checked.Load()
		if pictures <= most || c.checked.CompareAndSwap(most, pictures) {
			return nil
		}
	}
}

// checkBatching refuses joint batches that do not fit into memory or that an
// operation does not take.
func (c *core) checkBatching(size, rows, results int) error {
	numbers := int64(rows) + int64(results) // of a picture; each fits into memory
	if most := maxJoint / 4 / numbers; int64(size) > most {
		return fmt.Errorf("got %d pictures, want at most %d: the input and the result of a picture are %s, those of a joint batch at most %s",
			size, most, humanize.IBytes(uint64(4*numbers)), humanize.IBytes(maxJoint))
	}
	return c.takes(int64(size))
}

// warm runs a batch of zeros, which no counter counts.
func (c *core) warm(pictures int) error {
	if err := c.takes(int64(pictures)); err != nil {
		return err
	}
	batch, err := tensor.New(append([]int{pictures}, c.input...)...)
	if err != nil {
		return err
	}
	into, err := c.first(batch)
	if err != nil {
		return err
	}
	l, err := c.native.lane(pictures)
	if err != nil {
		return err
	}
	return l.first.Run([]capi.Value{capi.Float32s(batch)}, []capi.Value{capi.Float32s(into)})
}
