package capi

/*
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// None of these is part of the C API; the shared libraries export them, and
// they are looked up by name, so that a library without them still loads.

static int built_with_cuda(void) {
	bool (*enabled)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN10tensorflow19IsGoogleCudaEnabledEv");
	return enabled ? enabled() : -1;
}

static int tf32(void) {
	bool (*enabled)(void) = (bool (*)(void))dlsym(RTLD_DEFAULT, "_ZN3tsl33tensor_float_32_execution_enabledEv");
	return enabled ? enabled() : -1;
}

static int set_tf32(int on) {
	void (*enable)(bool) = (void (*)(bool))dlsym(RTLD_DEFAULT, "_ZN3tsl32enable_tensor_float_32_executionEb");
	if (!enable) return 0;
	enable(on);
	return 1;
}

// open_library calls one of tsl::internal::DsoLoader's functions, which return
// an absl::StatusOr<void*>: by the ABI, into memory that the caller brings.
// Its first word is the status, which is 1 where it is OK.
static int open_library(const char* symbol) {
	uintptr_t answer[4] = {0, 0, 0, 0};
	void (*opener)(uintptr_t*) = (void (*)(uintptr_t*))dlsym(RTLD_DEFAULT, symbol);
	if (!opener) return -1;
	opener(answer);
	return answer[0] == 1 && answer[1] != 0;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// BuiltWithCUDA reports whether this libtensorflow can use NVIDIA's GPUs.
func BuiltWithCUDA() bool { return C.built_with_cuda() == 1 }

// TF32 reports whether TensorFlow rounds the factors of convolutions and matrix
// products on a GPU to 11 bits. known is false where this libtensorflow does
// not tell.
func TF32() (on, known bool) {
	answer := C.tf32()
	return answer == 1, answer >= 0
}

// SetTF32 switches that for the whole process, and reports whether
// this libtensorflow has the switch.
func SetTF32(on bool) bool {
	n := C.int(0)
	if on {
		n = 1
	}
	return C.set_tf32(n) == 1
}

// Library is one that TensorFlow opens by name at run time.
type Library struct {
	Name   string // as "cudnn"
	Opened bool
	Driver bool // it comes with NVIDIA's driver
	Needed bool // no GPU is used without it
}

// OpenCUDALibraries has TensorFlow open each library as it would for a GPU,
// by its own functions, and reports the libraries found. It returns none where
// libtensorflow is not built for CUDA.
func OpenCUDALibraries() []Library {
	if !BuiltWithCUDA() {
		return nil
	}
	var list []Library
	for _, l := range []struct {
		Library
		opener string
	}{
		{Library{Name: "cuda (the driver)", Driver: true, Needed: true}, "CudaDriver"},
		{Library{Name: "cudart", Needed: true}, "CudaRuntime"},
		{Library{Name: "cublas", Needed: true}, "Cublas"},
		{Library{Name: "cublasLt", Needed: true}, "CublasLt"},
		{Library{Name: "cudnn", Needed: true}, "Cudnn"},
		{Library{Name: "cufft", Needed: true}, "Cufft"},
		{Library{Name: "cusolver", Needed: true}, "Cusolver"},
		{Library{Name: "cusparse", Needed: true}, "Cusparse"},
		{Library{Name: "cupti"}, "Cupti"},
	} {
		symbol := fmt.Sprintf("_ZN3tsl8internal9DsoLoader%dGet%sDsoHandleEv", len("GetDsoHandle")+len(l.opener), l.opener)
		text := C.CString(symbol)
		answer := C.open_library(text)
		C.free(unsafe.Pointer(text))
		if answer < 0 {
			continue // this libtensorflow does not know it
		}
		l.Opened = answer == 1
		list = append(list, l.Library)
	}
	return list
}
