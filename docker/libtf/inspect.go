package libtf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Found is a libtensorflow in a prefix, whoever has put it there.
type Found struct {
	Prefix  string
	Version string // "unknown" where its files do not tell
	Variant string // of the manifest; "" where it is not ours
	// Outside are the run path entries of TensorFlow's libraries that lead
	// outside the prefix, as FILE: ENTRY: whoever may write there decides what
	// is loaded.
	Outside []string
}

// Inspect reports whether a prefix has the libraries and the headers to build
// with: a whole one of ours, or one made from TensorFlow's own tarball. If not
// the error is an *EnvironmentError.
func Inspect(prefix string) (Found, error) {
	if s, err := ReadStamp(prefix); err == nil {
		if name := s.damage(prefix); name != "" {
			return Found{}, environmentErrorf("%s is damaged: %s is missing or not of its size; install it again", prefix, name)
		}
		found := Found{Prefix: prefix, Version: s.Version, Variant: s.Variant}
		if s.Confined {
			return found, nil
		}
		return found.look()
	}
	if ours(prefix) {
		return Found{}, environmentErrorf("%s holds half an installation: it has no stamp that can be read; install it again", prefix)
	}
	for _, name := range []string{"include/tensorflow/c/c_api.h", linkerScriptName, "lib/libtensorflow_framework.so.2"} {
		if _, err := os.Stat(filepath.Join(prefix, name)); errors.Is(err, fs.ErrNotExist) {
			return Found{}, environmentErrorf("%s has no %s: it is no prefix of libtensorflow; `make libtensorflow` makes one", prefix, name)
		} else if err != nil {
			return Found{}, environmentErrorf("%s: %v", prefix, err)
		}
	}
	found := Found{Prefix: prefix, Version: "unknown"}
	if real, err := filepath.EvalSymlinks(filepath.Join(prefix, "lib/libtensorflow_framework.so.2")); err == nil {
		// The tarball's file is called libtensorflow_framework.so.2.18.0.
		if _, version, cut := strings.Cut(filepath.Base(real), ".so."); cut && strings.Count(version, ".") == 2 {
			found.Version = version
		}
	}
	return found.look()
}

// look fills Outside.
func (f Found) look() (Found, error) {
	for _, name := range libraries {
		some, err := outside(f.Prefix, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Found{}, environmentErrorf("%s: %v", f.Prefix, err)
		}
		f.Outside = append(f.Outside, some...)
	}
	return f, nil
}

// ours reports whether the linker script is the one that this installer writes.
func ours(prefix string) bool {
	path := filepath.Join(prefix, linkerScriptName)
	info, err := os.Lstat(path)
	if err != nil || info.Size() != int64(len(linkerScript)) {
		return false
	}
	text, err := os.ReadFile(path)
	return err == nil && string(text) == linkerScript
}

// Project is the root of tfcnn's work tree that the folder is in, "" where it
// is in none.
func Project(folder string) string {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "docker", "libtensorflow.manifest")); err == nil {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			return ""
		}
		folder = up
	}
}
