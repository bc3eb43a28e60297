package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/machine"
	"tfcnn/internal/output"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/certificate"
	"tfcnn/internal/quote"
)

// certificates is the certificate that verify net writes and the one that it compares
// with; there may be one, both, or none.
type certificates struct {
	write, against string
	equalBits      bool

	old    certificate.Certificate
	inputs certificate.Inputs
	file   *output.File // nil without --certificate
}

func (f *certificates) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.write, "certificate", "", "write to this file what was compared, on which machine and with which verdicts")
	c.Flags().StringVar(&f.against, "against", "", "compare the verification with this certificate, which --certificate wrote")
	c.Flags().BoolVar(&f.equalBits, "equal-bits", false, "with --against: bits that differ are a failure, within the bound too")
	commandline.UseRule(c, commandline.File, "certificate", "against")
}

// wanted reports whether a certificate is written or read.
func (f *certificates) wanted() bool { return f.file != nil || f.against != "" }

// claim adds the file to be written to the outputs.
func (f *certificates) claim(c *cobra.Command, set *output.Set) error {
	var err error
	if f.file, err = outputFlag(c, set, "certificate", f.write); err != nil {
		return err
	}
	if f.against != "" && (f.file == nil || !f.file.SameFile(f.against)) {
		set.AddInputs(f.against) // one file is read first and replaced at the end
	}
	return nil
}

// read reads the certificate of --against, before anything is computed.
func (f *certificates) read() error {
	if f.against == "" {
		return nil
	}
	text, err := readInput(f.against, certificate.MaxBytes)
	if err == nil {
		f.old, err = certificate.Read(f.against, text)
	} else {
		err = fmt.Errorf("certificate: %w", err)
	}
	if err != nil {
		return exitErrorf(exitUsage, "verify net: %w", err)
	}
	return nil
}

// enter hashes the network, the weights and the images, and refuses inputs that are not
// those of the certificate of --against.
func (f *certificates) enter(result netResult, weights graph.Weights, batch tensor.Tensor) error {
	if !f.wanted() {
		return nil
	}
	for _, input := range []struct {
		into  *certificate.Input
		from  string
		write func(io.Writer) error
	}{
		{&f.inputs.Network, result.Network, func(w io.Writer) error { return graph.WriteNetwork(w, result.value) }},
		{&f.inputs.Weights, result.Weights, weights.WriteNPZ},
		{&f.inputs.Images, result.From, batch.WriteNPY},
	} {
		sum, err := proof.FileDigest(input.write)
		if err != nil {
			return exitErrorf(exitCheck, "verify net: certificate: %w", err)
		}
		*input.into = certificate.Input{From: input.from, SHA256: sum}
	}
	if f.against == "" {
		return nil
	}
	var texts []string
	for _, d := range f.inputs.Differences(f.old.Inputs) {
		texts = append(texts, fmt.Sprintf("%s: got %s, want %s", d.What, quote.Text(d.Is, mostErrorBytes), quote.Text(d.Was, mostErrorBytes)))
	}
	if len(texts) > 0 {
		return exitErrorf(exitCheck, "verify net: certificate %s is of other inputs: %s", quote.Plain(f.against), strings.Join(texts, "; "))
	}
	return nil
}

// finish writes the certificate of a result and compares it with that of --against.
func (f *certificates) finish(c *cobra.Command, to *verifyFlags, result netResult) (*baseline.Comparison, error) {
	if !f.wanted() {
		return nil, nil
	}
	libraries, err := loadedLibraries(c.Context())
	if err != nil {
		return nil, exitErrorf(exitEnvironment, "verify net: certificate: %w", err)
	}
	made, program := thisMachine(result.Device), thisBuild()
	now := certificate.Certificate{
		Program: certificate.Program{Version: program.Version, Revision: program.Revision},
		Seed:    to.seed, Inputs: f.inputs, Checks: result.checks(),
		Machine: certificate.Machine{
			TensorFlow: made.TensorFlow, Libraries: libraries, Device: made.Device, Precision: result.Precision, OneDNN: made.OneDNN,
			Processor: made.Processor, Features: append([]string{}, made.Features...), Threads: made.Threads,
			Executor: result.Executor, Compute: string(graph.Float32),
		},
		Kernels: []certificate.Kernel{},
	}
	now.Command, _ = commandline.Repeat(c, c.Flags().Args(), "certificate", "against", "equal-bits", "junit", "html", "json")
	for _, k := range result.Nodes {
		now.Kernels = append(now.Kernels, certificate.Kernel(k))
	}
	now.Complete()
	if f.file != nil {
		if err := f.file.Write(now.Write); err != nil {
			return nil, outputError("verify", err)
		}
	}
	if f.against == "" {
		return nil, nil
	}
	return now.Against(f.against, f.old, f.equalBits), nil
}

// checks lists the comparisons of a result.
func (r netResult) checks() []certificate.Check {
	var list []certificate.Check
	for _, l := range r.Layers {
		list = append(list, certificate.Check{
			Kind: certificate.Layer, Layers: []string{l.Layer}, Name: l.Kind, Images: r.Images, SHA256: l.SHA256, Verdict: l.Verdict,
		})
	}
	for _, l := range r.Chains {
		list = append(list, certificate.Check{
			Kind: certificate.Chain, Layers: l.Layers, Images: r.Images, SHA256: l.SHA256, Verdict: l.Verdict,
		})
	}
	for _, run := range r.Runs {
		list = append(list, certificate.Check{
			Kind: certificate.Run, Layers: run.Outputs, Name: run.Call, Session: run.Session, Images: run.Images, EqualBits: run.EqualBits, Verdict: run.Verdict,
		})
	}
	for _, p := range r.Probes {
		list = append(list, certificate.Check{
			Kind: certificate.Probe, Layers: p.Layers, Name: p.Kind, Session: p.Session, Images: p.Images, Rounding: p.Rounding, Alike: p.Alike, Verdict: p.Verdict,
		})
	}
	return list
}

// loadedLibraries returns the files of libtensorflow that this process runs on.
func loadedLibraries(ctx context.Context) ([]certificate.Library, error) {
	paths, err := machine.This("").MappedFiles("libtensorflow")
	if err != nil {
		return nil, err
	}
	list := []certificate.Library{}
	for _, path := range paths {
		sum, err := hashFile(ctx, path)
		if err != nil {
			return nil, err
		}
		list = append(list, certificate.Library{Name: filepath.Base(path), SHA256: sum})
	}
	return list, nil
}

// hashFile returns the sha256 of a file.
func hashFile(ctx context.Context, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &canceledReader{ctx, file}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// canceledReader reads until ctx is done.
type canceledReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *canceledReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
