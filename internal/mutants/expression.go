package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// expression returns an expression's text with its sites.
func (r *rewriter) expression(e ast.Expr) string {
	value := r.info.Types[e]
	switch {
	case value.IsType():
		return r.raw(e)
	case value.Value != nil:
		return r.constant(e, value)
	}
	switch e := e.(type) {
	case *ast.Ident, *ast.BasicLit:
		return r.raw(e)
	case *ast.BinaryExpr:
		return r.binary(e)
	case *ast.UnaryExpr:
		return r.unary(e)
	case *ast.CallExpr:
		return r.call(e)
	case *ast.SelectorExpr:
		return r.selector(e)
	case *ast.IndexExpr:
		return r.indexed(e)
	case *ast.SliceExpr:
		return r.inner(e, func(d ast.Node) (string, bool) {
			_, array := r.info.TypeOf(e.X).Underlying().(*types.Array)
			if d == e.X && array {
				return r.raw(d), true // it has to have an address
			}
			return "", false
		})
	case *ast.KeyValueExpr:
		return r.raw(e.Key) + ": " + r.expression(e.Value)
	}
	return r.inner(e, nil)
}

// constant changes a number or a bool. The largest expression that is constant
// is changed as a whole.
func (r *rewriter) constant(e ast.Expr, value types.TypeAndValue) string {
	name, known := r.typeName(value.Type)
	switch {
	case !known:
	case value.Value.Kind() == constant.Bool:
		return mutationCall("Not", r.site(constantRule, e), name+"("+r.raw(e)+")")
	case numeric(value.Type):
		return mutationCall("Constant", r.site(constantRule, e), name+"("+r.raw(e)+")")
	}
	return r.raw(e)
}

// condition returns a condition, or its opposite where no other rule makes that.
func (r *rewriter) condition(e ast.Expr) string {
	operand := ast.Unparen(e)
	if b, is := operand.(*ast.BinaryExpr); is && (b.Op == token.EQL || b.Op == token.NEQ) {
		return r.expression(e)
	}
	if u, is := operand.(*ast.UnaryExpr); is && u.Op == token.NOT || r.info.Types[e].Value != nil {
		return r.expression(e)
	}
	return mutationCall("Not", r.site(conditionRule, e), r.expression(e))
}

// arithmeticSites numbers a mutant that computes otherwise and one that does not compute.
func (r *rewriter) arithmeticSites(e ast.Expr) int {
	number := r.site(arithmeticRule, e)
	r.site(operandRule, e)
	return number
}

func (r *rewriter) binary(e *ast.BinaryExpr) string {
	t := r.info.TypeOf(e.X)
	switch e.Op {
	case token.LAND, token.LOR:
		function := map[token.Token]string{token.LAND: "And", token.LOR: "Or"}[e.Op]
		number := r.site(logicRule, e)
		return mutationCall(function, number, r.expression(e.X), "func() bool { return "+r.expression(e.Y)+" }")
	case token.EQL, token.NEQ:
		number := r.site(comparisonRule, e)
		return mutationCall("Not", number, r.expression(e.X)+" "+e.Op.String()+" "+r.expression(e.Y))
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		if r.info.Types[e.X].Value != nil {
			t = r.info.TypeOf(e.Y)
		}
		if !numeric(t) {
			break
		}
		number := r.site(comparisonRule, e)
		x, y := r.expression(e.X), r.expression(e.Y)
		if e.Op == token.GTR || e.Op == token.GEQ {
			x, y = y, x
		}
		function := "Less"
		if e.Op == token.LEQ || e.Op == token.GEQ {
			function = "LessEqual"
		}
		return mutationCall(function, number, x, y)
	case token.ADD, token.SUB, token.MUL, token.QUO, token.REM:
		t := r.info.TypeOf(e)
		if !numeric(t) {
			break
		}
		function := map[token.Token]string{token.ADD: "Add", token.SUB: "Sub", token.MUL: "Mul", token.QUO: "Div", token.REM: "Rem"}[e.Op]
		if function == "Div" && integer(t) {
			function = "Quo"
		}
		number := r.arithmeticSites(e)
		x, y := r.expression(e.X), r.expression(e.Y)
		if from := r.reversal(e); from != "" {
			y = mutationCall("Either", r.site(reversedRule, e), y, from)
		}
		return mutationCall(function, number, x, y)
	}
	return r.inner(e, nil)
}

