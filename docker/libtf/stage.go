package libtf

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stage lays out all of the variant's files in staging. It returns them and the
// versions of the libraries that TensorFlow's are made of.
func (o Options) stage(ctx context.Context, v Variant, staging string) (files []File, parts map[string]string, err error) {
	source, there := o.source(v)
	strip := o.strips(v) && !source.Stripped
	// Asked before gigabytes are moved for nothing.
	if strip {
		if err := canStrip(); err != nil {
			return nil, nil, err
		}
	}
	need := v.bytes(o.Wheel == "" && !there, o.strips(v))
	free, err := freeBytes(staging)
	if err != nil {
		return nil, nil, fmt.Errorf("libtf: free space of %s: %w", o.Prefix, err)
	}
	if free < need {
		return nil, nil, environmentErrorf("%s has %d MB free, %d MB are needed; free some, or choose another folder with -prefix", o.Prefix, free/1e6, need/1e6)
	}
	if there {
		parts = source.Parts
		files, err = o.copyFiles(ctx, source, staging)
	} else {
		files, parts, err = o.unpack(ctx, v, staging)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := o.edit(ctx, staging, files, strip); err != nil {
		return nil, nil, err
	}
	for name, to := range links {
		path := filepath.Join(staging, name)
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), to)); err != nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, nil, fmt.Errorf("libtf: link: %w", err)
		}
		if err := os.Symlink(to, path); err != nil {
			return nil, nil, fmt.Errorf("libtf: link: %w", err)
		}
		files = append(files, File{Path: name, Link: to})
	}
	script, err := o.writeFile(staging, linkerScriptName, strings.NewReader(linkerScript))
	if err != nil {
		return nil, nil, fmt.Errorf("libtf: linker script: %w", err)
	}
	return append(files, script), parts, nil
}

// source returns the installation that is there, if the wanted one can be made
// of it without the network: it is not stripped, or it is stripped as wanted
// and only its run paths are old.
func (o Options) source(v Variant) (Stamp, bool) {
	s, there := whole(o.Prefix, v)
	if !there || o.Wheel != "" || s.Stripped && !(o.strips(v) && s.Bound) || Verify(o.Prefix) != nil {
		return Stamp{}, false
	}
	return s, true
}

// copyFiles copies an installation's files into staging, but for those that
// stage makes itself.
func (o Options) copyFiles(ctx context.Context, stamp Stamp, staging string) ([]File, error) {
	var files []File
	total, done := int64(0), int64(0)
	for _, f := range stamp.Files {
		if f.Link == "" && f.Path != linkerScriptName {
			files, total = append(files, f), total+f.Bytes
		}
	}
	for i, f := range files {
		in, err := os.Open(filepath.Join(o.Prefix, f.Path))
		if err != nil {
			return nil, fmt.Errorf("libtf: copy: %w", err)
		}
		files[i], err = o.writeFile(staging, f.Path, o.watch(ctx, in, "copying", &done, total))
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("libtf: copy %s: %w", f.Path, err)
		}
		files[i].Wheel = f.Wheel
	}
	return files, nil
}

// unpack brings the variant's wheels one by one, checks each and takes its
// files out into staging, and the parts' versions out of the first.
func (o Options) unpack(ctx context.Context, v Variant, staging string) (files []File, parts map[string]string, err error) {
	for i, p := range v.pins() {
		wheel, err := o.bring(ctx, p, i == 0, staging)
		if err != nil {
			return nil, nil, err
		}
		wheelFiles := p.runtimeFiles
		if i == 0 {
			wheelFiles = libraryFiles
		}
		some, err := o.extract(ctx, wheel, staging, wheelFiles)
		if err == nil && i == 0 {
			parts, err = partVersions(wheel)
		}
		if err != nil {
			return nil, nil, err
		}
		files = append(files, some...)
		if err := os.RemoveAll(filepath.Join(staging, downloadName)); err != nil {
			return nil, nil, fmt.Errorf("libtf: download: %w", err)
		}
	}
	return files, parts, nil
}

// bring gives the path of a wheel that was checked: one that is there (a
// single file is libtensorflow's), else one that pip fetches.
func (o Options) bring(ctx context.Context, p Pin, first bool, staging string) (string, error) {
	wheel, again := "", "give the pinned wheel, or none to have pip fetch it"
	if info, err := os.Stat(o.Wheel); o.Wheel != "" && err == nil && info.IsDir() {
		wheel = filepath.Join(o.Wheel, p.Wheel)
	} else if first {
		wheel = o.Wheel
	}
	if wheel == "" {
		again = "try again, if it stays so after `pip cache purge`"
		var err error
		if wheel, err = o.download(ctx, p, staging); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(wheel)
	if err != nil {
		return "", environmentErrorf("wheel: %v; give one that is there, or none to have pip fetch it", err)
	}
	if info.Size() != p.Bytes {
		return "", fmt.Errorf("libtf: wheel %s has %d bytes, the manifest wants %d: it was cut short or is not the pinned one; nothing was installed; %s", filepath.Base(wheel), info.Size(), p.Bytes, again)
	}
	sum, _, err := hashFile(wheel)
	if err != nil {
		return "", environmentErrorf("wheel: %v", err)
	}
	if sum != p.SHA256 {
		return "", fmt.Errorf("libtf: wheel %s has sha256 %s, the manifest wants %s: it was changed on its way or is not the pinned one; nothing was installed; %s", filepath.Base(wheel), sum, p.SHA256, again)
	}
	return wheel, nil
}

// extract takes files out of the wheel into staging's tree. wheelFiles says of
// the wheel's names which must be there, and where in the prefix they go.
func (o Options) extract(ctx context.Context, wheel, staging string, wheelFiles func(names []string) (map[string]string, error)) ([]File, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("libtf: wheel %s: %w", filepath.Base(wheel), err)
	}
	defer archive.Close()
	names := make([]string, len(archive.File))
	found := map[string]*zip.File{}
	for i, f := range archive.File {
		names[i], found[f.Name] = f.Name, f
	}
	wanted, err := wheelFiles(names)
	if err != nil {
		return nil, fmt.Errorf("libtf: wheel %s %w", filepath.Base(wheel), err)
	}
	total := int64(0)
	for name := range wanted {
		total += int64(found[name].UncompressedSize64)
	}
	done := int64(0)
	var files []File
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		in, err := found[name].Open()
		if err != nil {
			return nil, fmt.Errorf("libtf: extract %s: %w", name, err)
		}
		file, err := o.writeFile(staging, wanted[name], o.watch(ctx, in, "extracting", &done, total))
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("libtf: extract %s: %w", name, err)
		}
		file.Wheel = filepath.Base(wheel)
		files = append(files, file)
	}
	return files, nil
}

// watch tells Progress of what is read.
func (o Options) watch(ctx context.Context, in io.Reader, what string, done *int64, total int64) io.Reader {
	return &watched{ctx: ctx, in: in, saw: func(n int) {
		*done += int64(n)
		if o.Progress != nil {
			o.Progress(what, *done, total)
		}
	}}
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

// writeFile writes a file below root, forces it to the disk and says what it
// wrote.
func (o Options) writeFile(root, name string, content io.Reader) (File, error) {
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return File{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	var out io.Writer = f
	if o.write != nil {
		out = o.write(f)
	}
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(out, h), content)
	if err != nil {
		return File{}, err
	}
	if err := f.Sync(); err != nil {
		return File{}, err
	}
	return File{Path: name, Bytes: size, SHA256: hex.EncodeToString(h.Sum(nil))}, f.Close()
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
