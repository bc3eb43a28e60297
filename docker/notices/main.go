// Command notices writes the second part of NOTICE: the licence texts of all
// code that the project's programs are linked with, as `go list` names their
// packages.
//
//	notices FILE    # replaces what follows FILE's line of dashes; make notices
//
// A package's texts are the licence files of its folder and of those above it,
// up to its module's. A module without a text that is known as a licence is an
// error.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// programs are the commands that the project ships.
var programs = []string{"tfcnn/cmd/cnndemo", "tfcnn/cmd/doctor", "tfcnn/cmd/libtensorflow", "tfcnn/docker/launcher"}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: notices FILE")
		os.Exit(2)
	}
	if err := update(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "notices: %v\n", err)
		os.Exit(1)
	}
}

// divider ends the part of NOTICE that is written by hand.
const divider = "--------------------------------------------------------------------------------\n"

func update(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err = rewrite(text)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// rewrite returns a NOTICE with the same first part.
func rewrite(notice []byte) ([]byte, error) {
	first, _, found := bytes.Cut(notice, []byte(divider))
	if !found {
		return nil, errors.New("the file has no line of 80 dashes, behind which the texts go")
	}
	packages, err := linked(programs)
	if err != nil {
		return nil, err
	}
	modules, err := licences(packages)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(first)
	out.WriteString(divider)
	write(&out, modules)
	return out.Bytes(), nil
}

// listed is what `go list` says of a package.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// linked lists the packages that programs are built of.
func linked(programs []string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,Module"}, programs...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var list []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, p)
	}
}

// module is a module's texts, by their paths in it.
type module struct {
	name  string // path and version
	texts map[string]string
	ids   map[string]bool // of the licences, as SPDX names them
}

// licenceFile matches the names of files with a licence, or with what one asks
// to be passed on.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents|unlicense)([-_.].*)?$`)

// licences collects the texts of the packages' modules, in the order of their
// names. The project's own licence is in LICENSE.
func licences(packages []listed) ([]module, error) {
	found := map[string]*module{}
	for _, p := range packages {
		name, root := "Go's runtime and standard library", ""
		switch {
		case p.Standard:
			root = goRoot(p.Dir)
		case p.Module == nil:
			return nil, fmt.Errorf("%s is of no module", p.ImportPath)
		case p.Module.Main:
			continue
		default:
			name, root = p.Module.Path+" "+p.Module.Version, p.Module.Dir
		}
		m := found[name]
		if m == nil {
			m = &module{name: name, texts: map[string]string{}, ids: map[string]bool{}}
			found[name] = m
		}
		if p.ImportPath == "unsafe" && p.Dir == "" { // has no files
			continue
		}
		for dir := p.Dir; ; dir = filepath.Dir(dir) {
			if err := m.take(root, dir); err != nil {
				return nil, err
			}
			if dir == root || dir == filepath.Dir(dir) {
				break
			}
		}
	}
	var list []module
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if len(found[name].ids) == 0 {
			return nil, fmt.Errorf("%s has no text that is known as a licence", name)
		}
		list = append(list, *found[name])
	}
	return list, nil
}

// goRoot is the folder above a standard package's src.
func goRoot(dir string) string {
	before, _, _ := strings.Cut(filepath.ToSlash(dir), "/src/")
	return filepath.FromSlash(before)
}

// take adds the licence files of a folder.
func (m *module) take(root, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		m.texts[filepath.ToSlash(name)] = strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
		// A text that only speaks of a licence is not one.
		if scan := licensecheck.Scan(text); scan.Percent >= 50 {
			for _, match := range scan.Match {
				m.ids[match.ID] = true
			}
		}
	}
	return nil
}

// write lists the modules, and each text once, under the names of all that
// have it.
func write(out io.Writer, modules []module) {
	fmt.Fprint(out, "\nWhat the programs are linked with, by module, and below it the texts that its\nlicences ask for. `make notices` writes this part.\n\n")
	owners := map[string][]string{}
	var texts []string
	for _, m := range modules {
		fmt.Fprintf(out, "  %s: %s\n", m.name, strings.Join(slices.Sorted(maps.Keys(m.ids)), ", "))
		for _, name := range slices.Sorted(maps.Keys(m.texts)) {
			text := m.texts[name]
			if owners[text] == nil {
				texts = append(texts, text)
			}
			owners[text] = append(owners[text], fmt.Sprintf("%s (%s)", m.name, name))
		}
	}
	for _, text := range texts {
		fmt.Fprintf(out, "\n%s%s\n\n%s\n", strings.ReplaceAll(divider, "-", "="), strings.Join(owners[text], "\n"), text)
	}
}
