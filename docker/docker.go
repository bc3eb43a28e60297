// Package docker holds what is pinned for the installer and the Docker images.
package docker

import _ "embed"

// Manifest is libtensorflow.manifest, which docker/libtf parses.
//
//go:embed libtensorflow.manifest
var Manifest []byte
