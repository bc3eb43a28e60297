package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// lowered is the one public type with a field of an internal type: this module's own
// packages read a lowered network by it. Other programs can hand a graph.Lowered on, and
// call its methods.
const lowered = "tfcnn/graph: Lowered names tfcnn/internal/ir.Program"

// Exported signatures of the public packages name public types only, so that a program
// in another module can write down each type that it gets.
func TestPublicTypes(t *testing.T) {
	exports, err := exportData("tfcnn/graph/...", "tfcnn/session/...")
	if err != nil {
		t.Fatal(err)
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	checked, found := 0, false
	for path := range exports {
		if !strings.HasPrefix(path, "tfcnn/graph") && !strings.HasPrefix(path, "tfcnn/session") || internal(path) {
			continue
		}
		p, err := imports.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, use := range internalTypes(p) {
			if use = path + ": " + use; use == lowered {
				found = true
				continue
			}
			t.Error(use)
		}
	}
	const fewest = 10
	if checked < fewest || !found {
		t.Errorf("%d packages were checked, want %d or more; found %q: %v", checked, fewest, lowered, found)
	}
}

// exportData returns the files with the compiler's export data of some packages and
// all that they import.
func exportData(patterns ...string) (map[string]string, error) {
	text, err := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export"}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	files := map[string]string{}
	for from := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct{ ImportPath, Export string }
		if err := from.Decode(&p); errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		files[p.ImportPath] = p.Export
	}
}

// internal reports whether programs of other modules may not import a package.
func internal(path string) bool { return slices.Contains(strings.Split(path, "/"), "internal") }

// internalTypes lists what a package exports whose type names a type of an internal
// package.
func internalTypes(p *types.Package) []string {
	var uses []string
	note := func(name string, t types.Type) {
		if found := internalIn(t, map[types.Type]bool{}); found != "" {
			uses = append(uses, name+" names "+found)
		}
	}
	for _, name := range p.Scope().Names() {
		object := p.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		declared, is := object.(*types.TypeName)
		if !is {
			note(name, object.Type())
			continue
		}
		if declared.IsAlias() {
			note(name, types.Unalias(object.Type()))
			continue
		}
		note(name, object.Type().Underlying())
		methods := types.NewMethodSet(types.NewPointer(object.Type()))
		for method := range methods.Methods() {
			if method.Obj().Exported() {
				note(name+"."+method.Obj().Name(), method.Type())
			}
		}
	}
	return uses
}

// internalIn returns the first type of an internal package that a type names, "" for
// none. Of a struct and an interface it reads what is exported.
func internalIn(t types.Type, visited map[types.Type]bool) string {
	if visited[t] {
		return ""
	}
	visited[t] = true
	any := func(list ...types.Type) string {
		for _, part := range list {
			if found := internalIn(part, visited); found != "" {
				return found
			}
		}
		return ""
	}
	switch t := t.(type) {
	case *types.Named:
		if p := t.Obj().Pkg(); p != nil && internal(p.Path()) && strings.HasPrefix(p.Path(), "tfcnn/") {
			return t.String()
		}
		return any(slices.Collect(t.TypeArgs().Types())...)
	case *types.Alias:
		return any(types.Unalias(t))
	case *types.Pointer:
		return any(t.Elem())
	case *types.Slice:
		return any(t.Elem())
	case *types.Array:
		return any(t.Elem())
	case *types.Chan:
		return any(t.Elem())
	case *types.Map:
		return any(t.Key(), t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			if found := any(v.Type()); found != "" {
				return found
			}
		}
	case *types.Signature:
		return any(t.Params(), t.Results())
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() {
				if found := any(field.Type()); found != "" {
					return found
				}
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			if method.Exported() {
				if found := any(method.Type()); found != "" {
					return found
				}
			}
		}
	}
	return ""
}
