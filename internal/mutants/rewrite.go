package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// mutationName is package mutation's name in files that are rewritten.
const mutationName = "mutation_"

// rewriter writes a source file anew, with every site in it. It works on the
// text: code that no rule changes stays as it is written.
type rewriter struct {
	module   string // path
	folder   string // of the package, from the module's root
	source   []byte
	file     *token.File
	info     *types.Info
	types    *types.Package
	names    map[string]string // of imports, by path
	function string
	tagless  map[*ast.CaseClause]bool
	sites    *sites
}

// rewrite returns the file's new text.
func (r *rewriter) rewrite(f *ast.File) string {
	r.names, r.tagless = map[string]string{}, map[*ast.CaseClause]bool{}
	for _, spec := range f.Imports {
		name := r.info.PkgNameOf(spec)
		if name != nil && name.Name() != "_" && name.Name() != "." {
			r.names[name.Imported().Path()] = name.Name()
		}
	}
	before := len(r.sites.list)
	text := r.inner(f, nil)
	if len(r.sites.list) == before {
		return string(r.source)
	}
	end := r.offset(f.Name.End()) - r.offset(f.Pos())
	head := string(r.source[:r.offset(f.Pos())])
	return head + text[:end] + fmt.Sprintf("; import %s %q", mutationName, r.module+"/internal/mutants/mutation") + text[end:]
}

func (r *rewriter) offset(p token.Pos) int { return r.file.Offset(p) }

// raw returns the text as it is written.
func (r *rewriter) raw(n ast.Node) string {
	return string(r.source[r.offset(n.Pos()):r.offset(n.End())])
}

// inner returns a node's text with the sites below it. special is asked first.
func (r *rewriter) inner(n ast.Node, special func(ast.Node) (string, bool)) string {
	var out strings.Builder
	at := r.offset(n.Pos())
	ast.Inspect(n, func(d ast.Node) bool {
		if d == nil || d == n {
			return true
		}
		if _, is := d.(*ast.CommentGroup); is {
			return false
		}
		text, done := "", false
		if special != nil {
			text, done = special(d)
		}
		if !done {
			text, done = r.node(d)
		}
		if !done {
			return true
		}
		out.Write(r.source[at:r.offset(d.Pos())])
		out.WriteString(text)
		at = r.offset(d.End())
		return false
	})
	out.Write(r.source[at:r.offset(n.End())])
	return out.String()
}

// node returns a node's text with its sites; done is false where only the nodes below
// it may have any.
func (r *rewriter) node(n ast.Node) (text string, done bool) {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.FieldList:
		return r.raw(n), true
	case *ast.FuncDecl:
		return r.declaration(n), true
	case *ast.GenDecl:
		if n.Tok != token.VAR {
			return r.raw(n), true
		}
		return "", false
	case *ast.ValueSpec:
		outer := r.function
		if outer == "" {
			r.function = "var " + n.Names[0].Name
		}
		text := r.inner(n, nil)
		r.function = outer
		return text, true
	case ast.Stmt:
		return r.statement(n), true
	case ast.Expr:
		return r.expression(n), true
	}
	return "", false
}

// declaration leaves out functions that make texts.
func (r *rewriter) declaration(f *ast.FuncDecl) string {
	results := r.info.Defs[f.Name].Type().(*types.Signature).Results()
	if results.Len() == 1 && types.Identical(results.At(0).Type(), types.Typ[types.String]) || f.Body == nil {
		return r.raw(f)
	}
	r.function = f.Name.Name
	if f.Recv != nil {
		receiver := r.raw(f.Recv.List[0].Type)
		if strings.HasPrefix(receiver, "*") {
			receiver = "(" + receiver + ")"
		}
		r.function = receiver + "." + r.function
	}
	text := string(r.source[r.offset(f.Pos()):r.offset(f.Body.Pos())]) + r.inner(f.Body, nil)
	r.function = ""
	return text
}

// site numbers a new mutant, of the text of n.
func (r *rewriter) site(rule string, n ast.Node) int {
	return r.sites.add(r.folder, r.function, rule, r.raw(n))
}

// mutationCall returns a call of package mutation.
func mutationCall(function string, number int, arguments ...string) string {
	return fmt.Sprintf("%s.%s(%d, %s)", mutationName, function, number, strings.Join(arguments, ", "))
}

// typeName returns the name of a type in the file.
func (r *rewriter) typeName(t types.Type) (string, bool) {
	known := true
	name := types.TypeString(types.Default(t), func(p *types.Package) string {
		if p == r.types {
			return ""
		}
		name, imported := r.names[p.Path()]
		known = known && imported
		return name
	})
	return name, known
}

// typed returns an expression as it is written, with its type if it is a constant.
func (r *rewriter) typed(e ast.Expr) (string, bool) {
	value := r.info.Types[e]
	if value.Value == nil {
		return r.raw(e), true
	}
	name, known := r.typeName(value.Type)
	return name + "(" + r.raw(e) + ")", known
}

// pure reports whether an expression can be computed once more, or too early.
func (r *rewriter) pure(e ast.Expr) bool {
	if value := r.info.Types[e]; value.IsNil() || value.IsType() {
		return false
	}
	switch e := e.(type) {
	case *ast.Ident, *ast.BasicLit:
		return true
	case *ast.ParenExpr:
		return r.pure(e.X)
	case *ast.SelectorExpr:
		if selection := r.info.Selections[e]; selection != nil {
			return selection.Kind() == types.FieldVal && r.pure(e.X)
		}
		return true
	case *ast.IndexExpr:
		return r.pure(e.X) && r.pure(e.Index)
	case *ast.BinaryExpr:
		return r.pure(e.X) && r.pure(e.Y)
	case *ast.UnaryExpr:
		return e.Op == token.SUB && r.pure(e.X)
	}
	return false
}

// numeric reports whether a type is one of numbers that a generic function takes.
func numeric(t types.Type) bool {
	if _, parameter := types.Unalias(t).(*types.TypeParam); parameter {
		return false
	}
	basic, is := t.Underlying().(*types.Basic)
	return is && basic.Info()&(types.IsInteger|types.IsFloat) != 0
}

func integer(t types.Type) bool {
	basic, is := t.Underlying().(*types.Basic)
	return is && basic.Info()&types.IsInteger != 0
}

// plain reports whether values of a type can stand for each other: they are no
// text, no error, and nothing that is shared.
func plain(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Info()&(types.IsNumeric|types.IsBoolean) != 0
	case *types.Array, *types.Slice:
		return true
	case *types.Struct:
		for field := range t.Fields() {
			if field.Pkg() != nil && (field.Pkg().Path() == "sync" || field.Pkg().Path() == "sync/atomic") {
				return false
			}
		}
		return true
	}
	return false
}
