package libtf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// members are the wheel's files that are taken, and where they go in the
// prefix.
var members = func() map[string]string {
	m := map[string]string{
		"tensorflow/libtensorflow_cc.so.2":        "lib/libtensorflow_cc.so.2",
		"tensorflow/libtensorflow_framework.so.2": "lib/libtensorflow_framework.so.2",
		"tensorflow/include/LICENSE":              "share/doc/libtensorflow/LICENSE",
		"tensorflow/THIRD_PARTY_NOTICES.txt":      "share/doc/libtensorflow/THIRD_PARTY_NOTICES.txt",
	}
	for _, header := range []string{
		"tensorflow/c/c_api.h", "tensorflow/c/c_api_macros.h", "tensorflow/c/tf_attrtype.h", "tensorflow/c/tf_buffer.h",
		"tensorflow/c/tf_datatype.h", "tensorflow/c/tf_status.h", "tensorflow/c/tf_tensor.h", "tensorflow/c/tf_tstring.h",
		"tensorflow/c/eager/c_api.h", "tensorflow/core/platform/ctstring.h", "tsl/platform/ctstring.h",
		"tsl/platform/ctstring_internal.h", "xla/tsl/c/tsl_status.h",
	} {
		m["tensorflow/include/"+header] = "include/" + header
	}
	return m
}()

const (
	// linkerScript lets -ltensorflow, as the bindings say, find both
	// libraries: the C API is spread over the two.
	linkerScriptName = "lib/libtensorflow.so"
	linkerScript     = "INPUT(libtensorflow_cc.so.2 libtensorflow_framework.so.2)\n"

	stampName   = "share/libtensorflow/stamp.json"
	stagingName = ".libtensorflow-staging"
	lockName    = ".libtensorflow-lock"
)

// Stamp says what an installation consists of. It is written last: a prefix
// without it has no installation of ours.
type Stamp struct {
	Version string `json:"version"`
	Variant string `json:"variant"`
	Wheel   string `json:"wheel"`
	SHA256  string `json:"sha256"` // of the wheel
	Files   []File `json:"files"`
}

// File is an installed file, its path below the prefix.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// ReadStamp reads a prefix's stamp. It is fs.ErrNotExist where there is none.
func ReadStamp(prefix string) (Stamp, error) {
	var s Stamp
	text, err := os.ReadFile(filepath.Join(prefix, stampName))
	if err != nil {
		return Stamp{}, fmt.Errorf("libtf: stamp: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return Stamp{}, fmt.Errorf("libtf: stamp %s: %w", filepath.Join(prefix, stampName), err)
	}
	return s, nil
}

// Installed says whether the prefix holds all files of this variant's wheel,
// by name and size.
func Installed(prefix string, v Variant) bool {
	s, err := ReadStamp(prefix)
	if err != nil || s.Variant != v.Name || s.SHA256 != v.SHA256 || len(s.Files) != len(members)+1 {
		return false
	}
	for _, f := range s.Files {
		info, err := os.Lstat(filepath.Join(prefix, f.Path))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Bytes {
			return false
		}
	}
	return true
}

// Verify hashes every installed file again.
func Verify(prefix string) error {
	s, err := ReadStamp(prefix)
	if err != nil {
		return err
	}
	for _, f := range s.Files {
		got, _, err := hashFile(filepath.Join(prefix, f.Path))
		if err != nil {
			return fmt.Errorf("libtf: verify: %w", err)
		}
		if got != f.SHA256 {
			return fmt.Errorf("libtf: verify: %s has sha256 %s, want %s; install it again", f.Path, got, f.SHA256)
		}
	}
	return nil
}

// Found is a libtensorflow in a prefix, whoever has put it there.
type Found struct {
	Prefix  string
	Version string // "unknown" where its files do not tell
}

// Inspect says whether a prefix has the libraries and the headers to build
// with: one of ours, or one made from TensorFlow's own tarball.
func Inspect(prefix string) (Found, error) {
	for _, name := range []string{"include/tensorflow/c/c_api.h", linkerScriptName, "lib/libtensorflow_framework.so.2"} {
		if _, err := os.Stat(filepath.Join(prefix, name)); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return Found{}, lacking("%s has no %s: it is no prefix of libtensorflow; run `make libtensorflow`, or set LIBTENSORFLOW to one", prefix, name)
			}
			return Found{}, lacking("%s: %v", prefix, err)
		}
	}
	found := Found{Prefix: prefix, Version: "unknown"}
	if s, err := ReadStamp(prefix); err == nil {
		found.Version = s.Version
	} else if real, err := filepath.EvalSymlinks(filepath.Join(prefix, "lib/libtensorflow_framework.so.2")); err == nil {
		// The tarball's file is called libtensorflow_framework.so.2.18.0.
		if _, version, cut := strings.Cut(filepath.Base(real), ".so."); cut && strings.Count(version, ".") == 2 {
			found.Version = version
		}
	}
	return found, nil
}
