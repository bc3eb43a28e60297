package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// listed is a package as `go list -json` writes it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Path string }
}

// mutate rewrites the files of all areas into folder, and returns the mutants and
// the name of the overlay with which go build takes the rewritten files.
func mutate(root, folder string, areas []area) (list []site, overlay string, err error) {
	packages, err := dependencies(root, areas)
	if err != nil {
		return nil, "", err
	}
	files := token.NewFileSet()
	exported := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		p, known := packages[path]
		if !known || p.Export == "" {
			return nil, fmt.Errorf("go list names no export data of %s", path)
		}
		return os.Open(p.Export)
	})
	var all sites
	replace := map[string]string{}
	for _, a := range areas {
		p, err := packageIn(packages, filepath.Join(root, a.folder))
		if err != nil {
			return nil, "", err
		}
		if err := p.mutate(a, files, exported, folder, replace, &all); err != nil {
			return nil, "", fmt.Errorf("%s: %w", a.folder, err)
		}
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return nil, "", err
	}
	overlay = filepath.Join(folder, "overlay.json")
	return all.list, overlay, os.WriteFile(overlay, text, 0o644)
}

// dependencies asks for the areas' packages and all that they import.
func dependencies(root string, areas []area) (map[string]listed, error) {
	arguments := []string{"list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Module"}
	for _, a := range areas {
		arguments = append(arguments, "./"+a.folder)
	}
	c := exec.Command("go", arguments...)
	c.Dir, c.Stderr = root, os.Stderr
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	packages := map[string]listed{}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages[p.ImportPath] = p
	}
}

func packageIn(packages map[string]listed, folder string) (listed, error) {
	for _, p := range packages {
		if p.Dir == folder {
			return p, nil
		}
	}
	return listed{}, fmt.Errorf("no package in %s", folder)
}

// mutate rewrites the files of a package that belong to the area.
func (p listed) mutate(a area, files *token.FileSet, exported types.Importer, folder string, replace map[string]string, all *sites) error {
	var parsed []*ast.File
	sources := map[*ast.File][]byte{}
	for _, name := range p.GoFiles {
		source, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, f)
		sources[f] = source
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	checked, err := (&types.Config{Importer: exported}).Check(p.ImportPath, files, parsed, info)
	if err != nil {
		return err
	}
	n := 0
	for _, f := range parsed {
		if a.importing != "" && !imports(f, p.Module.Path+"/"+a.importing) {
			continue
		}
		n++
		r := rewriter{
			module: p.Module.Path, folder: a.folder, source: sources[f], file: files.File(f.FileStart),
			info: info, types: checked, sites: all,
		}
		name := filepath.Join(p.Dir, filepath.Base(files.File(f.FileStart).Name()))
		written := filepath.Join(folder, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(written, []byte(r.rewrite(f)), 0o644); err != nil {
			return err
		}
		replace[name] = written
	}
	if n == 0 {
		return fmt.Errorf("no file imports %s", a.importing)
	}
	return nil
}

func imports(f *ast.File, path string) bool {
	return slices.ContainsFunc(f.Imports, func(spec *ast.ImportSpec) bool {
		name, err := strconv.Unquote(spec.Path.Value)
		return err == nil && name == path
	})
}
