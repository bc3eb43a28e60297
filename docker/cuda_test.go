package docker_test

import (
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tfcnn/docker"
	"tfcnn/docker/libtf"
)

func needCUDA(t *testing.T) libtf.Variant {
	t.Helper()
	needImage(t)
	if variant() != "cuda" {
		t.Skip("for the CUDA image: make docker-cuda-test")
	}
	variants, err := libtf.ParseManifest(bytes.NewReader(docker.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	return variants[slices.IndexFunc(variants, func(v libtf.Variant) bool { return v.Name == "linux-amd64-cuda" })]
}

// driverLibrary is the one that comes with NVIDIA's driver, not in the image.
const driverLibrary = "libcuda.so.1"

var (
	requested = regexp.MustCompile(`find library=(\S+) \[\d+\]; searching`)
	started   = regexp.MustCompile(`calling init: (\S+)`)
)

// What TensorFlow's own functions open by name, traced by the dynamic linker:
// all is in the image, but for what the driver brings.
func TestCUDALibraries(t *testing.T) {
	v := needCUDA(t)
	trace := run(t, "-e", "LD_DEBUG=libs", "--", "doctor").stderr
	opened := map[string]string{}
	for _, match := range started.FindAllStringSubmatch(trace, -1) {
		opened[path.Base(match[1])] = match[1]
	}
	names := map[string]bool{}
	for _, match := range requested.FindAllStringSubmatch(trace, -1) {
		names[match[1]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch {
		case name == driverLibrary:
			t.Logf("%s: missing, NVIDIA's driver brings it", name)
		case opened[name] == "":
			t.Errorf("%s: asked for by name and not found", name)
		default:
			t.Logf("%s: %s", name, opened[name])
		}
	}
	for _, name := range []string{driverLibrary, "libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcudnn.so.9", "libcufft.so.11", "libcusolver.so.11", "libcusparse.so.12", "libcupti.so.12"} {
		if !names[name] {
			t.Errorf("TensorFlow did not ask for %s", name)
		}
	}

	// Every library of NVIDIA's, those too that the others open later, finds
	// all that it needs, to the last symbol.
	files := 0
	for _, p := range v.RuntimeWheels {
		distribution, _, _ := strings.Cut(p.Requirement, "==")
		licence := run(t, "--entrypoint", "sh", "--", "-c", "head -c 200 /opt/tfcnn/share/doc/"+distribution+"/*icense.txt")
		if licence.status != 0 || len(licence.stdout) < 100 {
			t.Errorf("%s: no licence beside it: %v", distribution, licence)
		}
		for _, library := range p.Libraries {
			files++
			r := run(t, "--entrypoint", "sh", "--", "-c", "ldd -r $(find /opt/tfcnn/nvidia -type f -name "+library+")")
			for line := range strings.Lines(r.stdout + r.stderr) {
				line = strings.TrimSpace(line)
				bad := strings.Contains(line, "not found") || strings.Contains(line, "undefined symbol")
				// cuXxx are the driver's functions.
				if bad && !strings.Contains(line, driverLibrary) && !strings.HasPrefix(line, "undefined symbol: cu") {
					t.Errorf("%s: %s", library, line)
				}
			}
			if !strings.Contains(r.stdout, "libc.so.6") {
				t.Errorf("%s: %v", library, r)
			}
		}
	}
	t.Logf("%d libraries", files)
}

// Without a GPU: said precisely, and the CPU where nothing was asked for.
func TestNoGPU(t *testing.T) {
	needCUDA(t)
	for _, arguments := range [][]string{{"doctor", "--device", "gpu"}, {"run", "--device", "gpu"}, {"verify", "--device", "gpu:0"}} {
		r := run(t, append([]string{"--"}, arguments...)...)
		text := r.stdout + r.stderr
		for _, want := range []string{"GPU driver", "container toolkit", "GPU device", "docker run --gpus all", "opened: cudart, cublas, cublasLt, cudnn, cufft, cusolver, cusparse, cupti;", "the driver's to bring: cuda"} {
			if r.status != 3 || !strings.Contains(text, want) {
				t.Errorf("%v: want exit 3 and %q, got %v", arguments, want, r)
			}
		}
	}
	r := run(t, "--", "run")
	succeed(t, r)
	if !strings.Contains(r.stdout, "on /device:CPU:0") || !strings.Contains(r.stdout, "sees no GPU, the CPU is used") {
		t.Errorf("%v", r)
	}
	r = run(t, "--", "version")
	if !strings.Contains(r.stdout, "CUDA built in") {
		t.Errorf("%v", r)
	}
}
