package libtf

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tfcnn/docker/libtf/elf"
)

// BundleRunPath is the run path of a bundle's program: bin and lib are side by
// side, wherever the bundle is unpacked.
const BundleRunPath = "$ORIGIN/../lib"

// Bundle is a program with what it needs to run on a machine that has neither
// libtensorflow nor Go.
type Bundle struct {
	// Name is the folder that everything lies in; default: the program's name.
	Name string
	// Program is linked with libtensorflow. Its run path becomes BundleRunPath in
	// the bundle; the file itself stays as it is.
	Program string
	// Prefix is an installation of this package's.
	Prefix string
	// Files go into share, as licences of the program's own.
	Files []string
}

// Write writes the bundle as a tar: NAME/bin/PROGRAM, NAME/lib with TensorFlow's
// libraries, NAME/nvidia where the prefix is one for CUDA, NAME/share with the
// licences. Equal files give equal bytes.
func (b Bundle) Write(ctx context.Context, w io.Writer) error {
	stamp, err := ReadStamp(b.Prefix)
	if err != nil {
		return err
	}
	if name := stamp.damage(b.Prefix); name != "" {
		return environmentErrorf("%s is damaged: %s is missing or not of its size; install it again", b.Prefix, name)
	}
	program, err := b.program()
	if err != nil {
		return fmt.Errorf("libtf: bundle: %s %w", quoted(b.Program), err)
	}
	out := bundleWriter{ctx: ctx, tar: tar.NewWriter(w), root: b.Name, files: map[string]bool{}}
	if out.root == "" {
		out.root = filepath.Base(b.Program)
	}
	err = out.add("bin/"+filepath.Base(b.Program), 0o755, int64(len(program)), bytes.NewReader(program))
	for _, f := range stamp.Files {
		if err == nil && f.ships() {
			err = out.addInstalled(b.Prefix, f)
		}
	}
	for _, file := range b.Files {
		if err == nil {
			err = out.addFile("share/"+filepath.Base(file), file)
		}
	}
	if err == nil {
		err = out.tar.Close()
	}
	if err != nil {
		return fmt.Errorf("libtf: bundle: %w", err)
	}
	return nil
}

// ships reports whether a program needs the file to run or to be handed on:
// headers and the linker script serve building alone.
func (f File) ships() bool {
	return f.Path != linkerScriptName && !strings.HasPrefix(f.Path, "include/")
}

// program returns the program's bytes with the bundle's run path.
func (b Bundle) program() ([]byte, error) {
	needed, err := elf.Needed(b.Program)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !slices.Contains(needed, path.Base(largeLibrary)) {
		return nil, fmt.Errorf("is not linked with %s", path.Base(largeLibrary))
	}
	text, err := os.ReadFile(b.Program)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	old, err := elf.RunPath(b.Program)
	if err == nil && len(old) == 0 {
		err = errors.New("has no run path")
	}
	if err == nil {
		_, err = elf.SetRunPath(text, func(string) string { return BundleRunPath })
	}
	if err != nil {
		return nil, fmt.Errorf("%w; build it with -Wl,-rpath,%s at the end of CGO_LDFLAGS", err, BundleRunPath)
	}
	return text, nil
}

// quoted is a path as errors show it.
func quoted(path string) string { return fmt.Sprintf("%.200q", path) }

// bundleWriter writes a bundle's files below one folder.
type bundleWriter struct {
	ctx   context.Context
	tar   *tar.Writer
	root  string
	files map[string]bool
}

func (w bundleWriter) header(name string, mode int64) (*tar.Header, error) {
	if w.files[name] {
		return nil, fmt.Errorf("two files for %s", name)
	}
	w.files[name] = true
	return &tar.Header{Name: path.Join(w.root, name), Mode: mode, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}, w.ctx.Err()
}

func (w bundleWriter) add(name string, mode, size int64, content io.Reader) error {
	h, err := w.header(name, mode)
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, size
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	read := &watched{ctx: w.ctx, in: content, saw: func(int) {}}
	if n, err := io.Copy(w.tar, read); err != nil {
		return err
	} else if n != size {
		return fmt.Errorf("%s: got %d bytes, want %d", name, n, size)
	}
	return nil
}

func (w bundleWriter) addInstalled(prefix string, f File) error {
	if f.Link == "" {
		return w.addFile(f.Path, filepath.Join(prefix, f.Path))
	}
	h, err := w.header(f.Path, 0o777)
	if err != nil {
		return err
	}
	h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
	return w.tar.WriteHeader(h)
}

func (w bundleWriter) addFile(name, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return w.add(name, 0o644, info.Size(), in)
}
