package tensorflow

import (
	"fmt"
	"os"
	"strings"

	"tfcnn/internal/capi"
	"tfcnn/internal/ref"
)

// Arithmetic returns the arithmetic of a device, by TensorFlow's name, in the sums of
// convolutions; package internal/ref has the bounds. With Winograd's algorithm, which
// Process.NoWinograd switches off, the bounds do not apply.
func Arithmetic(device string) ref.Arithmetic {
	if !strings.Contains(device, "GPU") {
		return ref.Arithmetic{}
	}
	on, known := capi.TF32()
	return ref.Arithmetic{TF32: on || !known, FFT: true}
}

// Precision returns Arithmetic in words.
func Precision(device string) string {
	a := Arithmetic(device)
	if a == (ref.Arithmetic{}) {
		return "float32"
	}
	text := "float32, TF32 off"
	if a.TF32 {
		text = "TF32 on: factors cut to 11 bits"
	}
	return text + "; cuDNN may use Fourier transforms, Winograd's algorithm is off"
}

// CUDALibraries lets TensorFlow open each library that it needs for a GPU, and returns
// the libraries. It returns none where libtensorflow is not built for CUDA.
func CUDALibraries() []CUDALibrary {
	current.Lock()
	start()
	current.Unlock()
	var list []CUDALibrary
	for _, l := range capi.OpenCUDALibraries() {
		list = append(list, CUDALibrary(l))
	}
	return list
}

// CUDALibrary is a library that TensorFlow opens by name.
type CUDALibrary struct {
	Name   string // as "cudnn"
	Opened bool
	Driver bool // it comes with NVIDIA's driver
	Needed bool // no GPU is used without it
}

// WithoutWinograd returns an error where a GPU may use Winograd's algorithm. A
// program that imports session/tuned has it switched off here.
func WithoutWinograd(device string) error {
	if device == CPU || os.Getenv(winograd) == "0" {
		return nil
	}
	if !Tuned() {
		return fmt.Errorf("the reference has no bound for Winograd's algorithm on %s: call process.Configure with NoWinograd, or set %s=0", device, winograd)
	}
	noWinograd()
	return nil
}

const winograd = "TF_ENABLE_WINOGRAD_NONFUSED"

// noWinograd sets the variable for TensorFlow's cuDNN code, which then excludes every
// engine that cuDNN marks as Winograd's (XLA, cuda_dnn.cc, GenericEngineFilter);
// see Process.NoWinograd. Under cgo os.Setenv sets the variable for C too.
func noWinograd() { os.Setenv(winograd, "0") }
