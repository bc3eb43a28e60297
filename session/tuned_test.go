//go:build !plain

package session_test

// The tests run as the project's commands do, and with -tags plain as a program
// that embeds package session and no more.
import _ "tfcnn/session/tuned"
