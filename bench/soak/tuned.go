//go:build !plain

package main

// With -tags plain the program is one that embeds package session and no more.
import _ "tfcnn/session/tuned"
