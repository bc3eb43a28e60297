package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// statement returns a statement's text with its sites.
func (r *rewriter) statement(s ast.Stmt) string {
	switch s := s.(type) {
	case *ast.AssignStmt:
		return r.assignment(s)
	case *ast.IncDecStmt:
		return r.droppable(s, r.raw(s))
	case *ast.BranchStmt:
		if s.Tok == token.BREAK || s.Tok == token.CONTINUE {
			return r.droppable(s, r.raw(s))
		}
		return r.raw(s)
	case *ast.ExprStmt:
		c, is := s.X.(*ast.CallExpr)
		if !is {
			return r.raw(s)
		}
		if name, is := c.Fun.(*ast.Ident); is && name.Name == "panic" {
			return r.raw(s)
		}
		return r.droppable(s, r.plainCall(c))
	case *ast.ReturnStmt:
		return r.inner(s, func(d ast.Node) (string, bool) {
			if len(s.Results) == 0 || d != s.Results[len(s.Results)-1] {
				return "", false
			}
			e := s.Results[len(s.Results)-1]
			if !types.Identical(r.info.TypeOf(e), types.Universe.Lookup("error").Type()) {
				return "", false
			}
			number := r.site(errorRule, e)
			return mutationCall("Err", number, r.expression(e)), true
		})
	case *ast.IfStmt:
		return r.inner(s, r.clause(s.Init, nil, s.Cond))
	case *ast.ForStmt:
		return r.inner(s, r.clause(s.Init, s.Post, s.Cond))
	case *ast.RangeStmt:
		return r.inner(s, func(d ast.Node) (string, bool) {
			switch d {
			case s.Key, s.Value:
				return r.raw(d), true
			case s.X:
				if t := r.info.TypeOf(s.X); integer(t) {
					number := r.site(lastRule, s.X)
					text, known := r.typed(s.X)
					if !known || r.info.Types[s.X].Value == nil {
						text = r.expression(s.X)
					}
					return mutationCall("Fewer", number, text), true
				}
			}
			return "", false
		})
	case *ast.SwitchStmt:
		for _, c := range s.Body.List {
			r.tagless[c.(*ast.CaseClause)] = s.Tag == nil
		}
		return r.inner(s, r.clause(s.Init, nil, nil))
	case *ast.TypeSwitchStmt:
		return r.inner(s, func(d ast.Node) (string, bool) {
			if d == s.Assign {
				return r.raw(d), true
			}
			return r.clause(s.Init, nil, nil)(d)
		})
	case *ast.CaseClause:
		return r.inner(s, func(d ast.Node) (string, bool) {
			for _, e := range s.List {
				if d != e {
					continue
				}
				if r.tagless[s] {
					return r.condition(e), true
				}
				return r.raw(e), true
			}
			return "", false
		})
	case *ast.CommClause:
		return r.inner(s, func(d ast.Node) (string, bool) {
			if d == s.Comm {
				return r.raw(d), true
			}
			return "", false
		})
	case *ast.DeferStmt:
		return r.inner(s, func(d ast.Node) (string, bool) { return r.deferred(d, s.Call) })
	case *ast.GoStmt:
		return r.inner(s, func(d ast.Node) (string, bool) { return r.deferred(d, s.Call) })
	}
	return r.inner(s, nil)
}

// deferred keeps a deferred call: only a function literal in it has sites.
func (r *rewriter) deferred(d ast.Node, c *ast.CallExpr) (string, bool) {
	if d != c {
		return "", false
	}
	if _, is := c.Fun.(*ast.FuncLit); is {
		return r.inner(c, nil), true
	}
	return r.raw(c), true
}

// clause renders the part before a block: statements that cannot be left out, and a
// condition.
func (r *rewriter) clause(first, post ast.Stmt, cond ast.Expr) func(ast.Node) (string, bool) {
	return func(d ast.Node) (string, bool) {
		switch {
		case cond != nil && d == cond:
			return r.condition(cond), true
		case first != nil && d == first, post != nil && d == post:
			if a, is := d.(*ast.AssignStmt); is && (a.Tok == token.DEFINE || a.Tok == token.ASSIGN) {
				return r.assigned(a), true
			}
			return r.raw(d), true
		}
		return "", false
	}
}

// droppable returns a statement that a mutant leaves out.
func (r *rewriter) droppable(s ast.Stmt, text string) string {
	number := r.site(statementRule, s)
	return fmt.Sprintf("if %s.On(%d) { } else { %s }", mutationName, number, text)
}

// opposite are the assignments that compute.
var opposite = map[token.Token]string{
	token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.MUL_ASSIGN: "/=", token.QUO_ASSIGN: "*=", token.REM_ASSIGN: "/=",
}

func (r *rewriter) assignment(a *ast.AssignStmt) string {
	if a.Tok == token.DEFINE {
		return r.assigned(a)
	}
	blank := true
	for _, e := range a.Lhs {
		name, is := e.(*ast.Ident)
		blank = blank && is && name.Name == "_"
	}
	if blank {
		return r.assigned(a)
	}
	other, computes := opposite[a.Tok]
	if !computes || !numeric(r.info.TypeOf(a.Lhs[0])) {
		return r.droppable(a, r.assigned(a))
	}
	number := r.site(arithmeticRule, a)
	return fmt.Sprintf("if %s.On(%d) { %s %s %s } else %s", mutationName, number, r.raw(a.Lhs[0]), other, r.raw(a.Rhs[0]), r.droppable(a, r.assigned(a)))
}

// assigned returns an assignment with the sites of its right side, and of the indices
// on its left.
func (r *rewriter) assigned(a *ast.AssignStmt) string {
	var left []string
	for _, e := range a.Lhs {
		text := r.raw(e)
		if x, is := e.(*ast.IndexExpr); is && a.Tok != token.DEFINE {
			text = r.raw(x.X) + "[" + r.expression(x.Index) + "]"
		}
		left = append(left, text)
	}
	var right []string
	for _, e := range a.Rhs {
		right = append(right, r.expression(e))
	}
	return strings.Join(left, ", ") + " " + a.Tok.String() + " " + strings.Join(right, ", ")
}
