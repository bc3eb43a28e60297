// Package docker holds what is pinned for installers and images.
package docker

import _ "embed"

// Manifest is libtensorflow.manifest, which docker/libtf parses.
//
//go:embed libtensorflow.manifest
var Manifest []byte
