package proof_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/prooftest"
	"tfcnn/internal/ref"
)

// networks are the cases of whole networks that are built in.
func networks(t *testing.T) (list []proof.NetworkCase) {
	t.Helper()
	for _, file := range cases(t) {
		list = append(list, file.Networks...)
		if len(file.Networks) > 0 && file.MadeBy == "" {
			t.Errorf("%s has networks, and does not say what made it", file.Name)
		}
	}
	return list
}

// The outputs that Keras computed of whole networks are right for the reference.
func TestKnownNetworks(t *testing.T) {
	list := networks(t)
	for _, c := range list {
		outcomes, err := c.Run(t.Context(), reference{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if o.Status != proof.Pass || o.Expectation == nil || o.Expectation.Compared() != o.Expectation.Elements {
				t.Errorf("%s: %s", o.Name, o.Text())
			}
		}
		if c.Source == "" {
			t.Errorf("%s has no source", c.Name)
		}
	}
	if len(list) < 100 {
		t.Errorf("%d networks, want them all", len(list))
	}
}

// Keras computed the built-in outputs in float64: where one operation makes the output,
// they differ from the reference by their rounding to float32 (half a spacing) and by
// attributes that are float32 here alone. TensorFlow interpolates in float32.
func TestKnownNetworksAreFloat64(t *testing.T) {
	ofOne := 0
	for _, c := range networks(t) {
		if lowered, err := graph.Lower(c.Network); err != nil || len(lowered.Program.Steps) > 1 || isBilinear(lowered.Program.Steps[0].Op) {
			continue
		}
		ofOne++
		outcomes, err := c.Run(t.Context(), reference{})
		if err != nil {
			t.Fatal(err)
		}
		for i, layer := range c.Outputs() {
			for k, want := range outcomes[i].Reference.Value {
				if off := math.Abs(float64(c.Expect[layer].Data[k])-want) / ref.Spacing(want); off > 0.75 {
					t.Errorf("%s: number %d is %.3g spacings off", outcomes[i].Name, k, off)
				}
			}
		}
	}
	if ofOne < 70 {
		t.Errorf("%d networks of one operation, want more", ofOne)
	}
}

func isBilinear(op ir.Op) bool {
	resize, is := op.(ir.Resize)
	return is && resize.Method == ir.Bilinear
}

// oneNetwork is a case of 1·3 + 0.5 and 2·3 + 0.5, with more fields.
func oneNetwork(more string) string {
	return `{"cases":[{"name":"n","network":{"input":{"height":1,"width":2,"channels":1},"layers":[
		{"type":"conv2d","name":"c","filters":1,"size":1},{"type":"relu"}]},
		"weights":{"c/filter":{"shape":[1,1,1,1],"data":[3]},"c/bias":{"shape":[1],"data":[0.5]}},
		"input":{"shape":[1,1,2,1],"data":[1,2]}` + more + `}]}`
}

// wrongNetworks is a backend that is wrong in the outputs of one operation.
func wrongNetworks(kind string) reference {
	return reference{Change: func(op ir.Op, x tensor.Tensor) {
		if op.Kind() == kind {
			x.Data[0]++
		}
	}}
}

// A case of a network has an outcome for each output that it expects, each with the
// verdict, the cause and the name of its own.
func TestNetworkOutcomes(t *testing.T) {
	const right, wrong = `{"shape":[1,1,2,1],"data":[3.5,6.5]}`, `{"shape":[1,1,2,1],"data":[3.5,6.75]}`
	for _, tt := range []struct {
		more    string
		backend proof.NetworkBackend
		want    string // name, status, cause of each outcome
		failure string
	}{
		{`,"expect":` + right, reference{}, "n pass 0", ""},
		{``, reference{}, "n pass 0", ""},
		{`,"expect":{"relu1":` + right + `}`, reference{}, "n pass 0", ""},
		{`,"expect":{"relu1":` + right + `,"c":` + right + `}`, reference{}, "n: c pass 0, n: relu1 pass 0", ""},
		{`,"expect":{"relu1":` + right + `,"c":` + wrong + `}`, reference{}, "n: c fail 3, n: relu1 pass 0", "expectation against the reference: fail: 1 of 2 numbers outside: at [0,0,1,0] got 6.75, want 6.5"},
		{`,"expect":{"relu1":` + right + `,"c":` + right + `}`, wrongNetworks("relu"), "n: c pass 0, n: relu1 fail 5", "device against the reference: fail: 1 of 2 numbers outside: at [0,0,0,0] got 4.5, want 3.5"},
		{`,"expect":` + wrong, wrongNetworks("conv2d"), "n fail 3", "; device against the reference: fail: "},
		{`,"expect":{"shape":[1,2],"data":[3.5,6.5]}`, reference{}, "n fail 3", "expectation against the reference: fail: output is [1,2], want [1,1,2,1]"},
		{`,"expect":` + right, networkBackend(func() ([]tensor.Tensor, error) { return nil, errors.New("out of order") }), "n fail 4", "device: out of order"},
		{`,"expect":` + right, networkBackend(func() ([]tensor.Tensor, error) { return nil, nil }), "n fail 4", "device: got 0 outputs, want 1"},
	} {
		file := prooftest.File(t, "f.json", oneNetwork(tt.more))
		start := time.Now()
		outcomes, err := file.Networks[0].Run(t.Context(), tt.backend)
		if err != nil {
			t.Fatal(err)
		}
		took, seconds := time.Since(start).Seconds(), 0.0
		var got, failures []string
		for _, o := range outcomes {
			seconds += o.Seconds
			got = append(got, strings.Join([]string{o.Name, string(o.Status), string(rune('0' + o.Cause))}, " "))
			failures = append(failures, o.Failure)
			if o.Op != proof.NetworkOp || o.Digest == "" || (o.Repeat != nil) == o.Status.OK() || o.CaseFile() == nil {
				t.Errorf("%s: op %s, digest %q, repeat %s", tt.more, o.Op, o.Digest, o.Repeat)
			}
			if o.Repeat != nil && prooftest.File(t, "again.json", string(o.Repeat)).Networks[0].Name != "n" {
				t.Errorf("%s: repeats as %s", tt.more, o.Repeat)
			}
			if o.Cause == proof.BackendCause && o.Refused() != strings.TrimPrefix(o.Failure, "device: ") {
				t.Errorf("%s: refused %q, failure %q", tt.more, o.Refused(), o.Failure)
			}
		}
		if !(seconds > 0 && seconds <= took) {
			t.Errorf("%s: outcomes took %g seconds in all, the run %g", tt.more, seconds, took)
		}
		if strings.Join(got, ", ") != tt.want || !strings.Contains(strings.Join(failures, ""), tt.failure) {
			t.Errorf("%s: got %s, %q, want %s, %q", tt.more, strings.Join(got, ", "), failures, tt.want, tt.failure)
		}
	}
}

// networkBackend returns what a function returns.
type networkBackend func() ([]tensor.Tensor, error)

func (b networkBackend) RunNetwork(context.Context, graph.Network, graph.Weights, tensor.Tensor, []string) ([]tensor.Tensor, error) {
	return b()
}

// coarse is a device that rounds factors to 11 bits.
type coarse struct{ reference }

func (coarse) Arithmetic() ref.Arithmetic { return ref.Arithmetic{TF32: true} }

// The expectation is compared within float32's bound, and a device within that of its
// arithmetic.
func TestNetworkArithmetic(t *testing.T) {
	const inexact = `{"cases":[{"network":{"input":{"height":1,"width":1,"channels":1},"layers":[{"type":"conv2d","filters":1,"size":1,"no_bias":true}]},
		"weights":{"conv1/filter":{"shape":[1,1,1,1],"data":[0.1]}},"input":{"shape":[1,1,1,1],"data":[0.1]},"expect":{"shape":[1,1,1,1],"data":[0.01]}}]}`
	c := prooftest.File(t, "f.json", inexact).Networks[0]
	bounds := map[bool]float64{}
	for tf32, backend := range map[bool]proof.NetworkBackend{false: reference{}, true: coarse{}} {
		outcomes, err := c.Run(t.Context(), backend)
		if err != nil || !outcomes[0].Status.OK() {
			t.Fatal(outcomes, err)
		}
		if expectation := outcomes[0].Expectation.Bound; expectation > 1e-8 {
			t.Errorf("TF32 %v: the expectation's bound is %g", tf32, expectation)
		}
		bounds[tf32] = outcomes[0].Device.Bound
	}
	if !(bounds[true] > 1000*bounds[false]) {
		t.Errorf("the device's bounds are %v", bounds)
	}
}

// A ctx that is canceled ends a case with its error, before and in the backend's run.
func TestNetworkCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := prooftest.File(t, "f.json", oneNetwork("")).Networks[0]
	meanwhile := networkBackend(func() ([]tensor.Tensor, error) {
		cancel()
		return nil, ctx.Err()
	})
	for _, want := range []string{"context canceled", `conv2d "c": context canceled`} {
		if outcomes, err := c.Run(ctx, meanwhile); !errors.Is(err, context.Canceled) || err.Error() != want || outcomes != nil {
			t.Errorf("got %v, %v, want %s", outcomes, err, want)
		}
	}
}

