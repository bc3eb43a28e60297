#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int options_set;

// TensorFlow takes its memory on the CPU from malloc. glibc's malloc gives each
// thread that calls it an arena, up to eight a core, and an arena keeps what it
// once had: a process in which many goroutines run networks grows to a multiple of
// the memory that it uses. The options must be set before threads have arenas.
__attribute__((constructor)) static void set_malloc_options(void) {
	static const char* const names[] = {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (getenv(names[i])) return;
	}
	const char* tunables = getenv("GLIBC_TUNABLES");
	if (tunables && strstr(tunables, "glibc.malloc")) return;
	const char* ours = getenv("TFCNN_MALLOC");
	if (ours && strcmp(ours, "default") == 0) return;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	options_set = mallopt(M_ARENA_MAX, cores > 0 ? (int)cores : 1) && mallopt(M_TRIM_THRESHOLD, 16 << 20) && mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

int tfcnn_malloc_options_set(void) { return options_set; }
