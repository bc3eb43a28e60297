package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// NetworkOp stands in an outcome's Op where the case is a whole network.
const NetworkOp = "network"

// NetworkCase is a whole network with its weights and an input, and the outputs that a
// source outside this project computed from them: so a wrong default, a wrong wiring or
// a wrong lowering, which TensorFlow and the reference share, is found (claim 21: Layers as
// Keras has them). In a case file it stands among the cases of operations:
//
//	{"name": "batch norm, default epsilon", "source": "keras.layers.BatchNormalization()",
//	 "network": {"input": {"height": 1, "width": 2, "channels": 1}, "layers": [{"type": "batch_norm"}]},
//	 "weights": {"batch_norm1/scale": {"shape": [1], "data": [2]}, …},
//	 "input":   {"shape": [1,1,2,1], "data": [0.5,-1]},
//	 "expect":  {"shape": [1,1,2,1], "data": […]}}
//
// network is a network's JSON (graph.ReadNetwork). expect is the network's one output,
// or an object of outputs by layer; without it, only the device is compared with the
// reference. A network that is refused, and weights or an input that do not fit it,
// are errors of the file.
type NetworkCase struct {
	Name    string
	Source  string // of the expected outputs; a note
	Network graph.Network
	Weights graph.Weights
	Input   tensor.Tensor

	// Expect has the expected outputs by layer; nil where none is expected.
	Expect map[string]tensor.Tensor

	lowered graph.Lowered
	outputs []int           // the compared layers, as indices into lowered.Layers
	json    json.RawMessage // as it was read
}

// read reads the fields of a case strictly, network among them.
func (c *NetworkCase) read(text []byte, fields []strict.Field) error {
	*c = NetworkCase{json: slices.Clone(text)}
	known := []ir.Attribute{
		{Name: "name", Value: &c.Name}, // first: errors name the case
		{Name: "source", Value: &c.Source},
		{Name: "network", Value: &c.Network},
		{Name: "weights", Value: &c.Weights},
		{Name: "input", Value: &c.Input},
	}
	names := []string{"expect"}
	for _, field := range known {
		names = append(names, field.Name)
		raw, found := strict.Find(fields, field.Name)
		if !found {
			continue
		}
		if err := decode(raw, field.Value, nil); err != nil {
			return fmt.Errorf("%s: %w", field.Name, err)
		}
	}
	for _, f := range fields {
		if !slices.Contains(names, f.Name) {
			return strict.Unknown("field", f.Name, names)
		}
	}
	if _, found := strict.Find(fields, "input"); !found {
		return errors.New(`field "input" is missing`)
	}
	if err := c.lower(); err != nil {
		return err
	}
	raw, found := strict.Find(fields, "expect")
	if !found {
		c.outputs = c.lowered.Outputs
		return nil
	}
	if err := c.readExpect(raw); err != nil {
		return fmt.Errorf("expect: %w", err)
	}
	return nil
}

// lower lowers the network. It refuses weights and an input that do not fit it.
func (c *NetworkCase) lower() (err error) {
	if c.lowered, err = graph.Lower(c.Network); err != nil {
		return err
	}
	if err := c.lowered.CheckWeights(c.Weights); err != nil {
		return err
	}
	if err := c.Input.Check(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if shape := c.Input.Shape; len(shape) != 4 || !slices.Equal(shape[1:], c.lowered.Program.Input) {
		return fmt.Errorf("input is %s, network wants %s", tensor.FormatShape(shape), tensor.FormatShape(c.lowered.Program.InputShape(-1)))
	}
	return nil
}

// readExpect reads one tensor, or an object of tensors by layer.
func (c *NetworkCase) readExpect(raw []byte) error {
	fields, err := strict.Object(raw)
	if err != nil {
		return err
	}
	isObject := func(f strict.Field) bool { return bytes.HasPrefix(f.Value, []byte("{")) }
	if len(fields) > 0 && !slices.ContainsFunc(fields, func(f strict.Field) bool { return !isObject(f) }) {
		var outputs graph.Weights
		if err := decode(raw, &outputs, nil); err != nil {
			return err
		}
		for _, layer := range slices.Sorted(maps.Keys(outputs)) {
			i, err := c.lowered.Layer(layer)
			if err != nil {
				return err
			}
			c.outputs = append(c.outputs, i)
		}
		c.Expect = outputs
		return nil
	}
	if n := len(c.lowered.Outputs); n != 1 {
		return fmt.Errorf("got one tensor, network has %d outputs: want an object of tensors by layer", n)
	}
	var output tensor.Tensor
	if err := decodeTensor(raw, &output); err != nil {
		return err
	}
	c.outputs = c.lowered.Outputs
	c.Expect = map[string]tensor.Tensor{c.Outputs()[0]: output}
	return nil
}

// Outputs returns the names of the layers whose outputs are compared: the expected
// outputs, sorted, or the network's outputs where nothing is expected.
func (c NetworkCase) Outputs() []string {
	var layers []string
	for _, i := range c.outputs {
		layers = append(layers, c.lowered.Layers[i].Name)
	}
	return layers
}

// single reports whether the case has one outcome, of the network's one output.
func (c NetworkCase) single() bool {
	return len(c.outputs) == 1 && slices.Equal(c.outputs, c.lowered.Outputs)
}

// outcomeName returns the name of a layer's outcome: the case's name where there is but
// one outcome, else NAME: LAYER.
func (c NetworkCase) outcomeName(layer string) string {
	if c.single() {
		return c.Name
	}
	return c.Name + ": " + layer
}

// MarshalJSON writes the case as a case file has it. Numbers read back to the bit, but
// for NaN, of which there is one.
func (c NetworkCase) MarshalJSON() ([]byte, error) {
	if c.lowered.Layers == nil {
		return nil, errors.New("proof: network case was not read")
	}
	var o object
	if c.Name != "" {
		o.add("name", c.Name)
	}
	if c.Source != "" {
		o.add("source", c.Source)
	}
	o.add("network", c.Network)
	if len(c.Weights) > 0 {
		o.add("weights", c.Weights)
	}
	o.add("input", c.Input)
	switch {
	case c.Expect == nil:
	case c.single():
		o.add("expect", c.Expect[c.Outputs()[0]])
	default:
		o.add("expect", graph.Weights(c.Expect))
	}
	return o.end()
}

// digest returns a sha256 over the network, its weights and its input, and the layer
// whose output it is. The name, the source, the expectation and how the numbers and
// the network were written do not count.
func (c NetworkCase) digest(layer string) (string, error) {
	network, err := json.Marshal(c.Network)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %q\n", NetworkOp, network, layer)
	write := func(name string, x tensor.Tensor) error {
		fmt.Fprintf(h, "%q %s\n", name, strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ","))
		return x.WriteNumbers(h)
	}
	err = write(graph.InputName, c.Input)
	for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
		err = errors.Join(err, write(name, c.Weights[name]))
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// keys returns the keys of the case's outcomes, without a file.
func (c NetworkCase) keys() []CaseKey {
	var keys []CaseKey
	for _, layer := range c.Outputs() {
		keys = append(keys, CaseKey{Op: NetworkOp, Name: c.outcomeName(layer)})
	}
	return keys
}
