package tensorflow

import (
	"fmt"
	"os"
	"strings"

	"tfcnn/internal/capi"
	"tfcnn/internal/ref"
)

// Arithmetic returns what a device, by TensorFlow's name, may do to the sums of
// convolutions; package internal/ref has the bounds. It holds where
// Process.NoWinograd was asked for.
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

// CUDALibraries has TensorFlow open each library that it needs for a GPU, and
// reports which it found. It returns none where libtensorflow is not built for CUDA.
func CUDALibraries() []CUDALibrary {
	process.Lock()
	begin()
	process.Unlock()
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

// noWinograd tells cuDNN's part of TensorFlow, which then leaves out every
// engine that cuDNN notes as Winograd's (XLA, cuda_dnn.cc, GenericEngineFilter);
// see Process.NoWinograd. Under cgo the variable is set for C too.
func noWinograd() { os.Setenv(winograd, "0") }
