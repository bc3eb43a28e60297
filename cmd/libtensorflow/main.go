// Command installer puts libtensorflow into a folder, from the pinned wheel of
// docker/libtensorflow.manifest.
//
//	go run ./docker/installer                       # into the project's .libtensorflow
//	go run ./docker/installer -prefix /usr/local    # for every compiler and linker
//
// Exit status: 0 done, 1 failed, 2 wrong usage, 3 the machine lacks something,
// 130 interrupted.
package main

import (
	"bytes"
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
	flags := flag.NewFlagSet("installer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Puts libtensorflow into a folder.\n\n  installer [flags]\n  installer -prefix /usr/local\n\nWith LIBTENSORFLOW=/prefix set nothing is installed: that prefix is checked.\n\n")
		flags.PrintDefaults()
	}
	prefix := flags.String("prefix", "", "the folder: lib, include and share go below it (default: the project's .libtensorflow)")
	variant := flags.String("variant", "", "a line of the manifest (default: the one that is there, else this platform's for the CPU)")
	wheel := flags.String("wheel", "", "take this wheel, or the wheels in this folder, do not download; they must be the pinned ones")
	strip := flags.Bool("strip", true, "strip TensorFlow's libraries and bind their symbols: a third smaller, and programs start in 0.4 of the time; =false keeps them, with the names that debuggers and plugins want")
	python := flags.String("python", os.Getenv("PYTHON"), "the Python that has pip (default: $PYTHON, else what PATH has)")
	check := flags.Bool("check", false, "hash every installed file again")
	list := flags.Bool("list", false, "list the manifest's variants")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "installer: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	variants, err := libtf.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return fail(stderr, err)
	}
	if *list {
		for _, v := range variants {
			wheels, installed := v.Bytes, v.Installed
			for _, p := range v.Companions {
				wheels, installed = wheels+p.Bytes, installed+p.Installed
			}
			fmt.Fprintf(stdout, "%-18s %-24s %d wheels of %4d MB, %4d MB unpacked  %s\n", v.Name, v.Requirement, 1+len(v.Companions), wheels/1e6, installed/1e6, v.Status)
		}
		return 0
	}
	if own := os.Getenv("LIBTENSORFLOW"); own != "" {
		found, err := libtf.Inspect(own)
		if err != nil {
			return fail(stderr, err)
		}
		if len(found.Outside) > 0 {
			fmt.Fprintf(stderr, "installer: %s: the run path of %s leads outside the prefix, and what lies there is loaded first; `installer -prefix` makes one that does not\n", own, found.Outside[0])
		}
		fmt.Fprintf(stdout, "libtensorflow %s is in %s (LIBTENSORFLOW)\n", found.Version, own)
		return 0
	}
	if *prefix == "" {
		project := libtf.Project(".")
		if project == "" {
			fmt.Fprintln(stderr, "installer: this folder is in no work tree of tfcnn; say where to with -prefix DIR")
			return 2
		}
		*prefix = filepath.Join(project, ".libtensorflow")
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
		fmt.Fprintf(stderr, "installer: %s is pinned and unpacked, but this project has never run it\n", found.Variant)
	}
	fmt.Fprintf(stdout, "libtensorflow %s is in %s\n", found.Version, *prefix)
	return 0
}

// fail prints the error and chooses the exit status.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, err)
	var lacks *libtf.EnvironmentError
	switch {
	case errors.Is(err, context.Canceled):
		return 130
	case errors.As(err, &lacks):
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
		fmt.Fprintf(stderr, "installer: run ldconfig as root before programs look for the library: %v %s\n", err, bytes.TrimSpace(out))
	}
}
