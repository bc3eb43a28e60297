package capi

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

// absl::SetMinLogLevel; its name contains the version of Abseil that TensorFlow
// was built with, so that it is looked up, not linked.
static int set_min_log_level(const char* symbol, int level) {
	void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, symbol);
	if (!set) return 0;
	set(level);
	return 1;
}
*/
import "C"

import "unsafe"

// setMinLogLevel lists the versions of the function that take the level as an int.
var setMinLogLevel = []string{
	"_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE", // TensorFlow 2.21
	"_ZN4absl12lts_2023080214SetMinLogLevelENS0_18LogSeverityAtLeastE", // TensorFlow 2.18
}

// Quiet drops TensorFlow's log lines except fatal ones, and reports whether this
// libtensorflow has the function for it. TensorFlow reads TF_CPP_MIN_LOG_LEVEL when
// it is loaded; after that only this helps.
func Quiet() bool {
	const fatal = 3
	for _, name := range setMinLogLevel {
		symbol := C.CString(name)
		done := C.set_min_log_level(symbol, fatal)
		C.free(unsafe.Pointer(symbol))
		if done == 1 {
			return true
		}
	}
	return false
}