// reversal is size−1−i of … × size + i.
func (r *rewriter) reversal(e *ast.BinaryExpr) string {
	product, is := ast.Unparen(e.X).(*ast.BinaryExpr)
	if !is || e.Op != token.ADD || product.Op != token.MUL || !integer(r.info.TypeOf(e)) {
		return ""
	}
	if r.info.Types[product].Value != nil || r.info.Types[e.Y].Value != nil || !r.pure(product.Y) || !r.pure(e.Y) {
		return ""
	}
	return fmt.Sprintf("(%s)-1-(%s)", r.raw(product.Y), r.raw(e.Y))
}

func (r *rewriter) unary(e *ast.UnaryExpr) string {
	switch e.Op {
	case token.NOT:
		number := r.site(conditionRule, e)
		return mutationCall("Not", number, r.inner(e, nil))
	case token.SUB:
		if r.pure(e.X) && numeric(r.info.TypeOf(e)) {
			number := r.site(arithmeticRule, e)
			return mutationCall("Either", number, r.inner(e, nil), r.raw(e.X))
		}
	case token.AND:
		if _, is := e.X.(*ast.CompositeLit); !is {
			return r.raw(e)
		}
	}
	return r.inner(e, nil)
}

// selector changes a field for the next one of the same type in its struct.
func (r *rewriter) selector(e *ast.SelectorExpr) string {
	selection := r.info.Selections[e]
	if selection == nil || selection.Kind() != types.FieldVal {
		return r.raw(e)
	}
	text := r.expression(e.X) + "." + e.Sel.Name
	next := r.nextField(selection)
	if next == "" || !r.pure(e.X) {
		return text
	}
	return mutationCall("Either", r.site(fieldRule, e), text, r.raw(e.X)+"."+next)
}

// nextField returns the field after the selected one among the struct's fields of its
// type, the first for the last, or "" where it is the only one.
func (r *rewriter) nextField(selection *types.Selection) string {
	if !plain(selection.Type()) {
		return ""
	}
	t := selection.Recv()
	var list *types.Struct
	for _, i := range selection.Index() {
		if p, is := t.Underlying().(*types.Pointer); is {
			t = p.Elem()
		}
		var is bool
		if list, is = t.Underlying().(*types.Struct); !is {
			return ""
		}
		t = list.Field(i).Type()
	}
	at := selection.Index()[len(selection.Index())-1]
	for step := 1; step < list.NumFields(); step++ {
		f := list.Field((at + step) % list.NumFields())
		if !types.Identical(f.Type(), selection.Type()) || !f.Exported() && f.Pkg() != r.types {
			continue
		}
		if found, _, _ := types.LookupFieldOrMethod(selection.Recv(), true, r.types, f.Name()); found == f {
			return f.Name()
		}
	}
	return ""
}

// indexed changes a constant index for its neighbour.
func (r *rewriter) indexed(e *ast.IndexExpr) string {
	x := r.info.TypeOf(e.X)
	if _, signature := x.Underlying().(*types.Signature); signature || r.info.Types[e.X].IsType() {
		return r.raw(e) // an instance of a generic function
	}
	value := r.info.Types[e.Index]
	if p, is := x.Underlying().(*types.Pointer); is {
		x = p.Elem()
	}
	size := int64(0)
	switch t := x.Underlying().(type) {
	case *types.Array:
		size = t.Len()
	case *types.Slice:
	default:
		return r.inner(e, nil)
	}
	if value.Value == nil || size == 1 {
		return r.expression(e.X) + "[" + r.expression(e.Index) + "]"
	}
	at, _ := constant.Int64Val(constant.ToInt(value.Value))
	next := at + 1
	if size > 0 {
		next %= size
	}
	number := r.site(indexRule, e)
	return r.expression(e.X) + "[" + mutationCall("Either", number, "int("+r.raw(e.Index)+")", fmt.Sprint(next)) + "]"
}

// texts are functions whose results are messages: nothing in their arguments is
// changed.
var texts = map[string][]string{
	"fmt":    {"Errorf", "Sprintf", "Sprint", "Sprintln"},
	"errors": {"New"},
}

// symmetric are functions whose first two arguments may be exchanged.
var symmetric = map[string][]string{
	"slices":               {"Equal", "EqualFunc"},
	"tfcnn/internal/proof": {"sameBits"},
}

// callee returns the function of a package that a call names; nil where it is none.
func (r *rewriter) callee(c *ast.CallExpr) *types.Func {
	var name *ast.Ident
	switch f := c.Fun.(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	default:
		return nil
	}
	if f, is := r.info.Uses[name].(*types.Func); is && f.Pkg() != nil {
		return f
	}
	return nil
}

