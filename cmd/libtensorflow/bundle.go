package main

import (
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tfcnn/docker/libtf"
)

const bundleUsage = `Writes one archive with a program, libtensorflow and the licences. On a machine
with glibc and libstdc++, the unpacked NAME/bin/PROGRAM runs in any folder.

Usage:
  libtensorflow bundle [flags] PROGRAM [FILE…]

The files go into share; the licences of the program's own code belong there.
The exit statuses are those of libtensorflow.

Example:
  libtensorflow bundle -prefix ~/libtensorflow -o classify.tar.gz classify LICENSE

Flags:
`

// bundle is the command that writes a program and libtensorflow as one archive.
func bundle(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bundle", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, bundleUsage)
		flags.PrintDefaults()
	}
	prefix := flags.String("prefix", os.Getenv("LIBTENSORFLOW"), "where libtensorflow is installed (default: $LIBTENSORFLOW, else the project's .libtensorflow)")
	out := flags.String("o", "", "the archive, FILE.tar or FILE.tar.gz (default: PROGRAM.tar.gz in this folder)")
	name := flags.String("name", "", "the archive's one folder (default: the program's name)")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(stderr, "libtensorflow: bundle: got no program, want one; see `libtensorflow bundle -h`")
		return 2
	}
	program := flags.Arg(0)
	if *out == "" {
		*out = filepath.Base(program) + ".tar.gz"
	}
	compressed := strings.HasSuffix(*out, ".tar.gz")
	if !compressed && !strings.HasSuffix(*out, ".tar") {
		fmt.Fprintf(stderr, "libtensorflow: bundle: -o: got %.200q, want a name that ends in .tar or .tar.gz\n", *out)
		return 2
	}
	if *prefix == "" {
		*prefix = defaultPrefix()
	}
	if *prefix == "" {
		fmt.Fprintln(stderr, noPrefix)
		return 2
	}
	b := libtf.Bundle{Name: *name, Program: program, Prefix: *prefix, Files: flags.Args()[1:]}
	size, err := writeWhole(*out, func(w io.Writer) error {
		if !compressed {
			return b.Write(ctx, w)
		}
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // of 530 MB
		if err != nil {
			return err
		}
		return errors.Join(b.Write(ctx, z), z.Close())
	})
	if err != nil {
		return fail(stderr, err)
	}
	fmt.Fprintf(stdout, "%s: %d MB\n", *out, size/1e6)
	return 0
}

// writeWhole writes a file under a temporary name, and gives it its own when
// everything is on the disk.
func writeWhole(name string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return 0, fmt.Errorf("libtensorflow: %w", err)
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return 0, fmt.Errorf("libtensorflow: %w", err)
	}
	return info.Size(), nil
}
