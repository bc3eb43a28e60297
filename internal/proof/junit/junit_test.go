package junit_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	parser "github.com/joshdk/go-junit"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/junit"
	"tfcnn/internal/proof/prooftest"
)

// JUnit's XML is read by another's parser and passes Jenkins' schema: passed,
// failed and refused cases, names that XML cannot have as they are, several
// files, and a comparison with all of its kinds.
func TestJUnitIsRead(t *testing.T) {
	nasty := "a ]]> & <b> \"c\" \x00\x1b\xff é 日本"
	var b strings.Builder
	fmt.Fprintf(&b, `{"cases":[`)
	for i, name := range []string{"same", "changes", "changes", "goes", "another"} {
		fmt.Fprintf(&b, `{"name":%q,"op":%q,"input":{"shape":[2],"data":[%d,0.1]}},`, name, []string{"relu", "relu6"}[i%2], i)
	}
	fmt.Fprintf(&b, `{"name":"refused","op":"max_pool","size":[3,3],"input":{"shape":[1,1,1,1],"data":[1]},"error":"window"}]}`)
	file := prooftest.File(t, "folder/a.json", b.String())
	made := baseline.Made{TensorFlow: "2.21.0", Device: "/device:CPU:0", OneDNN: "off"}
	var before bytes.Buffer
	w, err := baseline.NewWriter(&before, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range prooftest.Run(t, []proof.File{file}, prooftest.Reference{}) {
		if err := w.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	// The second machine: one case has bits that differ, one is another case,
	// one is gone, one is new and wrong.
	file.Cases = append(file.Cases[:3:3], file.Cases[4:]...)
	file.Cases[3].Operands[0] = tensor.Tensor{Shape: []int{2}, Data: []float32{9, 0.1}}
	fresh := prooftest.File(t, "b.json", `{"cases":[{"name":"new","op":"relu","input":{"shape":[1],"data":[1]}}]}`)
	fresh.Cases[0].Name = nasty
	wrong := prooftest.Reference{Change: func(_ ir.Op, x tensor.Tensor) {
		if len(x.Data) == 1 {
			x.Data[0] += 5
		}
		if len(x.Data) == 2 && x.Data[0] == 1 {
			x.Data[1] += 1e-9 // less than float32 shows: the bits stay
		}
	}}
	outcomes := prooftest.Run(t, []proof.File{file, fresh}, wrong)
	read, err := baseline.Read("b.json", &before)
	if err != nil {
		t.Fatal(err)
	}
	against := baseline.NewComparison(read, made, false)
	for _, o := range outcomes {
		against.Add(o)
	}
	against.Finish()
	for _, tt := range []struct {
		name                   string
		outcomes               []proof.Outcome
		against                *baseline.Comparison
		tests, failed, skipped int
	}{
		{"nothing", nil, nil, 0, 0, 0},
		{"outcomes", outcomes, nil, 6, 1, 0},
		{"with a comparison", outcomes, against, 13, 3, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			if err := junit.Write(&text, tt.outcomes, tt.against); err != nil {
				t.Fatal(err)
			}
			suites, err := parser.Ingest(text.Bytes())
			if err != nil {
				t.Fatalf("%v\n%s", err, text.Bytes())
			}
			tests, failed, skipped := 0, 0, 0
			known := map[string]bool{}
			for _, s := range suites {
				tests, failed, skipped = tests+s.Totals.Tests, failed+s.Totals.Failed, skipped+s.Totals.Skipped
				for _, c := range s.Tests {
					if key := c.Classname + " " + c.Name; known[key] || c.Classname == "" || c.Name == "" {
						t.Errorf("%q is there twice, or has no name: GitLab drops it", key)
					} else {
						known[key] = true
					}
				}
			}
			if tests != tt.tests || failed != tt.failed || skipped != tt.skipped {
				t.Errorf("read %d tests, %d failed, %d skipped; want %d, %d, %d\n%s", tests, failed, skipped, tt.tests, tt.failed, tt.skipped, text.Bytes())
			}
			validate(t, text.Bytes())
		})
	}
}

// validate checks the text by the schema that Jenkins' xunit plugin checks
// files by.
func validate(t *testing.T, text []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("xmllint", "--noout", "--schema", "testdata/junit-10.xsd", file).CombinedOutput()
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "executable file not found") && os.Getenv("CI") == "":
		t.Log("not validated: no xmllint (Debian: libxml2-utils)")
	default:
		t.Errorf("schema: %v\n%s", err, out)
	}
}

func TestJUnit(t *testing.T) {
	outcomes := []proof.Outcome{
		{File: "a.json", Name: `<&"1`, Op: "relu", Status: proof.Pass},
		{File: "a.json", Name: "2", Op: "relu", Status: proof.Fail, Failure: "wrong <1>", Repeat: []byte(`{"cases":[]}`)},
		{File: "b.json", Name: "3", Op: "conv2d", Status: proof.Precision, Failure: "precision: 9 times"},
	}
	var buf bytes.Buffer
	if err := junit.Write(&buf, outcomes, nil); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(buf.Bytes(), &back); err != nil {
		t.Fatalf("%v\n%s", err, buf.String())
	}
	if back.Tests != 3 || back.Failures != 2 || len(back.Suites) != 2 || back.Suites[0].Cases[0].Name != `<&"1` ||
		back.Suites[0].Cases[1].Failure.Message != "wrong <1>" || back.Suites[0].Cases[0].Failure != nil ||
		back.Suites[1].Cases[0].Failure.Message != "precision: 9 times" {
		t.Errorf("read back %+v from\n%s", back, buf.String())
	}
}
