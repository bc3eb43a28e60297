package libtf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tfcnn/internal/quote"
)

// wheelFiles are the wheel's files that are taken, and where they go in the
// prefix.
var wheelFiles = func() map[string]string {
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

	stampName = "share/libtensorflow/stamp.json"

	// stagingName is in the prefix, so that files move by renaming.
	stagingName  = ".libtensorflow-staging"
	downloadName = "wheel" // in staging
)

const (
	largeLibrary = "lib/libtensorflow_cc.so.2"
	smallLibrary = "lib/libtensorflow_framework.so.2"
)

// libraries are what the linker looks for.
var libraries = []string{linkerScriptName, largeLibrary, smallLibrary}

// WheelFiles are the names, in the wheel, of the files that are taken.
func WheelFiles() []string { return slices.Sorted(maps.Keys(wheelFiles)) }

// libraryFiles is wheelFiles, if the wheel has them all.
func libraryFiles(names []string) (map[string]string, error) {
	for _, name := range WheelFiles() {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("has no %s", name)
		}
	}
	return wheelFiles, nil
}

// runtimeFiles are a runtime wheel's libraries and its licence. The libraries
// keep their places, nvidia/NAME/lib: libtensorflow looks for them beside its
// own folder (its run path says $ORIGIN/../nvidia/NAME/lib).
func (p Pin) runtimeFiles(names []string) (map[string]string, error) {
	taken := map[string]string{}
	licence := false
	for _, name := range names {
		folder, file := path.Split(name)
		switch {
		case !fs.ValidPath(name): // it would lead elsewhere
		case strings.HasPrefix(folder, "nvidia/") && slices.Contains(p.Libraries, file):
			taken[name] = name
		case strings.Contains(folder, ".dist-info/") && strings.EqualFold(file, "License.txt"):
			distribution, _, _ := strings.Cut(p.Requirement, "==")
			taken[name] = path.Join("share/doc", distribution, file)
			licence = true
		}
	}
	for _, library := range p.Libraries {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(taken)), func(name string) bool { return path.Base(name) == library }) {
			return nil, fmt.Errorf("has no %s", library)
		}
	}
	if !licence {
		return nil, errors.New("has no licence, without which it must not be handed on")
	}
	return taken, nil
}

// Stamp says what an installation consists of. It is written last: a prefix
// without it has no installation of ours.
type Stamp struct {
	Version       string       `json:"version"`
	Variant       string       `json:"variant"`
	Requirement   string       `json:"requirement,omitempty"`
	Wheel         string       `json:"wheel"`
	SHA256        string       `json:"sha256"` // of the wheel
	Stripped      bool         `json:"stripped,omitempty"`
	Bound         bool         `json:"bound,omitempty"`    // stripping does it since 2026-11-26
	Confined      bool         `json:"confined,omitempty"` // run paths end in the prefix; all since 2026-11-27
	RuntimeWheels []StampWheel `json:"companions,omitempty"`
	// Parts are versions of libraries in TensorFlow's, by Part.Name, as the
	// wheel's headers tell them; stamps before 2026-11-27 have none.
	Parts map[string]string `json:"parts,omitempty"`
	Files []File            `json:"files"`
}

// StampWheel is a wheel of libraries that libtensorflow opens.
type StampWheel struct {
	Requirement string `json:"requirement"`
	Wheel       string `json:"wheel"`
	SHA256      string `json:"sha256"` // of the wheel
}

// stampWheels is what a variant's stamp says of its other wheels.
func (v Variant) stampWheels() []StampWheel {
	var list []StampWheel
	for _, p := range v.RuntimeWheels {
		list = append(list, StampWheel{Requirement: p.Requirement, Wheel: p.Wheel, SHA256: p.SHA256})
	}
	return list
}

// File is an installed file, its path below the prefix.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Wheel  string `json:"wheel,omitempty"` // that it was taken out of
	Link   string `json:"link,omitempty"`  // a symbolic link, and where to
}

// links are made where what they lead to is installed. TensorFlow 2.21 opens
// cusolver from libtensorflow_framework, whose run path names the folders of
// NVIDIA's other libraries and not cusolver's.
var links = map[string]string{"nvidia/cusparse/lib/libcusolver.so.11": "../../cusolver/lib/libcusolver.so.11"}

// ReadStamp reads a prefix's stamp. It is fs.ErrNotExist where there is none.
func ReadStamp(prefix string) (Stamp, error) {
	text, err := os.ReadFile(filepath.Join(prefix, stampName))
	if err != nil {
		return Stamp{}, fmt.Errorf("libtf: stamp: %w", err)
	}
	s, err := parseStamp(text)
	if err != nil {
		return Stamp{}, fmt.Errorf("libtf: stamp %s: %w", filepath.Join(prefix, stampName), err)
	}
	return s, nil
}

// parseStamp refuses a stamp of files that are not in its prefix.
func parseStamp(text []byte) (s Stamp, err error) {
	if err := json.Unmarshal(text, &s); err != nil {
		return Stamp{}, errors.New(quote.Text(err.Error(), 200))
	}
	for _, f := range s.Files {
		if !filepath.IsLocal(f.Path) || quote.Text(f.Path, 1000) != f.Path {
			return Stamp{}, fmt.Errorf("%.80q is no file of an installation", f.Path)
		}
	}
	return s, nil
}

// Installed reports whether the prefix holds all files of this variant's
// wheels, by name and size, stripped or not, with confined run paths.
func Installed(prefix string, v Variant, stripped bool) bool {
	s, there := whole(prefix, v)
	return there && s.Stripped == stripped && s.Bound == stripped && s.Confined
}

// whole is the stamp of a prefix that holds all files of this variant's wheels.
func whole(prefix string, v Variant) (Stamp, bool) {
	s, err := ReadStamp(prefix)
	return s, err == nil && s.Variant == v.Name && s.SHA256 == v.SHA256 && slices.Equal(s.RuntimeWheels, v.stampWheels()) && s.damage(prefix) == ""
}

// damage names the first file that is missing or of another size.
func (s Stamp) damage(prefix string) string {
	there := map[string]bool{}
	for _, f := range s.Files {
		path := filepath.Join(prefix, f.Path)
		if to, err := os.Readlink(path); err == nil && to == f.Link {
			continue
		}
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Bytes {
			return f.Path
		}
		there[f.Path] = true
	}
	for _, target := range wheelFiles {
		if !there[target] {
			return target
		}
	}
	if !there[linkerScriptName] {
		return linkerScriptName
	}
	return ""
}

// Verify hashes every installed file again.
func Verify(prefix string) error {
	s, err := ReadStamp(prefix)
	if err != nil {
		return err
	}
	for _, f := range s.Files {
		if f.Link != "" {
			continue // damage has looked at it
		}
		got, _, err := hashFile(filepath.Join(prefix, f.Path))
		if err != nil {
			return fmt.Errorf("libtf: verify: %w; install it again", err)
		}
		if got != f.SHA256 {
			return fmt.Errorf("libtf: verify: %s has sha256 %s, want %s; remove that file and install again", filepath.Join(prefix, f.Path), got, f.SHA256)
		}
	}
	return nil
}
