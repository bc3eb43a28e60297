// Package junit writes outcomes of cases as JUnit's XML, which CI servers read.
//
//	err := junit.Write(w, outcomes, nil)
package junit

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/quote"
)

// JUnit's XML has no standard, and its readers disagree. Jenkins' xunit plugin
// checks files by its schema (testdata/junit-10.xsd), which knows no file on a
// testcase; so file is on the testsuite, where GitHub's publishers look, too. GitLab
// shows classname and name of a testcase and drops the second of two that have both
// in common: classname is made of the case file's name, without .json, and the
// operation, which with the case's name are no other case's.

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Time     string     `xml:"time,attr"`
	File     string     `xml:"file,attr,omitempty"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Time    string   `xml:"time,attr"`
	Skipped *failure `xml:"skipped,omitempty"`
	Failure *failure `xml:"failure,omitempty"`
	Output  string   `xml:"system-out,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Write writes the outcomes as JUnit's XML, a suite for each file, as CI
// servers read it, and a comparison, where there is one, as the suite "against
// FILE". A failure's text is the case file that repeats it. Names and texts are
// on one line each. Characters that cannot be printed, of which XML has only some,
// are escaped as in a Go string literal.
func Write(w io.Writer, outcomes []proof.Outcome, against *baseline.Comparison) error {
	all := suites{Name: "cnndemo verify"}
	total, seconds := 0.0, 0.0
	for _, o := range outcomes {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != quote.Plain(o.File) {
			next := suite{Name: quote.Plain(o.File), File: quote.Plain(o.File)}
			if o.Path != "" {
				next.File = quote.Plain(o.Path)
			}
			all.Suites = append(all.Suites, next)
			seconds = 0
		}
		last := &all.Suites[len(all.Suites)-1]
		c := testcase{Name: quote.Plain(o.Name), Class: line(stem(o.File) + "." + o.Op), Time: fmt.Sprintf("%.6f", o.Seconds)}
		if !o.Status.OK() {
			c.Failure = &failure{Message: line(o.Failure), Type: string(o.Status), Text: quote.JSON(o.Repeat)}
		} else {
			c.Output = line(o.Text())
		}
		seconds += o.Seconds
		total += o.Seconds
		last.add(c)
		last.Time = milliseconds(seconds)
	}
	if against != nil {
		all.Suites = append(all.Suites, suiteOf(against))
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
	}
	all.Time = milliseconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("proof: JUnit: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("proof: JUnit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("proof: JUnit: %w", err)
	}
	return nil
}

func (s *suite) add(c testcase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
}

// suiteOf returns the comparison as a suite. A case that the baseline does not have
// was not compared: skipped.
func suiteOf(c *baseline.Comparison) suite {
	s := suite{Name: "against " + quote.Plain(c.Baseline), File: quote.Plain(c.Baseline), Time: milliseconds(0)}
	for _, change := range c.Cases {
		jc := testcase{Name: quote.Plain(change.Name), Class: line("against." + stem(change.File) + "." + change.Op), Time: "0.000000"}
		switch {
		case c.Failed(change.Change):
			jc.Failure = &failure{Message: line(change.Text()), Type: string(change.Change), Text: quote.JSON(change.Repeat)}
		case change.Change == baseline.New:
			jc.Skipped = &failure{Message: "the " + cmp.Or(c.Of, "baseline") + " has no such case", Type: string(baseline.New)}
		default:
			jc.Output = line(change.Text())
		}
		s.add(jc)
	}
	return s
}

// line returns a text on one line, of a length that shows a whole error.
func line(text string) string { return quote.Text(text, 1<<16) }

// milliseconds writes a suite's time as schemas of Surefire's want it: older ones
// take three digits behind the point and no more.
func milliseconds(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// stem returns a case file's name without its ending.
func stem(file string) string { return strings.TrimSuffix(file, ".json") }
