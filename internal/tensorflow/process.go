// Package tensorflow is TensorFlow as this process has it: the options that
// TensorFlow keeps for the whole process, its devices, and sessions on graphs that
// are built by hand. Packages session and session/images and the commands stand on it.
//
//	settings, err := tensorflow.Options{Device: "cpu"}.Settle()
//	s, err := tensorflow.Open(graph, settings)
//	defer s.Close()
//
// Errors of this package have no prefix: the package that calls names itself and
// the operation.
package tensorflow

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"tfcnn/internal/capi"
)

// Process holds the options that TensorFlow keeps once for the whole process.
// Package session has the same type, which documents each field.
type Process struct {
	IntraOpThreads, InterOpThreads int
	OneDNN                         OneDNN
	GPUMemoryGrowth                bool
	NoTF32, NoWinograd             bool
	Deterministic                  bool
	KeepThreads                    bool
	Log                            bool
}

// OneDNN is left as it is, on, or off.
type OneDNN string

// The values of OneDNN.
const (
	OneDNNDefault OneDNN = ""
	OneDNNOn      OneDNN = "on"
	OneDNNOff     OneDNN = "off"
)

// maxThreads is the most threads of a pool. TensorFlow ends the process when
// the system gives it fewer than it asks for.
const maxThreads = 1024

// ErrConfigured is the error of a Configure that comes too late.
var ErrConfigured = errors.New("TensorFlow keeps these for the process, and they are set already")

// process holds the options of this process, and whether they are settled.
var process struct {
	sync.Mutex
	Process
	set  bool // by Configure
	used bool // by a first session
}

// Configure settles the process's options. It must come before the first Open,
// Devices or CUDALibraries. Once the options are settled, by a call or by a first
// session, Configure accepts the same values again; other values are an error that
// names them and wraps ErrConfigured.
func Configure(p Process) error {
	if min(p.IntraOpThreads, p.InterOpThreads) < 0 || max(p.IntraOpThreads, p.InterOpThreads) > maxThreads {
		return fmt.Errorf("got %d intra-op and %d inter-op threads, want 0 to %d", p.IntraOpThreads, p.InterOpThreads, maxThreads)
	}
	if p.OneDNN != OneDNNDefault && p.OneDNN != OneDNNOn && p.OneDNN != OneDNNOff {
		return fmt.Errorf("oneDNN is %q, want %q, %q or nothing", p.OneDNN, OneDNNOn, OneDNNOff)
	}
	if err := holdOneDNN(p.OneDNN); err != nil {
		return err
	}
	process.Lock()
	defer process.Unlock()
	if process.set || process.used {
		if differences := p.differences(process.Process); differences != "" {
			return fmt.Errorf("%s: %w", differences, ErrConfigured)
		}
		return nil
	}
	if p.NoTF32 && capi.BuiltWithCUDA() && !capi.SetTF32(false) {
		return errors.New("this libtensorflow cannot be told to leave TF32")
	}
	if p.Deterministic && !capi.SetDeterministic(true) {
		return errors.New("this libtensorflow cannot be told to be deterministic")
	}
	if p.NoWinograd {
		noWinograd()
	}
	process.Process, process.set = p, true
	return nil
}

// holdOneDNN returns an error unless the library was loaded with oneDNN as asked.
func holdOneDNN(asked OneDNN) error {
	if asked == OneDNNDefault {
		return nil
	}
	value := map[OneDNN]string{OneDNNOn: "1", OneDNNOff: "0"}[asked]
	have := OneDNN("of unknown state")
	if on, known := capi.OneDNN(); known {
		have = map[bool]OneDNN{true: OneDNNOn, false: OneDNNOff}[on]
	} else if os.Getenv("TF_ENABLE_ONEDNN_OPTS") == value {
		have = asked
	}
	if have == asked {
		return nil
	}
	return fmt.Errorf("oneDNN is %s, asked for %s: set TF_ENABLE_ONEDNN_OPTS=%s before the process starts, TensorFlow reads it when it is loaded: %w", have, asked, value, ErrConfigured)
}

// OneDNNInUse reports whether TensorFlow uses oneDNN's kernels on the CPU. known
// is false where this libtensorflow cannot tell.
func OneDNNInUse() (on, known bool) { return capi.OneDNN() }

// UsesOneDNN reports whether a device's kernels are oneDNN's, as far as
// libtensorflow tells.
func UsesOneDNN(device string) bool {
	on, _ := capi.OneDNN()
	return on && device == CPU
}

