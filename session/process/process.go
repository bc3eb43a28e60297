// Package process has the options, the devices and the version of TensorFlow that all
// sessions of a process share. A program sets options before it opens the first session:
//
//	err := process.Configure(process.Options{IntraOpThreads: 4, GPUMemoryGrowth: true})
//
// docs/process.md lists what this module does to a process by itself.
package process

import (
	"fmt"

	"tfcnn/internal/tensorflow"
)

// Options are those that TensorFlow keeps for the process: the thread pools of the
// first session serve all sessions without a pool of their own
// (session.Options.Threads), oneDNN is switched when the library is loaded, and memory
// growth belongs to the GPU's allocator. The zero value leaves all to TensorFlow.
type Options struct {
	// IntraOpThreads is the number of threads that one operation's work is
	// split over. 0: one a core.
	IntraOpThreads int
	// InterOpThreads is the number of operations that may run at once. 0: one
	// a core.
	InterOpThreads int
	// OneDNN is whether the CPU's kernels must be oneDNN's; results differ in the last
	// bits. The environment variable TF_ENABLE_ONEDNN_OPTS (1 or 0), or else the
	// processor, decides that before main: Configure cannot switch oneDNN, and returns
	// an error where the process has another value than the one asked for.
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
	// on a GPU. Package session/verify needs it on a GPU.
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
	// drops all lines but fatal ones; errors are returned all the same. Where the environment has TF_CPP_MIN_LOG_LEVEL, that variable alone
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

// Configure sets the process's options. It must come before the first session.Open
// and the first Devices. Once the options are settled, by a call or by a first
// session, Configure accepts the same values again; other values are an error that
// names them and wraps ErrConfigured.
func Configure(o Options) error {
	err := tensorflow.Configure(tensorflow.Process{
		IntraOpThreads: o.IntraOpThreads, InterOpThreads: o.InterOpThreads,
		OneDNN: tensorflow.OneDNN(o.OneDNN), GPUMemoryGrowth: o.GPUMemoryGrowth,
		NoTF32: o.NoTF32, NoWinograd: o.NoWinograd, Deterministic: o.Deterministic,
		KeepThreads: o.KeepThreads, Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("process: configure: %w", err)
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
	MemoryBytes int64  // that TensorFlow's allocator may take
}

// Devices returns TensorFlow's devices on this machine. It starts TensorFlow, as the
// first session.Open does.
func Devices() ([]Device, error) {
	found, err := tensorflow.Devices()
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	devices := make([]Device, len(found))
	for i, d := range found {
		devices[i] = Device(d)
	}
	return devices, nil
}

// Platform is where numbers were computed.
type Platform struct {
	TensorFlow string `json:"tensorflow"` // the version, as "2.21.0"
	Device     string `json:"device"`     // as "/device:CPU:0"
	// Precision names the arithmetic that the device may use for convolutions; "" where
	// that does not matter.
	Precision string `json:"precision,omitempty"`
	OneDNN    *bool  `json:"onednn,omitempty"` // nil where TensorFlow does not tell
}

// PlatformOf returns the platform of a device, by TensorFlow's name, without its
// Precision.
func PlatformOf(device string) Platform {
	p := Platform{TensorFlow: Version(), Device: device}
	if on, known := tensorflow.OneDNNInUse(); known {
		p.OneDNN = &on
	}
	return p
}
