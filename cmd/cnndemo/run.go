package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tfcnn/cmd/cnndemo/internal/commandline"
	"tfcnn/cmd/cnndemo/internal/report"
	"tfcnn/graph"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/session/images"
	"tfcnn/session/process"
)

// runFlags are the flags of cnndemo run.
type runFlags struct {
	net                  netFlags
	seed                 uint64
	maps                 commandline.Layers
	filters              []string
	stride, dilation     commandline.Size
	padding              commandline.Padding
	pool                 string
	poolSize, poolStride commandline.Size
	poolPadding          commandline.Padding
	chain                bool
	resize               commandline.Size
	resizeMethod         string
	background           commandline.Colour
	maxPixels            int
	ignoreOrientation    bool
	trusted              bool
	device               string
	threads              int
	tf32                 bool
	out                  string
	asJSON, noVerify     bool
	stdout, stderr       io.Writer
	options              map[string]string // all flags, as text
	command              string
	changed              []string
}

func newRunCommand() *cobra.Command { return runCommand(new(runFlags)) }

// runCommand is the command that reads its flags into f.
func runCommand(f *runFlags) *cobra.Command {
	*f = runFlags{
		stride: commandline.Size(graph.Square(2)), dilation: commandline.Size(graph.Square(1)), padding: commandline.Padding(graph.Same),
		poolSize: commandline.Size(graph.Square(2)), poolPadding: commandline.Padding(graph.Valid), background: commandline.Colour{255, 255, 255},
	}
	c := &cobra.Command{
		Use:   "run [images or folders…]",
		Short: "Run a network over images, verify its numbers, and write its outputs",
		Long: `run decodes JPEG and PNG images, applies a network to them in TensorFlow, and
compares each number of each layer with a reference, within a computed error
bound. Without arguments run takes scikit-learn's two sample images; of a folder
it takes the files whose names end in .jpg, .jpeg or .png.

--net NET names the network: a ready one (cnndemo nets lists them) or a JSON file.
Its weights are read from --weights, or drawn from --seed. Images are resized to
the network's input; where the network's height and width are free, images keep
their sizes. Without --net the network has two layers, which both read the image:
a convolution with one or more filters (two line filters, unless --filter names
others) and a pool. The flags from --filter to --chain change these two layers.

The output folder gets
  LAYER.npy              the numbers of each of the network's outputs, or of the
                         layers that --maps names (LAYER-HEIGHTxWIDTH.npy, where
                         the images have several sizes)
  IMAGE-LAYER-MAP.png    each map of these layers; a pool of a colour image is a
                         colour image, IMAGE-LAYER.png
  report.json            shapes, verdicts, times and checksums
  report.html            the same as one page, which loads nothing

` + commandline.ExitStatus(
			"1    a number lies outside its bound, or an image cannot be used; the outputs of",
			"     the other images are written",
			"2    wrong usage: a wrong flag, or a filter, a network or weights that are unknown",
			"     or wrong",
			"3    the machine lacks memory, the device, or a place to write to"),
		Example: `  cnndemo run
  cnndemo run holiday/ --filter sobel-x --filter sobel-y --stride 1 --out maps
  cnndemo run cat.png --chain --pool avg --json
  cnndemo run cat.png --net lenet5 --maps c1,s2
  cnndemo run --net my-net.json --weights my-net.npz holiday/`,
		RunE: func(c *cobra.Command, arguments []string) error {
			f.stdout, f.stderr = c.OutOrStdout(), c.ErrOrStderr()
			if err := cmp.Or(
				commandline.Needs(c, "resize", "resize-method"), commandline.Needs(c, "net", "weights", "seed"), commandline.Excludes(c, "weights", "seed"),
				commandline.Excludes(c, "net", "filter", "stride", "padding", "dilation", "pool", "pool-size", "pool-stride", "pool-padding", "chain"),
			); err != nil {
				return err
			}
			f.options = map[string]string{}
			c.Flags().VisitAll(func(flag *pflag.Flag) {
				if flag.Name != "help" {
					f.options[flag.Name] = flag.Value.String()
				}
			})
			f.command, f.changed = commandline.Repeat(c, arguments)
			return f.run(c.Context(), arguments)
		},
	}
	flags := c.Flags()
	f.net.flags(c)
	flags.Uint64Var(&f.seed, "seed", 1, "with --net: the seed of fresh weights")
	flags.Var(&f.maps, "maps", "the layers whose outputs are written, repeatable (default: the network's outputs)")
	flags.StringArrayVar(&f.filters, "filter", []string{"vertical", "horizontal"}, strings.Join(filterNames(), ", ")+", or FILE.npy (repeatable)")
	flags.Var(&f.stride, "stride", "the convolution's stride")
	flags.Var(&f.padding, "padding", "the convolution's padding: same, valid, or TOP,BOTTOM,LEFT,RIGHT")
	flags.Var(&f.dilation, "dilation", "the convolution's dilation")
	flags.StringVar(&f.pool, "pool", "max", "max or avg")
	flags.Var(&f.poolSize, "pool-size", "the pool's window")
	flags.Var(&f.poolStride, "pool-stride", "the pool's stride (default: its window)")
	flags.Var(&f.poolPadding, "pool-padding", "the pool's padding: same, valid, or TOP,BOTTOM,LEFT,RIGHT")
	flags.BoolVar(&f.chain, "chain", false, "let the pool read the feature maps instead of the image")
	flags.Var(&f.resize, "resize", "resize all images to HxW")
	flags.StringVar(&f.resizeMethod, "resize-method", images.Methods[0], strings.Join(images.Methods, ", "))
	flags.Var(&f.background, "background", "the colour behind transparent pixels")
	flags.IntVar(&f.maxPixels, "max-pixels", images.DefaultMaxPixels, "refuse images that declare more pixels")
	flags.BoolVar(&f.ignoreOrientation, "no-orientation", false, "do not turn images as their EXIF orientation says")
	flags.BoolVar(&f.trusted, "trusted", false, "do not look for damage in JPEG files, which saves a third of the time of decoding")
	flags.StringVar(&f.device, "device", "auto", "auto, cpu, gpu or gpu:N")
	flags.BoolVar(&f.tf32, "tf32", false, "let a GPU use factors of 11 bits (TF32), as TensorFlow does by default, and widen the bounds")
	flags.IntVar(&f.threads, "threads", 0, "the number of TensorFlow's threads (default: one a core)")
	flags.StringVar(&f.out, "out", "out", "the output folder")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	flags.BoolVar(&f.noVerify, "no-verify", false, "do not compare the outputs with the reference")
	commandline.UseRule(c, commandline.Seed, "seed")
	commandline.UseRule(c, filterRule, "filter")
	commandline.UseRule(c, commandline.OneOf("max", "avg"), "pool")
	commandline.UseRule(c, commandline.OneOf(images.Methods...), "resize-method")
	commandline.UseRule(c, commandline.WholeNumber(1, math.MaxInt), "max-pixels")
	commandline.UseRule(c, commandline.WholeNumber(0, math.MaxInt), "threads")
	commandline.UseRule(c, commandline.Device, "device")
	commandline.UseRule(c, commandline.Folder, "out")
	return c
}

