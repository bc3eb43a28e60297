#define _GNU_SOURCE
#include "limits.h"

#include <dlfcn.h>
#include <errno.h>
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

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

// AddressSanitizer is not ready before the constructors run.
#if !defined(__SANITIZE_ADDRESS__)

// The child's notes to its parent, in memory that both share.
typedef struct {
	volatile int ended;     // main ends with a status of its own
	volatile int no_thread; // the error of the first pthread_create that failed
	volatile int no_memory; // the program ends as C++ threw std::bad_alloc
} notes;

static notes* shared;

enum {
	NO_RESOURCES = 3, // the program's status where memory, threads or files ran out
	GO_RUNTIME = 2,   // the status with which Go's runtime ends a program
	UNKNOWN = -1,     // explain found no such cause
};

// say writes a line to stderr.
__attribute__((format(printf, 1, 2))) static void say(const char* format, ...) {
	char line[512];
	va_list list;
	va_start(list, format);
	int n = vsnprintf(line, sizeof line, format, list);
	va_end(list);
	if (n > 0) (void)!write(2, line, n < (int)sizeof line ? n : (int)sizeof line - 1);
}

// explain looks for the resource that ran out in a child which ended without a status
// of its own, and prints a line about it. It returns NO_RESOURCES, or UNKNOWN.
static int explain(int status, long long killed_before) {
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		if (tfcnn_parent_killed_for_memory() <= killed_before) return UNKNOWN;
		say("cnndemo: the kernel killed the process, as its cgroup had no memory left; give the container more (docker run --memory), or run smaller images\n");
		return NO_RESOURCES;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != GO_RUNTIME) return UNKNOWN;
	char space[80] = "", data[80] = "", threads[80] = "ulimit -u, ";
	struct rlimit r;
	if (getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_cur != RLIM_INFINITY) snprintf(space, sizeof space, "ulimit -v (now %llu MiB), ", (unsigned long long)r.rlim_cur >> 20);
	if (getrlimit(RLIMIT_DATA, &r) == 0 && r.rlim_cur != RLIM_INFINITY) snprintf(data, sizeof data, "ulimit -d (now %llu MiB), ", (unsigned long long)r.rlim_cur >> 20);
	if (getrlimit(RLIMIT_NPROC, &r) == 0 && r.rlim_cur != RLIM_INFINITY) snprintf(threads, sizeof threads, "ulimit -u (now %llu), ", (unsigned long long)r.rlim_cur);
	if (shared->no_thread) {
		say("cnndemo: the system gave no further thread: %s; raise %s%sor the container's --pids-limit\n", strerror(shared->no_thread), space, threads);
		return NO_RESOURCES;
	}
	if (shared->no_memory || *space || *data) {
		say("cnndemo: the process ended for want of memory or of address space; raise %s%s%sthe container's --memory\n", space, data, *space || *data ? "or " : "");
		return NO_RESOURCES;
	}
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < TFCNN_PARENT_FILES) {
		say("cnndemo: the process ended for want of file descriptors; raise ulimit -n (now %llu)\n", (unsigned long long)r.rlim_cur);
		return NO_RESOURCES;
	}
	return UNKNOWN;
}

// supervise waits for the child, hands signals on to it, and ends as it does.
__attribute__((noreturn)) static void supervise(pid_t child, const sigset_t* signals, long long killed_before) {
	int status;
	for (pid_t ended = 0; ended != child;) {
		siginfo_t info;
		int signal = sigwaitinfo(signals, &info);
		// A terminal has signalled the whole process group, but at a hangup the
		// session's leader alone.
		if (signal > 0 && signal != SIGCHLD && (info.si_code != SI_KERNEL || signal == SIGHUP)) kill(child, signal);
		// Process 1 of a container inherits others' children.
		do ended = waitpid(-1, &status, WNOHANG);
		while (ended > 0 && ended != child);
	}
	if (!shared->ended && explain(status, killed_before) == NO_RESOURCES) _exit(NO_RESOURCES);
	if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
	// The same signal ends this process, so that a shell sees it. The child has
	// left its memory in a core file where that is wanted.
	int signal = WTERMSIG(status);
	struct rlimit none = {0};
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, signal);
	setrlimit(RLIMIT_CORE, &none);
	sigaction(signal, &standard, NULL);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + signal);
}

// start runs before all constructors. Where the process has a limit that can end it,
// start makes a child, which is the program from then on. The environment comes as
// an argument, as libc has not read it yet.
static void start(int argc, char** argv, char** environment) {
	(void)argc, (void)argv;
	int on = 0;
	for (char** e = environment; e && *e; e++) {
		if (strcmp(*e, "TFCNN_PARENT=off") == 0) return;
		on |= strcmp(*e, "TFCNN_PARENT=on") == 0;
		// A preloaded library may refuse memory and threads itself.
		on |= strncmp(*e, "LD_PRELOAD=", 11) == 0 && (*e)[11] != 0;
	}
	if (!on && !tfcnn_parent_limited()) return;
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};
	sigset_t signals, before;
	sigfillset(&signals);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) sigdelset(&signals, own[i]);
	void* page = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) return;
	shared = page;
	long long killed = tfcnn_parent_killed_for_memory();
	pid_t parent = getpid();
	if (sigprocmask(SIG_BLOCK, &signals, &before) != 0) return;
	pid_t child = fork();
	if (child > 0) supervise(child, &signals, killed);
	if (child < 0) {
		// The program needs a dozen threads, each of which counts as much.
		say("cnndemo: the system gave no second process: %s; raise ulimit -u, the container's --pids-limit or its --memory\n", strerror(errno));
		_exit(NO_RESOURCES);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(128 + SIGKILL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(int, char**, char**) = start;

// The program's functions stand before those of shared libraries, for all callers.
__attribute__((visibility("default"))) int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
	typedef int function(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
	static function* create;
	if (!create) create = (function*)dlsym(RTLD_NEXT, "pthread_create");
	int failed = create(thread, attributes, run, argument);
	if (failed && shared && !shared->no_thread) shared->no_thread = failed;
	return failed;
}

// std::terminate calls abort. The exception that nobody caught is still there then:
// its std::type_info is a pointer to a table and one to the type's name.
__attribute__((visibility("default"), noreturn)) void abort(void) {
	typedef const struct {
		void* table;
		const char* name;
	}* function(void);
	function* current = (function*)dlsym(RTLD_DEFAULT, "__cxa_current_exception_type");
	if (shared && current && current() && strcmp(current()->name, "St9bad_alloc") == 0) shared->no_memory = 1;
	void (*end)(void) = (void (*)(void))dlsym(RTLD_NEXT, "abort");
	end();
	__builtin_unreachable();
}

void tfcnn_parent_ended(void) {
	if (shared) shared->ended = 1;
}

#else
void tfcnn_parent_ended(void) {}
#endif
