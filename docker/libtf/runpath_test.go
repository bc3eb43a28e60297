package libtf

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tfcnn/docker/libtf/elf"
)

// The entries are those of the wheels: TensorFlow 2.21.0 for x86-64, for arm64,
// and its two libraries with CUDA.
func TestConfinedPath(t *testing.T) {
	for _, tt := range []struct{ old, want string }{
		{"$ORIGIN/../../_solib_x86_64/_U_S_Stensorflow:$ORIGIN/libtensorflow_cc.so.2.runfiles/org_tensorflow/_solib_x86_64/_U_S_Stensorflow:$ORIGIN/", "$ORIGIN"},
		{"$ORIGIN/../../_solib_aarch64/_U_S_Stensorflow:$ORIGIN/", "$ORIGIN"},
		{"$ORIGIN/:$ORIGIN/../../nvidia/cusolver/lib:$ORIGIN/../nvidia/cusolver/lib:$ORIGIN/../../nvidia/cusolver/lib:$ORIGIN/../nvidia/cusolver/lib", "$ORIGIN:$ORIGIN/../nvidia/cusolver/lib"},
		{"$ORIGIN/../nvidia/nccl/lib:$ORIGIN/../../tensorrt:$ORIGIN/../tensorrt:$ORIGIN/../nvidia/cuda_runtime/lib:$ORIGIN/../nvidia/nccl/lib", "$ORIGIN:$ORIGIN/../nvidia/nccl/lib:$ORIGIN/../nvidia/cuda_runtime/lib"},
		{"/usr/lib:.::lib:$ORIGIN/../nvidia/../../x/lib:$ORIGIN/../nvidia/x/lib/..:$LIB/../nvidia/x/lib", "$ORIGIN"},
		{"$ORIGIN", "$ORIGIN"},
	} {
		if got := confinedPath(tt.old); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.old, got, tt.want)
		}
		for entry := range strings.SplitSeq(tt.want, ":") {
			if leaves("lib", entry) {
				t.Errorf("%s leads outside the prefix", entry)
			}
		}
	}
}

func TestLeaves(t *testing.T) {
	for _, tt := range []struct {
		folder, entry string
		want          bool
	}{
		{"lib", "$ORIGIN", false},
		{"lib", "$ORIGIN/", false},
		{"lib", "${ORIGIN}/../nvidia/cudnn/lib", false},
		{"lib", "", false},
		{"lib", "$ORIGIN/..", false},
		{"lib", "$ORIGIN/../..", true},
		{"lib", "$ORIGIN/../../_solib_x86_64/x", true},
		{"lib", "$ORIGIN/x/../../../lib", true},
		{"lib", "$ORIGINAL/x", true},
		{"lib", "/usr/local/lib", true},
		{"lib", ".", true},
		{"lib", "$LIB", true},
		{"nvidia/cudnn/lib", "$ORIGIN/../../cublas/lib", false},
		{"nvidia/cudnn/lib", "$ORIGIN/../../../lib", false},
		{"nvidia/cudnn/lib", "$ORIGIN/../../../../lib", true},
	} {
		if got := leaves(tt.folder, tt.entry); got != tt.want {
			t.Errorf("%s in %s: %v, want %v", tt.entry, tt.folder, got, tt.want)
		}
	}
}

