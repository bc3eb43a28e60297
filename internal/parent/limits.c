#define _GNU_SOURCE
#include "limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// These functions run before the constructors of all shared libraries, at every
// start: they make system calls, and do not call malloc.

enum {
	LONGEST = 4096,    // a cgroup's path, PATH_MAX
	PROCESSES = 4096,  // a limit of fewer processes or threads can end the program
	FILE_SIZE = 16384, // of /proc/self/cgroup: a dozen lines
};

// From this number of bytes on a limit is none: version 1 of cgroups writes 2^63
// less a page.
static const unsigned long long no_bytes = 1ULL << 53;

// load reads a file's text; "" where it cannot be read.
static void load(const char* path, char* text, size_t size) {
	size_t length = 0;
	int f = open(path, O_RDONLY | O_CLOEXEC);
	if (f >= 0) {
		for (ssize_t n = 1; n > 0 && length < size - 1; length += n > 0 ? n : 0) n = read(f, text + length, size - 1 - length);
		close(f);
	}
	text[length] = 0;
}

// find_cgroup finds the process's cgroup in the text of /proc/self/cgroup, whose
// lines are "4:pids,memory:/path", and "0::/path" for version 2, which has no
// controller's name. It gives the path's length; 0 where there is no such line, and
// for the root.
static size_t find_cgroup(const char* text, const char* controller, const char** path) {
	size_t length = strlen(controller);
	for (const char* line = text; *line;) {
		const char* end = line + strcspn(line, "\n");
		const char* name = line + strspn(line, "0123456789");
		if (*name == ':') {
			int found = 0;
			do {
				name++;
				size_t n = strcspn(name, ",:\n");
				found |= n == length && strncmp(name, controller, n) == 0;
				name += n;
			} while (*name == ',');
			if (found && *name == ':') {
				*path = name + 1;
				return end - *path > 1 ? end - *path : 0;
			}
		}
		line = end + (*end == '\n');
	}
	return 0;
}

// bound_within reports whether the file of a cgroup, or of one above it, has a
// number less than the given one. In a container the path can be the one outside,
// where the folder is the container's own cgroup: missing files are left out.
static int bound_within(const char* folder, const char* path, size_t length, const char* file, unsigned long long below) {
	char name[LONGEST], text[32];
	for (;;) {
		if (snprintf(name, sizeof name, "%s%.*s/%s", folder, (int)length, path, file) < (int)sizeof name) {
			load(name, text, sizeof text);
			if (*text >= '0' && *text <= '9' && strtoull(text, NULL, 10) < below) return 1;
		}
		if (length == 0) return 0;
		while (path[--length] != '/' && length > 0) {}
	}
}

int tfcnn_parent_limited(void) {
	static const struct {
		int resource;
		rlim_t below;
	} resources[] = {
		{RLIMIT_AS, RLIM_INFINITY},
		{RLIMIT_DATA, RLIM_INFINITY},
		// In a user namespace the kernel applies it to root too.
		{RLIMIT_NPROC, PROCESSES},
		{RLIMIT_NOFILE, TFCNN_PARENT_FILES},
	};
	struct rlimit limit;
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		if (getrlimit(resources[i].resource, &limit) == 0 && limit.rlim_cur < resources[i].below) return 1;
	}

	static const struct {
		const char *controller, *folder, *file;
		unsigned long long below;
	} bounds[] = {
		{"pids", "/sys/fs/cgroup/pids", "pids.max", PROCESSES},
		{"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", no_bytes},
		{"", "/sys/fs/cgroup", "pids.max", PROCESSES},
		{"", "/sys/fs/cgroup", "memory.max", no_bytes},
	};
	char text[FILE_SIZE];
	const char* path = text;
	load("/proc/self/cgroup", text, sizeof text);
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		size_t length = find_cgroup(text, bounds[i].controller, &path);
		if (bound_within(bounds[i].folder, path, length, bounds[i].file, bounds[i].below)) return 1;
	}

	load("/proc/sys/vm/overcommit_memory", text, sizeof text);
	return *text == '2'; // the kernel gives no more than CommitLimit
}

// field reads the number behind a name in a file of lines "name number"; -1 where
// there is none.
static long long field(const char* path, const char* name) {
	char text[LONGEST];
	load(path, text, sizeof text);
	size_t length = strlen(name);
	for (char* line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
		if (strncmp(line, name, length) == 0 && line[length] == ' ') return atoll(line + length);
	}
	return -1;
}

long long tfcnn_parent_killed_for_memory(void) {
	static const struct {
		const char *controller, *folder, *file;
	} counters[] = {
		{"memory", "/sys/fs/cgroup/memory", "memory.oom_control"},
		{"", "/sys/fs/cgroup", "memory.events"},
	};
	char text[FILE_SIZE], name[LONGEST];
	const char* path = text;
	load("/proc/self/cgroup", text, sizeof text);
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
		size_t length = find_cgroup(text, counters[i].controller, &path);
		snprintf(name, sizeof name, "%s%.*s/%s", counters[i].folder, (int)length, path, counters[i].file);
		long long count = field(name, "oom_kill");
		if (count < 0 && length > 0) { // the path outside a container
			snprintf(name, sizeof name, "%s/%s", counters[i].folder, counters[i].file);
			count = field(name, "oom_kill");
		}
		if (count >= 0) return count;
	}
	return -1;
}
