// Package libtf takes libtensorflow out of a pinned Python wheel and puts it
// into a prefix, whole or not at all.
//
//	err := libtf.Install(ctx, libtf.Options{Prefix: ".libtensorflow", Manifest: manifest})
//
// TensorFlow's own C tarballs are made for few platforms and are no package of
// any registry; the wheel that pip serves carries the same C API. Exactly the
// libraries, the headers and the licences are taken; Python is needed to
// download, not to run. Nothing here needs cgo.
package libtf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Variant is libtensorflow for one platform: its wheel, and those of the
// libraries that it opens at run time.
type Variant struct {
	Name string // as linux-amd64-cpu: GOOS, GOARCH and cpu or cuda
	Pin
	Status        string
	RuntimeWheels []Pin // NVIDIA's, for CUDA
}

// Pin is one wheel.
type Pin struct {
	Requirement string // as tensorflow-cpu==2.21.0
	Python      string // pip's --python-version, as 311
	ABI         string // pip's --abi, as cp311
	Platform    string // pip's --platform
	Wheel       string // file name
	SHA256      string
	Bytes       int64 // of the wheel
	Installed   int64 // of the files taken out of it, as they are in it
	// Libraries are the files that are taken out of a runtime wheel, by their
	// names; what else is in it is left out.
	Libraries []string
}

// Version is the requirement's version.
func (p Pin) Version() string {
	_, version, _ := strings.Cut(p.Requirement, "==")
	return version
}

// bytes is the room that all of a variant needs while it is installed: for its
// files, and for a wheel beside them or a library that is written anew.
func (v Variant) bytes(download, strip bool) int64 {
	beside, sum := int64(0), int64(0)
	for _, p := range v.pins() {
		if sum += p.Installed; download {
			beside = max(beside, p.Bytes)
		}
	}
	if strip {
		beside = max(beside, v.Installed)
	}
	return sum + beside
}

// pins are all wheels of the variant, libtensorflow's first.
func (v Variant) pins() []Pin { return append([]Pin{v.Pin}, v.RuntimeWheels...) }

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseManifest reads a manifest: a line per variant, its fields between
// spaces in the order of Variant's and Pin's, # before a comment. A line whose
// name begins with + is a runtime wheel of that variant; in the place of the
// status it has the names of its libraries, with commas between them.
func ParseManifest(r io.Reader) ([]Variant, error) {
	var variants []Variant
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		if err := addLine(&variants, f); err != nil {
			return nil, fmt.Errorf("libtf: manifest line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("libtf: manifest: %w", err)
	}
	if len(variants) == 0 {
		return nil, errors.New("libtf: manifest has no variant")
	}
	return variants, nil
}

// addLine adds a line's fields to the variants before it.
func addLine(variants *[]Variant, f []string) error {
	if len(f) != 10 {
		return fmt.Errorf("got %d fields, want 10", len(f))
	}
	p := Pin{Requirement: f[1], Python: f[2], ABI: f[3], Platform: f[4], Wheel: f[5], SHA256: f[6]}
	if p.Version() == "" {
		return fmt.Errorf("%.80q is not pinned, want NAME==VERSION", p.Requirement)
	}
	if !sha256Text.MatchString(p.SHA256) {
		return fmt.Errorf("%.80q is no sha256", p.SHA256)
	}
	if filepath.Base(p.Wheel) != p.Wheel || !filepath.IsLocal(p.Wheel) {
		return fmt.Errorf("%.80q is no file name of a wheel", p.Wheel)
	}
	for i, number := range []*int64{&p.Bytes, &p.Installed} {
		var err error
		if *number, err = strconv.ParseInt(f[7+i], 10, 50); err != nil || *number < 0 {
			return fmt.Errorf("%.80q is no number of bytes", f[7+i])
		}
	}
	name, runtime := strings.CutPrefix(f[0], "+")
	i := slices.IndexFunc(*variants, func(v Variant) bool { return v.Name == name })
	switch {
	case runtime && i < 0:
		return fmt.Errorf("no variant %.80q before its runtime wheel", name)
	case runtime:
		p.Libraries = strings.Split(f[9], ",")
		(*variants)[i].RuntimeWheels = append((*variants)[i].RuntimeWheels, p)
		return nil
	case i >= 0:
		return fmt.Errorf("variant %.80q is there twice", name)
	case f[9] != "run" && f[9] != "not-run":
		return fmt.Errorf("status is %.80q, want run or not-run", f[9])
	}
	*variants = append(*variants, Variant{Name: name, Pin: p, Status: f[9]})
	return nil
}

// choose finds a variant by name.
func choose(variants []Variant, name string) (Variant, error) {
	var known []string
	for _, v := range variants {
		if v.Name == name {
			return v, nil
		}
		known = append(known, v.Name)
	}
	return Variant{}, environmentErrorf("no libtensorflow is pinned for %s, known are %s; use one of your own with LIBTENSORFLOW=/prefix", name, strings.Join(known, ", "))
}

// EnvironmentError is the error of a machine that lacks something; its text
// names the fix.
type EnvironmentError struct{ text string }

// Error is one line.
func (e *EnvironmentError) Error() string { return "libtf: " + e.text }

// Reason is the error's text without the package, for lists of facts.
func (e *EnvironmentError) Reason() string { return e.text }

func environmentErrorf(format string, arguments ...any) error {
	return &EnvironmentError{fmt.Sprintf(format, arguments...)}
}
