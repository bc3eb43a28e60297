#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#define EARLY __attribute__((no_sanitize("address"), no_sanitize("undefined")))

enum { INFO = 0, WARNING = 1 };

// Abseil's functions for the level of the log. A name holds the version of Abseil
// that TensorFlow was built with; with another version nothing is changed.
static const struct {
	const char *get, *set;
} names[] = {
	{"_ZN4absl12lts_2025081411MinLogLevelEv", "_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE"}, // TensorFlow 2.21
	{"_ZN4absl12lts_2023080211MinLogLevelEv", "_ZN4absl12lts_2023080214SetMinLogLevelENS0_18LogSeverityAtLeastE"}, // TensorFlow 2.18
};

static int (*get_level)(void);
static void (*set_level)(int);

// Where oneDNN is on, a constructor of libtensorflow writes two lines to stderr,
// with every TF_CPP_MIN_LOG_LEVEL, which it reads after the lines are written.
// Functions in .preinit_array run before the constructors of all shared libraries;
// Abseil's level is an atomic number that needs none. The environment is read from
// the argument, as libc has not read it yet.
EARLY static void drop_information(int argc, char** argv, char** environment) {
	(void)argc, (void)argv;
	for (char** e = environment; e && *e; e++) {
		const char *a = *e, *b = "TF_CPP_MIN_LOG_LEVEL=0";
		while (*b && *a == *b) a++, b++;
		if (!*a && !*b) return;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		get_level = (int (*)(void))dlsym(RTLD_DEFAULT, names[i].get);
		set_level = (void (*)(int))dlsym(RTLD_DEFAULT, names[i].set);
		if (get_level && set_level) {
			if (get_level() == INFO) {
				set_level(WARNING);
				return;
			}
			break;
		}
	}
	get_level = NULL;
}

__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(int, char**, char**) = drop_information;

// A shared library has no .preinit_array, and its getenv is not the program's. Nor
// can it have a thread-local variable of this model: the linker refuses that, and
// its message names the variable.
__attribute__((tls_model("local-exec"))) __thread volatile char tfcnn_session_tuned_is_for_programs_not_for_shared_libraries;

// A program's constructors run after those of its shared libraries. TensorFlow has
// set the level by then where the environment has one.
__attribute__((constructor)) static void keep_information(void) {
	tfcnn_session_tuned_is_for_programs_not_for_shared_libraries = 1;
	if (get_level && !getenv("TF_CPP_MIN_LOG_LEVEL") && get_level() == WARNING) set_level(INFO);
}
