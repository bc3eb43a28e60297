package libtf

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// Options says what to install where.
type Options struct {
	Prefix   string
	Manifest []Variant
	Variant  string // default: this platform's CPU variant
	Wheel    string // a wheel that is there already; it must be the pinned one
	Python   string // the interpreter that has pip; default: what PATH has
	// Progress is told what is done of what; it may be nil.
	Progress func(what string, done, total int64)
	// Log takes pip's own words; nil: nowhere.
	Log io.Writer

	// Tests put a machine of their own in the place of this one.
	hasAVX func() bool
	write  func(io.Writer) io.Writer
}

// Install makes sure that the prefix holds the variant, and says whether it
// had to do anything. An installation that is whole costs no network and no
// pip. A second Install of the same prefix waits for the first. When it fails
// or ctx ends, the prefix is as it was; when the process is killed, at most a
// hidden folder is left, which the next Install removes.
//
// A machine that lacks something is an *EnvironmentError.
func Install(ctx context.Context, o Options) (changed bool, err error) {
	if o.Variant == "" {
		o.Variant = runtime.GOOS + "-" + runtime.GOARCH + "-cpu"
	}
	v, err := choose(o.Manifest, o.Variant)
	if err != nil {
		return false, err
	}
	if err := o.checkProcessor(v); err != nil {
		return false, err
	}
	if Installed(o.Prefix, v) {
		return false, nil
	}
	made, err := makePrefix(o.Prefix)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			for _, folder := range made {
				os.Remove(folder) // fails, as it should, where others use it
			}
		}
	}()
	lock := flock.New(filepath.Join(o.Prefix, lockName))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return false, fmt.Errorf("libtf: lock %s: %w", lock.Path(), err)
	}
	defer func() {
		if err != nil {
			os.Remove(lock.Path())
		}
		lock.Unlock()
	}()
	if Installed(o.Prefix, v) { // by another while this one waited
		return false, nil
	}
	staging := filepath.Join(o.Prefix, stagingName)
	if err := os.RemoveAll(staging); err != nil {
		return false, fmt.Errorf("libtf: remove what an earlier run left: %w", err)
	}
	if err := os.Mkdir(staging, 0o755); err != nil {
		return false, notWritable(o.Prefix, err)
	}
	defer os.RemoveAll(staging)
	if err := o.stage(ctx, v, staging); err != nil {
		return false, explain(ctx, err)
	}
	if err := place(staging, o.Prefix, v); err != nil {
		return false, explain(ctx, err)
	}
	return true, nil
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
		return lacking("this processor (or the emulation of one) has no AVX, without which TensorFlow dies of an illegal instruction; use a machine with AVX, or a libtensorflow built without it by LIBTENSORFLOW=/prefix")
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
		return nil, notWritable(prefix, err)
	}
	return missing, nil
}

func notWritable(prefix string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return lacking("no space left for %s; free some, or choose another folder with -prefix", prefix)
	}
	return lacking("cannot write to %s: %v; choose another folder with -prefix", prefix, err)
}

// explain gives the usual causes their fix.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("libtf: interrupted, nothing was installed: %w", ctx.Err())
	}
	if errors.Is(err, syscall.ENOSPC) {
		return lacking("no space left on the device, nothing was installed; free some, or choose another folder with -prefix (%v)", err)
	}
	return err
}

// stage brings the wheel, checks it and takes its files out into staging.
func (o Options) stage(ctx context.Context, v Variant, staging string) error {
	need := v.Installed
	if o.Wheel == "" {
		need += v.Bytes
	}
	if err := checkSpace(staging, need); err != nil {
		return err
	}
	wheel := o.Wheel
	if wheel == "" {
		var err error
		if wheel, err = o.download(ctx, v, staging); err != nil {
			return err
		}
	}
	sum, _, err := hashFile(wheel)
	if err != nil {
		return lacking("wheel: %v", err)
	}
	if sum != v.SHA256 {
		return fmt.Errorf("libtf: wheel %s has sha256 %s, the manifest wants %s: it is not the pinned one, or it was changed on its way; nothing was installed", filepath.Base(wheel), sum, v.SHA256)
	}
	if err := o.extract(ctx, wheel, staging); err != nil {
		return err
	}
	if o.Wheel == "" {
		return os.RemoveAll(filepath.Dir(wheel))
	}
	return nil
}