// linkLibrary links C source as a shared library.
func linkLibrary(t *testing.T, path, source string, flags ...string) {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to make a library with")
	}
	write(t, path+".c", source)
	if out, err := exec.Command(gcc, append([]string{"-shared", "-fPIC", "-o", path, path + ".c"}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// A library as the wheel has it, in a prefix; one of the same name as a library
// that it needs lies where its run path begins, outside. It is loaded before,
// and not after.
func TestConfine(t *testing.T) {
	for _, kind := range []struct {
		name  string
		flags []string
	}{
		{"RUNPATH", []string{"-Wl,--enable-new-dtags"}},
		{"RPATH", []string{"-Wl,--disable-new-dtags"}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			dir := t.TempDir()
			planted, prefix := filepath.Join(dir, "_solib_x86_64", "x"), filepath.Join(dir, "made", "prefix")
			for _, folder := range []string{planted, filepath.Join(prefix, "lib")} {
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			answer := func(n string) string { return "int answer(void) { return " + n + "; }\n" }
			needed := filepath.Join(prefix, "lib", "libneeded.so.1")
			linkLibrary(t, needed, answer("1"), "-Wl,-soname,libneeded.so.1")
			linkLibrary(t, filepath.Join(planted, "libneeded.so.1"), answer("2"), "-Wl,-soname,libneeded.so.1")
			library := filepath.Join(prefix, "lib", "libasks.so.1")
			flags := append(kind.flags, needed, "-Wl,-soname,libasks.so.1", "-Wl,-rpath,$ORIGIN/../../../_solib_x86_64/x:$ORIGIN/")
			linkLibrary(t, library, "int answer(void); int ask(void) { return answer(); }\n", flags...)
			program := filepath.Join(dir, "program")
			write(t, program+".c", "int ask(void); int main(void) { return ask(); }\n")
			if out, err := exec.Command("gcc", program+".c", "-o", program, library, "-Wl,--allow-shlib-undefined", "-Wl,-rpath,"+filepath.Join(prefix, "lib"), "-Wl,--enable-new-dtags").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			answers := func(want int) {
				t.Helper()
				cmd := exec.Command(program)
				_ = cmd.Run() // it ends with what it was told
				if got := cmd.ProcessState.ExitCode(); got != want {
					t.Errorf("the program ends with %d, want %d", got, want)
				}
			}
			answers(2)
			if list, err := Outside(prefix); err != nil || !slices.Equal(list, []string{"lib/libasks.so.1: $ORIGIN/../../../_solib_x86_64/x"}) {
				t.Errorf("outside: %q, %v", list, err)
			}
			before, err := os.ReadFile(library)
			if err != nil {
				t.Fatal(err)
			}
			if err := confineFile(library); err != nil {
				t.Fatal(err)
			}
			answers(1)
			if list, err := Outside(prefix); err != nil || len(list) > 0 {
				t.Errorf("outside: %q, %v", list, err)
			}
			after, err := os.ReadFile(library)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(before, []byte("$ORIGIN/../../../_solib"))
			end := at + bytes.IndexByte(before[at:], 0)
			if len(before) != len(after) || !bytes.Equal(before[:at], after[:at]) || !bytes.Equal(before[end:], after[end:]) {
				t.Error("other bytes than the run path's changed")
			}
			if changed, err := elf.SetRunPath(after, confinedPath); changed || err != nil {
				t.Errorf("again: changed %v, %v", changed, err)
			}
			if paths, err := elf.RunPath(library); err != nil || !slices.Equal(paths, []string{"$ORIGIN"}) {
				t.Errorf("run path %q, %v", paths, err)
			}
		})
	}
}

// A prefix of an earlier installer is made anew, of its own files: stripped or
// not, nothing is fetched.
func TestOldRunPath(t *testing.T) {
	f := linkedWheel(t)
	for _, strip := range []bool{false, true} {
		stamp := f.again(t, strip, true, map[bool]string{true: "again, stripped"}[strip])
		old := stamp
		old.Confined, old.Files = false, slices.Clone(stamp.Files)
		if !strip { // stripping has left no room for the wheel's run path
			unconfine(t, f.prefix, &old)
		}
		text, err := json.Marshal(old)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(f.prefix, stampName), string(text))
		found, err := Inspect(f.prefix)
		if said := strings.Join(found.Outside, " "); err != nil || strings.Contains(said, largeLibrary+": $ORIGIN/../../_solib_x86_64/x") == strip {
			t.Errorf("strip %v: outside are %q, %v", strip, said, err)
		}
		again := f.again(t, strip, true, "again, so that no library is looked for outside it")
		if !again.Confined || !slices.Equal(again.Files, stamp.Files) {
			t.Errorf("strip %v: %+v became %+v", strip, stamp, again)
		}
		if list, err := Outside(f.prefix); err != nil || len(list) > 0 {
			t.Errorf("strip %v: outside are %q, %v", strip, list, err)
		}
	}
	f.downloads(t, 1)
}

// unconfine gives the large library the wheel's run path again.
func unconfine(t *testing.T, prefix string, stamp *Stamp) {
	t.Helper()
	path := filepath.Join(prefix, largeLibrary)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("\x00$ORIGIN\x00"))
	if at < 0 {
		t.Fatal("the library has no confined run path")
	}
	copy(text[at+1:], wheelRunPath)
	write(t, path, string(text))
	i := slices.IndexFunc(stamp.Files, func(f File) bool { return f.Path == largeLibrary })
	if stamp.Files[i].SHA256, _, err = hashFile(path); err != nil {
		t.Fatal(err)
	}
}

// The versions are told by headers of the wheel.
func TestPartVersion(t *testing.T) {
	for _, tt := range []struct{ name, header, want string }{
		{"zlib", "#define ZLIB_VERSION \"1.3.1\"\n", "1.3.1"},
		{"abseil-cpp", "#define ABSL_LTS_RELEASE_VERSION 20250814\n#define ABSL_LTS_RELEASE_PATCH_LEVEL 1\n", "20250814.1"},
		{"abseil-cpp", "// defines `ABSL_LTS_RELEASE_VERSION` to the date\n", ""},
		{"protobuf", "#define PROTOBUF_OSS_VERSION 6031001\n", "6.31.1"},
		{"protobuf", "#define PROTOBUF_OSS_VERSION 5028010\n", "5.28.10"},
		{"libjpeg-turbo", "#define LIBJPEG_TURBO_VERSION_NUMBER  2001004\n#define LIBJPEG_TURBO_VERSION  2.1.4\n", "2.1.4"},
		{"eigen", "#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION 5\n#define EIGEN_MINOR_VERSION 0\n#define EIGEN_PATCH_VERSION 1\n", "5.0.1"},
		{"boringssl", "#define OPENSSL_VERSION_TEXT \"OpenSSL 1.1.1 (compatible; BoringSSL)\"\n", ""},
	} {
		i := slices.IndexFunc(Parts, func(p Part) bool { return p.Name == tt.name })
		if got := Parts[i].version(tt.header); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
