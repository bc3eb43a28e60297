// Package tuned lets a program change its own process so that sessions run
// faster and keep less memory. A program opts in with a blank import:
//
//	import _ "tfcnn/session/tuned"
//
// Without the import package session leaves its process alone, but for the level
// of TensorFlow's log (process.Options.Log). The import
//
//   - has glibc's malloc keep one arena a core, return free memory at an arena's
//     end from 16 MiB on, and map blocks of 8 MiB and more one by one. The options
//     are set before main, unless the environment sets malloc's options
//     (MALLOC_…, GLIBC_TUNABLES) or TFCNN_MALLOC=default;
//   - switches oneDNN on where the processor has AVX2, unless the environment has
//     TF_ENABLE_ONEDNN_OPTS. TensorFlow by itself asks for AVX-512;
//   - limits oneDNN's cache of compiled kernels to 256 entries, unless the
//     environment has ONEDNN_PRIMITIVE_CACHE_CAPACITY or its DNNL_ form;
//   - keeps TensorFlow's informational lines off stderr until main starts, unless
//     the environment has TF_CPP_MIN_LOG_LEVEL=0;
//   - lets a session have a thread pool of its own (session.Options.Threads), and
//     run batches of little work on the thread that calls. For that TensorFlow's
//     flag LocalDevice::use_global_threadpool_ is false while such a session opens;
//   - ends idle threads of the process from time to time, with the memory that
//     oneDNN keeps in them, unless process.Options.KeepThreads is set;
//   - calls malloc_trim when a session is closed and when threads were ended;
//   - sets TF_ENABLE_WINOGRAD_NONFUSED=0 in the environment when verify.Network
//     uses a GPU.
//
// oneDNN's two settings are no variables of the environment: the package defines
// the C function getenv for the whole program, which answers those two names where
// the environment has no value and is libc's getenv for all else. So a child
// process inherits nothing.
//
// The package is for programs, as EXEC or PIE. A shared library
// (-buildmode=c-shared, shared, plugin) is loaded too late for it, and the linker
// refuses one: it names the symbol
// tfcnn_session_tuned_is_for_programs_not_for_shared_libraries. docs/process.md has
// the whole list of what this module does to a process.
package tuned

/*
#cgo LDFLAGS: -ldl

int tfcnn_malloc_options_set(void);
*/
import "C"

import "tfcnn/internal/tensorflow"

func init() { tensorflow.Tune() }

// MallocOptionsSet reports whether the options of C's malloc were set before main.
func MallocOptionsSet() bool { return C.tfcnn_malloc_options_set() != 0 }
