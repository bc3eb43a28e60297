package capi

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>

// tensorflow::LocalDevice::use_global_threadpool_ decides whether a session's CPU
// shares the process's pool of threads or gets one of its own. It is no part of
// the C API, but the shared library exports it. It is looked up by name, so that
// a library without it still loads.
static bool* shared_pool(void) {
	return dlsym(RTLD_DEFAULT, "_ZN10tensorflow11LocalDevice22use_global_threadpool_E");
}

static int can_have_own_pool(void) { return shared_pool() != NULL; }

// share_pool sets the flag and returns its former value.
static int share_pool(int share) {
	bool* flag = shared_pool();
	if (!flag) return 1;
	int before = *flag;
	*flag = share;
	return before;
}
*/
import "C"

import "sync"

// CanOwnPool reports whether this libtensorflow can give a session a pool of
// threads of its own.
func CanOwnPool() bool { return C.can_have_own_pool() != 0 }

var pools sync.Mutex

// OpenWithPool calls open, in which a session is opened: one that gets a pool
// of threads of its own, of the size that its options say, or one that shares
// the process's. A session that is opened without OpenWithPool at the same moment may get
// a pool of its own too, which costs threads only.
func OpenWithPool(own bool, open func() error) error {
	pools.Lock()
	defer pools.Unlock()
	if own {
		defer C.share_pool(C.share_pool(0))
	}
	return open()
}
