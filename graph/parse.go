package graph

import "tfcnn/internal/strict"

// ParsePadding returns the padding that a word names, SAME or VALID, in upper or lower
// case. JSON and the other Parse functions ignore the case of such words too.
func ParsePadding(word string) (Padding, error) {
	word, err := strict.Choice("padding", word, []string{Same.String(), Valid.String()})
	if word == Same.String() {
		return Same, err
	}
	return Valid, err
}

// ParseDType returns the type that a word names: float32, float16 or bfloat16.
func ParseDType(word string) (DType, error) {
	word, err := strict.Choice("dtype", word, stringsOf([]DType{Float32, Float16, BFloat16}))
	return DType(word), err
}

// ParseOptimizer returns the optimizer that a word names: sgd, momentum or adam.
func ParseOptimizer(word string) (Optimizer, error) {
	word, err := strict.Choice("optimizer", word, stringsOf([]Optimizer{SGD, Momentum, Adam}))
	return Optimizer(word), err
}
