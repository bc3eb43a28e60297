package graph

import "tfcnn/internal/ir"

// Dense is TensorFlow's MatMul, followed by BiasAdd: every unit a weighted sum
// of all features. From [F] it makes [Units]; images are flattened first.
// Its weights are NAME/filter, [F, Units], and NAME/bias, [Units].
type Dense struct {
	Name string
	From string // the layer that it reads; empty: the one before

	Units       int `net:",required"`
	NoBias      bool
	Activation  Activation
	Initializer Initializer // of the filter; default: the network's
}

// Flatten is TensorFlow's Reshape: the numbers of an image as one row of features, by
// row, column and channel. From [H,W,C] it makes [H·W·C].
type Flatten struct {
	Name string
	From string // the layer that it reads; empty: the one before
}

func (d Dense) nameAndInputs() (string, []string) { return d.Name, oneInput(d.From) }
func (Dense) kind() string                        { return "dense" }
func (Dense) prefix() string                      { return "dense" }

func (d Dense) lower(b *lowering) error {
	filter, err := b.filter("filter", d.Initializer, []int{b.channels(), d.Units})
	if err != nil {
		return err
	}
	if err := b.step("", ir.Dense{}, b.withBias(filter, d.Units, d.NoBias)...); err != nil {
		return err
	}
	return b.activate(d.Activation)
}

func (f Flatten) nameAndInputs() (string, []string) { return f.Name, oneInput(f.From) }
func (Flatten) kind() string                        { return "flatten" }
func (Flatten) prefix() string                      { return "flatten" }
func (Flatten) lower(b *lowering) error             { return b.step("", ir.Flatten{}) }
