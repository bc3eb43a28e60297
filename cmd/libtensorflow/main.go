// Command libtensorflow installs TensorFlow's C library into a folder, from the pinned
// wheel of docker/libtensorflow.manifest, and tells Go where it is.
//
//	go run ./cmd/libtensorflow                       # into the project's .libtensorflow
//	go run ./cmd/libtensorflow -prefix /usr/local    # for every compiler and linker
//
// A module that requires tfcnn, in whose folder it has no work tree of tfcnn:
//
//	go run tfcnn/cmd/libtensorflow -prefix ~/tf -go-env            # go env -w
//	go run tfcnn/cmd/libtensorflow -prefix ~/tf -env tf.env        # a file for GOENV, an editor, a container
//	eval "$(go run tfcnn/cmd/libtensorflow -prefix ~/tf -exports)" # this shell alone
//	go run tfcnn/cmd/libtensorflow bundle -prefix ~/tf myprogram   # one archive to ship
//
// Exit status: 0 done, 1 failed, 2 wrong usage, 3 the machine lacks something,
// 130 interrupted. docs/embedding.md has the whole way.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"

	"golang.org/x/term"

	"tfcnn/docker"
	"tfcnn/docker/libtf"
)

func main() {
	// A library of 0.6 GB is edited in memory: not as much again for garbage.
	debug.SetGCPercent(10)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, docker.Manifest, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, manifest []byte, arguments []string, stdout, stderr io.Writer) int {
	if len(arguments) > 0 && arguments[0] == "bundle" {
		return bundle(ctx, arguments[1:], stdout, stderr)
	}
	flags := flag.NewFlagSet("libtensorflow", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	prefix := flags.String("prefix", "", "the folder of lib, include and share (default: the project's .libtensorflow)")
	variant := flags.String("variant", "", "the variant, a line of the manifest (default: the installed one, else this platform's for the CPU)")
	wheel := flags.String("wheel", "", "read this wheel, or the wheels in this folder, instead of downloading; they must be the pinned ones")
	strip := flags.Bool("strip", true, "strip TensorFlow's libraries and bind their symbols: they are a third smaller, and programs start in 0.4 of the time; =false keeps the names that debuggers and plugins read")
	python := flags.String("python", os.Getenv("PYTHON"), "the Python that has pip (default: $PYTHON, else that of PATH)")
	check := flags.Bool("check", false, "hash every installed file again")
	var to destination
	flags.StringVar(&to.file, "env", "", "write CGO_CFLAGS and CGO_LDFLAGS to this file, as GOENV reads it; its other lines stay")
	flags.BoolVar(&to.goEnv, "go-env", false, "set CGO_CFLAGS and CGO_LDFLAGS with go env -w")
	flags.BoolVar(&to.undo, "go-env-undo", false, "undo -go-env; nothing is installed")
	flags.BoolVar(&to.exports, "exports", false, "print CGO_CFLAGS and CGO_LDFLAGS as a shell's exports, and other lines to stderr")
	list := flags.Bool("list", false, "list the manifest's variants")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "libtensorflow: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	variants, err := libtf.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return fail(stderr, err)
	}
	if *list {
		for _, v := range variants {
			wheels, installed := v.Bytes, v.Installed
			for _, p := range v.RuntimeWheels {
				wheels, installed = wheels+p.Bytes, installed+p.Installed
			}
			fmt.Fprintf(stdout, "%-18s %-24s %d wheels of %4d MB, %4d MB unpacked  %s\n", v.Name, v.Requirement, 1+len(v.RuntimeWheels), wheels/1e6, installed/1e6, v.Status)
		}
		return 0
	}
	own := os.Getenv("LIBTENSORFLOW")
	if *prefix == "" && own == "" {
		if *prefix = defaultPrefix(); *prefix == "" {
			fmt.Fprintln(stderr, noPrefix)
			return 2
		}
	}
	if to.undo {
		settings, err := flagsOf(cmp.Or(own, *prefix))
		if err == nil {
			err = goEnvironment{}.undo(settings)
		}
		if err != nil {
			return fail(stderr, err)
		}
		return 0
	}
	if own != "" {
		found, err := libtf.Inspect(own)
		if err != nil {
			return fail(stderr, err)
		}
		if len(found.Outside) > 0 {
			fmt.Fprintf(stderr, "libtensorflow: %s: the run path of %s leads outside the prefix, and what lies there is loaded first; `libtensorflow -prefix` makes one that does not\n", own, found.Outside[0])
		}
		return to.tell(stdout, stderr, fmt.Sprintf("libtensorflow %s is in %s (LIBTENSORFLOW)", found.Version, own), own)
	}
	options := libtf.Options{Prefix: *prefix, Manifest: variants, Variant: *variant, Wheel: *wheel, Strip: *strip, Python: *python, Log: stderr}
	var bar progress
	if f, isFile := stderr.(*os.File); isFile && term.IsTerminal(int(f.Fd())) {
		options.Progress = bar.show
	}
	changed, err := libtf.Install(ctx, options)
	bar.end(stderr)
	if err == nil && *check {
		err = libtf.Verify(*prefix)
	}
	if err != nil {
		return fail(stderr, err)
	}
	if changed {
		refreshLinker(*prefix, stderr)
	}
	found, err := libtf.Inspect(*prefix)
	if err != nil {
		return fail(stderr, err)
	}
	if i := slices.IndexFunc(variants, func(v libtf.Variant) bool { return v.Name == found.Variant }); i >= 0 && variants[i].Status == "not-run" {
		fmt.Fprintf(stderr, "libtensorflow: %s is pinned and unpacked, but this project has never run it\n", found.Variant)
	}
	return to.tell(stdout, stderr, fmt.Sprintf("libtensorflow %s is in %s", found.Version, *prefix), *prefix)
}

