#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

// AddressSanitizer is not ready before main, where these functions run too.
#define EARLY __attribute__((no_sanitize("address"), no_sanitize("undefined")))

typedef char* get_function(const char*);

EARLY static get_function* libc_getenv(void) {
	static get_function* found;
	if (!found) found = (get_function*)dlsym(RTLD_NEXT, "getenv");
	return found;
}

EARLY static char* from_environment(const char* name) {
	get_function* get = libc_getenv();
	return get ? get(name) : NULL;
}

EARLY static int same(const char* a, const char* b) {
	while (*a && *a == *b) a++, b++;
	return *a == *b;
}

// oneDNN's kernels for AVX2 are faster than TensorFlow's own.
EARLY static int has_avx2(void) {
#ifdef __x86_64__
	__builtin_cpu_init(); // its own constructor may not have run
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
	return 0;
#endif
}

// A program's getenv is the one that shared libraries call, too: the linker
// exports it. TensorFlow asks for its variable in a constructor of its library,
// before setenv could be called; oneDNN asks when its first kernel is made.
__attribute__((visibility("default"))) EARLY char* getenv(const char* name) {
	char* value = from_environment(name);
	if (value) return value;
	if (same(name, "TF_ENABLE_ONEDNN_OPTS") && has_avx2()) return "1";
	if (same(name, "ONEDNN_PRIMITIVE_CACHE_CAPACITY") && !from_environment("DNNL_PRIMITIVE_CACHE_CAPACITY")) return "256";
	return NULL;
}