func (f runFlags) run(ctx context.Context, arguments []string) error {
	start := time.Now()
	boundHeap(0.8)
	j, err := newJob(f)
	if err != nil {
		return err
	}
	if err := process.Configure(process.Options{IntraOpThreads: f.threads, InterOpThreads: f.threads, NoTF32: !f.tf32, NoWinograd: true}); err != nil {
		return &exitError{exitUsage, err}
	}
	sources, refused, notes := findSources(arguments)
	j.report.Refused = refused
	j.report.Notes = append(j.report.Notes, notes...)
	if note := containerNote(f.out); note != "" {
		j.report.Notes = append(j.report.Notes, note)
	}
	j.report.Options, j.report.Command, j.report.Changed = f.options, f.command, f.changed

	var done func()
	j.set, done = newSet(ctx)
	defer done()
	j.set.AddInputs(f.filters...)
	j.set.AddInputs(f.net.net, f.net.weights)
	if len(arguments) > 0 {
		for _, s := range sources {
			j.set.AddInputs(s.name)
		}
	}
	if j.folder, err = j.set.Folder(f.out); err != nil {
		return &exitError{exitEnvironment, folderError(f.out, err)}
	}
	j.pngs = newUniqueNames(j.folder.NameLimit() - len(pngEnding))
	j.numbers = newUniqueNames(j.folder.NameLimit() - len(npyEnding))
	if err := j.runSources(ctx, sources); err != nil {
		return err
	}
	if len(j.report.Sizes) == 0 {
		j.printRefused()
		status := exitCheck
		if j.outOfMemory > 0 {
			status = exitEnvironment
		}
		return exitErrorf(status, "run: no image could be processed, nothing was written")
	}
	j.report.Seconds.Total = time.Since(start).Seconds()
	if err := j.finish(); err != nil {
		return outputError("run", err)
	}
	return j.conclude()
}

