package libtf

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// stage brings the wheel, checks it and takes its files out into staging.
func (o Options) stage(ctx context.Context, v Variant, staging string) ([]File, error) {
	need := v.Installed
	if o.Wheel == "" {
		need += v.Bytes
	}
	// Asked before gigabytes are moved for nothing.
	free, err := freeBytes(staging)
	if err != nil {
		return nil, fmt.Errorf("libtf: free space of %s: %w", o.Prefix, err)
	}
	if free < need {
		return nil, lacking("%s has %d MB free, %d MB are needed; free some, or choose another folder with -prefix", o.Prefix, free/1e6, need/1e6)
	}
	wheel, again := o.Wheel, "give the pinned wheel, or none to have pip fetch it"
	if wheel == "" {
		again = "try again, if it stays so after `pip cache purge`"
		if wheel, err = o.download(ctx, v, staging); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(wheel)
	if err != nil {
		return nil, lacking("wheel: %v; give one that is there, or none to have pip fetch it", err)
	}
	if info.Size() != v.Bytes {
		return nil, fmt.Errorf("libtf: wheel %s has %d bytes, the manifest wants %d: it was cut short or is not the pinned one; nothing was installed; %s", filepath.Base(wheel), info.Size(), v.Bytes, again)
	}
	sum, _, err := hashFile(wheel)
	if err != nil {
		return nil, lacking("wheel: %v", err)
	}
	if sum != v.SHA256 {
		return nil, fmt.Errorf("libtf: wheel %s has sha256 %s, the manifest wants %s: it was changed on its way or is not the pinned one; nothing was installed; %s", filepath.Base(wheel), sum, v.SHA256, again)
	}
	files, err := o.extract(ctx, wheel, staging)
	if err != nil {
		return nil, err
	}
	return files, os.RemoveAll(filepath.Join(staging, downloadName))
}

// extract takes the members out of the wheel into staging's tree.
func (o Options) extract(ctx context.Context, wheel, staging string) ([]File, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("libtf: wheel %s: %w", filepath.Base(wheel), err)
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
	progress := func(n int) {
		done += int64(n)
		if o.Progress != nil {
			o.Progress("extracting", done, total)
		}
	}
	var files []File
	for _, name := range Members() {
		f := found[name]
		if f == nil {
			return nil, fmt.Errorf("libtf: wheel %s has no %s", filepath.Base(wheel), name)
		}
		in, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("libtf: extract %s: %w", name, err)
		}
		file, err := o.writeFile(staging, members[name], &watched{ctx: ctx, in: in, saw: progress})
		in.Close()
		if err != nil {
			return nil, fmt.Errorf("libtf: extract %s: %w", name, err)
		}
		files = append(files, file)
	}
	script, err := o.writeFile(staging, linkerScriptName, strings.NewReader(linkerScript))
	if err != nil {
		return nil, fmt.Errorf("libtf: linker script: %w", err)
	}
	return append(files, script), nil
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
