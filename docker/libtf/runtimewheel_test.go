package libtf

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runtimeWheel is a wheel of NVIDIA's kind.
func runtimeWheel(t *testing.T, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("this is " + name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// addRuntimeWheel pins a wheel beside libtensorflow's, in the fixture's folder.
func (f *fixture) addRuntimeWheel(t *testing.T, name string, wheel []byte, libraries ...string) {
	t.Helper()
	sum := sha256.Sum256(wheel)
	file := name + "-1-any.whl"
	f.variant.RuntimeWheels = append(f.variant.RuntimeWheels, Pin{
		Requirement: "nvidia-" + name + "==1", Python: "311", ABI: "none", Platform: "any", Wheel: file,
		SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(wheel)), Libraries: libraries,
	})
	if err := os.WriteFile(filepath.Join(f.dir, file), wheel, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRuntimeWheels(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 0), "")
	f.addRuntimeWheel(t, "cusolver", runtimeWheel(t, "nvidia/cusolver/lib/libcusolver.so.11", "nvidia/cusolver/lib/libcusolverMg.so.11", "nvidia_cusolver-1.dist-info/licenses/License.txt"), "libcusolver.so.11")
	f.addRuntimeWheel(t, "cusparse", runtimeWheel(t, "nvidia/cusparse/lib/libcusparse.so.12", "nvidia_cusparse-1.dist-info/License.txt"), "libcusparse.so.12")
	o := f.options()
	o.Wheel = f.dir // a folder with all wheels
	if changed, err := Install(t.Context(), o); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	for _, name := range []string{
		"nvidia/cusolver/lib/libcusolver.so.11", "nvidia/cusparse/lib/libcusparse.so.12", "nvidia/cusparse/lib/libcusolver.so.11",
		"share/doc/nvidia-cusolver/License.txt", "share/doc/nvidia-cusparse/License.txt",
	} {
		if _, err := os.ReadFile(filepath.Join(f.prefix, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(f.prefix, "nvidia/cusolver/lib/libcusolverMg.so.11")); err == nil {
		t.Error("a library that is not asked for was taken")
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
	if changed, err := Install(t.Context(), o); err != nil || changed {
		t.Errorf("again: changed %v, %v", changed, err)
	}

	// A runtime wheel of another version, or a link that leads elsewhere, is no
	// whole installation.
	other := f.variant
	other.RuntimeWheels = append([]Pin{}, f.variant.RuntimeWheels...)
	other.RuntimeWheels[0].SHA256 = strings.Repeat("0", 64)
	if Installed(f.prefix, other, false) {
		t.Error("another wheel's libraries count as this one's")
	}
	link := filepath.Join(f.prefix, "nvidia/cusparse/lib/libcusolver.so.11")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if Installed(f.prefix, f.variant, false) {
		t.Error("a missing link is not noticed")
	}
}

func TestRuntimeWheelFaults(t *testing.T) {
	const licence = "nvidia_x-1.dist-info/License.txt"
	for _, tt := range []struct {
		name, want string
		wheel      []byte
	}{
		{"no licence", "has no licence", runtimeWheel(t, "nvidia/x/lib/libx.so.1")},
		{"no library", "has no libx.so.1", runtimeWheel(t, licence)},
		{"library elsewhere", "has no libx.so.1", runtimeWheel(t, "other/libx.so.1", licence)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, fakeWheel(t, 0), "")
			f.addRuntimeWheel(t, "x", tt.wheel, "libx.so.1")
			o := f.options()
			o.Wheel = f.dir
			if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			noHidden(t, f.prefix)
		})
	}
}
