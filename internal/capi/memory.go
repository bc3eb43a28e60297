package capi

// #include <malloc.h>
import "C"

// Trim gives memory that C's allocator holds for nothing back to the system.
func Trim() { C.malloc_trim(0) }