// checkSpace asks the file system before gigabytes are moved for nothing.
func checkSpace(folder string, need int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return fmt.Errorf("libtf: free space of %s: %w", folder, err)
	}
	if free := int64(s.Bavail) * s.Bsize; free < need {
		return lacking("%s has %d MB free, %d MB are needed; free some, or choose another folder with -prefix", filepath.Dir(folder), free/1e6, need/1e6)
	}
	return nil
}

// extract takes the members out of the wheel into staging's tree.
func (o Options) extract(ctx context.Context, wheel, staging string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("libtf: wheel %s: %w", filepath.Base(wheel), err)
	}
	defer archive.Close()
	found := map[string]*zip.File{}
	total := int64(0)
	for _, f := range archive.File {
		if _, wanted := members[f.Name]; wanted {
			found[f.Name] = f
			total += int64(f.UncompressedSize64)
		}
	}
	done := int64(0)
	for name, target := range members {
		f := found[name]
		if f == nil {
			return fmt.Errorf("libtf: wheel %s has no %s", filepath.Base(wheel), name)
		}
		in, err := f.Open()
		if err != nil {
			return fmt.Errorf("libtf: wheel: %s: %w", name, err)
		}
		err = o.writeFile(filepath.Join(staging, target), &watched{ctx: ctx, in: in, saw: func(n int) {
			done += int64(n)
			if o.Progress != nil {
				o.Progress("extracting", done, total)
			}
		}})
		in.Close()
		if err != nil {
			return fmt.Errorf("libtf: extract %s: %w", name, err)
		}
	}
	return o.writeFile(filepath.Join(staging, linkerScriptName), strings.NewReader(linkerScript))
}

// watched counts what is read and ends it with ctx.
type watched struct {
	ctx context.Context
	in  io.Reader
	saw func(n int)
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.in.Read(p)
	w.saw(n)
	return n, err
}

// writeFile writes a file and forces it to the disk.
func (o Options) writeFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var out io.Writer = f
	if o.write != nil {
		out = o.write(f)
	}
	if _, err := io.Copy(out, content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// place moves the staged files to their places, the stamp last. What it has
// put where there was nothing is taken back when it fails.
func place(staging, prefix string, v Variant) (err error) {
	var placed []string
	defer func() {
		if err != nil {
			for _, path := range slices.Backward(placed) {
				os.Remove(path)
			}
		}
	}()
	stamp := Stamp{Version: v.Version(), Variant: v.Name, Wheel: v.Wheel, SHA256: v.SHA256}
	targets := []string{linkerScriptName}
	for _, target := range members {
		targets = append(targets, target)
	}
	slices.Sort(targets)
	for _, target := range targets {
		sum, size, err := hashFile(filepath.Join(staging, target))
		if err != nil {
			return fmt.Errorf("libtf: install: %w", err)
		}
		stamp.Files = append(stamp.Files, File{Path: target, Bytes: size, SHA256: sum})
	}
	text, err := json.MarshalIndent(stamp, "", "  ")
	if err != nil {
		return fmt.Errorf("libtf: stamp: %w", err)
	}
	if err := (Options{}).writeFile(filepath.Join(staging, stampName), strings.NewReader(string(text)+"\n")); err != nil {
		return fmt.Errorf("libtf: stamp: %w", err)
	}
	// An old stamp must not vouch for a mixture of old and new files.
	if err := os.Remove(filepath.Join(prefix, stampName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("libtf: install: %w", err)
	}
	for _, target := range append(targets, stampName) {
		to := filepath.Join(prefix, target)
		made, err := makePrefix(filepath.Dir(to))
		if err != nil {
			return err
		}
		for _, folder := range slices.Backward(made) {
			placed = append(placed, folder)
		}
		_, before := os.Lstat(to)
		if err := os.Rename(filepath.Join(staging, target), to); err != nil {
			return fmt.Errorf("libtf: install: %w", err)
		}
		if before != nil {
			placed = append(placed, to)
		}
	}
	return syncFolder(filepath.Join(prefix, filepath.Dir(stampName)))
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("libtf: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("libtf: %w", err)
	}
	return nil
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
