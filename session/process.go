package session

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/galeone/tfgo"
	"google.golang.org/protobuf/proto"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"tfcnn/internal/capi"
	"tfcnn/internal/tuning"
)

// Process is what TensorFlow keeps once for the whole process, whatever a
// session asks for: the thread pools of the first session serve all that have
// none of their own (Options.Threads), oneDNN is switched when the library is
// loaded, and memory growth belongs to the GPU's allocator. The zero value leaves all to TensorFlow.
type Process struct {
	// IntraOpThreads is the number of threads that one operation's work is
	// split over. 0: one a core.
	IntraOpThreads int
	// InterOpThreads is the number of operations that may run at once. 0: one
	// a core.
	InterOpThreads int
	// OneDNN says whether kernels of oneDNN must be used on the CPU; results
	// differ in the last bits. It is settled before main, by the environment
	// variable TF_ENABLE_ONEDNN_OPTS (1 or 0) or else by the processor:
	// Configure can only hold the process to it, and fails where it is not so.
	OneDNN OneDNN
	// GPUMemoryGrowth takes a GPU's memory as it is needed, not nearly all of
	// it at the start.
	GPUMemoryGrowth bool
	// NoTF32 has GPUs multiply float32 numbers as they are. TensorFlow lets
	// tensor cores cut them to 11 significant bits otherwise.
	NoTF32 bool
	// NoWinograd keeps cuDNN from Winograd's algorithm, of which package
	// internal/ref knows no bound. It sets TF_ENABLE_WINOGRAD_NONFUSED=0 in the
	// process's environment, which TensorFlow reads with its first convolution
	// on a GPU. NewBackend and Verify need it on a GPU.
	NoWinograd bool
	// Deterministic has operations give the same bits each time, or fail where
	// they have no such kernel: on a GPU at the cost of speed. On the CPU they do
	// so anyway, for one number of threads, of all sessions with the same layers,
	// and one setting of oneDNN.
	Deterministic bool
	// KeepThreads leaves the process's threads alone in a program that imports
	// package session/tuned; threads of other programs are left alone anyway. With
	// the import, and without KeepThreads, idle threads are ended when threads that
	// run kernels have met many new shapes, since oneDNN keeps memory in them that
	// nothing else frees. A process that starts others with Pdeathsig needs
	// KeepThreads: that signal is sent when the thread ends that has started them.
	KeepThreads bool
	// Log leaves TensorFlow's log on stderr as it is. Without it the first session
	// drops all lines but fatal ones; what goes wrong comes as an error all the
	// same. Where the environment has TF_CPP_MIN_LOG_LEVEL, that variable alone
	// decides. Lines that TensorFlow prints before main stay, unless the program
	// imports package session/tuned.
	Log bool
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

// process is the one Process of this process, and whether it is settled.
var process struct {
	sync.Mutex
	Process
	set  bool // by Configure
	used bool // by a first session
}

// Configure settles what TensorFlow keeps per process. It must come before
// the first Open, Devices or CUDALibraries; once settled, by a call or by a first session,
// the same values again are fine and others are an error that names them and
// wraps ErrConfigured.
func Configure(p Process) error {
	if min(p.IntraOpThreads, p.InterOpThreads) < 0 || max(p.IntraOpThreads, p.InterOpThreads) > maxThreads {
		return fmt.Errorf("session: configure: got %d intra-op and %d inter-op threads, want 0 to %d", p.IntraOpThreads, p.InterOpThreads, maxThreads)
	}
	if p.OneDNN != OneDNNDefault && p.OneDNN != OneDNNOn && p.OneDNN != OneDNNOff {
		return fmt.Errorf("session: configure: oneDNN is %q, want %q, %q or nothing", p.OneDNN, OneDNNOn, OneDNNOff)
	}
	if err := holdOneDNN(p.OneDNN); err != nil {
		return fmt.Errorf("session: configure: %w", err)
	}
	process.Lock()
	defer process.Unlock()
	if process.set || process.used {
		if differences := p.differences(process.Process); differences != "" {
			return fmt.Errorf("session: configure: %s: %w", differences, ErrConfigured)
		}
		return nil
	}
	if p.NoTF32 && capi.BuiltWithCUDA() && !capi.SetTF32(false) {
		return errors.New("session: configure: this libtensorflow cannot be told to leave TF32")
	}
	if p.Deterministic && !capi.SetDeterministic(true) {
		return errors.New("session: configure: this libtensorflow cannot be told to be deterministic")
	}
	if p.NoWinograd {
		noWinograd()
	}
	process.Process, process.set = p, true
	return nil
}

// holdOneDNN says whether the library was loaded with oneDNN as asked.
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

// OneDNNInUse says whether TensorFlow uses oneDNN's kernels on the CPU, and
// whether this libtensorflow can tell.
func OneDNNInUse() (on, known bool) { return capi.OneDNN() }

// usesOneDNN says whether a device's kernels are oneDNN's, as far as
// libtensorflow tells.
func usesOneDNN(device string) bool {
	on, _ := capi.OneDNN()
	return on && device == cpuDevice
}

// BuiltWithCUDA says whether this libtensorflow can use NVIDIA's GPUs.
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

// configuration is the ConfigProto of every session of this process; threads
// are the session's own, 0 for the process's. Settling it ends Configure's time.
func configuration(withGPU bool, e Executor, threads int) (*tf.SessionOptions, error) {
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
	if threads > 0 {
		config.IntraOpParallelismThreads = int32(threads)
	}
	switch e {
	case Single:
		config.Experimental.ExecutorType = "SINGLE_THREADED_EXECUTOR"
	case inTurn:
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
		return nil, fmt.Errorf("session: configuration: %w", err)
	}
	return &tf.SessionOptions{Config: bytes}, nil
}

// OpenGraph opens a session of the bindings' own on a graph that was built by
// hand, so that it agrees with what the process has settled and with the
// options, as far as they are not about a network. Without a GPU, none is
// touched. It is the caller's to close.
func OpenGraph(graph *tf.Graph, o Options) (*tf.Session, error) {
	device, err := choose(o.Device)
	if err != nil {
		return nil, err
	}
	if o, err = o.settle(device); err != nil {
		return nil, err
	}
	session, _, err := start(graph, device, o.Executor, o.Threads)
	if err != nil {
		return nil, fmt.Errorf("session: open graph: %w", err)
	}
	return session, nil
}

// OnOneThread is OpenGraph for graphs whose operations have no work to share,
// as decoders: they run on the thread that calls. device is as in Options.
func OnOneThread(device string) func(*tf.Graph) (*tf.Session, error) {
	return func(graph *tf.Graph) (*tf.Session, error) {
		o := Options{Device: device}
		if chosen, err := choose(device); err == nil && chosen == cpuDevice && ownPools() {
			o.Threads = 1
		}
		return OpenGraph(graph, o)
	}
}

// Version is that of the libtensorflow that the process runs on, as "2.21.0".
func Version() string { return capi.Version() }

// Device is one of TensorFlow's devices.
type Device struct {
	Name        string // as "/device:CPU:0"
	Type        string // as "CPU" or "GPU"
	MemoryBytes int64  // what TensorFlow's allocator may take of it
}

// Devices lists TensorFlow's devices on this machine. It starts TensorFlow,
// as the first Open does.
func Devices() ([]Device, error) {
	devices, err := listDevices()
	return slices.Clone(devices), err
}

var listDevices = sync.OnceValues(func() ([]Device, error) {
	options, err := configuration(true, Parallel, 0)
	if err != nil {
		return nil, err
	}
	graph, err := tfgo.NewRoot().Finalize()
	if err != nil {
		return nil, fmt.Errorf("session: devices: %w", err)
	}
	defer capi.FreeGraph(graph)
	var probe *tf.Session
	err = capi.OpenWithPool(false, func() (err error) {
		probe, err = tf.NewSession(graph, options)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("session: devices: %w", oneLine(err))
	}
	defer probe.Close()
	found, err := probe.ListDevices()
	if err != nil {
		return nil, fmt.Errorf("session: devices: %w", oneLine(err))
	}
	var devices []Device
	for _, d := range found {
		name := d.Name
		if at := strings.Index(name, "/device:"); at > 0 {
			name = name[at:]
		}
		devices = append(devices, Device{Name: name, Type: d.Type, MemoryBytes: d.MemoryLimitBytes})
	}
	return devices, nil
})

// renews reports whether the process's threads may be ended.
func renews() bool {
	process.Lock()
	defer process.Unlock()
	return tuning.Allowed() && !process.KeepThreads
}

// ownPools reports whether a session may have a thread pool of its own: for one
// TensorFlow's flag for the process is changed while the session opens.
func ownPools() bool { return tuning.Allowed() && capi.CanOwnPool() }

// trim gives memory that C's allocator holds for nothing back to the system.
func trim() {
	if tuning.Allowed() {
		capi.Trim()
	}
}

// canShare says whether the process has threads to share an operation's work
// with, and a session can do without.
func canShare() bool {
	process.Lock()
	defer process.Unlock()
	return process.IntraOpThreads != 1 && runtime.NumCPU() > 1 && ownPools()
}

// oneLine is an error's first line; the bindings' errors may carry a stack.
func oneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, " (Stacktrace:")
	return errors.New(text)
}