// A network of few bytes may ask for gigabytes: each layer may be small enough, all of
// them together not.
func TestLargeNetworks(t *testing.T) {
	resize := func(side, more, images string) string {
		return `{"cases":[{"network":{"input":{"height":1,"width":1,"channels":1},"layers":[{"type":"resize","size":` + side + `}` + more +
			`]},"input":{"shape":` + images + `}}]}`
	}
	const one, five = `[1,1,1,1],"data":[1]`, `[5,1,1,1],"data":[1,2,3,4,5]`
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for text, large := range map[string]bool{
		resize("40000", "", one):                                true,
		resize("40000", "", five):                               true, // more than 2³² numbers
		resize("1900", "", five):                                true, // 18 million
		resize("1800", "", five):                                false,
		resize("[24929,673]", "", one):                          true, // 2²⁴ + 1
		resize("4096", "", one):                                 false,
		resize("3000", `,{"type":"relu"}`, one):                 true, // 9 million, twice
		resize("2000", `,{"type":"max_pool","size":2000}`, one): false,
	} {
		c := prooftest.File(t, "f.json", text).Networks[0]
		// The reference, which names its operation, computes what is not too large.
		_, err := c.Run(canceled, reference{})
		if named := strings.HasPrefix(fmt.Sprint(err), "resize "); named == large {
			t.Errorf("%s: %v", text, err)
		}
		if !large {
			continue
		}
		outcomes, err := c.Run(t.Context(), reference{})
		if err != nil || outcomes[0].Cause != proof.CaseCause || !strings.Contains(outcomes[0].Failure, "have more than 16777216 numbers together") {
			t.Errorf("%s: %v, %v", text, outcomes, err)
		}
	}
}

