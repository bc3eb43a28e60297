package session

// Output is one of a network's outputs.
type Output struct {
	// Name is the layer's, as RunOutputs takes it.
	Name string
	// Shape has −1 for the number of images, as [-1 12 12 8].
	Shape []int
}

// Outputs returns the network's outputs, in the order in which RunOutputs without
// names returns them; Run computes the first.
func (s *Session) Outputs() []Output {
	if s == nil || s.core == nil {
		return nil
	}
	outputs := make([]Output, len(s.lowered.Outputs))
	for i, layer := range s.lowered.Outputs {
		l := s.lowered.Layers[layer]
		outputs[i] = Output{Name: l.Name, Shape: s.shape(l.Last, -1)}
	}
	return outputs
}
