package capi

/*
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int settled;

// TensorFlow takes its memory on the CPU from malloc. glibc's gives each thread
// that calls an arena of its own, up to eight a core, and each arena holds on
// to what it once had: a process in which many goroutines run networks grows
// to a multiple of what it uses. Here it gets an arena a core, and gives back
// what lies free at an arena's end from 16 MiB on; blocks of 8 MiB and more
// come from the system one by one, which costs nothing measurable. It must
// happen before threads have arenas: before main. Where the environment says
// something to malloc, or TFCNN_MALLOC=default, it is left to that.
__attribute__((constructor)) static void settle_malloc(void) {
	static const char* const names[] = {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (getenv(names[i])) return;
	}
	const char* tunables = getenv("GLIBC_TUNABLES");
	if (tunables && strstr(tunables, "glibc.malloc")) return;
	const char* ours = getenv("TFCNN_MALLOC");
	if (ours && strcmp(ours, "default") == 0) return;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	settled = mallopt(M_ARENA_MAX, cores > 0 ? (int)cores : 1) && mallopt(M_TRIM_THRESHOLD, 16 << 20) && mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

static int malloc_settled(void) { return settled; }
*/
import "C"

// MallocSettled says whether C's allocator keeps to few arenas, as this package
// tells it before main.
func MallocSettled() bool { return C.malloc_settled() != 0 }
