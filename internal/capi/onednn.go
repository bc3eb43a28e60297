package capi

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>

// tensorflow::IsMKLEnabled() is no part of the C API, but the shared library
// exports it. It is looked up by name, so that a library without it still
// loads.
static int onednn(void) {
	bool (*enabled)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN10tensorflow12IsMKLEnabledEv");
	return enabled ? enabled() : -1;
}

static int deterministic(void) {
	bool (*required)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN3tsl21OpDeterminismRequiredEv");
	return required ? required() : -1;
}

static int set_deterministic(int on) {
	void (*enable)(bool) = (void (*)(bool))dlsym(RTLD_DEFAULT, "_ZN3tsl19EnableOpDeterminismEb");
	if (!enable) return 0;
	enable(on);
	return 1;
}
*/
import "C"

// OneDNN reports whether TensorFlow uses oneDNN's kernels on the CPU. It chose
// when the library was loaded, before main, from the environment
// variable TF_ENABLE_ONEDNN_OPTS or else from the processor. known is false
// where this libtensorflow cannot tell.
func OneDNN() (on, known bool) {
	answer := C.onednn()
	return answer == 1, answer >= 0
}

// Deterministic reports whether operations must give the same bits each time they
// run, or fail. known is false where this libtensorflow cannot tell.
func Deterministic() (on, known bool) {
	answer := C.deterministic()
	return answer == 1, answer >= 0
}

// SetDeterministic switches that for the whole process, and reports whether
// this libtensorflow has the switch.
func SetDeterministic(on bool) bool {
	n := C.int(0)
	if on {
		n = 1
	}
	return C.set_deterministic(n) == 1
}