// message reports whether a call makes a text.
func (r *rewriter) message(c *ast.CallExpr) bool {
	f := r.callee(c)
	if f == nil {
		return false
	}
	if results := f.Signature().Results(); results.Len() == 1 && types.Identical(results.At(0).Type(), types.Typ[types.String]) {
		return true
	}
	return f.Pkg().Path() == r.module+"/internal/quote" || slices.Contains(texts[f.Pkg().Path()], f.Name())
}

// call returns a call, or one of its arguments of the result's type in its place.
func (r *rewriter) call(c *ast.CallExpr) string {
	if r.message(c) || r.info.Types[c.Fun].IsType() || r.info.Types[c.Fun].IsBuiltin() {
		return r.plainCall(c)
	}
	result := r.info.TypeOf(c)
	if result == nil || !plain(result) {
		return r.plainCall(c)
	}
	candidates := c.Args
	if s, is := c.Fun.(*ast.SelectorExpr); is && r.info.Selections[s] != nil {
		candidates = append([]ast.Expr{s.X}, c.Args...)
	}
	for _, e := range candidates {
		if !r.pure(e) || !types.Identical(types.Default(r.info.TypeOf(e)), result) {
			continue
		}
		if text, known := r.typed(e); known {
			return mutationCall("Either", r.site(callRule, c), r.plainCall(c), text)
		}
	}
	return r.plainCall(c)
}

// plainCall returns a call with the sites of its arguments.
func (r *rewriter) plainCall(c *ast.CallExpr) string {
	if r.message(c) {
		return r.raw(c)
	}
	f := r.info.Types[c.Fun]
	var parts []string
	for _, e := range c.Args {
		parts = append(parts, r.expression(e))
	}
	function := r.raw(c.Fun)
	switch callee := c.Fun.(type) {
	case *ast.FuncLit:
		function = r.inner(callee, nil)
	case *ast.SelectorExpr:
		if selection := r.info.Selections[callee]; selection != nil && selection.Kind() == types.MethodVal && !r.addressed(selection) {
			function = r.expression(callee.X) + "." + callee.Sel.Name
		}
	case *ast.Ident:
		if !f.IsBuiltin() {
			break
		}
		switch callee.Name {
		case "min", "max":
			if numeric(r.info.TypeOf(c)) {
				return mutationCall(map[string]string{"min": "Min", "max": "Max"}[callee.Name], r.site(extremeRule, c), parts...)
			}
		case "make":
			// A capacity changes nothing.
			for i := range parts {
				_, isMap := r.info.TypeOf(c).Underlying().(*types.Map)
				if i == 2 || i == 1 && isMap {
					parts[i] = r.raw(c.Args[i])
				}
			}
		}
	}
	if signature, is := f.Type.(*types.Signature); is && !f.IsBuiltin() {
		r.exchange(c, signature, parts)
	}
	text := strings.Join(parts, ", ")
	if c.Ellipsis.IsValid() {
		text += "..."
	}
	return function + "(" + text + ")"
}

// addressed reports whether a method is called on the address of a variable.
func (r *rewriter) addressed(s *types.Selection) bool {
	receiver := s.Obj().(*types.Func).Signature().Recv().Type()
	_, wants := receiver.(*types.Pointer)
	_, is := s.Recv().Underlying().(*types.Pointer)
	return wants && !is
}

// exchange exchanges arguments that stand side by side.
func (r *rewriter) exchange(c *ast.CallExpr, signature *types.Signature, parts []string) {
	parameter := func(i int) types.Type {
		n := signature.Params().Len()
		if signature.Variadic() && i >= n-1 {
			return signature.Params().At(n - 1).Type().(*types.Slice).Elem()
		}
		return signature.Params().At(min(i, n-1)).Type()
	}
	f := r.callee(c)
	for i := 0; i+1 < len(c.Args); i++ {
		a, b := c.Args[i], c.Args[i+1]
		t := r.info.TypeOf(a)
		switch {
		case c.Ellipsis.IsValid() && i+2 == len(c.Args):
			continue
		case f != nil && i == 0 && slices.Contains(symmetric[f.Pkg().Path()], f.Name()):
			continue
		case !types.Identical(types.Default(t), types.Default(r.info.TypeOf(b))) || !types.Identical(parameter(i), parameter(i+1)):
			continue
		case !plain(t) || !r.pure(a) || !r.pure(b) || r.raw(a) == r.raw(b):
			continue
		}
		first, known := r.typed(a)
		second, alsoKnown := r.typed(b)
		if !known || !alsoKnown {
			continue
		}
		number := r.site(argumentsRule, c)
		for at, other := range map[int]string{i: second, i + 1: first} {
			parts[at] = mutationCall("Either", number, parts[at], other)
		}
	}
}
