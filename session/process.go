package session

import (
	"fmt"

	"tfcnn/internal/tensorflow"
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

// ErrConfigured is wrapped by the error of a Configure that comes too late.
var ErrConfigured = tensorflow.ErrConfigured

// ErrNoDevice is wrapped by the error of a device that was asked for by name
// and is not there.
var ErrNoDevice = tensorflow.ErrNoDevice

// ErrMemory is wrapped by the error of a call that needs more memory than the
// process can get. Where an allocation fails inside TensorFlow, TensorFlow ends the
// process, or the system does.
var ErrMemory = tensorflow.ErrMemory

// Configure settles what TensorFlow keeps per process. It must come before the
// first Open or Devices. Once the options are settled, by a call or by a first
// session, Configure accepts the same values again; other values are an error that
// names them and wraps ErrConfigured.
func Configure(p Process) error {
	err := tensorflow.Configure(tensorflow.Process{
		IntraOpThreads: p.IntraOpThreads, InterOpThreads: p.InterOpThreads,
		OneDNN: tensorflow.OneDNN(p.OneDNN), GPUMemoryGrowth: p.GPUMemoryGrowth,
		NoTF32: p.NoTF32, NoWinograd: p.NoWinograd, Deterministic: p.Deterministic,
		KeepThreads: p.KeepThreads, Log: p.Log,
	})
	if err != nil {
		return fmt.Errorf("session: configure: %w", err)
	}
	return nil
}

// Version returns the version of the libtensorflow that the process runs on, as
// "2.21.0".
func Version() string { return tensorflow.Version() }

// Device is one of TensorFlow's devices.
type Device struct {
	Name        string // as "/device:CPU:0"
	Type        string // as "CPU" or "GPU"
	MemoryBytes int64  // what TensorFlow's allocator may take of it
}

// Devices returns TensorFlow's devices on this machine. It starts TensorFlow, as
// the first Open does.
func Devices() ([]Device, error) {
	found, err := tensorflow.Devices()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	devices := make([]Device, len(found))
	for i, d := range found {
		devices[i] = Device(d)
	}
	return devices, nil
}
