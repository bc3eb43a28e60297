// Package docker embeds libtensorflow.manifest, which pins the wheels that the
// installer and the Docker images take libtensorflow from.
package docker

import _ "embed"

// Manifest is libtensorflow.manifest, which docker/libtf parses.
//
//go:embed libtensorflow.manifest
var Manifest []byte
