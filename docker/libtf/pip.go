package libtf

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// PipCommands are the commands to try as pip, with this Python or, where it is
// "", with what PATH has.
func PipCommands(python string) [][]string {
	if python != "" {
		return [][]string{{python, "-m", "pip"}}
	}
	return [][]string{{"python3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip3"}, {"pip"}}
}

// findPip gives the first of them that works, or an *EnvironmentError.
func findPip(ctx context.Context, python string) ([]string, error) {
	for _, c := range PipCommands(python) {
		if exec.CommandContext(ctx, c[0], append(c[1:], "--version")...).Run() == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if python != "" {
		return nil, environmentErrorf("%s has no pip; install it (Debian: apt-get install python3-pip), or give the wheel with -wheel FILE", python)
	}
	return nil, environmentErrorf("no pip on PATH to download the wheel with; install it (Debian: apt-get install python3-pip), or give the wheel with -wheel FILE")
}

// download has pip fetch the wheel into a folder of its own below staging.
func (o Options) download(ctx context.Context, p Pin, staging string) (wheel string, err error) {
	pip, err := findPip(ctx, o.Python)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(staging, downloadName)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", fmt.Errorf("libtf: download: %w", err)
	}
	arguments := append(slices.Clone(pip[1:]),
		"download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
		"--implementation", "cp", "--python-version", p.Python, "--abi", p.ABI, "--platform", p.Platform,
		"--dest", folder, p.Requirement)
	cmd := exec.CommandContext(ctx, pip[0], arguments...)
	// pip collects what it downloads in TMPDIR: the prefix's own disk, where
	// the space was checked, and gone with staging.
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	cmd.WaitDelay = time.Second
	var words bytes.Buffer
	cmd.Stdout = o.Log
	cmd.Stderr = io.MultiWriter(o.Log, &words)
	if err := runGroup(cmd); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if strings.Contains(words.String(), "No space left on device") {
			return "", fmt.Errorf("libtf: download: pip: %w", syscall.ENOSPC)
		}
		return "", environmentErrorf("pip could not download %s (%s); check the network and pip's index and proxy settings, or give the wheel with -wheel FILE", p.Requirement, lastLine(words.String(), err))
	}
	wheel = filepath.Join(folder, p.Wheel)
	if _, err := os.Stat(wheel); err != nil {
		return "", fmt.Errorf("libtf: download: pip brought no %s", p.Wheel)
	}
	return wheel, nil
}

// lastLine is the last thing pip said, or its exit status.
func lastLine(words string, err error) string {
	lines := strings.Split(strings.TrimSpace(words), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