// BuiltWithCUDA reports whether this libtensorflow can use NVIDIA's GPUs.
func BuiltWithCUDA() bool { return capi.BuiltWithCUDA() }

// begin ends Configure's time and settles TensorFlow's log. The mutex is held.
func begin() {
	if !process.used && !process.Log && os.Getenv("TF_CPP_MIN_LOG_LEVEL") == "" {
		capi.Quiet()
	}
	process.used = true
}

// differences names what p asks for and the process does not have.
func (p Process) differences(have Process) string {
	var list []string
	note := func(what string, got, want any) {
		if got != want {
			list = append(list, fmt.Sprintf("%s is %v, asked for %v", what, got, want))
		}
	}
	note("intra-op threads", have.IntraOpThreads, p.IntraOpThreads)
	note("inter-op threads", have.InterOpThreads, p.InterOpThreads)
	note("deterministic operations", have.Deterministic, p.Deterministic)
	note("threads kept", have.KeepThreads, p.KeepThreads)
	note("log", have.Log, p.Log)
	note("TF32 refused", have.NoTF32, p.NoTF32)
	note("Winograd refused", have.NoWinograd, p.NoWinograd)
	note("GPU memory growth", have.GPUMemoryGrowth, p.GPUMemoryGrowth)
	return strings.Join(list, ", ")
}

// cpuOptimizers are those of TensorFlow's graph optimizers that a network for
// the CPU has something of: the remapper, which fuses a convolution with the
// batch norm, bias and activation behind it, and before it the folding of what
// is computed of weights alone. Each of the others costs copies of the graph
// with all its constants before the first run.
var cpuOptimizers = []string{"constfold", "remap"}

// sessionOptions returns the ConfigProto of a session. With the first one the
// process's options are settled. withGPU is apart from the settings for Devices,
// which looks for GPUs.
func sessionOptions(s Settings, withGPU bool) (*tf.SessionOptions, error) {
	process.Lock()
	defer process.Unlock()
	begin()
	config := &for_core_protos_go_proto.ConfigProto{
		IntraOpParallelismThreads: int32(process.IntraOpThreads),
		InterOpParallelismThreads: int32(process.InterOpThreads),
		// A node that does not fit its device is an error, not moved.
		AllowSoftPlacement: false,
		// force_gpu_compatible stays off: results come into page-locked memory
		// without it, and it does nothing for what is fed. See docs/gpu.md.
		GpuOptions:   &for_core_protos_go_proto.GPUOptions{AllowGrowth: process.GPUMemoryGrowth},
		Experimental: &for_core_protos_go_proto.ConfigProto_Experimental{OptimizeForStaticGraph: true},
	}
	if s.Threads > 0 {
		config.IntraOpParallelismThreads = int32(s.Threads)
	}
	switch s.Executor {
	case Single:
		config.Experimental.ExecutorType = "SINGLE_THREADED_EXECUTOR"
	case InTurn:
		config.InterOpParallelismThreads = -1
	}
	if !withGPU {
		config.DeviceCount = map[string]int32{"GPU": 0}
		config.GraphOptions = &for_core_protos_go_proto.GraphOptions{
			RewriteOptions: &for_core_protos_go_proto.RewriterConfig{Optimizers: cpuOptimizers},
		}
	}
	bytes, err := proto.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("session options: %w", err)
	}
	return &tf.SessionOptions{Config: bytes}, nil
}

// Version returns the version of the libtensorflow that the process runs on, as
// "2.21.0".
func Version() string { return capi.Version() }

// ThreadsMayEnd reports whether the process's idle threads may be ended.
func ThreadsMayEnd() bool {
	process.Lock()
	defer process.Unlock()
	return Tuned() && !process.KeepThreads
}

// Trim returns memory that C's allocator holds unused to the system, in a program
// that imports package session/tuned.
func Trim() {
	if Tuned() {
		capi.Trim()
	}
}

// ownPools reports whether a session may have a thread pool of its own: for one
// TensorFlow's flag for the process is changed while the session opens.
func ownPools() bool { return Tuned() && capi.CanOwnPool() }

// SharesThreads reports whether the process has threads that share an operation's
// work, and a session can be opened that does without them.
func SharesThreads() bool {
	process.Lock()
	defer process.Unlock()
	return process.IntraOpThreads != 1 && runtime.NumCPU() > 1 && ownPools()
}
