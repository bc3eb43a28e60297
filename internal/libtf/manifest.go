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
	"regexp"
	"strconv"
	"strings"
)

// Variant is one line of the manifest: a wheel for one platform.
type Variant struct {
	Name        string // as linux-amd64-cpu: GOOS, GOARCH and cpu or cuda
	Requirement string // as tensorflow-cpu==2.21.0
	Python      string // pip's --python-version, as 311
	ABI         string // pip's --abi, as cp311
	Platform    string // pip's --platform
	Wheel       string // file name
	SHA256      string
	Bytes       int64 // of the wheel
	Installed   int64 // of the files taken out of it
	Status      string
}

// Version is the requirement's version.
func (v Variant) Version() string {
	_, version, _ := strings.Cut(v.Requirement, "==")
	return version
}

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseManifest reads a manifest: a line per variant, its fields between
// spaces in the order of Variant's, # before a comment.
func ParseManifest(r io.Reader) ([]Variant, error) {
	var variants []Variant
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		fail := func(format string, arguments ...any) ([]Variant, error) {
			return nil, fmt.Errorf("libtf: manifest line %d: %s", n, fmt.Sprintf(format, arguments...))
		}
		if len(f) != 10 {
			return fail("got %d fields, want 10", len(f))
		}
		v := Variant{Name: f[0], Requirement: f[1], Python: f[2], ABI: f[3], Platform: f[4], Wheel: f[5], SHA256: f[6], Status: f[9]}
		if v.Version() == "" {
			return fail("%q is not pinned, want NAME==VERSION", v.Requirement)
		}
		if !sha256Text.MatchString(v.SHA256) {
			return fail("%q is no sha256", v.SHA256)
		}
		if v.Status != "run" && v.Status != "not-run" {
			return fail("status is %q, want run or not-run", v.Status)
		}
		var err error
		if v.Bytes, err = strconv.ParseInt(f[7], 10, 64); err != nil {
			return fail("%q is no number of bytes", f[7])
		}
		if v.Installed, err = strconv.ParseInt(f[8], 10, 64); err != nil {
			return fail("%q is no number of bytes", f[8])
		}
		variants = append(variants, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("libtf: manifest: %w", err)
	}
	if len(variants) == 0 {
		return nil, errors.New("libtf: manifest has no variant")
	}
	return variants, nil
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
	return Variant{}, lacking("no libtensorflow is pinned for %s, known are %s; use one of your own with LIBTENSORFLOW=/prefix", name, strings.Join(known, ", "))
}

// EnvironmentError is the error of a machine that lacks something; its text
// names the fix.
type EnvironmentError struct{ text string }

// Error is one line.
func (e *EnvironmentError) Error() string { return "libtf: " + e.text }

func lacking(format string, arguments ...any) error {
	return &EnvironmentError{fmt.Sprintf(format, arguments...)}
}
