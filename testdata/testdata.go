// Package testdata embeds what the program carries: the sample images
// (images/ATTRIBUTION.md says whose they are) and the known answers as case files: of
// operations, from TensorFlow's own kernel tests and other sources, and of whole
// networks, from Keras.
package testdata

import "embed"

// Files holds images/china.jpg, images/flower.jpg and cases/*.json.
//
//go:embed images/china.jpg images/flower.jpg cases/*.json
var Files embed.FS