// The digest is of the network, its weights, its input and the layer alone.
func TestNetworkDigest(t *testing.T) {
	digest := func(text string) string {
		outcomes, err := prooftest.File(t, "f.json", text).Networks[0].Run(t.Context(), reference{})
		if err != nil {
			t.Fatal(err)
		}
		return outcomes[0].Digest
	}
	plain := oneNetwork("")
	for change, same := range map[[2]string]bool{
		{`"name":"n"`, `"name":"other"`}:                               true,
		{`"type":"relu"`, `"type":"ReLU"`}:                             true,
		{`"data":[1,2]`, `"data":[1.0,2e0]`}:                           true,
		{`}]}`, `,"source":"by hand"}]}`}:                              true,
		{`"data":[1,2]`, `"data":[1,3]`}:                               false,
		{`"data":[3]`, `"data":[4]`}:                                   false,
		{`"type":"relu"`, `"type":"relu6"`}:                            false,
		{`}]}`, `,"expect":{"c":{"shape":[1,1,2,1],"data":[1,2]}}}]}`}: false, // of another layer
	} {
		last := strings.LastIndex(plain, change[0])
		changed := plain[:last] + strings.Replace(plain[last:], change[0], change[1], 1)
		if (digest(plain) == digest(changed)) != same {
			t.Errorf("%s in place of %s: the digest is the same: %v", change[1], change[0], !same)
		}
	}
}

