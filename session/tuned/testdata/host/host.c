#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The program's own versions of C functions that change a process, which count the
// calls that come from the program, its Go code and constructors included, and not
// from TensorFlow.
int host_calls[5];
const char* host_names[5] = {"mallopt", "malloc_trim", "setenv", "putenv", "unsetenv"};

static int from_program(void* address) {
	Dl_info caller, own;
	return dladdr(address, &caller) && dladdr((void*)from_program, &own) && caller.dli_fbase == own.dli_fbase;
}

#define COUNT(i) \
	if (from_program(__builtin_return_address(0))) host_calls[i]++

int mallopt(int param, int value) {
	COUNT(0);
	return ((int (*)(int, int))dlsym(RTLD_NEXT, "mallopt"))(param, value);
}

int malloc_trim(size_t pad) {
	COUNT(1);
	return ((int (*)(size_t))dlsym(RTLD_NEXT, "malloc_trim"))(pad);
}

int setenv(const char* name, const char* value, int overwrite) {
	COUNT(2);
	return ((int (*)(const char*, const char*, int))dlsym(RTLD_NEXT, "setenv"))(name, value, overwrite);
}

int putenv(char* string) {
	COUNT(3);
	return ((int (*)(char*))dlsym(RTLD_NEXT, "putenv"))(string);
}

int unsetenv(const char* name) {
	COUNT(4);
	return ((int (*)(const char*))dlsym(RTLD_NEXT, "unsetenv"))(name);
}

static pthread_barrier_t met, done;

static void* hold(void* unused) {
	(void)unused;
	void* block = malloc(100);
	pthread_barrier_wait(&met);
	pthread_barrier_wait(&done);
	free(block);
	return NULL;
}

// host_arenas is how many arenas malloc has while so many threads have used it.
int host_arenas(int threads) {
	pthread_t started[threads];
	pthread_barrier_init(&met, NULL, threads + 1);
	pthread_barrier_init(&done, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&started[i], NULL, hold, NULL)) return -1;
	}
	pthread_barrier_wait(&met);
	char* text = NULL;
	size_t size = 0;
	FILE* f = open_memstream(&text, &size);
	malloc_info(0, f);
	fclose(f);
	pthread_barrier_wait(&done);
	for (int i = 0; i < threads; i++) pthread_join(started[i], NULL);
	int arenas = 0;
	for (char* at = text; (at = strstr(at, "<heap nr=")); at++) arenas++;
	free(text);
	return arenas;
}
