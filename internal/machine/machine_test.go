package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bare returns a machine with nothing; each test adds its tools.
func bare(t *testing.T) Machine {
	return Machine{
		Project: t.TempDir(), Root: t.TempDir(), OS: "linux", Arch: "amd64",
		Getenv:   func(string) string { return "" },
		Output:   func(context.Context, string, ...string) (string, error) { return "", errors.New("not found") },
		Features: map[string]bool{},
	}
}

// with sets the output of commands, by their whole line.
func (m Machine) with(answers map[string]string) Machine {
	m.Output = func(_ context.Context, name string, arguments ...string) (string, error) {
		if answer, found := answers[strings.Join(append([]string{name}, arguments...), " ")]; found {
			return answer, nil
		}
		return "", errors.New("not found")
	}
	return m
}

func fact(t *testing.T, m Machine, name string) Fact {
	t.Helper()
	for _, f := range m.Facts(t.Context()) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no fact %q", name)
	return Fact{}
}

func TestBareMachine(t *testing.T) {
	facts := bare(t).Facts(t.Context())
	var missing []string
	for _, f := range Missing(facts) {
		missing = append(missing, f.Name)
		if f.Fix == "" {
			t.Errorf("%s is missing and has no fix", f.Name)
		}
	}
	if got := strings.Join(missing, ", "); got != "processor, Go, C compiler, make, pip, strip, libtensorflow" {
		t.Errorf("missing: %s", got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// prefix makes a prefix as TensorFlow's tarball has it.
func prefix(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"include/tensorflow/c/c_api.h", "lib/libtensorflow.so", "lib/libtensorflow_framework.so.2"} {
		write(t, filepath.Join(folder, name), "")
	}
}

// expect compares a fact with the expected one.
func expect(t *testing.T, m Machine, name string, found bool, value, fix string) {
	t.Helper()
	f := fact(t, m, name)
	if f.Found != found || !strings.Contains(f.Value, value) || !strings.Contains(f.Fix, fix) || (fix == "") != (f.Fix == "") {
		t.Errorf("got\n%v\nwant found %v, %q, fix %q", f, found, value, fix)
	}
}

func TestHardware(t *testing.T) {
	m := bare(t)
	m.Features["AVX"], m.Features["AVX2"] = true, true
	expect(t, m, "processor", true, "AVX AVX2", "")
	write(t, m.Root+"/proc/cpuinfo", "processor\t: 0\nmodel name\t: Nimble 5000\nflags\t\t: fpu\n\nprocessor\t: 1\nmodel name\t: Other\n")
	expect(t, m, "processor", true, "Nimble 5000: AVX AVX2", "")
	m.Features["AVX"] = false
	expect(t, m, "processor", false, "Nimble 5000: no AVX", "needs AVX")
	m.Arch = "arm64"
	expect(t, m, "processor", true, "arm64", "")

	m.Cores = 6
	write(t, m.Root+"/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\n")
	expect(t, m, "system", true, "linux/arm64, cores: 6, memory: 16.0 GiB", "")
	m.OS = "darwin"
	expect(t, m, "system", false, "darwin/arm64", "Linux only")
}

func TestGPU(t *testing.T) {
	m := bare(t)
	expect(t, m, "GPU driver", false, "none: the CPU is used", "linux-amd64-cuda")
	if f := fact(t, m, "GPU driver"); f.Needed {
		t.Error("a GPU is no need")
	}
	ldconfig := map[string]string{"/sbin/ldconfig -p": "\tlibcuda.so.1 (libc6,x86-64) => /usr/lib/libcuda.so.1"}
	expect(t, m.with(ldconfig), "GPU driver", false, "no driver runs", "NVIDIA's driver")
	write(t, m.Root+"/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54  Tue\nGCC\n")
	expect(t, m, "GPU driver", false, "Module 550.54 Tue, but no libcuda.so.1", "--gpus all")
	expect(t, m.with(ldconfig), "GPU driver", true, "NVIDIA UNIX x86_64 Kernel Module 550.54 Tue, with libcuda.so.1", "")
	expect(t, m.with(map[string]string{
		"nvidia-smi --query-gpu=name,driver_version --format=csv,noheader": "H100, 550.54\nH100, 550.54", "ldconfig -p": "libcuda.so.1",
	}), "GPU driver", true, "H100, 550.54; H100, 550.54, with", "")
	folder := t.TempDir()
	write(t, filepath.Join(folder, "libcuda.so.1"), "")
	m.Getenv = func(name string) string { return map[string]string{"LD_LIBRARY_PATH": "/x:" + folder}[name] }
	expect(t, m, "GPU driver", true, "with libcuda.so.1", "")
}

func TestTools(t *testing.T) {
	m := bare(t)
	write(t, filepath.Join(m.Project, "go.mod"), "module x\n\ngo 1.26\n")
	for version, found := range map[string]bool{"go1.26": true, "go1.26.8": true, "go1.27rc1": true, "go2.0": true, "go1.25.9": false, "go1.9": false} {
		fix := ""
		if !found {
			fix = "install Go 1.26 or newer"
		}
		expect(t, m.with(map[string]string{"go env GOVERSION": version}), "Go", found, strings.TrimPrefix(version, "go"), fix)
	}

	const headers = " -E -x c -include stdlib.h /dev/null"
	expect(t, m.with(map[string]string{"gcc --version": "gcc 12\nmore", "gcc" + headers: ""}), "C compiler", true, "gcc 12", "")
	expect(t, m.with(map[string]string{"gcc --version": "gcc 12"}), "C compiler", false, "gcc 12, without the C library's headers", "libc6-dev")
	expect(t, m.with(map[string]string{"go env CC": "clang", "clang --version": "clang 18", "clang" + headers: ""}), "C compiler", true, "clang 18", "")
	m.Getenv = func(name string) string { return map[string]string{"CC": "ccache cc", "PYTHON": "py"}[name] }
	expect(t, m.with(map[string]string{"ccache cc --version": "cc 1", "ccache cc" + headers: ""}), "C compiler", true, "cc 1", "")
	expect(t, m, "C compiler", false, "ccache cc not found", "apt-get install gcc")

	expect(t, m.with(map[string]string{"make --version": "GNU Make 4.3\nBuilt for"}), "make", true, "GNU Make 4.3", "")
	expect(t, m.with(map[string]string{"py -m pip --version": "pip 23.2.1 from /x/pip"}), "pip", true, "pip 23.2.1 (py -m pip)", "")
	expect(t, m.with(map[string]string{"pip3 --version": "pip 1"}), "pip", false, "not found", "python3-pip")
	expect(t, bare(t).with(map[string]string{"pip3 --version": "pip 1"}), "pip", true, "pip 1 (pip3)", "")

	expect(t, m.with(map[string]string{"strip --version": "GNU strip 2.40\nmore"}), "strip", true, "GNU strip 2.40", "")
	expect(t, m, "strip", false, "not found", "binutils")
	m.Arch = "arm64"
	if fact(t, m, "strip").Needed {
		t.Error("strip is needed, although the wheel's libraries for arm64 are left as they are")
	}
}

// libtensorflow: nowhere, in /usr/local, in the project, by the variable.
func TestLibtensorflow(t *testing.T) {
	m := bare(t)
	expect(t, m, "libtensorflow", false, filepath.Join(m.Project, ".libtensorflow")+" has no include", "run `make libtensorflow`")
	if !fact(t, m, "pip").Needed || !fact(t, m, "strip").Needed {
		t.Error("pip or strip is not needed although libtensorflow is missing")
	}
	expect(t, m, "go build", false, "do not find", "make go-env")

	system := m.Root + "/usr/local"
	prefix(t, system)
	expect(t, m, "libtensorflow", true, "unknown in "+system, "")
	expect(t, m, "go build", true, "by itself", "")
	if fact(t, m, "pip").Needed || fact(t, m, "strip").Needed {
		t.Error("pip or strip is needed although libtensorflow is there")
	}

	ours := filepath.Join(m.Project, ".libtensorflow")
	prefix(t, ours)
	expect(t, m, "libtensorflow", true, "in "+ours, "")
	expect(t, m, "go build", false, "do not find", "make go-env")
	for _, tt := range []struct {
		compile, link string
		found         bool
	}{
		{"-O2 -g -I" + ours + "/include", "-L" + ours + "/lib -Wl,-rpath," + ours + "/lib", true},
		{`-O2 "-I` + ours + `/include"`, `"-L` + ours + `/lib" x`, true},
		{"-O2 -g", "-L" + ours + "/lib", false},
		{"-I" + ours + "/include", "-L" + ours + "/lib64", false},
		{"-I" + ours + "/include2 -I" + ours + "/include", "-L" + ours + "/lib64 -L" + ours + "/lib", true},
	} {
		if f := fact(t, m.with(map[string]string{"go env CGO_CFLAGS": tt.compile, "go env CGO_LDFLAGS": tt.link}), "go build"); f.Found != tt.found || (f.Fix == "") != tt.found {
			t.Errorf("%+v: %v", tt, f)
		}
	}

	// Half of an installation is none.
	write(t, filepath.Join(ours, "lib/libtensorflow.so"), "INPUT(libtensorflow_cc.so.2 libtensorflow_framework.so.2)\n")
	m.Root = t.TempDir()
	expect(t, m, "libtensorflow", false, "half an installation", "make libtensorflow")

	m.Getenv = func(name string) string { return map[string]string{"LIBTENSORFLOW": "/elsewhere"}[name] }
	expect(t, m, "libtensorflow", false, "/elsewhere", "or unset it")

	// In no project only the system's is looked at.
	m = bare(t)
	m.Project = ""
	expect(t, m, "libtensorflow", false, m.Root+"/usr/local has no", "LIBTENSORFLOW")
}

// The facts about a GPU: in a Docker image, outside of one, with all and without any.
func TestGPUFacts(t *testing.T) {
	m := bare(t)
	find := func(m Machine, tf TensorFlow, name string) Fact {
		t.Helper()
		for _, f := range m.RuntimeFacts(t.Context(), tf, true) {
			if f.Name == name {
				return f
			}
		}
		t.Fatalf("no fact %q", name)
		return Fact{}
	}
	check := func(f Fact, found bool, value, fix string) {
		t.Helper()
		if f.Found != found || !strings.Contains(f.Value, value) || !strings.Contains(f.Fix, fix) || found != (f.Fix == "") {
			t.Errorf("%+v, want found %v, %q, fix %q", f, found, value, fix)
		}
	}
	cpu := TensorFlow{Version: "2.21.0", Devices: []string{"/device:CPU:0"}}
	check(find(m, cpu, "CUDA build"), false, "CPU only", "-variant linux-amd64-cuda")
	check(find(m, cpu, "GPU device"), false, "no /dev/nvidia0", "nvidia-smi")
	check(find(m, cpu, "GPU used"), false, "sees none", "above")
	check(find(m, cpu, "TensorFlow"), true, "2.21.0 on /device:CPU:0", "")

	image := m
	image.Getenv = func(name string) string { return map[string]string{"TFCNN_IMAGE_VARIANT": "cuda"}[name] }
	check(find(image, cpu, "CUDA build"), false, "CPU only", "tfcnn-cuda")
	check(find(image, cpu, "GPU device"), false, "none", "--gpus all")
	check(find(image, cpu, "GPU driver"), false, "none", "container toolkit")

	cuda := TensorFlow{
		Version: "2.21.0", CUDA: true, Devices: []string{"/device:CPU:0", "/device:GPU:0"},
		Libraries: []Library{{Name: "cuda", Driver: true, Needed: true}, {Name: "cudnn", Needed: true, Opened: true}, {Name: "cupti"}},
	}
	f := find(m, cuda, "CUDA libraries")
	check(f, false, "opened: cudnn; not found: cupti (not needed); not found, and the driver's to bring: cuda", "driver above")
	cuda.Libraries[0].Opened = true
	check(find(m, cuda, "CUDA libraries"), true, "opened: cuda, cudnn; not found: cupti", "")
	cuda.Libraries[1].Opened = false
	check(find(m, cuda, "CUDA libraries"), false, "not found: cudnn", "CUDA variant again")
	check(find(m, cuda, "GPU used"), true, "/device:GPU:0", "")
	write(t, m.Root+"/dev/nvidia0", "")
	write(t, m.Root+"/dev/nvidiactl", "")
	check(find(m, cuda, "GPU device"), true, "/dev/nvidia0", "")

	// A GPU's facts are needed only where one is wanted.
	if missing := Missing(m.RuntimeFacts(t.Context(), cuda, false)); len(missing) > 0 && missing[0].Name != "processor" && missing[0].Name != "system" {
		t.Errorf("missing without a GPU asked for: %v", missing)
	}
}
