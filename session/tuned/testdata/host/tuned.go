//go:build tuned

package main

import _ "tfcnn/session/tuned"
