package libtf

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const lockRetry = 200 * time.Millisecond

// FindPip gives the command that runs pip, or an *EnvironmentError.
func FindPip(ctx context.Context, python string) ([]string, error) {
	candidates := [][]string{{"python3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip3"}, {"pip"}}
	if python != "" {
		candidates = [][]string{{python, "-m", "pip"}}
	}
	for _, c := range candidates {
		if exec.CommandContext(ctx, c[0], append(c[1:], "--version")...).Run() == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if python != "" {
		return nil, lacking("%s has no pip; install it (Debian: apt-get install python3-pip), or give the wheel with -wheel FILE", python)
	}
	return nil, lacking("no pip on PATH to download the wheel with; install it (Debian: apt-get install python3-pip), or give the wheel with -wheel FILE")
}

// download has pip fetch the wheel into a folder of its own below staging.
func (o Options) download(ctx context.Context, v Variant, staging string) (wheel string, err error) {
	pip, err := FindPip(ctx, o.Python)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(staging, "wheel")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", fmt.Errorf("libtf: download: %w", err)
	}
	arguments := append(pip[1:],
		"download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
		"--implementation", "cp", "--python-version", v.Python, "--abi", v.ABI, "--platform", v.Platform,
		"--dest", folder, v.Requirement)
	cmd := exec.CommandContext(ctx, pip[0], arguments...)
	// pip collects what it downloads in TMPDIR: the prefix's own disk, where
	// the space was checked, and gone with staging.
	cmd.Env = append(os.Environ(), "TMPDIR="+folder)
	// pip may start processes of its own: all of them end with ctx, and pip
	// with this process, however it ends. The kernel ties the latter to the
	// thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	log := o.Log
	if log == nil {
		log = io.Discard
	}
	var words bytes.Buffer
	cmd.Stdout = log
	cmd.Stderr = io.MultiWriter(log, &words)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", lacking("pip could not download %s (%s); check the network and pip's index and proxy settings, or give the wheel with -wheel FILE", v.Requirement, lastLine(words.String(), err))
	}
	wheel = filepath.Join(folder, v.Wheel)
	if _, err := os.Stat(wheel); err != nil {
		return "", fmt.Errorf("libtf: download: pip brought no %s", v.Wheel)
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
