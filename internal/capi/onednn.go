package capi

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>

// tensorflow::IsMKLEnabled() is no part of the C API, but the shared library
// exports it. It is asked for by name, so that a library without it still
// loads.
static int onednn(void) {
	bool (*enabled)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN10tensorflow12IsMKLEnabledEv");
	return enabled ? enabled() : -1;
}
*/
import "C"

// OneDNN says whether TensorFlow uses oneDNN's kernels on the CPU. It has
// settled that when the library was loaded, before main, from the environment
// variable TF_ENABLE_ONEDNN_OPTS or else from the processor. known is false
// where this libtensorflow cannot tell.
func OneDNN() (on, known bool) {
	answer := C.onednn()
	return answer == 1, answer >= 0
}
