package machine

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Library is one of the libraries that TensorFlow opens for a GPU.
type Library struct {
	Name   string
	Opened bool
	Driver bool // it comes with NVIDIA's driver
	Needed bool // no GPU is used without it
}

// TensorFlow describes the libtensorflow of the process.
type TensorFlow struct {
	Version   string
	CUDA      bool // built for NVIDIA's GPUs
	Libraries []Library
	Devices   []string
}

// RuntimeFacts returns the facts about running a built program. Those about a GPU are
// needed where gpu is set.
func (m Machine) RuntimeFacts(ctx context.Context, tf TensorFlow, gpu bool) []Fact {
	facts := []Fact{
		m.system(), m.processor(),
		{Name: "TensorFlow", Found: true, Needed: true, Value: tf.Version + " on " + strings.Join(tf.Devices, ", ")},
	}
	for _, f := range m.GPUFacts(ctx, tf) {
		f.Needed = gpu
		facts = append(facts, f)
	}
	return facts
}

// GPUFacts returns the facts about a GPU, from the driver up.
func (m Machine) GPUFacts(ctx context.Context, tf TensorFlow) []Fact {
	facts := []Fact{m.cudaBuild(tf), m.gpuDriver(ctx), m.gpuDevice()}
	if tf.CUDA {
		facts = append(facts, m.cudaLibraries(tf))
	}
	used := Fact{Name: "GPU used", Value: "TensorFlow sees none", Fix: "what is missing above comes first; if nothing is, TF_CPP_MIN_LOG_LEVEL=0 lets TensorFlow say why"}
	for _, d := range tf.Devices {
		if strings.Contains(d, "GPU") {
			used = Fact{Name: "GPU used", Found: true, Value: d}
			break
		}
	}
	return append(facts, used)
}

func (m Machine) inDockerImage() bool { return m.Getenv("TFCNN_IMAGE_VARIANT") != "" }

func (m Machine) cudaBuild(tf TensorFlow) Fact {
	f := Fact{Name: "CUDA build", Found: tf.CUDA, Value: "libtensorflow is built for CUDA"}
	if !tf.CUDA {
		f.Value = "libtensorflow is built for the CPU only"
		f.Fix = "install its CUDA variant: go run ./cmd/libtensorflow -variant linux-amd64-cuda"
		if m.inDockerImage() {
			f.Fix = "use the CUDA Docker image (docker/Dockerfile.cuda), called tfcnn-cuda"
		}
	}
	return f
}

var gpuNode = regexp.MustCompile(`/nvidia[0-9]+$`)

// gpuDevice looks for the driver's device files; a container has them only where they
// are passed to it.
func (m Machine) gpuDevice() Fact {
	var nodes []string
	list, _ := filepath.Glob(m.Root + "/dev/nvidia*")
	for _, path := range list {
		if gpuNode.MatchString(path) {
			nodes = append(nodes, strings.TrimPrefix(path, m.Root))
		}
	}
	if list, _ := filepath.Glob(m.Root + "/dev/dxg"); len(list) > 0 {
		nodes = append(nodes, "/dev/dxg (Windows)")
	}
	if len(nodes) > 0 {
		return Fact{Name: "GPU device", Found: true, Value: strings.Join(nodes, ", ")}
	}
	f := Fact{Name: "GPU device", Value: "none: no /dev/nvidia0", Fix: "load NVIDIA's driver (nvidia-smi lists the GPUs)"}
	if m.inDockerImage() {
		f.Fix = "pass the GPU in: docker run --gpus all (with NVIDIA's container toolkit on the machine)"
	}
	return f
}

// cudaLibraries lists the libraries that TensorFlow opened and those it did not.
func (m Machine) cudaLibraries(tf TensorFlow) Fact {
	f := Fact{Name: "CUDA libraries", Found: true}
	var opened, missing, driver []string
	for _, l := range tf.Libraries {
		switch {
		case l.Opened:
			opened = append(opened, l.Name)
		case l.Driver:
			driver = append(driver, l.Name)
		case l.Needed:
			missing = append(missing, l.Name)
		default:
			missing = append(missing, l.Name+" (not needed)")
		}
		if l.Needed && !l.Opened {
			f.Found = false
		}
	}
	f.Value = "opened: " + strings.Join(opened, ", ")
	var fixes []string
	if len(missing) > 0 {
		f.Value += "; not found: " + strings.Join(missing, ", ")
		fixes = append(fixes, "install libtensorflow's CUDA variant again: it brings them, in nvidia/ beside lib/")
	}
	if len(driver) > 0 {
		f.Value += fmt.Sprintf("; not found, and the driver's to bring: %s", strings.Join(driver, ", "))
		fixes = append(fixes, "see the driver above")
	}
	if !f.Found {
		f.Fix = strings.Join(fixes, "; ")
	}
	return f
}
