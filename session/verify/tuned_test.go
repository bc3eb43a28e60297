//go:build !plain

package verify_test

// The tests run as the project's commands do, and with -tags plain as a program
// that imports package session/verify and no more.
import _ "tfcnn/session/tuned"
