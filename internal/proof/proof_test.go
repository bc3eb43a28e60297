package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/junit"
	"tfcnn/internal/proof/prooftest"
	"tfcnn/internal/ref"
)

// reference is the reference itself as a backend.
type reference = prooftest.Reference

func cases(t *testing.T) []proof.File {
	t.Helper()
	files, err := proof.ReadAll(os.DirFS("../../testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The known answers, from TensorFlow's own kernel tests, are right for the
// reference; cases that must be refused are refused.
func TestKnownAnswers(t *testing.T) {
	n := 0
	for _, file := range cases(t) {
		for _, c := range file.Cases {
			o, err := c.Run(t.Context(), reference{})
			if err != nil {
				t.Fatal(err)
			}
			if o.Status == proof.Fail {
				t.Errorf("%s: %s: %s", file.Name, c.Name, o.Text())
			}
			n++
		}
	}
	if n < 80 {
		t.Errorf("%d cases, want them all", n)
	}
}

// Each reference kernel returns the error of its ctx.
func TestCanceledKernels(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := map[string]bool{}
	for _, file := range cases(t) {
		for _, c := range file.Cases {
			r, err := ref.Apply(t.Context(), c.Op, c.Operands...)
			if err != nil || len(r.Value) == 0 {
				continue
			}
			if _, err := ref.Apply(ctx, c.Op, c.Operands...); !errors.Is(err, context.Canceled) {
				t.Errorf("%s %q: got %v, want %v", c.Op.Kind(), c.Name, err, context.Canceled)
			}
			stopped[c.Op.Kind()] = true
		}
	}
	if len(stopped) < 20 {
		t.Errorf("%d kinds of operations, want all", len(stopped))
	}
}

// A device that is wrong in one number of every case must fail every case
// that has one.
func TestWrongDeviceFails(t *testing.T) {
	wrong := reference{Change: func(_ ir.Op, x tensor.Tensor) {
		for i, v := range x.Data {
			if v == v {
				x.Data[i] = v - max(100, v/4) // more than sums of large numbers are off by
				if v-v != 0 {
					x.Data[i] = 0
				}
				return
			}
		}
	}}
	for _, file := range cases(t) {
		for _, c := range file.Cases {
			o, err := c.Run(t.Context(), wrong)
			if err != nil {
				t.Fatal(err)
			}
			if c.Error == "" && o.Device.Elements > o.Device.Unspecified && o.Status != proof.Fail {
				t.Errorf("%s: %s: a wrong device passed: %s", file.Name, c.Name, o.Text())
			}
			if c.Error == "" && (o.Output == nil || o.Reference == nil || o.Refused() != o.Failure) {
				t.Errorf("%s: %s: output %v, reference %v, refused %q", file.Name, c.Name, o.Output, o.Reference, o.Refused())
			}
			if o.Status == proof.Fail {
				if o.Cause != proof.NumbersCause || !strings.HasPrefix(o.Failure, "device against the reference: fail: ") {
					t.Errorf("%s: %s: cause %d of %q", file.Name, c.Name, o.Cause, o.Failure)
				}
				if !bytes.Contains(o.Repeat, compact(t, c.JSON())) {
					t.Errorf("%s: %s: the case repeats as %s", file.Name, c.Name, o.Repeat)
				}
				if _, err := proof.Read("repeat", o.Repeat); err != nil {
					t.Errorf("%s: the failure cannot be repeated: %v", c.Name, err)
				}
			}
		}
	}
}

// A case that the reference or the device refuses is no pass unless it must be
// refused, and one that must be refused and is computed is none.
func TestRefusals(t *testing.T) {
	const relu = `{"name":"n","op":"relu","input":{"shape":[1],"data":[1]}`
	const short = `{"name":"n","op":"relu","input":{"shape":[2],"data":[1]}`
	broken := backend(func() (tensor.Tensor, error) { return tensor.Tensor{}, errors.New("out of order") })
	for _, tt := range []struct {
		text    string
		backend proof.Backend
		cause   proof.Cause
		failure string
		refused string
		output  bool
	}{
		{relu + `}`, broken, proof.BackendCause, "device: out of order", "out of order", false},
		{short + `}`, reference{}, proof.ReferenceCause, "refused: ref: relu: operand 0: ", "refused: ref: relu: operand 0: ", false},
		{short + `,"error":"got 1"}`, reference{}, 0, "", "ref: relu: operand 0: ", false},
		{short + `,"error":"got 1"}`, broken, proof.RefusalCause, `device: got "out of order", want it refused with "got 1"`, "out of order", false},
		{relu + `,"error":"got 1"}`, reference{}, proof.RefusalCause, `reference: got "computed", want it refused with "got 1"`, "reference: got ", true},
	} {
		file := prooftest.File(t, "f.json", `{"cases":[`+tt.text+`]}`)
		o, err := file.Cases[0].Run(t.Context(), tt.backend)
		if err != nil || o.Cause != tt.cause || !strings.HasPrefix(o.Failure, tt.failure) || !strings.HasPrefix(o.Refused(), tt.refused) || (o.Output != nil) != tt.output {
			t.Errorf("%s: cause %d of %q, refused %q, output %v, %v", tt.text, o.Cause, o.Failure, o.Refused(), o.Output, err)
		}
		if (o.Refusal == "") != (tt.cause != 0) {
			t.Errorf("%s: refused with %q", tt.text, o.Refusal)
		}
		if (o.Status == proof.Fail) != (tt.cause != 0) || (o.Failure == "") != (tt.cause == 0) {
			t.Errorf("%s: %s, %q", tt.text, o.Status, o.Failure)
		}
	}
}

// backend is a backend that gives the same for all cases.
type backend func() (tensor.Tensor, error)

func (b backend) Apply(context.Context, ir.Op, ...tensor.Tensor) (tensor.Tensor, error) { return b() }

// compact returns JSON as a file of one case has it.
func compact(t *testing.T, text json.RawMessage) []byte {
	t.Helper()
	text, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWrongExpectationFails(t *testing.T) {
	for name, text := range map[string]string{
		"a max": `{"op":"max_pool","size":[2,2],"input":{"shape":[1,2,2,1],"data":[1,2,3,4]},
			"expect":{"shape":[1,1,1,1],"data":[4.000001]}}`,
		"an exact sum": `{"op":"conv2d","filter":{"shape":[2,2,1,1],"data":[1,1,1,1]},"input":{"shape":[1,2,2,1],"data":[1,2,3,4]},
			"expect":{"shape":[1,1,1,1],"data":[10.000001]}}`,
		"a rounded sum": `{"op":"conv2d","filter":{"shape":[2,2,1,1],"data":[0.1,0.2,0.3,0.4]},"input":{"shape":[1,2,2,1],"data":[0.1,0.2,0.3,0.4]},
			"expect":{"shape":[1,1,1,1],"data":[0.300001]}}`,
		"a mean": `{"op":"avg_pool","size":[1,3],"input":{"shape":[1,1,3,1],"data":[1,2,4]},
			"expect":{"shape":[1,1,1,1],"data":[2.333335]}}`,
		"a shape":     `{"op":"relu","input":{"shape":[2],"data":[1,2]},"expect":{"shape":[1,2],"data":[1,2]}}`,
		"an infinity": `{"op":"relu","input":{"shape":[1],"data":[1]},"expect":{"shape":[1],"data":["Inf"]}}`,
	} {
		var c proof.Case
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o, err := c.Run(t.Context(), reference{})
		if err != nil {
			t.Fatal(err)
		}
		if o.Status != proof.Fail || o.Expectation.OK() || !o.Device.OK() || o.Cause != proof.ExpectationCause ||
			!strings.HasPrefix(o.Failure, "expectation against the reference: fail: ") {
			t.Errorf("%s: a wrong expectation gave %s, cause %d: %s", name, o.Status, o.Cause, o.Text())
		}
		// The expectation's failure comes before the device's.
		both, err := c.Run(t.Context(), reference{Change: func(_ ir.Op, x tensor.Tensor) { x.Data[0] += 100 }})
		if err != nil || both.Cause != proof.ExpectationCause || both.Failure != o.Failure+"; device against the reference: "+both.Device.String() {
			t.Errorf("%s: with a wrong device: cause %d of %q, %v", name, both.Cause, both.Failure, err)
		}
	}
	// The right ones pass, also as float32 would have computed them.
	for _, text := range []string{
		`{"op":"conv2d","filter":{"shape":[2,2,1,1],"data":[0.1,0.2,0.3,0.4]},"input":{"shape":[1,2,2,1],"data":[0.1,0.2,0.3,0.4]},
			"expect":{"shape":[1,1,1,1],"data":[0.3]}}`,
		`{"op":"avg_pool","size":[1,3],"input":{"shape":[1,1,3,1],"data":[1,2,4]},"expect":{"shape":[1,1,1,1],"data":[2.3333333]}}`,
	} {
		var c proof.Case
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if o, _ := c.Run(t.Context(), reference{}); o.Status != proof.Pass {
			t.Errorf("%s: %s", text, o.Text())
		}
	}
}

func TestStatuses(t *testing.T) {
	one := func(value, bound, level float64, state ref.State) ref.Result {
		return ref.Result{Shape: []int{1}, Value: []float64{value}, Bound: []float64{bound}, Level: []float64{level}, State: []ref.State{state}, Judged: true}
	}
	figure := one(1, 0.1, 0.01, ref.Plain)
	figure.Judged = false
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		want ref.Result
		got  float64
		is   proof.Status
	}{
		{one(1, 0, 0, ref.Plain), 1, proof.Pass},
		{one(1, 0.1, 0.01, ref.Plain), 1.015, proof.Pass},
		{one(1, 0.1, 0.01, ref.Plain), 1.079, proof.Pass},
		{one(1, 0.1, 0.01, ref.Plain), 1.081, proof.Precision},
		{figure, 1.081, proof.Pass},
		{one(1, 0.1, 0.01, ref.Plain), 1.11, proof.Fail},
		{one(1, 0.1, 0.01, ref.Plain), inf, proof.Fail},
		{one(1, 0.1, 0.01, ref.Plain), nan, proof.Fail},
		{one(1e38, 1e36, 0, ref.OverflowPossible), inf, proof.Nothing},
		{one(1e38, 1e36, 0, ref.OverflowPossible), nan, proof.Nothing},
		{one(1e38, 1e36, 0, ref.OverflowPossible), 1e38, proof.Pass},
		{one(1e38, 1e36, 0, ref.OverflowPossible), 2e38, proof.Fail},
		{one(nan, 0, 0, ref.Plain), nan, proof.Nothing},
		{one(nan, 0, 0, ref.Plain), 1, proof.Fail},
		{one(inf, 0, 0, ref.Plain), inf, proof.Pass},
		{one(inf, 0, 0, ref.Plain), -inf, proof.Fail},
		{one(nan, 0, 0, ref.Unspecified), 1, proof.Nothing},
	} {
		v := proof.Compare(tt.want, tensor.Tensor{Shape: []int{1}, Data: []float32{float32(tt.got)}})
		if v.Status != tt.is || v.OK() != (tt.is == proof.Pass) {
			t.Errorf("%+v, got %v: %+v, want %s", tt.want, tt.got, v, tt.is)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%+v has no JSON form: %v", v, err)
		}
	}
}

// A verdict that proves nothing is no pass, one number that was compared is enough, and
// parts of a batch are judged together.
func TestProvesNothing(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	of := func(states []ref.State, values ...float64) (ref.Result, tensor.Tensor) {
		n := len(values)
		r := ref.Result{Shape: []int{n}, Value: values, Bound: make([]float64, n), Level: make([]float64, n), State: states}
		x := tensor.Tensor{Shape: []int{n}, Data: make([]float32, n)}
		for i, value := range values {
			x.Data[i] = float32(value)
		}
		return r, x
	}
	plain := []ref.State{ref.Plain, ref.Plain, ref.Plain}
	verdicts := map[string]proof.Verdict{}
	for _, tt := range []struct {
		name   string
		states []ref.State
		values []float64
		is     proof.Status
		text   string
	}{
		{"nan", plain, []float64{nan, nan, nan}, proof.Nothing, "proves nothing: of 3 numbers none was compared; 3 NaN on both sides"},
		{"mixed", plain, []float64{nan, 1, nan}, proof.Pass, "pass: all 3 numbers exact; 2 NaN on both sides"},
		{"number", plain, []float64{3, 1, 2}, proof.Pass, "pass: all 3 numbers exact"},
		{"infinite", plain, []float64{inf, inf, inf}, proof.Pass, "pass: all 3 numbers exact"},
		{
			"void",
			[]ref.State{ref.Plain, ref.Unspecified, ref.OverflowPossible},
			[]float64{nan, 1, inf},
			proof.Nothing,
			"proves nothing: of 3 numbers none was compared; 1 NaN on both sides; nothing asked of 1 numbers (33.3 %), where kernels differ; 1 not finite, where partial sums may overflow",
		},
		{
			"overflow",
			[]ref.State{ref.Plain, ref.Plain, ref.OverflowPossible},
			[]float64{nan, 1, inf},
			proof.Overflow,
			"overflow possible: largest error 0 is 0 of its bound; 1 NaN on both sides; 1 not finite, where partial sums may overflow",
		},
		{"empty", nil, nil, proof.Pass, "pass: the output has no numbers"},
	} {
		v := proof.Compare(of(tt.states, tt.values...))
		if v.Status != tt.is || v.String() != tt.text || v.OK() != (tt.is != proof.Nothing) {
			t.Errorf("%s: %v, OK %v, want %s", tt.name, v, v.OK(), tt.text)
		}
		verdicts[tt.name] = v
	}
	for _, tt := range []struct {
		a, b string
		is   proof.Status
	}{
		{"nan", "nan", proof.Nothing},
		{"nan", "void", proof.Nothing},
		{"nan", "empty", proof.Nothing},
		{"empty", "nan", proof.Nothing},
		{"nan", "number", proof.Pass},
		{"number", "nan", proof.Pass},
		{"overflow", "nan", proof.Overflow},
		{"nan", "overflow", proof.Overflow},
	} {
		v := verdicts[tt.a].Merge(verdicts[tt.b], 0)
		if v.Status != tt.is || v.NaN != verdicts[tt.a].NaN+verdicts[tt.b].NaN || v.Elements != verdicts[tt.a].Elements+verdicts[tt.b].Elements {
			t.Errorf("%s and %s: %+v, want %s", tt.a, tt.b, v, tt.is)
		}
	}
}

// A case whose file writes NaN down asks for NaN; without that it proves
// nothing, is no pass, and says how to repeat it.
func TestNaNThatIsExpected(t *testing.T) {
	const tanh = `{"name":"n","op":"tanh","input":{"shape":[2],"data":["NaN","NaN"]}`
	for text, want := range map[string]proof.Status{
		tanh + `}`: proof.Nothing,
		tanh + `,"expect":{"shape":[2],"data":["NaN","NaN"]}}`:                                                proof.Pass,
		tanh + `,"expect":{"shape":[2],"data":["NaN",1]}}`:                                                    proof.Fail,
		`{"name":"n","op":"tanh","input":{"shape":[1],"data":["NaN"]},"expect":{"shape":[1],"data":["NaN"]}}`: proof.Pass,
	} {
		file, err := proof.Read("f", []byte(`{"cases":[`+text+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		o, err := file.Cases[0].Run(t.Context(), reference{})
		if err != nil || o.Status != want || (o.Repeat != nil) != (want != proof.Pass) || (o.Failure != "") != (want != proof.Pass) {
			t.Errorf("%s: %s, %q, repeat %s, %v; want %s", text, o.Status, o.Failure, o.Repeat, err, want)
		}
		var written strings.Builder
		if err := junit.Write(&written, []proof.Outcome{o}, nil); err != nil || strings.Contains(written.String(), "<failure") != (want != proof.Pass) {
			t.Errorf("%s: %v\n%s", text, err, written.String())
		}
	}
}

func TestStrictFiles(t *testing.T) {
	pool := `"op":"max_pool","input":{"shape":[1,1,1,1],"data":[1]}`
	for text, want := range map[string]string{
		`{"case":[]}`:                           `field "case" is not known here, the nearest is "cases"`,
		`{"cases":[]}`:                          `no cases`,
		`{"cases":{}}`:                          `want a list`,
		`{`:                                     `not JSON`,
		`[]`:                                    `want an object, got []`,
		`{"cases":[{}]} x`:                      `text follows the object's end`,
		`{"cases":[{"op":1}]}`:                  `op: want a string`,
		`{"cases":[{"size":1}]}`:                `case 1: field "op" or "network" is missing`,
		`{"cases":[{"name":"n","op":"conv2"}]}`: `case 1 "n": op "conv2" is not known here, the nearest is "conv2d"`,
		`{"cases":[{` + pool + `}]}`:            `field "size" is missing`,
		`{"cases":[{"op":"max_pool","size":[1,1]}]}`:                                                                            `field "input" is missing`,
		`{"cases":[{` + pool + `,"size":[1,1],"stride":[1,1]}]}`:                                                                `field "stride" is not known here, the nearest is "strides"`,
		`{"cases":[{` + pool + `,"size":[1,1],"filter":1}]}`:                                                                    `field "filter" is not known here`,
		`{"cases":[{` + pool + `,"size":[1,1],"size":[1,1]}]}`:                                                                  `field "size" is there twice`,
		`{"cases":[{` + pool + `,"size":[1]}]}`:                                                                                 `size: want [vertical, horizontal], got [1]`,
		`{"cases":[{` + pool + `,"size":[1.5,1]}]}`:                                                                             `size: want [vertical, horizontal]`,
		`{"cases":[{` + pool + `,"size":[1,1],"padding":"some"}]}`:                                                              `padding: want "SAME", "VALID"`,
		`{"cases":[{` + pool + `,"size":[1,1],"padding":[[1,1]]}]}`:                                                             `padding: want "SAME", "VALID"`,
		`{"cases":[{"op":"relu","input":{"shape":[1],"data":["na"]}}]}`:                                                         `"na" is no number`,
		`{"cases":[{"op":"relu","input":{"shape":[1],"data":{"a":1}}}]}`:                                                        `data: want a list of numbers, got {"a":1}`,
		`{"cases":[{"op":"relu","input":{"shape":[1.5],"data":[1]}}]}`:                                                          `shape: want whole numbers`,
		`{"cases":[{"name":"\n\u202e","op":"relu"}]}`:                                                                           `case 1 "\n\u202e": field "input" is missing`,
		`{"cases":[{"op":"relu","input":{"shape":[1],"data":[1e39]}}]}`:                                                         `beyond float32's range`,
		`{"cases":[{"op":"relu","input":{"shape":[1]}}]}`:                                                                       `want an object with "shape" and "data"`,
		`{"cases":[{"op":"relu","input":{"shape":[1],"date":[1]}}]}`:                                                            `the nearest is "data"`,
		`{"cases":[{"op":"relu","input":{"shape":["1"],"data":[1]}}]}`:                                                          `shape: want whole numbers`,
		`{"cases":[{` + pool + `,"size":[1,1],"error":""}]}`:                                                                    `"error" wants a text`,
		`{"cases":[{` + pool + `,"size":[1,1],"error":"a","expect":null}]}`:                                                     `expect: `,
		`{"cases":[{"name":"n",` + pool + `,"size":[1,1]},{` + pool + `,"size":[1,1]},{"name":"n",` + pool + `,"size":[1,1]}]}`: `cases 1 and 3 are both max_pool "n", want names that differ`,
		`{"cases":[{` + pool + `,"size":[1,1]},{"name":"case 1",` + pool + `,"size":[1,1]}]}`:                                   `cases 1 and 2 are both max_pool "case 1"`,
	} {
		if _, err := proof.Read("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A byte order mark, another notation of a whole number and another case of a word
// change nothing: the case that is read is the same.
func TestNotations(t *testing.T) {
	read := func(text string) proof.Case {
		t.Helper()
		file, err := proof.Read("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return file.Cases[0]
	}
	for plain, other := range map[string]string{
		`{"op":"max_pool","size":[2,1],"strides":[1,1],"padding":"SAME","input":{"shape":[1,2,1,1],"data":[1,"NaN"]}}`:                               `{"op":"MAX_Pool","size":[2.0,1e0],"strides":[10e-1,1],"padding":"same","input":{"shape":[1.0,2,1,1],"data":[1,"nan"]}}`,
		`{"op":"conv2d","groups":2,"padding":[[1,0],[0,0]],"input":{"shape":[1,1,1,2],"data":[1,"-Inf"]},"filter":{"shape":[1,1,1,2],"data":[1,2]}}`: `{"op":"Conv2D","groups":2.0,"padding":[[1.0,0e5],[0,0]],"input":{"shape":[1,1,1,2],"data":[1,"-INF"]},"filter":{"shape":[1,1,1,2],"data":[1,2]}}`,
		`{"op":"resize","size":[2,2],"method":"nearest","input":{"shape":[1,1,1,1],"data":[1]}}`:                                                     `{"op":"resize","size":[2,2],"method":"Nearest","input":{"shape":[1,1,1,1],"data":[1]}}`,
	} {
		want, err := json.Marshal(read(`{"cases":[` + plain + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(read("\ufeff" + `{"cases":[` + other + `]}`))
		if err != nil || string(got) != string(want) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
