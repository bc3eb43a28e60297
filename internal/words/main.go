// Command words checks that tracked files use this project's words: docs/glossary.md
// has them, and words.txt the words that are not used, with the words to write instead.
//
//	go run ./internal/words
//
// It prints a line for each word, as graph/plan.go:12: name "pictures": write image,
// and exits with status 1 where there is one.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

//go:embed words.txt
var wordsFile string

func main() {
	count, err := run(os.Stdout, ".", wordsFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(2)
	}
	if count > 0 {
		os.Exit(1)
	}
}

// run checks the tracked files of a checkout, prints the hits, and returns their
// number.
func run(w io.Writer, root, text string) (int, error) {
	l, err := parse(text)
	if err != nil {
		return 0, err
	}
	c := exec.Command("git", "ls-files", "-z")
	c.Dir, c.Stderr = root, os.Stderr
	output, err := c.Output()
	if err != nil {
		return 0, fmt.Errorf("git ls-files: %w", err)
	}
	count := 0
	for name := range strings.SplitSeq(strings.TrimRight(string(output), "\x00"), "\x00") {
		if !l.includes(name) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			return 0, err
		}
		hits, err := l.check(name, content)
		if err != nil {
			return 0, err
		}
		for _, h := range hits {
			fmt.Fprintln(w, h)
		}
		count += len(hits)
	}
	return count, nil
}

// rule is a line of words.txt.
type rule struct {
	kind, instead   string
	in              []string       // folders, and endings as *.go
	pattern, except *regexp.Regexp // except may be nil
}

// list is words.txt.
type list struct {
	in, not []string // folders and files
	rules   []rule
}

func parse(text string) (list, error) {
	var l list
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		kind, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
			continue
		case kind == "in":
			l.in = append(l.in, rest)
			continue
		case kind == "not":
			l.not = append(l.not, rest)
			continue
		}
		r, err := parseRule(line)
		if err != nil {
			return l, fmt.Errorf("words.txt:%d: %w", number, err)
		}
		l.rules = append(l.rules, r)
	}
	return l, nil
}

// parseRule reads a rule. Its columns stand between bars with spaces; a pattern may
// have bars without spaces.
func parseRule(line string) (rule, error) {
	columns := strings.Split(strings.TrimSuffix(line+" ", "| ")+" ", " | ")
	if len(columns) < 4 || len(columns) > 5 {
		return rule{}, fmt.Errorf("%d columns, want kind | pattern | in | write instead | except", len(columns))
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	r := rule{kind: columns[0], in: strings.Fields(columns[2]), instead: columns[3]}
	format := map[string]string{"name": `(?:^|_)(?:%s)(?:_|$)`, "file": `(?:^|_)(?:%s)(?:_|$)`, "text": `(?i)\b(?:%s)\b`}[r.kind]
	if format == "" || r.instead == "" || len(r.in) == 0 {
		return rule{}, fmt.Errorf("kind is %q in %q, words to write instead are %q, want name, file or text, folders, and words", r.kind, r.in, r.instead)
	}
	var err error
	if r.pattern, err = regexp.Compile(fmt.Sprintf(format, columns[1])); err != nil {
		return rule{}, err
	}
	if len(columns) == 5 && columns[4] != "" {
		if r.kind == "text" {
			format = `(?i)(?:%s)` // may begin or end with a mark, as `key`
		}
		r.except, err = regexp.Compile(fmt.Sprintf(format, columns[4]))
	}
	return r, err
}

// skipped are the folders whose files have no words of ours to check: data, and this
// package.
var skipped = regexp.MustCompile(`(^|/)testdata/|^internal/words/`)

// includes reports whether a file is checked.
func (l list) includes(name string) bool {
	return !skipped.MatchString(name) && below(name, l.in) && !below(name, l.not)
}

// below reports whether a file is one of the files or folders, lies in one of them, or
// has one of the endings.
func below(name string, list []string) bool {
	return slices.ContainsFunc(list, func(folder string) bool {
		ending, is := strings.CutPrefix(folder, "*")
		return folder == "." || name == folder || strings.HasPrefix(name, folder+"/") || is && strings.HasSuffix(name, ending)
	})
}

// hit is a word that is not used, in a file.
type hit struct {
	file    string
	line    int
	kind    string
	word    string
	instead string
}

func (h hit) String() string {
	return fmt.Sprintf("%s:%d: %s %q: write %s", h.file, h.line, h.kind, h.word, h.instead)
}

// pages are the endings of files that are checked as text, beside Go's.
var pages = []string{".md", ".c", ".h", ".sh", ".py", ".txt", ".yml", "Makefile", "Dockerfile", "Dockerfile.cuda"}

// check returns the hits in a file, by line.
func (l list) check(name string, content []byte) ([]hit, error) {
	var hits []hit
	add := func(kind string, line int, text, shown string) {
		for _, r := range l.rules {
			if r.kind != kind || !below(name, r.in) {
				continue
			}
			for _, word := range r.matches(text) {
				if kind == "name" {
					word = shown
				}
				hits = append(hits, hit{name, line, kind, word, r.instead})
			}
		}
	}
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	add("file", 1, words(base), base)
	switch {
	case path.Ext(name) == ".go":
		if err := source(name, content, add); err != nil {
			return nil, err
		}
	case slices.ContainsFunc(pages, func(ending string) bool { return strings.HasSuffix(name, ending) }):
		addLines(add, 1, string(content))
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.line - b.line })
	return hits, nil
}

// matches returns the matches of the pattern that no match of except contains.
func (r rule) matches(text string) []string {
	var allowed [][]int
	if r.except != nil {
		allowed = r.except.FindAllStringIndex(text, -1)
	}
	var list []string
	for _, m := range r.pattern.FindAllStringIndex(text, -1) {
		within := func(a []int) bool { return a[0] <= m[0] && m[1] <= a[1] }
		if !slices.ContainsFunc(allowed, within) {
			list = append(list, strings.Trim(text[m[0]:m[1]], "_"))
		}
	}
	return list
}

// addLines adds the lines of a text that begins at a line of the file.
func addLines(add func(kind string, line int, text, shown string), first int, text string) {
	for line := range strings.Lines(text) {
		add("text", first, line, "")
		first++
	}
}

// source adds the declared names, the comments and the strings of a Go file.
func source(name string, content []byte, add func(kind string, line int, text, shown string)) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	lineOf := func(p token.Pos) int { return files.Position(p).Line }
	declare := func(list ...ast.Expr) {
		for _, e := range list {
			if n, is := e.(*ast.Ident); is {
				add("name", lineOf(n.Pos()), words(n.Name), n.Name)
			}
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			addLines(add, lineOf(c.Pos()), c.Text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.FuncDecl:
			declare(n.Name)
		case *ast.TypeSpec:
			declare(n.Name)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				declare(name)
			}
		case *ast.Field:
			for _, name := range n.Names {
				declare(name)
			}
			if n.Tag != nil {
				n.Tag = nil // keys of users' JSON stay
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				declare(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				declare(n.Key, n.Value)
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				if text, err := strconv.Unquote(n.Value); err == nil {
					addLines(add, lineOf(n.Pos()), text)
				}
			}
		}
		return true
	})
	return nil
}

// words returns the words of a name in lower case with _ between them:
// in_place for InPlace.
func words(name string) string {
	var text bytes.Buffer
	runes := []rune(name)
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		nextLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if i > 0 && upper && (!unicode.IsUpper(runes[i-1]) || nextLower) {
			text.WriteByte('_')
		}
		if r == '.' || r == '-' {
			r = '_'
		}
		text.WriteRune(unicode.ToLower(r))
	}
	return text.String()
}
