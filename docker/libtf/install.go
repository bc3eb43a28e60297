package libtf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/cpu"
)

// Options says what to install where.
type Options struct {
	Prefix   string
	Manifest []Variant
	Variant  string // default: the one that is there, else this platform's for the CPU
	// Wheel is a wheel that is there already, or a folder with all that the
	// variant needs; they must be the pinned ones.
	Wheel string
	// Strip takes the symbols that nothing needs out of TensorFlow's libraries,
	// and settles what the dynamic linker would look up at every start: a third
	// fewer bytes, and a program starts in 0.4 of the time. An installation
	// that is there in the other form is made anew. Libraries for another
	// processor than x86-64 are not stripped. Run paths are confined to the
	// prefix in every form.
	Strip  bool
	Python string // the interpreter that has pip; default: what PATH has
	// Progress is told what is done of what; it may be nil.
	Progress func(what string, done, total int64)
	// Log takes pip's own words, and who is waited for; nil: nowhere.
	Log io.Writer

	// Tests put a machine of their own in the place of this one.
	hasAVX func() bool
	write  func(io.Writer) io.Writer
	placed func(name string)
}

// Install makes sure that the prefix holds the variant, and reports whether it
// had to do anything. An installation that is whole costs no network and no
// pip. A second Install of the same prefix waits for the first. When it fails
// or ctx ends, the prefix is as it was; when the process is killed, at most
// hidden files are left, or files without a stamp, and neither counts as an
// installation: the next Install removes or completes them.
//
// A machine that lacks something is an *EnvironmentError.
func Install(ctx context.Context, o Options) (changed bool, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Prefix == "" {
		return false, errors.New("libtf: install: the prefix is empty, want a folder")
	}
	v, err := o.choose()
	if err != nil {
		return false, err
	}
	if err := o.checkProcessor(v); err != nil {
		return false, err
	}
	staging := filepath.Join(o.Prefix, stagingName)
	if _, err := os.Lstat(staging); errors.Is(err, fs.ErrNotExist) && Installed(o.Prefix, v, o.strips(v)) {
		return false, nil
	}
	release, err := acquire(ctx, o.Prefix, o.Log)
	if err != nil {
		return false, explain(ctx, err)
	}
	defer func() { release(err != nil) }()
	if err := os.RemoveAll(staging); err != nil {
		return false, fmt.Errorf("libtf: remove what an earlier run left: %w", err)
	}
	if Installed(o.Prefix, v, o.strips(v)) { // by another while this one waited
		return false, nil
	}
	if err := refuseForeign(o.Prefix); err != nil {
		return false, err
	}
	if old, there := whole(o.Prefix, v); there {
		how := "with the wheel's own symbols"
		switch strips := o.strips(v); {
		case old.Stripped == strips && old.Bound == strips:
			how = "so that no library is looked for outside it"
		case strips:
			how = "stripped, so that programs start sooner (-strip=false keeps the wheel's own symbols)"
		}
		fmt.Fprintf(o.Log, "libtf: installing libtensorflow %s in %s again, %s\n", v.Version(), o.Prefix, how)
	}
	if err := os.Mkdir(staging, 0o755); err != nil {
		return false, notWritable(o.Prefix, err)
	}
	defer os.RemoveAll(staging)
	files, parts, err := o.stage(ctx, v, staging)
	if err != nil {
		return false, explain(ctx, err)
	}
	stamp := Stamp{Version: v.Version(), Variant: v.Name, Requirement: v.Requirement, Wheel: v.Wheel, SHA256: v.SHA256, Stripped: o.strips(v), Bound: o.strips(v), Confined: true, RuntimeWheels: v.stampWheels(), Parts: parts, Files: files}
	if err := o.install(staging, stamp); err != nil {
		return false, explain(ctx, err)
	}
	return true, nil
}

// choose finds the variant in the manifest. Who has once asked for CUDA by name
// is not given the CPU's by the next call that names none.
func (o Options) choose() (Variant, error) {
	name := o.Variant
	if name == "" {
		platform := runtime.GOOS + "-" + runtime.GOARCH + "-"
		name = platform + "cpu"
		if s, err := ReadStamp(o.Prefix); err == nil && strings.HasPrefix(s.Variant, platform) {
			name = s.Variant
		}
	}
	return choose(o.Manifest, name)
}

// checkProcessor refuses a processor on which the library would die of an
// illegal instruction.
func (o Options) checkProcessor(v Variant) error {
	if !strings.Contains(v.Name, "-amd64-") || runtime.GOARCH != "amd64" {
		return nil
	}
	hasAVX := o.hasAVX
	if hasAVX == nil {
		hasAVX = func() bool { return cpu.X86.HasAVX }
	}
	if !hasAVX() {
		return environmentErrorf("this processor (or the emulation of one) has no AVX, without which TensorFlow dies of an illegal instruction; use a machine with AVX, or a libtensorflow built without it by LIBTENSORFLOW=/prefix")
	}
	return nil
}

// refuseForeign keeps a libtensorflow that somebody else has put there, as
// from TensorFlow's tarball, from being half replaced by ours. Files of ours
// without a stamp are what a killed run left.
func refuseForeign(prefix string) error {
	if _, err := os.Lstat(filepath.Join(prefix, stampName)); err == nil || ours(prefix) {
		return nil
	}
	for _, name := range libraries {
		if _, err := os.Lstat(filepath.Join(prefix, name)); err == nil {
			return environmentErrorf("%s has a libtensorflow (%s) that this installer did not put there; use it with LIBTENSORFLOW=%s, or remove it, or choose another folder with -prefix", prefix, name, prefix)
		}
	}
	return nil
}

// makePrefix makes the folder and says which folders it had to make, deepest
// first.
func makePrefix(prefix string) ([]string, error) {
	var missing []string
	for folder := filepath.Clean(prefix); ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil || !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			break
		}
		missing = append(missing, folder)
	}
	if err := os.MkdirAll(prefix, 0o755); err != nil {
		removeEmpty(missing)
		return nil, err
	}
	return missing, nil
}

// removeEmpty takes folders away again, but for those that others use: their
// removal fails, as it should.
func removeEmpty(folders []string) {
	for _, folder := range folders {
		os.Remove(folder)
	}
}

func notWritable(prefix string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return environmentErrorf("no space left for %s; free some, or choose another folder with -prefix", prefix)
	case errors.Is(err, fs.ErrPermission):
		return environmentErrorf("cannot write to %s: %v; run this as root, or choose another folder with -prefix", prefix, err)
	}
	return environmentErrorf("cannot write to %s: %v; choose another folder with -prefix", prefix, err)
}

// explain gives the usual causes their fix.
func explain(ctx context.Context, err error) error {
	var missing *EnvironmentError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("libtf: interrupted, nothing was installed: %w", ctx.Err())
	case errors.As(err, &missing):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return environmentErrorf("no space left on the device, nothing was installed; free some, or choose another folder with -prefix (%v)", err)
	}
	return err
}
