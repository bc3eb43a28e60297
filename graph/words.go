package graph

import "tfcnn/internal/strict"

// ParsePadding returns the padding that a word names, SAME or VALID. The case
// of its letters does not matter, here and wherever a value is one of some
// words: in a network's JSON form and in the Parse functions.
func ParsePadding(word string) (Padding, error) {
	word, err := strict.Choice("padding", word, []string{Same.String(), Valid.String()})
	if word == Same.String() {
		return Same, err
	}
	return Valid, err
}

// ParseDType returns the type that a word names: float32, float16 or bfloat16.
func ParseDType(word string) (DType, error) {
	word, err := strict.Choice("dtype", word, words([]DType{Float32, Float16, BFloat16}))
	return DType(word), err
}

// ParseOptimizer returns the optimizer that a word names: sgd, momentum or adam.
func ParseOptimizer(word string) (Optimizer, error) {
	word, err := strict.Choice("optimizer", word, words([]Optimizer{SGD, Momentum, Adam}))
	return Optimizer(word), err
}