const usage = `Installs libtensorflow, TensorFlow's C library, into a folder, and tells Go where
it is. Where LIBTENSORFLOW=/prefix is set, nothing is installed: that prefix is
checked.

Usage:
  libtensorflow [flags]
  libtensorflow bundle [flags] PROGRAM [FILE…]    one archive to ship; see bundle -h

Exit status:
  0    done
  1    failed
  2    wrong usage
  3    the machine lacks something: pip, the network, space, a place to write to
  130  interrupted

Examples:
  libtensorflow -prefix ~/libtensorflow -go-env
  libtensorflow -prefix /usr/local

Flags:
`

const noPrefix = "libtensorflow: this folder is in no work tree of tfcnn; say where to with -prefix DIR"

// defaultPrefix is the prefix of the work tree of tfcnn that this folder is in, ""
// where it is in none.
func defaultPrefix() string {
	project := libtf.Project(".")
	if project == "" {
		return ""
	}
	return filepath.Join(project, ".libtensorflow")
}

// destination is where the settings of cgo go.
type destination struct {
	file                 string
	goEnv, undo, exports bool
}

// tell prints where libtensorflow is, and tells Go where a flag says so.
func (d destination) tell(stdout, stderr io.Writer, sentence, prefix string) int {
	if !d.exports {
		fmt.Fprintln(stdout, sentence)
	} else {
		fmt.Fprintln(stderr, sentence)
	}
	if err := d.set(stdout, prefix); err != nil {
		return fail(stderr, err)
	}
	if d.goEnv {
		fmt.Fprintln(stderr, "go env -w has set CGO_CFLAGS and CGO_LDFLAGS; make go-env-undo, or -go-env-undo, takes that back")
	}
	return 0
}

func (d destination) set(stdout io.Writer, prefix string) error {
	if d == (destination{}) {
		return nil
	}
	settings, err := flagsOf(prefix)
	if err != nil {
		return err
	}
	if d.file != "" {
		file, err := filepath.Abs(d.file)
		if err == nil {
			err = goEnvironment{file: file}.add(settings)
		}
		if err != nil {
			return err
		}
	}
	if d.goEnv {
		if err := (goEnvironment{}).add(settings); err != nil {
			return err
		}
	}
	if d.exports {
		return printExports(stdout, settings)
	}
	return nil
}

// fail prints the error and chooses the exit status.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, err)
	var missing *libtf.EnvironmentError
	switch {
	case errors.Is(err, context.Canceled):
		return 130
	case errors.As(err, &missing):
		return 3
	}
	return 1
}

// refreshLinker tells the dynamic linker of new libraries in a system folder.
func refreshLinker(prefix string, stderr io.Writer) {
	absolute, err := filepath.Abs(prefix)
	if err != nil || !slices.Contains([]string{"/usr/local", "/usr"}, absolute) {
		return
	}
	if out, err := exec.Command("ldconfig").CombinedOutput(); err != nil {
		fmt.Fprintf(stderr, "libtensorflow: run ldconfig as root before programs look for the library: %v %s\n", err, bytes.TrimSpace(out))
	}
}
