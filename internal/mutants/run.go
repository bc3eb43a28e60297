package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tfcnn/internal/mutants/mutation"
)

// binary is a suite that is built: with all mutants in it, none of them active.
type binary struct {
	suite
	program, folder string
	reached         []byte        // one byte a site
	took            time.Duration // without a mutant
}

// build compiles the suites' test programs, each package's once.
func build(ctx context.Context, root, folder, overlay string) ([]*binary, error) {
	var list []*binary
	built := map[string]string{}
	for _, s := range suites {
		program := built[s.folder]
		if program == "" {
			program = filepath.Join(folder, strings.ReplaceAll(s.folder, "/", "_")+".test")
			c := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, "./"+s.folder)
			c.Dir = root
			if output, err := c.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%s: the mutants do not compile: %w\n%s", s.folder, err, output)
			}
			built[s.folder] = program
		}
		list = append(list, &binary{suite: s, program: program, folder: filepath.Join(root, s.folder)})
	}
	return list, nil
}

// command returns a run of the suite, of which all processes end with it.
func (b *binary) command(ctx context.Context, environment ...string) *exec.Cmd {
	arguments := []string{"-test.failfast", "-test.timeout=0"}
	if b.run != "" {
		arguments = append(arguments, "-test.run="+b.run)
	}
	if b.skip != "" {
		arguments = append(arguments, "-test.skip="+b.skip)
	}
	c := exec.CommandContext(ctx, b.program, arguments...)
	c.Dir, c.Env = b.folder, append(os.Environ(), environment...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	return c
}

// reach runs the suite without a mutant. The suite must pass; reach records the sites
// that it reaches.
func (b *binary) reach(ctx context.Context, sites int) error {
	file := b.program + "." + strings.ReplaceAll(b.name, " ", "_") + ".reached"
	if err := os.WriteFile(file, make([]byte, sites), 0o644); err != nil {
		return err
	}
	start := time.Now()
	output, err := b.command(ctx, mutation.Reached+"="+file).CombinedOutput()
	b.took = time.Since(start)
	if err != nil {
		return fmt.Errorf("suite %q fails without a mutant: %w\n%s", b.name, err, output)
	}
	b.reached, err = os.ReadFile(file)
	switch {
	case err != nil:
		return err
	case bytes.Contains(output, []byte("no tests to run")):
		return fmt.Errorf("suite %q has no tests: -run %q in %s", b.name, b.run, b.folder)
	case bytes.IndexByte(b.reached, 1) < 0:
		return fmt.Errorf("suite %q comes to no site", b.name)
	}
	return nil
}

// catches runs the suite with a mutant: it has to fail, die, or take much longer
// than without.
func (b *binary) catches(ctx context.Context, mutant int) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, 4*b.took+20*time.Second)
	defer cancel()
	output, err := b.command(limited, mutation.Active+"="+strconv.Itoa(mutant)).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case limited.Err() != nil:
		return true, nil
	case err == nil:
		return false, nil
	case errors.As(err, &exit):
		return true, nil
	}
	return false, fmt.Errorf("suite %q with mutant %d: %w\n%s", b.name, mutant, err, output)
}
