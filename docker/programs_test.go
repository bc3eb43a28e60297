package docker_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"

	"tfcnn/docker/libtf"
)

// copyOut copies a file or folder of the image into a folder of the test.
func copyOut(t *testing.T, path string) string {
	t.Helper()
	container := strings.TrimSpace(output(t, "create", imageName))
	defer command(t, "rm", container)
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	output(t, "cp", container+":"+path, to)
	return to
}

// hardened wants a position-independent program whose symbols the dynamic
// linker enters before it starts, with what it enters read-only then.
func hardened(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	flags, _ := file.DynValue(elf.DT_FLAGS)
	flags1, _ := file.DynValue(elf.DT_FLAGS_1)
	now := slices.ContainsFunc(flags, func(f uint64) bool { return elf.DynFlag(f)&elf.DF_BIND_NOW != 0 })
	pie := slices.ContainsFunc(flags1, func(f uint64) bool { return elf.DynFlag1(f)&elf.DF_1_PIE != 0 })
	relro := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_GNU_RELRO })
	if file.Type != elf.ET_DYN || !now || !relro {
		t.Errorf("%s is of type %v, BIND_NOW %v, RELRO %v; want a PIE with both (DF_1_PIE %v)", path, file.Type, now, relro, pie)
	}
	unwritten(t, path, file)
}

// static wants a program that no dynamic linker starts.
func static(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s has segment %v, want a static program", path, p.Type)
		}
	}
	unwritten(t, path, file)
}

// unwritten wants no segment that may be written and executed.
func unwritten(t *testing.T, path string, file *elf.File) {
	t.Helper()
	for _, p := range file.Progs {
		if p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X != 0 || p.Type == elf.PT_LOAD && p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("%s: segment %v may be written and executed", path, p.Type)
		}
	}
}

// The doctor as make builds it, and with TFCNN_IMAGE all programs of make build
// and of the image.
func TestHardened(t *testing.T) {
	bin := t.TempDir()
	make := exec.Command("make", "-s", "-C", "..", "doctor-program", "BIN="+bin)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	hardened(t, filepath.Join(bin, "doctor"))
	if imageName == "" {
		return
	}
	hardened(t, "../bin/cnndemo")
	hardened(t, copyOut(t, "/opt/tfcnn/bin/cnndemo"))
	static(t, copyOut(t, "/usr/local/bin/cnndemo"))
}

// No library of the image has the dynamic linker look outside /opt/tfcnn.
func TestImageRunPaths(t *testing.T) {
	needImage(t)
	prefix := copyOut(t, "/opt/tfcnn")
	if list, err := libtf.Outside(prefix); err != nil || len(list) > 0 {
		t.Errorf("run paths that lead outside the prefix: %q, %v", list, err)
	}
}

// The image has the licence texts of all modules that its programs are linked
// with, as the programs themselves name them.
func TestImageLicences(t *testing.T) {
	needImage(t)
	notice, err := os.ReadFile(copyOut(t, "/opt/tfcnn/share/NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	modules := 0
	for _, program := range []string{"/opt/tfcnn/bin/cnndemo", "/usr/local/bin/cnndemo"} {
		info, err := buildinfo.ReadFile(copyOut(t, program))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range info.Deps {
			modules++
			if !bytes.Contains(notice, []byte("\n"+m.Path+" "+m.Version+" (")) {
				t.Errorf("NOTICE has no text of %s %s", m.Path, m.Version)
			}
		}
	}
	if modules < 10 {
		t.Errorf("the programs name %d modules", modules)
	}
}

// What is inside TensorFlow's library is listed with the version that the
// library's own texts tell; and the base image as the label names it.
func TestBillOfParts(t *testing.T) {
	needImage(t)
	text, err := os.ReadFile(copyOut(t, "/opt/tfcnn/share/sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	base := inspect(t, imageName).Config.Labels["org.opencontainers.image.base.name"]
	versions := map[string]string{}
	found := false
	for _, c := range *bom.Components {
		found = found || c.Type == cyclonedx.ComponentTypeContainer && c.Description == "base image "+base
		if c.Components == nil {
			continue
		}
		for _, part := range *c.Components {
			if part.Type == cyclonedx.ComponentTypeLibrary {
				versions[part.Name] = part.Version
			}
		}
	}
	if !found {
		t.Errorf("the base image %s is not listed", base)
	}
	for _, p := range libtf.Parts {
		if _, listed := versions[p.Name]; !listed {
			t.Errorf("%s is not listed", p.Name)
		}
	}
	library, err := os.ReadFile(copyOut(t, "/opt/tfcnn/lib/libtensorflow_cc.so.2"))
	if err != nil {
		t.Fatal(err)
	}
	small, err := os.ReadFile(copyOut(t, "/opt/tfcnn/lib/libtensorflow_framework.so.2"))
	if err != nil {
		t.Fatal(err)
	}
	library = append(library, small...)
	for name, told := range map[string]func(version string) string{
		"zlib":          func(v string) string { return " deflate " + v + " Copyright" },
		"libjpeg-turbo": func(v string) string { return "libjpeg-turbo version " + v + " (" },
		"llvm":          func(v string) string { return "LLVM version " + v + "\x00" },
		"libpng":        func(v string) string { return "\x00" + v + "\x00" },
		"sqlite":        func(v string) string { return v + "\x00" },
		"curl":          func(v string) string { return "\x00" + v + "\x00" },
		"hwloc":         func(v string) string { return "\x00" + v + "\x00" },
		"icu":           func(v string) string { major, _, _ := strings.Cut(v, "."); return "icudt" + major + "l/" },
		"abseil-cpp":    func(v string) string { day, _, _ := strings.Cut(v, "."); return "4absl12lts_" + day },
	} {
		if v := versions[name]; v == "" || !bytes.Contains(library, []byte(told(v))) {
			t.Errorf("%s is listed with version %q, and the library has no %q", name, v, told(v))
		}
	}
	for _, name := range []string{"protobuf", "onednn", "eigen", "grpc"} { // told by headers alone
		if versions[name] == "" {
			t.Errorf("%s is listed without a version", name)
		}
	}
	t.Log(versions)
}
