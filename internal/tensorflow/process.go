// Package tensorflow opens TensorFlow sessions on graphs that were built by hand, lists
// TensorFlow's devices, and sets the options that TensorFlow keeps for the process. Packages session and session/images and the commands
// stand on it.
//
//	settings, err := tensorflow.Options{Device: "cpu"}.Resolve()
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

// ErrConfigured is wrapped by the error of a Configure after the options are final.
var ErrConfigured = errors.New("TensorFlow keeps these for the process, and they are set already")

// current has the options of this process, and reports whether they are final.
var current struct {
	sync.Mutex
	Process
	configured bool // Configure was called
	started    bool // a first session was opened
}

// Configure sets the options of the process. It must come before the first Open,
// Devices or CUDALibraries. once the options are final, by a call or by a first
// session, Configure accepts the same values again; other values are an error that
// names them and wraps ErrConfigured.
func Configure(p Process) error {
	if min(p.IntraOpThreads, p.InterOpThreads) < 0 || max(p.IntraOpThreads, p.InterOpThreads) > maxThreads {
		return fmt.Errorf("got %d intra-op and %d inter-op threads, want 0 to %d", p.IntraOpThreads, p.InterOpThreads, maxThreads)
	}
	if p.OneDNN != OneDNNDefault && p.OneDNN != OneDNNOn && p.OneDNN != OneDNNOff {
		return fmt.Errorf("oneDNN is %q, want %q, %q or nothing", p.OneDNN, OneDNNOn, OneDNNOff)
	}
	if err := checkOneDNN(p.OneDNN); err != nil {
		return err
	}
	current.Lock()
	defer current.Unlock()
	if current.configured || current.started {
		if differences := p.differences(current.Process); differences != "" {
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
	current.Process, current.configured = p, true
	return nil
}

// checkOneDNN returns an error unless the library was loaded with the wanted oneDNN.
func checkOneDNN(want OneDNN) error {
	if want == OneDNNDefault {
		return nil
	}
	value := map[OneDNN]string{OneDNNOn: "1", OneDNNOff: "0"}[want]
	have := OneDNN("of unknown state")
	if on, known := capi.OneDNN(); known {
		have = map[bool]OneDNN{true: OneDNNOn, false: OneDNNOff}[on]
	} else if os.Getenv("TF_ENABLE_ONEDNN_OPTS") == value {
		have = want
	}
	if have == want {
		return nil
	}
	return fmt.Errorf("oneDNN is %s, asked for %s: set TF_ENABLE_ONEDNN_OPTS=%s before the process starts, TensorFlow reads it when it is loaded: %w", have, want, value, ErrConfigured)
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

// start makes the options final and sets the level of TensorFlow's log. The caller
// has locked current.
func start() {
	if !current.started && !current.Log && os.Getenv("TF_CPP_MIN_LOG_LEVEL") == "" {
		capi.Quiet()
	}
	current.started = true
}

// differences lists the options that p sets otherwise than the process has them.
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

// cpuOptimizers lists the graph optimizers of TensorFlow that speed a network on the
// CPU up: constant folding computes the nodes that read weights only, and the remapper
// then fuses a convolution with the batch norm, bias and activation behind it. Each
// other optimizer copies the graph with all its constants before the first run.
var cpuOptimizers = []string{"constfold", "remap"}

// sessionOptions returns the ConfigProto of a session. The first
// call makes the process's options final. withGPU is no part of the settings: Devices
// looks for GPUs with the settings of a CPU.
func sessionOptions(s Settings, withGPU bool) (*tf.SessionOptions, error) {
	current.Lock()
	defer current.Unlock()
	start()
	config := &for_core_protos_go_proto.ConfigProto{
		IntraOpParallelismThreads: int32(current.IntraOpThreads),
		InterOpParallelismThreads: int32(current.InterOpThreads),
		// A node that does not fit its device is an error, not moved.
		AllowSoftPlacement: false,
		// force_gpu_compatible stays off: results come into page-locked memory
		// without it, and it changes nothing for feeds. See docs/gpu.md.
		GpuOptions:   &for_core_protos_go_proto.GPUOptions{AllowGrowth: current.GPUMemoryGrowth},
		Experimental: &for_core_protos_go_proto.ConfigProto_Experimental{OptimizeForStaticGraph: true},
	}
	if s.Threads > 0 {
		config.IntraOpParallelismThreads = int32(s.Threads)
	}
	switch s.Executor {
	case Single:
		config.Experimental.ExecutorType = "SINGLE_THREADED_EXECUTOR"
	case Sequential:
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
	current.Lock()
	defer current.Unlock()
	return Tuned() && !current.KeepThreads
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
	current.Lock()
	defer current.Unlock()
	return current.IntraOpThreads != 1 && runtime.NumCPU() > 1 && ownPools()
}
