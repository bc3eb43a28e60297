package machine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func (m Machine) system() Fact {
	f := Fact{Name: "system", Needed: true, Found: m.OS == "linux", Value: m.OS + "/" + m.Arch}
	if m.Cores > 0 {
		f.Value += fmt.Sprintf(", cores: %d", m.Cores)
	}
	if kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(m.procField("meminfo", "MemTotal"), " kB"), 64); err == nil {
		f.Value += fmt.Sprintf(", memory: %.1f GiB", kilobytes/(1<<20))
	}
	if !f.Found {
		f.Fix = "libtensorflow is pinned for Linux only; use a Linux machine or container, or LIBTENSORFLOW=/prefix"
	}
	return f
}

// procField returns the value after "key:" in a file of /proc, or "".
func (m Machine) procField(file, key string) string {
	text, err := os.ReadFile(m.Root + "/proc/" + file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m Machine) processor() Fact {
	f := Fact{Name: "processor", Needed: true, Found: true}
	var words []string
	if model := m.procField("cpuinfo", "model name"); model != "" {
		words = append(words, model+":")
	}
	if m.Arch != "amd64" {
		f.Value = strings.Join(append(words, m.Arch), " ")
		return f
	}
	if f.Found = m.Features["AVX"]; !f.Found {
		words = append(words, "no AVX")
		f.Fix = "TensorFlow's library needs AVX: use another machine (not an emulated one), or a library built without it by LIBTENSORFLOW=/prefix"
	}
	for _, name := range []string{"AVX", "AVX2", "FMA", "AVX512F", "AVX512_VNNI", "AMX"} {
		if m.Features[name] {
			words = append(words, name)
		}
	}
	f.Value = strings.Join(words, " ")
	return f
}

// gpuDriver looks for NVIDIA's driver, which is never needed: TensorFlow runs on the
// CPU without it.
func (m Machine) gpuDriver(ctx context.Context) Fact {
	f := Fact{Name: "GPU driver", Value: "none: the CPU is used", Fix: "for a GPU: NVIDIA's driver, and libtensorflow's variant linux-amd64-cuda"}
	if m.inDockerImage() {
		f.Fix = "install NVIDIA's driver and its container toolkit on the machine, and start the container with docker run --gpus all"
	}
	driver := ""
	if text, err := os.ReadFile(m.Root + "/proc/driver/nvidia/version"); err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		driver = strings.Join(strings.Fields(strings.TrimPrefix(first, "NVRM version:")), " ")
	}
	if out, err := m.Output(ctx, "nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"); err == nil && out != "" {
		driver = strings.ReplaceAll(out, "\n", "; ")
	}
	library := m.libcuda(ctx)
	switch {
	case driver != "" && library:
		f.Found, f.Value, f.Fix = true, driver+", with libcuda.so.1", ""
	case driver != "":
		f.Value = driver + ", but no libcuda.so.1: the CPU is used"
		f.Fix = "install the driver's libraries (Debian: libcuda1), or in a container pass the GPU in (docker run --gpus all)"
	case library:
		f.Value = "libcuda.so.1 is there, but no driver runs: the CPU is used"
	}
	return f
}

// libcuda looks for the driver's library as TensorFlow does at run time: by
// name.
func (m Machine) libcuda(ctx context.Context) bool {
	const name = "libcuda.so.1"
	for _, command := range []string{"ldconfig", "/sbin/ldconfig"} {
		if out, err := m.Output(ctx, command, "-p"); err == nil && strings.Contains(out, name) {
			return true
		}
	}
	folders := []string{m.Root + "/usr/lib/x86_64-linux-gnu", m.Root + "/usr/lib/aarch64-linux-gnu", m.Root + "/usr/lib64"}
	for _, folder := range append(folders, filepath.SplitList(m.Getenv("LD_LIBRARY_PATH"))...) {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			return true
		}
	}
	return false
}
