package proof_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/internal/hostile"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/draw"
)

// FuzzRead: a file that is read is written, and read again, as the same cases.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("../../testdata/cases/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no case files, %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(text) < 20_000 {
			f.Add(text)
		}
	}
	for _, op := range proof.Operations() {
		for i := range 3 {
			c := draw.Draw(7, i, []string{op})
			text, err := json.Marshal(map[string]any{"cases": []proof.Case{c}})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var file proof.File
		err := hostile.Read(t, "proof: case file fuzz: ", len(text), hostile.Limits{PerByte: 2000}, func() (err error) {
			file, err = proof.Read("fuzz", text)
			return err
		})
		if err != nil {
			return
		}
		for _, c := range file.Cases {
			shapes := make([][]int, len(c.Operands))
			for i, x := range c.Operands {
				shapes[i] = x.Shape
			}
			if _, err := c.Op.Shape(shapes...); err != nil {
				hostile.Line(t, "", err.Error())
			}
		}
		written, err := json.Marshal(map[string]any{"cases": allCases(file)})
		if err != nil {
			t.Fatalf("was read and cannot be written: %v", err)
		}
		back, err := proof.Read("again", written)
		if err != nil {
			t.Fatalf("%s\ncame back as %v", written, err)
		}
		if again, err := json.Marshal(map[string]any{"cases": allCases(back)}); err != nil || !bytes.Equal(again, written) {
			t.Errorf("%s\ncame back as\n%s, %v", written, again, err)
		}
	})
}

// allCases lists a file's cases, those of networks last.
func allCases(f proof.File) (list []any) {
	for _, c := range f.Cases {
		list = append(list, c)
	}
	for _, c := range f.Networks {
		list = append(list, c)
	}
	return list
}

// A case of few bytes may ask for an output of gigabytes: it is a failure that
// says so, and nothing is allocated.
func TestLargeOutputs(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"op":"pad","input":{"shape":[1,1,1,1],"data":[1]},"padding":[[16000000,16000000],[20,20]]}`, "output [1,32000001,41,1] has 1312000041 numbers"},
		{`{"op":"resize","method":"nearest","input":{"shape":[1,1,1,1],"data":[1]},"size":[40000,40000]}`, "output [1,40000,40000,1]"},
		// 24929 · 673 is 2²⁴ + 1.
		{`{"op":"resize","method":"nearest","input":{"shape":[1,1,1,1],"data":[1]},"size":[24929,673]}`, "has 16777217 numbers, a case's may have 16777216"},
		{`{"op":"max_pool","input":{"shape":[1,1,1,1],"data":[1]},"size":[2,2],"strides":[1,1],"padding":"SAME","expect":{"shape":[1,1,1,1],"data":[1]}}`, ""},
		{`{"op":"pad","input":{"shape":[1,1,1,1],"data":[1]},"padding":[[16000000,16000000],[200,200]],"error":"more than 2147483647 elements"}`, ""},
	} {
		file, err := proof.Read("f", []byte(`{"cases":[`+tt.text+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = hostile.Read(t, "", len(tt.text), hostile.Limits{}, func() error {
			o, err := file.Cases[0].Run(t.Context(), reference{})
			if err != nil {
				t.Fatal(err)
			}
			if (o.Status == proof.Fail) != (tt.want != "") || (o.Cause == proof.CaseCause) != (tt.want != "") || !strings.Contains(o.Failure, tt.want) {
				t.Errorf("%s: got %s, want %q", tt.text, o.Text(), tt.want)
			}
			return nil
		})
	}
}
