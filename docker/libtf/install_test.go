package libtf

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestInstall(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 1000), goodPip)
	f.install(t)
	for _, target := range wheelFiles {
		if _, err := os.Stat(filepath.Join(f.prefix, target)); err != nil {
			t.Error(err)
		}
	}
	noHidden(t, f.prefix)
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
	found, err := Inspect(f.prefix)
	if err != nil || found.Version != "1.2.3" || found.Variant != f.variant.Name {
		t.Errorf("%+v, %v", found, err)
	}

	// Again, without pip and without the wheel: nothing is touched.
	t.Setenv("PATH", "")
	os.Remove(f.wheel)
	before := tree(t, f.prefix)
	if changed, err := Install(t.Context(), f.options()); err != nil || changed {
		t.Errorf("second run: changed %v, %v", changed, err)
	}
	untouched(t, f.prefix, before)
}

// From a wheel that is there, pip is not asked.
func TestInstallWheel(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 1000), "")
	o := f.options()
	o.Wheel = f.wheel
	if changed, err := Install(t.Context(), o); err != nil || !changed {
		t.Errorf("changed %v, %v", changed, err)
	}
	if _, err := os.Stat(f.wheel); err != nil {
		t.Errorf("the caller's wheel: %v", err)
	}
}

// What is missing or cut comes back; what was changed otherwise is found by
// Verify, and comes back when its advice is followed.
func TestDamage(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 1000), goodPip)
	f.install(t)
	library := filepath.Join(f.prefix, "lib/libtensorflow_framework.so.2")
	for name, damage := range map[string]func() error{
		"missing": func() error { return os.Remove(library) },
		"cut":     func() error { return os.Truncate(library, 3) },
		"no stamp": func() error {
			return os.Remove(filepath.Join(f.prefix, stampName))
		},
		"broken stamp": func() error { return os.Truncate(filepath.Join(f.prefix, stampName), 30) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if found, err := Inspect(f.prefix); err == nil {
			t.Errorf("%s: Inspect finds %+v", name, found)
		}
		f.install(t)
		if err := Verify(f.prefix); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	text, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	text[3] ^= 1
	write(t, library, string(text))
	if err := Verify(f.prefix); err == nil || !strings.Contains(err.Error(), "libtensorflow_framework.so.2 has sha256") || !strings.Contains(err.Error(), "remove that file and install again") {
		t.Errorf("a changed file: %v", err)
	}
	os.Remove(library)
	f.install(t)
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
}

// A prefix that others use keeps what is theirs, also when we fail.
func TestSharedPrefix(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	write(t, filepath.Join(f.prefix, "lib", "libtheirs.so"), "theirs")
	// A folder where a file must go makes the last step fail in its middle.
	inTheWay := filepath.Join(f.prefix, "include/xla/tsl/c/tsl_status.h")
	write(t, filepath.Join(inTheWay, "x"), "theirs, too")
	before := tree(t, f.prefix)
	if _, err := Install(t.Context(), f.options()); err == nil || !strings.Contains(err.Error(), "is a folder, want a file") {
		t.Error(err)
	}
	untouched(t, f.prefix, before)
	os.RemoveAll(inTheWay)
	f.install(t)
	if text, err := os.ReadFile(filepath.Join(f.prefix, "lib", "libtheirs.so")); string(text) != "theirs" {
		t.Errorf("%q, %v", text, err)
	}
}

// A new version takes the place of an old one, or leaves it whole.
func TestUpgrade(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	f.install(t)
	// A file of the new version finds a folder in its way.
	inTheWay := filepath.Join(f.prefix, "include/xla/tsl/c/tsl_status.h")
	old, err := os.ReadFile(inTheWay)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(inTheWay)
	write(t, filepath.Join(inTheWay, "x"), "")
	before := tree(t, f.prefix)
	f.pin(t, fakeWheel(t, 20))
	f.variant.Requirement = "tf==1.3.0"
	if _, err := Install(t.Context(), f.options()); err == nil || !strings.Contains(err.Error(), "is a folder, want a file") {
		t.Error(err)
	}
	untouched(t, f.prefix, before)
	os.RemoveAll(inTheWay)
	write(t, inTheWay, string(old))
	if found, err := Inspect(f.prefix); err != nil || found.Version != "1.2.3" {
		t.Errorf("after the failure: %+v, %v", found, err)
	}
	f.install(t)
	if found, err := Inspect(f.prefix); err != nil || found.Version != "1.3.0" {
		t.Errorf("after the upgrade: %+v, %v", found, err)
	}
	noHidden(t, f.prefix)
}

// A libtensorflow of somebody else's is not overwritten.
func TestForeign(t *testing.T) {
	for _, name := range libraries {
		f := newFixture(t, fakeWheel(t, 10), goodPip)
		write(t, filepath.Join(f.prefix, name), "theirs")
		before := tree(t, f.prefix)
		if _, err := Install(t.Context(), f.options()); err == nil || !strings.Contains(err.Error(), name+") that this installer did not put there; use it with LIBTENSORFLOW="+f.prefix) {
			t.Errorf("%s: %v", name, err)
		}
		untouched(t, f.prefix, before)
	}
}

// Who has asked for CUDA by name is not given the CPU's by the next call.
func TestDefaultVariant(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	platform := runtime.GOOS + "-" + runtime.GOARCH + "-"
	cpu, cuda := f.variant, f.variant
	cpu.Name, cuda.Name = platform+"cpu", platform+"cuda"
	o := f.options()
	o.Manifest = []Variant{cpu, cuda}
	for _, tt := range []struct {
		variant, want string
		changed       bool
	}{{"", cpu.Name, true}, {cuda.Name, cuda.Name, true}, {"", cuda.Name, false}, {cpu.Name, cpu.Name, true}} {
		o.Variant = tt.variant
		changed, err := Install(t.Context(), o)
		found, _ := Inspect(f.prefix)
		if err != nil || changed != tt.changed || found.Variant != tt.want {
			t.Errorf("asked for %q: got %s, changed %v, %v; want %s, %v", tt.variant, found.Variant, changed, err, tt.want, tt.changed)
		}
	}
}
