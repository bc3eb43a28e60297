package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/output"
)

// newSet makes a command's outputs. An interrupt drops them, unless they are
// being given their names.
func newSet(ctx context.Context) (set *output.Set, done func()) {
	set = output.New(ctx)
	set.Wrote = unfinished.wrote
	end := unfinished.begin(set.Close)
	return set, func() {
		set.Close()
		end()
	}
}

// protectInputs registers files that a command reads, so that no output replaces
// one. Of a folder they are the files whose names reads accepts.
func protectInputs(set *output.Set, paths []string, reads func(name string) bool) {
	for _, path := range paths {
		set.AddInputs(path)
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		entries, _ := os.ReadDir(path) // the reader of the folder tells the error
		for _, entry := range entries {
			if reads(entry.Name()) {
				set.AddInputs(filepath.Join(path, entry.Name()))
			}
		}
	}
}

// outputFlag adds the file that a flag names to a command's outputs; nil
// where it names none.
func outputFlag(c *cobra.Command, set *output.Set, flag, path string) (*output.File, error) {
	if !c.Flags().Changed(flag) {
		return nil, nil
	}
	if path == "-" {
		return nil, commandline.Errorf(c, "--%s: got %q, want a file", flag, path)
	}
	file, err := set.File(path)
	return file, outputError(c.Name(), err)
}

// outputError is the error of an output with its exit status.
func outputError(command string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, output.ErrSameFile):
		return exitErrorf(exitUsage, "%s: %w", command, err)
	}
	return exitErrorf(exitEnvironment, "%s: %w", command, err)
}

// folderError is the error of an output folder that nothing can be made in. In
// a container the owner of a mounted folder is not seen from outside.
func folderError(out string, err error) error {
	if errors.Is(err, output.ErrClaimed) {
		return fmt.Errorf("output folder %s: %w; wait for its end, or choose another folder with --out", out, err)
	}
	info, statErr := os.Stat(out)
	if !errors.Is(err, fs.ErrPermission) || statErr != nil {
		return fmt.Errorf("output folder cannot be written to: %w", err)
	}
	fix := "choose another with --out"
	if owner, known := info.Sys().(*syscall.Stat_t); known {
		fix = fmt.Sprintf("it belongs to user %d:%d, this is user %d:%d; %s", owner.Uid, owner.Gid, os.Getuid(), os.Getgid(), fix)
		if os.Getenv(imageVariable) != "" {
			fix += fmt.Sprintf(", or run the Docker image with docker run --user %d:%d", owner.Uid, owner.Gid)
		}
	}
	return fmt.Errorf("output folder %s cannot be written to: %s", out, fix)
}

const (
	// imageVariable is set in our Docker images.
	imageVariable = "TFCNN_IMAGE_VARIANT"
	// unmountedVariable names a folder of the Docker image that the launcher found to
	// be its own, so that what is written there goes with the container.
	unmountedVariable = "TFCNN_UNMOUNTED"
)

// containerNote is a note for files that go with the container.
func containerNote(out string) string {
	absolute, err := filepath.Abs(out)
	if err != nil || absolute != os.Getenv(unmountedVariable) {
		return ""
	}
	return fmt.Sprintf("no folder is mounted at %s, so that the files go with the container; docker run -v \"$PWD/out:%s\" keeps them", absolute, absolute)
}
