// Command sbom writes the Docker image's bill of materials, in CycloneDX's JSON: the
// Go modules that the programs were built of, TensorFlow's library with what is
// inside it and NVIDIA's libraries, each with its wheel's hash, and the base
// image with its Debian packages.
//
//	sbom -root / -base debian:bookworm-slim -prefix /opt/tfcnn -program /opt/tfcnn/bin/cnndemo > sbom.cdx.json
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var image contents
	flags.StringVar(&image.root, "root", "/", "the base image's root, for its Debian packages")
	flags.StringVar(&image.base, "base", "", "the base image, as NAME:TAG or NAME@sha256:…")
	flags.StringVar(&image.prefix, "prefix", "", "where libtensorflow was installed")
	flags.StringVar(&image.version, "version", "unknown", "tfcnn's version")
	flags.Func("program", "a Go program in the image (repeatable)", func(path string) error {
		image.programs = append(image.programs, path)
		return nil
	})
	created := flags.String("created", "", "when, as 2026-11-23T17:00:00Z (default: now)")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if *created == "" {
		*created = time.Now().UTC().Format(time.RFC3339)
	}
	bom, err := image.bill(*created)
	if err == nil {
		encoder := cyclonedx.NewBOMEncoder(stdout, cyclonedx.BOMFileFormatJSON)
		encoder.SetPretty(true)
		err = encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	}
	if err != nil {
		fmt.Fprintf(stderr, "sbom: %v\n", err)
		return 1
	}
	return 0
}