// conclude prints the report and chooses the exit status.
func (j *job) conclude() error {
	if j.asJSON {
		if err := writeJSON(j.stdout, j.report); err != nil {
			return exitErrorf(exitCheck, "print JSON: %w", err)
		}
	} else {
		j.print()
	}
	j.printRefused()
	switch {
	case j.report.Status == string(proof.Fail):
		return exitErrorf(exitCheck, "run: a result lies outside its bound")
	case j.report.Status == string(proof.NotHeld):
		return exitErrorf(exitCheck, "run: no bound is known for numbers of a result, which were not compared")
	case j.report.Status == string(proof.Nothing):
		return exitErrorf(exitCheck, "run: the check of a result proves nothing: no number of it was compared")
	case j.outOfMemory > 0:
		return exitErrorf(exitEnvironment, "run: not enough memory for %d of the named images", j.outOfMemory)
	case len(j.report.Refused) > 0:
		return exitErrorf(exitCheck, "run: %d of the named images were not processed", len(j.report.Refused))
	}
	return nil
}

func (j *job) printRefused() {
	for _, r := range j.report.Refused {
		fmt.Fprintf(j.stderr, "cnndemo: %s: %s\n", quote.Plain(r.Image), quote.Text(r.Reason, mostErrorBytes))
	}
}

// print is the table for people.
func (j *job) print() {
	fmt.Fprintf(j.stdout, "TensorFlow %s on %s%s\n", j.report.TensorFlow, j.report.Device, precisionNote(j.report.Precision))
	for _, note := range j.report.Notes {
		fmt.Fprintf(j.stdout, "note: %s\n", quote.Text(note, mostErrorBytes))
	}
	w := tabwriter.NewWriter(j.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\treads\tinput\toutput\tpadding\tlargest error\tbound\tverdict")
	for _, size := range j.report.Sizes {
		for _, op := range size.Ops {
			largest, bound, verdict := "-", "-", "not verified"
			if v := op.Verdict; v != nil {
				largest, bound, verdict = fmt.Sprintf("%.3g", v.MaxError), fmt.Sprintf("%.3g", v.Bound), string(v.Status)
				if v.NaN > 0 && v.Status != proof.Nothing {
					verdict += fmt.Sprintf(", %d NaN", v.NaN)
				}
				if v.Exact == v.Elements && v.Status == proof.Pass {
					verdict += ", exact"
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", op.Layer, op.Reads, shapeText(op.Input), shapeText(op.Output), describePadding(op), largest, bound, verdict)
		}
	}
	w.Flush()
	for _, size := range j.report.Sizes {
		for _, op := range size.Ops {
			if op.Verdict != nil && !op.Verdict.OK() {
				fmt.Fprintf(j.stdout, "%s: %v\n", op.Layer, op.Verdict)
			}
		}
	}
	files := 0
	for _, size := range j.report.Sizes {
		files += len(size.Files)
	}
	s := j.report.Seconds
	fmt.Fprintf(j.stdout, "%d files, report.json and report.html in %s; decode %.0f ms, open %.0f, run %.0f, check %.0f, in all %.0f\n",
		files, quote.Plain(j.out), s.Decode*1e3, s.Open*1e3, s.Run*1e3, s.Check*1e3, s.Total*1e3)
}

// precisionNote is the precision where it is not the plain one.
func precisionNote(precision string) string {
	if precision == "float32" {
		return ""
	}
	return ": " + precision
}

func shapeText(shape []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", "×"), "[]")
}

// describePadding names the padding, with the rows and columns that it adds or leaves
// unread.
func describePadding(op report.Op) string {
	text := cmp.Or(op.Padding, "-")
	if op.Padded != ([4]int{}) && !strings.HasPrefix(text, "[") {
		text += fmt.Sprintf(" %d,%d,%d,%d", op.Padded[0], op.Padded[1], op.Padded[2], op.Padded[3])
	}
	for i, what := range []string{"row", "column"} {
		switch n := op.Unread[i]; {
		case n == 1:
			text += fmt.Sprintf(", 1 %s unread", what)
		case n > 1:
			text += fmt.Sprintf(", %d %ss unread", n, what)
		}
	}
	return text
}
