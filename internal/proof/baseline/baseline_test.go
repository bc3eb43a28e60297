package baseline_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/prooftest"
)

var madeHere = baseline.Made{
	TensorFlow: "2.21.0", Device: "/device:CPU:0", OneDNN: "off", Processor: "Nimble 5000",
	Features: []string{"avx", "avx2"}, Threads: 2, Date: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC),
}

// backendOf is a backend that is a function.
type backendOf func(op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error)

func (f backendOf) Apply(_ context.Context, op ir.Op, operands ...tensor.Tensor) (tensor.Tensor, error) {
	return f(op, operands...)
}

// baselineOf runs the cases and gives the baseline's text.
func baselineOf(t testing.TB, files []proof.File, backend proof.Backend) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := baseline.NewWriter(&buf, madeHere)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range prooftest.Run(t, files, backend) {
		if err := w.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readBaseline(t *testing.T, text []byte) baseline.Baseline {
	t.Helper()
	b, err := baseline.Read("b.json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compareWith(t *testing.T, text []byte, files []proof.File, backend proof.Backend) *baseline.Comparison {
	t.Helper()
	c := baseline.NewComparison(readBaseline(t, text), madeHere, false)
	for _, o := range prooftest.Run(t, files, backend) {
		c.Add(o)
	}
	c.Finish()
	return c
}

// All built-in cases, written, read and compared: every bit comes back, and
// an output that is computed again is equal.
func TestBaselineRoundTrip(t *testing.T) {
	files, err := proof.ReadAll(os.DirFS("../../../testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	text := baselineOf(t, files, prooftest.Reference{})
	b := readBaseline(t, text)
	if fmt.Sprint(b.Made) != fmt.Sprint(madeHere) {
		t.Errorf("made: got %+v, want %+v", b.Made, madeHere)
	}
	outcomes := prooftest.Run(t, files, prooftest.Reference{})
	if len(b.Records) != len(outcomes) {
		t.Fatalf("%d records of %d cases", len(b.Records), len(outcomes))
	}
	for i, o := range outcomes {
		r := b.Records[i]
		if r.File != o.File || r.Name != o.Name || r.Op != o.Op || r.Status != o.Status {
			t.Errorf("record %d is %s %q, want %s %q", i, r.File, r.Name, o.File, o.Name)
		}
		if (o.Output == nil) != (r.Refusal != "") {
			t.Errorf("%s: refusal %q, output %v", r.Name, r.Refusal, o.Output)
		}
		if o.Output != nil && fmt.Sprint(r.Tensor()) != fmt.Sprint(*o.Output) {
			t.Errorf("%s: got %v, want %v", r.Name, r.Tensor(), *o.Output)
		}
	}
	// Files in another folder are the same cases.
	other := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.CopyFS(other, os.DirFS("../../../testdata/cases")); err != nil {
		t.Fatal(err)
	}
	files, err = proof.ReadAll(os.DirFS(other), ".")
	if err != nil {
		t.Fatal(err)
	}
	c := compareWith(t, text, files, prooftest.Reference{})
	if n := c.Counts[baseline.Equal] + c.Counts[baseline.SameRefusal]; n != len(outcomes) || len(c.Machine) > 0 || c.Failures() != 0 {
		t.Errorf("%s; %v", c.Summary(), c.Machine)
	}
	refused := 0
	for _, o := range outcomes {
		if o.Output == nil {
			refused++
		}
	}
	if refused == 0 || !strings.Contains(c.Summary(), fmt.Sprintf("%d same refusal", refused)) {
		t.Errorf("%s, want %d refusals", c.Summary(), refused)
	}
}

// Bits that no comparison of numbers sees are kept.
func TestBaselineKeepsBits(t *testing.T) {
	file := prooftest.File(t, "a.json", `{"cases":[{"op":"relu","input":{"shape":[5],"data":[1,2,3,4,5]}}]}`)
	want := []uint32{0x7fc00123, 0xffa00001, 0x80000000, 0x00000001, 0xff800000}
	text := baselineOf(t, []proof.File{file}, backendOf(func(_ ir.Op, x ...tensor.Tensor) (tensor.Tensor, error) {
		y := x[0].Clone()
		for i, bits := range want {
			y.Data[i] = math.Float32frombits(bits)
		}
		return y, nil
	}))
	for i, x := range readBaseline(t, text).Records[0].Tensor().Data {
		if math.Float32bits(x) != want[i] {
			t.Errorf("number %d is %#x, want %#x", i, math.Float32bits(x), want[i])
		}
	}
	if n := strings.Count(string(text), "\n"); n != 3 {
		t.Errorf("%d lines, want one for the case and two round it:\n%s", n, text)
	}
}

// Cases of one name and several operations stay different, in every order
// they are run.
func TestBaselineNames(t *testing.T) {
	one := `{"name":"n","op":%q,"input":{"shape":[1],"data":[%d]}}`
	list := func(name string, ops ...string) proof.File {
		var texts []string
		for _, op := range ops {
			texts = append(texts, fmt.Sprintf(one, op, len(op)))
		}
		return prooftest.File(t, name, `{"cases":[`+strings.Join(texts, ",")+`]}`)
	}
	text := baselineOf(t, []proof.File{list("x/a.json", "relu", "relu6", "elu"), list("y/a.json", "relu", "relu6")}, prooftest.Reference{})
	for _, files := range [][]proof.File{
		{list("x/a.json", "relu", "relu6", "elu"), list("y/a.json", "relu", "relu6")},
		{list("y/a.json", "relu6", "relu"), list("x/a.json", "elu", "relu6", "relu")},
	} {
		if c := compareWith(t, text, files, prooftest.Reference{}); c.Counts[baseline.Equal] != 5 || len(c.Cases) != 5 {
			t.Error(c.Summary())
		}
	}
	// A case that moved to another operation's name is not compared by its index.
	c := compareWith(t, text, []proof.File{list("x/a.json", "relu6", "elu"), list("y/a.json", "relu", "relu6")}, prooftest.Reference{})
	if c.Counts[baseline.Equal] != 4 || c.Counts[baseline.Missing] != 1 || c.Cases[4].ID() != `x/a.json: relu "n"` {
		t.Errorf("%s; %v", c.Summary(), c.Cases)
	}
}

// A baseline of format 1 knows cases by file, without folders, and name, of which
// the second is numbered; this one was written by a program of that format.
func TestFirstBaselineNames(t *testing.T) {
	one := `{"name":%q,"op":%q,"input":{"shape":[1],"data":[%d]}}`
	file := func(name string, cases ...string) proof.File {
		return prooftest.File(t, name, `{"cases":[`+strings.Join(cases, ",")+`]}`)
	}
	for _, tt := range []struct {
		files   []proof.File
		summary string
	}{
		// As they were.
		{[]proof.File{file("a.json", fmt.Sprintf(one, "n", "relu", 1), fmt.Sprintf(one, "n", "relu6", 2), fmt.Sprintf(one, "n", "elu", 3))}, "3 equal bits, 0 within bound, 0 outside"},
		// In another order, and a folder that is in the name now.
		{[]proof.File{file("x/a.json", fmt.Sprintf(one, "n", "elu", 3), fmt.Sprintf(one, "n", "relu", 1), fmt.Sprintf(one, "n", "relu6", 2))}, "3 equal bits, 0 within bound, 0 outside"},
		// One that is called as the number said.
		{[]proof.File{file("a.json", fmt.Sprintf(one, "n", "relu", 1), fmt.Sprintf(one, "n (2)", "relu6", 2), fmt.Sprintf(one, "n", "elu", 3))}, "3 equal bits, 0 within bound, 0 outside"},
		{[]proof.File{file("a.json", fmt.Sprintf(one, "n", "relu", 1), fmt.Sprintf(one, "other", "relu6", 2), fmt.Sprintf(one, "n", "elu", 3))}, "2 equal bits, 0 within bound, 1 new, 0 outside, 1 missing"},
	} {
		b, err := baseline.Open("testdata/baseline-format1-names.json")
		if err != nil {
			t.Fatal(err)
		}
		c := baseline.NewComparison(b, b.Made, false)
		for _, o := range prooftest.Run(t, tt.files, prooftest.Reference{}) {
			c.Add(o)
		}
		c.Finish()
		if got := strings.TrimPrefix(c.Summary(), "against testdata/baseline-format1-names.json: "); got != tt.summary {
			t.Errorf("got %s, want %s", got, tt.summary)
		}
	}
}

// A small baseline to be damaged: an output and a refusal.
func small(t testing.TB) string {
	t.Helper()
	return string(baselineOf(t, []proof.File{prooftest.File(t, "a.json", `{"cases":[
		{"name":"n","op":"relu","input":{"shape":[2],"data":[1,2]}},
		{"name":"r","op":"max_pool","size":[2,2],"input":{"shape":[1,1,1,1],"data":[1]},"error":"window"}]}`)}, prooftest.Reference{}))
}

func TestStrictBaselines(t *testing.T) {
	good := small(t)
	bits := base64.StdEncoding.EncodeToString([]byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40})
	if !strings.Contains(good, bits) {
		t.Fatalf("no %s in\n%s", bits, good)
	}
	_, sum, _ := strings.Cut(good, `"sha256":"`)
	sum = sum[:64]
	first := good[strings.Index(good, "\n")+1:]
	first = first[:strings.Index(first, ",\n")]
	replace := func(old, now string) string {
		t.Helper()
		if strings.Count(good, old) == 0 {
			t.Fatalf("no %s in\n%s", old, good)
		}
		return strings.Replace(good, old, now, 1)
	}
	for text, want := range map[string]string{
		"":                                                "the file ends early",
		"hello":                                           "not JSON",
		"[]":                                              `want an object, got "["`,
		"{}":                                              `want the field "format", got "}"`,
		replace(`"format": 2`, `"format": 3`):             "format is 3, this program reads formats 1 to 2",
		replace(`"format": 2`, `"format": "2"`):           `format is "2", this program reads formats 1 to 2`,
		replace(`"format": 2, `, ""):                      `want the field "format", got "made"`,
		replace(`"made"`, `"maid"`):                       `want the field "made", got "maid"`,
		replace(`"threads":2`, `"threats":2`):             `made: field "threats" is not known here, the nearest is "threads"`,
		replace(`"threads":2,`, ``):                       `made: field "threads" is missing`,
		replace(`"threads":2`, `"threads":"2"`):           `made: threads: cannot be "2"`,
		replace(`["avx","avx2"]`, `null`):                 `made: features: cannot be null`,
		replace(`"cases": [`, `"cases": {}`):              "want a list of cases",
		replace(bits, "A"+bits[1:]):                       "", // the same: it began so
		"\ufeff" + good:                                   "",
		replace(`"format": 2`, `"format": 2.0`):           "",
		replace(`"threads":2`, `"threads":2e0`):           "",
		replace(`"shape":[2]`, `"shape":[2.0]`):           "",
		replace(`"status":"pass"`, `"status":"PASS"`):     "",
		replace(`"threads":2`, `"threads":2.5`):           `made: threads: cannot be 2.5`,
		replace(bits, "B"+bits[1:]):                       `case 1 "n": bits have the sha256`,
		replace(bits, bits[4:]):                           `case 1 "n": bits have the sha256`,
		replace(bits, "?"+bits[1:]):                       `case 1 "n": bits: illegal base64 data at input byte 0`,
		replace(bits, bits[:len(bits)-1]):                 `case 1 "n": bits: illegal base64`,
		replace(sum, strings.Repeat("0", 64)):             "want 0000000",
		replace(`"shape":[2]`, `"shape":[3]`):             `case 1 "n": bits are 8 bytes, want 4 for each of the 3 numbers of shape [3]`,
		replace(`"shape":[2]`, `"shape":[-2]`):            `case 1 "n": shape: `,
		replace(`"shape":[2]`, `"shape":[2.5]`):           `case 1 "n": shape: cannot be [2.5]`,
		replace(`"shape":[2]`, `"shape":null`):            `case 1 "n": shape: cannot be null`,
		replace(`"shape":[2],`, ``):                       `case 1 "n": want "shape", "bits" and "sha256", or "refusal"`,
		replace(`"status":"pass"`, `"status":"well"`):     `status "well" is not known here`,
		replace(`"name":"n",`, ``):                        `case 1: field "name" is missing`,
		replace(`"name":"n"`, `"name":"n","name":"n"`):    `case 1: field "name" is there twice`,
		replace(`"name":"n"`, `"name":"n","size":1`):      `case 1 "n": field "size" is not known here`,
		replace(`"case":"`, `"case":"Z`):                  `is no sha256`,
		replace(`"refusal":"`, `"shape":[1],"refusal":"`): `case 2 "r": field "refusal" wants a text, and no output beside it`,
		replace(first, first+","+first):                   `case 2 "n": a.json has a case of this name already`,
		good + "{}":                                       "text follows the object's end",
		strings.TrimSuffix(good, "}\n"):                   "the file ends early",
		strings.TrimSuffix(good, "\n]}\n"):                "the file ends early",
		good[:len(good)/2]:                                "the file ends early",
		strings.TrimSuffix(good, "}\n") + `,"more":1}`:    "want the object's end",
		replace(first, "[1]"):                             "case 1: want an object",
	} {
		_, err := baseline.Read("f.json", strings.NewReader(text))
		if want == "" {
			if err != nil {
				t.Errorf("a good one: %v", err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "proof: baseline f.json: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.300s\ngot %v, want %q", text, err, want)
		}
	}
	if _, err := baseline.Open("no/such.json"); err == nil || err.Error() != "proof: baseline no/such.json: no such file or directory" {
		t.Error(err)
	}
}

// A file that was cut anywhere is refused.
func TestCutBaselines(t *testing.T) {
	good := strings.TrimSpace(small(t))
	for n := range len(good) {
		if _, err := baseline.Read("f", strings.NewReader(good[:n])); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(good))
		}
	}
	if _, err := baseline.Read("f", strings.NewReader(good)); err != nil {
		t.Error(err)
	}
}

// The digest depends on the operation, its attributes and its operands, and on
// nothing else. The first two are one case.
func TestDigest(t *testing.T) {
	x, w := `"input":{"shape":[1,3,3,2],"data":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9]}`, `"filter":{"shape":[1,1,2,2],"data":[1,2,3,4]}`
	same := []string{
		`{"op":"conv2d",` + x + `,` + w + `}`,
		`{"op":"conv2d",` + w + `,` + strings.ReplaceAll(x, "2,3", "2.0, 0.3e1") + `,"strides":[1,1],"dilations":[1,1],"groups":1,"padding":"VALID","name":"other",
			"expect":{"shape":[1],"data":[7]}}`,
	}
	others := []string{
		`{"op":"conv2d",` + x + `,` + strings.Replace(w, "[1,2,3", "[1,2,4", 1) + `}`,
		`{"op":"conv2d",` + strings.Replace(x, "data\":[1", "data\":[-1", 1) + `,` + w + `}`,
		`{"op":"conv2d",` + x + `,` + w + `,"strides":[1,2]}`,
		`{"op":"conv2d",` + x + `,` + w + `,"strides":[2,1]}`,
		`{"op":"conv2d",` + x + `,` + w + `,"dilations":[2,1]}`,
		`{"op":"conv2d",` + x + `,` + w + `,"padding":"SAME"}`,
		`{"op":"conv2d",` + x + `,` + w + `,"padding":[[0,1],[0,0]]}`,
		`{"op":"conv2d",` + x + `,` + w + `,"padding":[[1,0],[0,0]]}`,
		`{"op":"conv2d",` + x + `,` + w + `,"bias":{"shape":[2],"data":[0,0]}}`,
		`{"op":"conv2d",` + x + `,` + strings.Replace(w, "[1,1,2,2]", "[1,1,1,4]", 1) + `}`,
		`{"op":"conv2d",` + x + `,` + strings.Replace(w, "[1,1,2,2]", "[1,1,1,4]", 1) + `,"groups":2}`,
		`{"op":"max_pool",` + x + `,"size":[1,2]}`,
		`{"op":"avg_pool",` + x + `,"size":[1,2]}`,
		`{"op":"max_pool",` + x + `,"size":[2,1]}`,
		`{"op":"relu",` + x + `}`,
	}
	digests := map[string]string{}
	digest := func(text string) string {
		t.Helper()
		b := readBaseline(t, baselineOf(t, []proof.File{prooftest.File(t, "a.json", `{"cases":[`+text+`]}`)}, prooftest.Reference{}))
		return b.Records[0].Case
	}
	if digest(same[0]) != digest(same[1]) {
		t.Error("one case, two digests")
	}
	for _, text := range append(others, same[0]) {
		d := digest(text)
		if earlier, there := digests[d]; there {
			t.Errorf("one digest of\n%s\nand\n%s", earlier, text)
		}
		digests[d] = text
	}
}

// A file that is too large is refused before it is read. It is sparse.
func TestLargeBaseline(t *testing.T) {
	name := filepath.Join(t.TempDir(), "baseline.json")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, baseline.MaxBytes+1); err != nil {
		t.Fatal(err)
	}
	if _, err := baseline.Open(name); err == nil || err.Error() != "proof: baseline "+name+": it has more than 1024 MiB, which is no baseline" {
		t.Error(err)
	}
}

// The format of today is read for ever: this file is not written again.
func TestKeptBaseline(t *testing.T) {
	b, err := baseline.Open("testdata/baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/baseline-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	files := []proof.File{prooftest.File(t, "baseline-cases.json", string(text))}
	c := baseline.NewComparison(b, madeHere, false)
	for _, o := range prooftest.Run(t, files, prooftest.Reference{}) {
		c.Add(o)
	}
	c.Finish()
	if c.Counts[baseline.Equal] != 4 || c.Counts[baseline.SameRefusal] != 1 || len(c.Cases) != 5 {
		text, _ := json.MarshalIndent(c, "", " ")
		t.Errorf("%s\n%s", c.Summary(), text)
	}
}
