package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// flagsOf are the settings with which cgo finds libtensorflow in a prefix, and
// with which the programs that are built find it by their run path.
func flagsOf(prefix string) (settings []setting, err error) {
	if prefix, err = filepath.Abs(prefix); err != nil {
		return nil, err
	}
	if strings.ContainsAny(prefix, "'\"\n") {
		return nil, fmt.Errorf("libtensorflow: the prefix %q has a quote or a line break, which cgo's flags cannot have", prefix)
	}
	word := func(flag string) string {
		if strings.ContainsAny(flag, " \t") {
			return "'" + flag + "'" // as cgo splits its flags
		}
		return flag
	}
	return []setting{
		{"CGO_CFLAGS", word("-I" + prefix + "/include")},
		{"CGO_LDFLAGS", word("-L"+prefix+"/lib") + " " + word("-Wl,-rpath,"+prefix+"/lib")},
	}, nil
}

// setting is a value that is added to a variable of go's.
type setting struct{ name, flags string }

// goEnvironment is the file that go env reads and writes; the zero value is the user's own
// file.
type goEnvironment struct {
	file  string // another file
	shell bool   // with this process's variables, which hide the file's
}

// run runs go env.
func (e goEnvironment) run(arguments ...string) (string, error) {
	program := os.Getenv("GO")
	if program == "" {
		program = "go"
	}
	cmd := exec.Command(program, append([]string{"env"}, arguments...)...)
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); e.shell || name != "CGO_CFLAGS" && name != "CGO_LDFLAGS" {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	if e.file != "" {
		cmd.Env = append(cmd.Env, "GOENV="+e.file)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("libtensorflow: no go on PATH: %w", err)
	} else if err != nil {
		return "", fmt.Errorf("libtensorflow: go env: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// with returns the settings' values with their flags, and how many did not have
// them.
func (e goEnvironment) with(settings []setting) (values []setting, missing int, err error) {
	for _, s := range settings {
		value, err := e.run(s.name)
		if err != nil {
			return nil, 0, err
		}
		if !strings.Contains(" "+value+" ", " "+s.flags+" ") {
			value = strings.TrimSpace(value + " " + s.flags)
			missing++
		}
		values = append(values, setting{s.name, value})
	}
	return values, missing, nil
}

// add puts the settings' flags into the file.
func (e goEnvironment) add(settings []setting) error {
	values, missing, err := e.with(settings)
	if err != nil || missing == 0 {
		return err
	}
	arguments := []string{"-w"}
	for _, s := range values {
		arguments = append(arguments, s.name+"="+s.flags)
	}
	_, err = e.run(arguments...)
	return err
}

// undo takes the settings' flags out of the file.
func (e goEnvironment) undo(settings []setting) error {
	const goDefault = "-O2 -g"
	for _, s := range settings {
		value, err := e.run(s.name)
		if err != nil {
			return err
		}
		before, after, found := strings.Cut(" "+value+" ", " "+s.flags+" ")
		if !found {
			continue
		}
		rest := strings.TrimSpace(before + " " + after)
		if rest == goDefault || rest == "" {
			_, err = e.run("-u", s.name)
		} else {
			_, err = e.run("-w", s.name+"="+rest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printExports writes the settings as a shell reads them: the values of go env, with
// the flags.
func printExports(w io.Writer, settings []setting) error {
	values, _, err := goEnvironment{shell: true}.with(settings)
	if err != nil {
		return err
	}
	for _, s := range values {
		fmt.Fprintf(w, "export %s='%s'\n", s.name, strings.ReplaceAll(s.flags, "'", `'\''`))
	}
	return nil
}
