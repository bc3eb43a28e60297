package libtf

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
)

// FuzzParseManifest: what is taken is pinned, and names no file elsewhere.
func FuzzParseManifest(f *testing.F) {
	text, err := os.ReadFile("../libtensorflow.manifest")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	sum := strings.Repeat("0a", 32)
	f.Add([]byte("a tf==1 311 cp311 any tf.whl " + sum + " 5 6 run # note\n+a b==2 3 none any b.whl " + sum + " 1 2 libb.so.1,libc.so\n"))
	f.Add([]byte("a tf==1 311 cp311 any ../tf.whl " + sum + " -5 6 run"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var variants []Variant
		err := hostile.Read(t, "libtf: manifest", len(text), hostile.Limits{}, func() (err error) {
			variants, err = ParseManifest(bytes.NewReader(text))
			return err
		})
		if err != nil {
			return
		}
		names := map[string]bool{}
		for _, v := range variants {
			if names[v.Name] || v.bytes(true, true) < 0 {
				t.Errorf("%q is there twice, or needs %d bytes", v.Name, v.bytes(true, true))
			}
			names[v.Name] = true
			for _, p := range v.pins() {
				if p.Version() == "" || len(p.SHA256) != 64 || p.Bytes < 0 || p.Installed < 0 || !filepath.IsLocal(p.Wheel) || filepath.Base(p.Wheel) != p.Wheel {
					t.Errorf("taken: %+v", p)
				}
			}
		}
	})
}

// FuzzParseStamp: a stamp comes back as it was, and speaks of files in its
// prefix alone.
func FuzzParseStamp(f *testing.F) {
	for _, s := range []Stamp{
		{Version: "2.21.0", Variant: "linux-amd64-cpu", Wheel: "a.whl", SHA256: "00", Files: []File{{Path: "lib/a.so", Bytes: 3, SHA256: "00", Wheel: "a.whl"}}},
		{RuntimeWheels: []StampWheel{{Requirement: "a==1"}}, Files: []File{{Path: "nvidia/b.so", Link: "../a"}}},
	} {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"files":[{"path":"../../etc/passwd"}]}`))
	f.Add([]byte(`{"files":[{"path":"a\n"}]}`))
	prefix := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Stamp
		err := hostile.Read(t, "", len(text), hostile.Limits{PerByte: 1000}, func() (err error) {
			s, err = parseStamp(text)
			return err
		})
		if err != nil {
			return
		}
		for _, file := range s.Files {
			if !filepath.IsLocal(file.Path) {
				t.Errorf("%q is outside of the prefix", file.Path)
			}
		}
		hostile.Line(t, "", s.damage(prefix))
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseStamp(again); err != nil || !reflect.DeepEqual(normal(s), normal(back)) {
			t.Errorf("%+v came back as %+v, %v", s, back, err)
		}
	})
}

// normal is a stamp whose lists without entries are nil.
func normal(s Stamp) Stamp {
	s.RuntimeWheels = slices.Concat(s.RuntimeWheels)
	s.Files = slices.Concat(s.Files)
	return s
}

// FuzzExtract: whatever the wheel, files are written below staging alone, as
// the list of them says.
func FuzzExtract(f *testing.F) {
	f.Add(fakeWheel(f, 10))
	for _, names := range [][]string{
		{"nvidia/a/lib/liba.so.1", "a-1.dist-info/License.txt"},
		{"nvidia/../../../escaped/liba.so.1", "a-1.dist-info/License.txt"},
		{"nvidia//liba.so.1", "a-1.dist-info/License.txt", "nvidia/./liba.so.1"},
	} {
		var wheel bytes.Buffer
		w := zip.NewWriter(&wheel)
		for _, name := range names {
			entry, err := w.Create(name)
			if err == nil {
				_, err = entry.Write([]byte(name))
			}
			if err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(wheel.Bytes())
	}
	pin := Pin{Requirement: "a==1", Libraries: []string{"liba.so.1"}}
	f.Fuzz(func(t *testing.T, wheel []byte) {
		for _, wheelFiles := range []func([]string) (map[string]string, error){libraryFiles, pin.runtimeFiles} {
			outer := t.TempDir()
			path, staging := filepath.Join(outer, "a.whl"), filepath.Join(outer, "b", "c", "staging")
			if err := os.WriteFile(path, wheel, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(staging, 0o755); err != nil {
				t.Fatal(err)
			}
			var files []File
			err := hostile.Read(t, "libtf: ", len(wheel), hostile.Limits{PerByte: 1000}, func() (err error) {
				files, err = Options{}.extract(t.Context(), path, staging, wheelFiles)
				return err
			})
			there := regular(t, outer)
			for _, name := range there {
				if name != "a.whl" && !strings.HasPrefix(name, "b/c/staging/") {
					t.Errorf("%q was written", name)
				}
			}
			if err != nil {
				continue
			}
			if len(there) != len(files)+1 {
				t.Errorf("%d files are there, %d are listed", len(there)-1, len(files))
			}
			for _, file := range files {
				if sum, size, err := hashFile(filepath.Join(staging, file.Path)); err != nil || sum != file.SHA256 || size != file.Bytes {
					t.Errorf("%+v is %s of %d bytes, %v", file, sum, size, err)
				}
			}
		}
	})
}

// regular are the files below a folder.
func regular(t *testing.T, folder string) (names []string) {
	t.Helper()
	if err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}