// What is wrong in a network's case is an error of the file, which names the case.
func TestReadNetworkCases(t *testing.T) {
	for text, want := range map[string]string{
		oneNetwork(`,"op":"relu"`):                                                  `case 1 "n": field "op" is not known here`,
		oneNetwork(`,"expct":{}`):                                                   `case 1 "n": field "expct" is not known here, the nearest is "expect"`,
		oneNetwork(`,"expect":{}`):                                                  `case 1 "n": expect: want an object with "shape" and "data"`,
		oneNetwork(`,"expect":3`):                                                   `case 1 "n": expect: `,
		oneNetwork(`,"expect":{"d":{"shape":[1],"data":[1]}}`):                      `case 1 "n": expect: graph: no layer is named "d", want one of "c", "relu1"`,
		oneNetwork(`,"expect":{"c":{"shape":[1]}}`):                                 `case 1 "n": expect: "c": want an object with "shape" and "data"`,
		oneNetwork(`,"name":"m"`):                                                   `case 1: field "name" is there twice`,
		strings.Replace(oneNetwork(""), `"size":1`, `"size":[1,3]`, 1):              `case 1 "n": graph: conv2d "c": `,
		strings.Replace(oneNetwork(""), `"c/bias"`, `"c/bios"`, 1):                  `case 1 "n": graph: weights do not fit: "c/bias" is missing`,
		strings.Replace(oneNetwork(""), `"data":[1,2]`, `"data":[1]`, 1):            `case 1 "n": input: `,
		strings.Replace(oneNetwork(""), `[1,1,2,1]`, `[1,2,1,1]`, 1):                `case 1 "n": input is [1,2,1,1], network wants [?,1,2,1]`,
		strings.Replace(oneNetwork(""), `"input":{"shape"`, `"inputs":{"shape"`, 1): `case 1 "n": field "inputs" is not known here`,
		strings.Replace(oneNetwork(""), `"type":"relu"`, `"type":"relo"`, 1):        `case 1 "n": network: graph: network: `,
		`{"cases":[{"name":"n","network":{"input":{"height":1,"width":1,"channels":1},"layers":[{"type":"relu"}]}}]}`: `case 1 "n": field "input" is missing`,
		`{"cases":[{"network":{"input":{"height":1,"width":1,"channels":1},"layers":[{"type":"relu"},{"type":"relu6"}],"outputs":["relu1","relu6_1"]},
			"input":{"shape":[1,1,1,1],"data":[1]},"expect":{"shape":[1,1,1,1],"data":[1]}}]}`: `case 1: expect: got one tensor, network has 2 outputs`,
		`{"made_by":3,"cases":[]}`: `made_by: want a string, got 3`,
	} {
		_, err := proof.Read("f.json", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "proof: case file f.json: "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	twice := strings.TrimSuffix(oneNetwork(""), `]}`) + "," + strings.TrimPrefix(oneNetwork(""), `{"cases":[`)
	if _, err := proof.Read("f.json", []byte(twice)); err == nil || !strings.HasSuffix(err.Error(), `cases 1 and 2 are both network "n", want names that differ`) {
		t.Errorf("two cases of one name: %v", err)
	}
}

// A case without a name is called after its place and repeats under that name; a case
// that was read is written as the same case.
func TestNetworkCasesAreWritten(t *testing.T) {
	file := prooftest.File(t, "f.json", `{"made_by":"hand","cases":[{"op":"relu","input":{"shape":[1],"data":[1]}},`+
		strings.TrimPrefix(strings.Replace(oneNetwork(`,"expect":{"shape":[1,1,2,1],"data":[1,2]}`), `"name":"n",`, "", 1), `{"cases":[`))
	if file.MadeBy != "hand" || len(file.Cases) != 1 || len(file.Networks) != 1 || file.Networks[0].Name != "case 2" {
		t.Fatalf("made by %q, %d cases, networks %v", file.MadeBy, len(file.Cases), file.Networks)
	}
	outcomes, err := file.Networks[0].Run(t.Context(), reference{})
	if err != nil {
		t.Fatal(err)
	}
	if again := prooftest.File(t, "f.json", string(outcomes[0].Repeat)).Networks[0]; again.Name != "case 2" {
		t.Errorf("repeats as %q: %s", again.Name, outcomes[0].Repeat)
	}
	for _, c := range networks(t) {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back := prooftest.File(t, "back.json", `{"cases":[`+string(text)+`]}`).Networks[0]
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(text) || back.Source != c.Source || len(back.Outputs()) != len(c.Outputs()) {
			t.Errorf("%s\ncame back as\n%s, %v", text, again, err)
		}
	}
}
