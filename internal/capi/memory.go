package capi

// #include <malloc.h>
import "C"

// Trim returns unused memory of C's allocator to the system.
func Trim() { C.malloc_trim(0) }
