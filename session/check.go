package session

import (
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/internal/calls"
)

// fits returns an error unless a step's output for so many images fits into a tensor.
func (c *core) fits(into tensor.Tensor, step, images int) error {
	want := c.lowered.Program.Steps[step].Shape
	if len(into.Shape) != len(want) || into.Shape[0] != images || !slices.Equal(into.Shape[1:], want[1:]) {
		return fmt.Errorf("destination has shape %s, want %s", tensor.FormatShape(into.Shape), tensor.FormatShape(c.shape(step, images)))
	}
	return into.Check()
}

// fitAll is fits for several steps.
func (c *core) fitAll(into []tensor.Tensor, steps []int, images int) error {
	if len(into) != len(steps) {
		return fmt.Errorf("got %d destinations, want %d", len(into), len(steps))
	}
	for i, step := range steps {
		if err := c.fits(into[i], step, images); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// check refuses a batch before TensorFlow sees it.
func (c *core) check(batch tensor.Tensor) error {
	refused := func(reason error) error {
		return &BatchError{Got: slices.Clone(batch.Shape), Numbers: len(batch.Data), Want: append([]int{-1}, c.input...), Reason: reason}
	}
	if len(batch.Shape) != 4 || !slices.Equal(batch.Shape[1:], c.input) {
		return refused(nil)
	}
	if err := batch.Check(); err != nil {
		return refused(err)
	}
	return c.takes(int64(batch.Shape[0]))
}

// takes returns an error for more images than an operation takes or memory is free for.
func (c *core) takes(images int64) error {
	if err := tensorflow.CheckMemoryCached(calls.Times(c.perImage, images)); err != nil {
		return fmt.Errorf("batch of %d images: %w", images, err)
	}
	if images <= c.checked.Load() {
		return nil // an operation that takes more images takes fewer
	}
	program := c.lowered.Program
	for i, step := range program.Steps {
		if _, err := step.Op.Shape(program.Operands(i, int(images))...); err != nil {
			return fmt.Errorf("batch of %d images: %s %s: %w", images, step.Op.Kind(), quote.Name(step.Name), err)
		}
	}
	for {
		most := c.checked.Load()
		if images <= most || c.checked.CompareAndSwap(most, images) {
			return nil
		}
	}
}

// checkBatching refuses a batch size that does not fit into memory or that an operation
// does not take.
func (c *core) checkBatching(size, rows, results int) error {
	numbers := int64(rows) + int64(results) // of an image; each fits into memory
	if most := maxShared / 4 / numbers; int64(size) > most {
		return fmt.Errorf("got %d images, want at most %d: the input and the result of an image are %s, those of a shared batch at most %s",
			size, most, humanize.IBytes(uint64(4*numbers)), humanize.IBytes(maxShared))
	}
	return c.takes(int64(size))
}

// warm runs a batch of zeros. No counter counts the run.
func (c *core) warm(images int) error {
	if err := c.takes(int64(images)); err != nil {
		return err
	}
	batch, err := tensor.New(append([]int{images}, c.input...)...)
	if err != nil {
		return err
	}
	into, err := c.newResult(batch)
	if err != nil {
		return err
	}
	on, err := c.network.session(images)
	if err != nil {
		return err
	}
	return on.first.Run([]capi.Value{capi.Float32s(batch)}, []capi.Value{capi.Float32s(into)})
}
