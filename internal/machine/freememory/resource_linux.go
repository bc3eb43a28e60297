package freememory

import "syscall"

const (
	addressSpace = syscall.RLIMIT_AS
	data         = syscall.RLIMIT_DATA
)

func resourceLimit(resource int) uint64 {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(resource, &r); err != nil {
		return Unlimited
	}
	return r.Cur // RLIM_INFINITY is Unlimited
}
