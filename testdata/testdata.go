// Package testdata embeds what the program carries: the sample images
// (images/ATTRIBUTION.md says whose they are) and the known answers, of
// TensorFlow's own kernel tests and other sources, as case files.
package testdata

import "embed"

// Files holds images/china.jpg, images/flower.jpg and cases/*.json.
//
//go:embed images/china.jpg images/flower.jpg cases/*.json
var Files embed.FS
