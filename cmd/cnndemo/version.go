package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/process"
)

// Set by the linker where a build knows them (docker/assemble.sh, Makefile).
var version, revision, created string

// build describes this program.
type build struct {
	Version    string `json:"version"`
	Revision   string `json:"revision"`
	Created    string `json:"created"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
	Bindings   string `json:"bindings"`
	Tfgo       string `json:"tfgo"`
	TensorFlow string `json:"tensorflow"`
	CUDA       string `json:"cuda"`
	OneDNN     string `json:"onednn"`
}

func newVersionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of cnndemo, Go and TensorFlow",
		Long: `version prints the version, revision and time of the build, the versions of Go, of
TensorFlow's Go bindings and of tfgo, and the version of the TensorFlow that is
loaded.

` + commandline.ExitStatus("2    wrong usage", "3    the output cannot be written"),
		Example: "  cnndemo version\n  cnndemo version --json",
		Args:    commandline.Arguments(0, 0, "none"),
		RunE: func(c *cobra.Command, _ []string) error {
			b := thisBuild()
			if asJSON {
				return printJSON(c, b)
			}
			b.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func thisBuild() build {
	b := build{
		Version: version, Revision: revision, Created: created,
		Go: strings.TrimPrefix(runtime.Version(), "go"), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		TensorFlow: process.Version(), CUDA: "not built in", OneDNN: "unknown",
	}
	if tensorflow.BuiltWithCUDA() {
		b.CUDA = "built in"
	}
	if on, known := tensorflow.OneDNNInUse(); known {
		b.OneDNN = onOff(&on)
	}
	info, found := debug.ReadBuildInfo()
	if found {
		b.fill(info)
	}
	for _, text := range []*string{&b.Version, &b.Revision, &b.Created, &b.Bindings, &b.Tfgo} {
		if *text == "" {
			*text = "unknown"
		}
	}
	return b
}

// fill enters Go's record of the build.
func (b *build) fill(info *debug.BuildInfo) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if b.Revision == "" && settings["vcs.revision"] != "" {
		b.Revision = settings["vcs.revision"]
		if settings["vcs.modified"] == "true" {
			b.Revision += ", changed since"
		}
	}
	if b.Created == "" {
		b.Created = settings["vcs.time"]
	}
	if b.Version == "" {
		b.Version = strings.Trim(info.Main.Version, "()")
	}
	for _, m := range info.Deps {
		switch m.Path {
		case "github.com/galeone/tensorflow/tensorflow/go":
			b.Bindings = m.Version
		case "github.com/galeone/tfgo":
			b.Tfgo = m.Version
		}
	}
}

func (b build) print(w io.Writer) {
	fmt.Fprintf(w, "cnndemo %s\n", b.Version)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "revision\t%s\ncreated\t%s\n", b.Revision, b.Created)
	fmt.Fprintf(t, "go\t%s %s\n", b.Go, b.Platform)
	fmt.Fprintf(t, "bindings\t%s\ntfgo\t%s\n", b.Bindings, b.Tfgo)
	fmt.Fprintf(t, "TensorFlow\t%s, CUDA %s, oneDNN %s\n", b.TensorFlow, b.CUDA, b.OneDNN)
	t.Flush()
}
