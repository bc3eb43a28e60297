package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// claim is a claim of claims.md.
type claim struct {
	number int
	title  string
	tests  [][2]string // name, file
}

var (
	claimHeading = regexp.MustCompile(`(?m)^### (\d+)\. (.+)$`)
	claimTest    = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+_test\.go)\)`)
)

// readClaims returns the claims of a page in its order. The tests of a claim are the
// links of its paragraph that begins with "Tests:".
func readClaims(page string) (claims []claim) {
	headings := claimHeading.FindAllStringSubmatchIndex(page, -1)
	for i, at := range headings {
		end := len(page)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		c := claim{title: page[at[4]:at[5]]}
		c.number, _ = strconv.Atoi(page[at[2]:at[3]])
		for paragraph := range strings.SplitSeq(page[at[1]:end], "\n\n") {
			if strings.HasPrefix(paragraph, "Tests: ") {
				for _, found := range claimTest.FindAllStringSubmatch(paragraph, -1) {
					c.tests = append(c.tests, [2]string{found[1], found[2]})
				}
			}
		}
		claims = append(claims, c)
	}
	return claims
}

// Claims are numbered from 1 without a gap, have titles of their own, and name at least
// one test each, all of which are there.
func TestClaims(t *testing.T) {
	text, err := os.ReadFile("claims.md")
	if err != nil {
		t.Fatal(err)
	}
	claims := readClaims(string(text))
	if len(claims) < 30 {
		t.Fatalf("claims.md has %d claims", len(claims))
	}
	titles, functions := map[string]bool{}, map[string]map[string]bool{}
	for i, c := range claims {
		if c.number != i+1 || titles[c.title] {
			t.Errorf("claim %d is %d: %s", i+1, c.number, c.title)
		}
		titles[c.title] = true
		if len(c.tests) == 0 {
			t.Errorf("claim %d: %s: names no test", c.number, c.title)
		}
		for _, test := range c.tests {
			name, file := test[0], test[1]
			if functions[file] == nil {
				functions[file] = testsOf(t, file)
			}
			if !functions[file][name] {
				t.Errorf("claim %d: %s: %s has no test %s", c.number, c.title, file, name)
			}
		}
	}
	for _, link := range regexp.MustCompile(`\(claim (\d+)\)|claims? (\d+)`).FindAllStringSubmatch(string(text), -1) {
		if n, _ := strconv.Atoi(link[1] + link[2]); n < 1 || n > len(claims) {
			t.Errorf("claims.md refers to claim %d of %d", n, len(claims))
		}
	}
	pointed := map[int]bool{}
	for place, reference := range claimComments(t) {
		n, _ := strconv.Atoi(reference[1])
		switch {
		case n < 1 || n > len(claims):
			t.Errorf("%s: claim %d of %d", place, n, len(claims))
		case reference[2] != claims[n-1].title:
			t.Errorf("%s: claim %d: got the title %q, want %q", place, n, reference[2], claims[n-1].title)
		}
		pointed[n] = true
	}
	for _, c := range claims {
		if !pointed[c.number] {
			t.Errorf("claim %d: %s: no comment of the code points to it", c.number, c.title)
		}
	}
}

// testsOf returns the tests of a Go file.
func testsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, d := range parsed.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
			tests[f.Name.Name] = true
		}
	}
	return tests
}

// claimReference is a comment's reference to a claim, as "claim 7: Fourier transforms";
// its parts are the number and, after a colon, the title up to the sentence's or the
// bracket's end. A number without a title is found, too, with an empty title.
var claimReference = regexp.MustCompile(`\b[Cc]laims? (\d+)(?:: ([^.;,()]+))?`)

// claimComments returns the references in comments of all Go files, by file and claim.
func claimComments(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); strings.HasPrefix(name, ".") && path != ".." || name == "testdata" || path == filepath.Join("..", "docs") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "laim ") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range parsed.Comments {
			comment := strings.Join(strings.Fields(group.Text()), " ")
			for _, reference := range claimReference.FindAllStringSubmatch(comment, -1) {
				found[path+": "+reference[0]] = reference
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
