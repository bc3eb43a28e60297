#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// AddressSanitizer is not ready before the constructors run.
#if !defined(__SANITIZE_ADDRESS__)

// The program's notes to its parent, in memory that both share.
typedef struct {
	volatile int ended;       // main has ended with a status of its own
	volatile int no_thread;   // the error of the first pthread_create that failed
	volatile int no_memory;   // an abort for want of memory
} notes;

static notes* shared;

enum { LACKING = 3, CRASHED = 134 };

// say writes a line to stderr.
__attribute__((format(printf, 1, 2))) static void say(const char* format, ...) {
	char line[512];
	va_list list;
	va_start(list, format);
	int n = vsnprintf(line, sizeof line, format, list);
	va_end(list);
	if (n > 0) (void)!write(2, line, n < (int)sizeof line ? n : (int)sizeof line - 1);
}

// field reads the number behind a name in a file of lines "name number"; -1 where
// there is none.
static long long field(const char* path, const char* name) {
	char text[4096];
	int f = open(path, O_RDONLY | O_CLOEXEC);
	if (f < 0) return -1;
	ssize_t n = read(f, text, sizeof text - 1);
	close(f);
	text[n > 0 ? n : 0] = 0;
	size_t length = strlen(name);
	for (char* line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
		if (strncmp(line, name, length) == 0 && line[length] == ' ') return atoll(line + length);
	}
	return -1;
}

// killed_for_memory counts the processes of this cgroup that the kernel has killed
// because the cgroup's memory ran out; -1 where it does not tell.
static long long killed_for_memory(void) {
	char text[4096], path[4300];
	int f = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	if (f < 0) return -1;
	ssize_t n = read(f, text, sizeof text - 1);
	close(f);
	text[n > 0 ? n : 0] = 0;
	// Version 1's line is "4:memory:/path", version 2's "0::/path".
	static const struct {
		const char *line, *folder, *file;
	} versions[] = {
		{":memory:", "/sys/fs/cgroup/memory", "memory.oom_control"},
		{"0::", "/sys/fs/cgroup", "memory.events"},
	};
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		char* at = strstr(text, versions[i].line);
		if (!at) continue;
		at += strlen(versions[i].line);
		int length = strcspn(at, "\n");
		snprintf(path, sizeof path, "%s%.*s/%s", versions[i].folder, length, at, versions[i].file);
		long long count = field(path, "oom_kill");
		if (count < 0) { // in a container the path may be the one outside
			snprintf(path, sizeof path, "%s/%s", versions[i].folder, versions[i].file);
			count = field(path, "oom_kill");
		}
		if (count >= 0) return count;
	}
	return -1;
}

// limit is a resource limit in MiB, or 0 where there is none.
static unsigned long long limit(int resource) {
	struct rlimit r;
	return getrlimit(resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY ? r.rlim_cur >> 20 : 0;
}

// explain gives the status for a child that has ended without a status of its own,
// and says what is known of the cause.
static int explain(int status, long long killed_before) {
	unsigned long long space = limit(RLIMIT_AS), data = limit(RLIMIT_DATA);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		if (killed_for_memory() <= killed_before) return -1;
		say("cnndemo: the kernel killed the process: its cgroup's memory ran out; give the container more (docker run --memory), or run fewer or smaller pictures\n");
		return LACKING;
	}
	if (shared->no_thread) {
		struct rlimit r = {0};
		getrlimit(RLIMIT_NPROC, &r);
		say("cnndemo: the system gave no further thread: %s; raise ulimit -u", strerror(shared->no_thread));
		if (r.rlim_cur != RLIM_INFINITY) say(" (now %llu)", (unsigned long long)r.rlim_cur);
		if (space) say(", ulimit -v (now %llu MiB)", space);
		say(" or the container's --pids-limit\n");
		return LACKING;
	}
	if (space || data) {
		say("cnndemo: the process ended for want of memory, or of address space: it may have");
		if (space) say(" %llu MiB (ulimit -v)", space);
		if (data) say(" %llu MiB of data (ulimit -d)", data);
		say("; raise the limit\n");
		return LACKING;
	}
	if (shared->no_memory) {
		say("cnndemo: the process ended for want of memory\n");
		return LACKING;
	}
	return -1;
}

// supervise waits for the child, hands signals on to it, and ends as it does.
static void supervise(pid_t child, const sigset_t* signals, long long killed_before) {
	for (;;) {
		siginfo_t info;
		int signal = sigwaitinfo(signals, &info), status;
		if (signal > 0 && signal != SIGCHLD) {
			// The terminal sends to the whole process group.
			if (info.si_code != SI_KERNEL || signal == SIGHUP) kill(child, signal);
			continue;
		}
		if (waitpid(child, &status, WNOHANG) != child) continue;
		if (!shared->ended) {
			int own = explain(status, killed_before);
			if (own >= 0) _exit(own);
		}
		if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
		// The same signal ends this process, so that a shell sees it.
		struct rlimit none = {0};
		setrlimit(RLIMIT_CORE, &none); // the child has left its memory there
		signal = WTERMSIG(status);
		struct sigaction standard = {.sa_handler = SIG_DFL};
		sigaction(signal, &standard, NULL);
		kill(getpid(), signal);
		sigset_t one;
		sigemptyset(&one);
		sigaddset(&one, signal);
		sigprocmask(SIG_UNBLOCK, &one, NULL);
		_exit(128 + signal);
	}
}

static void start(int argc, char** argv, char** environment) {
	(void)argc, (void)argv;
	for (char** e = environment; e && *e; e++) {
		if (strcmp(*e, "TFCNN_PARENT=off") == 0) return;
	}
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};
	sigset_t signals, before;
	sigfillset(&signals);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&signals, own[i]);
	void* page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) return;
	shared = page;
	long long killed = killed_for_memory();
	pid_t parent = getpid();
	if (sigprocmask(SIG_BLOCK, &signals, &before) != 0) return;
	pid_t child = fork();
	if (child > 0) supervise(child, &signals, killed);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) _exit(128 + SIGKILL);
	// Without a second process the program goes on by itself.
}

__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(int, char**, char**) = start;

// A program's functions stand before those of the libraries, for all callers.
__attribute__((visibility("default"))) int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
	static int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
	if (!create) create = (int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT, "pthread_create");
	int failed = create(thread, attributes, run, argument);
	if (failed && shared && !shared->no_thread) shared->no_thread = failed;
	return failed;
}
void tfcnn_parent_ended(void) {
	if (shared) shared->ended = 1;
}

#else
void tfcnn_parent_ended(void) {}
#endif
