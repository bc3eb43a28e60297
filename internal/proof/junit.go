package proof

import (
	"encoding/xml"
	"fmt"
	"io"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the outcomes as JUnit's XML, a suite for each file, as CI
// servers read it. A failure's text is the case file that repeats it.
func WriteJUnit(w io.Writer, outcomes []Outcome) error {
	all := junitSuites{}
	seconds := 0.0
	for _, o := range outcomes {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != o.File {
			all.Suites = append(all.Suites, junitSuite{Name: o.File})
			seconds = 0
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := junitCase{Name: o.Name, Class: o.Op, Time: fmt.Sprintf("%.6f", o.Seconds)}
		if o.Status == Fail {
			c.Failure = &junitFailure{Message: o.Failure, Type: string(o.Status), Text: string(o.Repeat)}
			suite.Failures++
			all.Failures++
		} else {
			c.Output = o.Text()
		}
		seconds += o.Seconds
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		suite.Time = fmt.Sprintf("%.6f", seconds)
		all.Tests++
	}
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
