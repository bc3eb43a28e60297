// Package parent runs a program as a child of itself. Where the system gives no memory
// or no thread, Go or TensorFlow ends the child, and the parent prints a line on stderr
// and exits with status 3.
//
//	func main() {
//		status := run()
//		parent.Ended()
//		os.Exit(status)
//	}
//
// Where an allocation fails, or a thread cannot be made, libtensorflow aborts, and
// Go's runtime exits with status 2, before main too; no code inside the process
// can change that. So a function in the executable's .preinit_array, which runs
// before the constructors of all shared libraries, calls fork where the process has
// a limit that can bring such an end about:
//
//   - RLIMIT_AS or RLIMIT_DATA is set (ulimit -v, ulimit -d);
//   - RLIMIT_NOFILE (ulimit -n) is less than 64;
//   - RLIMIT_NPROC (ulimit -u) is less than 4,096. Linux sets it by the size of the
//     memory: less than 4,096 on machines with less than 1 GiB;
//   - pids.max of the process's cgroup, or of one above it, is less than 4,096;
//   - memory.limit_in_bytes (version 1 of cgroups) or memory.max (version 2) of the
//     process's cgroup, or of one above it, is set;
//   - vm.overcommit_memory is 2;
//   - LD_PRELOAD names a library, which may refuse memory and threads itself.
//
// Cgroups are looked for in /sys/fs/cgroup/pids, /sys/fs/cgroup/memory and
// /sys/fs/cgroup, by the path in /proc/self/cgroup. That takes 20 µs at every start;
// fork takes 2 ms more. A process without such a limit ends as Go and TensorFlow end
// it.
//
// The child is the program. The parent waits for it, forwards signals, and ends as the
// child does: with its status, or by its signal. Where the child has not called Ended,
// and has ended by a signal or with Go's status 2, the parent looks for the resource
// that ran out:
//
//   - pthread_create has failed (the package defines that function for the whole
//     program, and notes the error);
//   - std::bad_alloc has ended the program (it defines abort, too);
//   - RLIMIT_AS or RLIMIT_DATA is set, or RLIMIT_NOFILE less than 64;
//   - the kernel has counted a kill for memory in the process's cgroup.
//
// Without any of these the child's own end is kept. The parent dies with its child
// and the child with its parent (PR_SET_PDEATHSIG).
//
// In the environment, TFCNN_PARENT=on makes a child without a limit too;
// TFCNN_PARENT=off never makes a child, which suits debuggers. Under AddressSanitizer
// the package does nothing. Before .preinit_array only ld.so runs: where ld.so cannot
// map the libraries, the status is its 127.
package parent

/*
#cgo LDFLAGS: -ldl
void tfcnn_parent_ended(void);
*/
import "C"

// The settings of the environment.
const (
	Off = "TFCNN_PARENT=off" // the process is never its own parent
	On  = "TFCNN_PARENT=on"  // it always is
)

// Ended tells the parent that the program ends with a status of its own. It comes
// right before os.Exit.
func Ended() { C.tfcnn_parent_ended() }
