package graph

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func write(t *testing.T, n Network) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := WriteNetwork(&text, n); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// validator checks texts against the schema, with a library that is independent of
// this package.
func validator(t testing.TB) func(text []byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("network.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("network.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(value)
	}
}

const small = `{
  "input": {"height": 9, "width": 8, "channels": 3},
  "layers": [
    {"type": "conv2d", "name": "c1", "filters": 6, "size": [3, 2], "strides": {"height": 2}, "padding": [[1, 0], [0, 0]], "groups": 3, "no_bias": true, "activation": "relu", "initializer": {"kind": "truncated_normal", "deviation": 0.1}},
    {"type": "lrn", "alpha": 0.0001},
    {"type": "zero_pad", "padding": [[0, 0], [1, 2]]},
    {"type": "scale_shift", "from": "input", "scale": [0.003921569], "shift": [-1, 0, 1e-10]},
    {"type": "add", "from": ["c1", "lrn1"], "activation": "tanh"},
    {"type": "concat", "from": ["", "c1"]},
    {"type": "up_sample", "size": 2, "method": "nearest"}
  ],
  "outputs": ["add1", "c1"],
  "initializer": "he_normal"
}
`

func TestJSON(t *testing.T) {
	want := Network{
		Input: Input{9, 8, 3},
		Layers: []Layer{
			Conv2D{
				Name: "c1", Filters: 6, Size: Size{3, 2}, Strides: Size{Height: 2}, Padding: Explicit(1, 0, 0, 0), Groups: 3,
				NoBias: true, Activation: ReLUActivation, Initializer: Initializer{TruncatedNormal, 0.1},
			},
			LRN{Alpha: 1e-4},
			ZeroPad{Left: 1, Right: 2},
			ScaleShift{From: InputName, Scale: []float32{1.0 / 255}, Shift: []float32{-1, 0, 1e-10}},
			Add{From: []string{"c1", "lrn1"}, Activation: TanhActivation},
			Concat{From: []string{"", "c1"}},
			UpSample{Size: Square(2), Method: Nearest},
		},
		Outputs:     []string{"add1", "c1"},
		Initializer: Initializer{Kind: HeNormal},
	}
	got, err := readNetwork([]byte(small))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
	}
	if text := write(t, want); string(text) != small {
		t.Errorf("got\n%s\nwant\n%s", text, small)
	}
	if err := validator(t)([]byte(small)); err != nil {
		t.Error(err)
	}
	// encoding/json leads to the same text, without the spaces.
	text, err := json.Marshal(map[string]Network{"net": want})
	var back map[string]Network
	if err != nil || json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(back["net"], want) {
		t.Errorf("%s, %v", text, err)
	}
}

// Values with several notations are written in one of them.
func TestJSONCanonical(t *testing.T) {
	valid := validator(t)
	for _, tt := range []struct{ layer, want string }{
		{`{"size": [2,2], "type": "max_pool"}`, `{"type": "max_pool", "size": 2}`},
		{`{"type":"max_pool","size":2,"padding":"VALID"}`, `{"type": "max_pool", "size": 2}`},
		{`{"type":"max_pool","size":2,"padding":[[0,0],[0,0]]}`, `{"type": "max_pool", "size": 2, "padding": [[0, 0], [0, 0]]}`},
		{`{"type":"dense","units":1,"initializer":{"kind":"zeros"}}`, `{"type": "dense", "units": 1, "initializer": "zeros"}`},
		{`{"type":"scale_shift","scale":5e-1}`, `{"type": "scale_shift", "scale": [0.5]}`},
		{`{"type":"scale_shift","shift":[-0.0]}`, `{"type": "scale_shift", "shift": [-0]}`},
		{`{"type":"leaky_relu","\u0061lpha":0.10000000149}`, `{"type": "leaky_relu", "alpha": 0.1}`},
		{`{"type":"Max_Pool","size":[2.0,20e-1],"strides":1e0,"padding":"Same"}`, `{"type": "max_pool", "size": 2, "strides": 1, "padding": "SAME"}`},
		{`{"type":"CONV2D","size":1.0,"filters":2.0,"padding":[[1.0,0.0],[0,1e0]],"activation":"ReLU"}`, `{"type": "conv2d", "filters": 2, "size": 1, "padding": [[1, 0], [0, 1]], "activation": "relu"}`},
		{`{"type":"dense","units":1,"initializer":{"kind":"TRUNCATED_normal","deviation":0.5}}`, `{"type": "dense", "units": 1, "initializer": {"kind": "truncated_normal", "deviation": 0.5}}`},
		{`{"type":"dense","units":1,"initializer":"He_Normal"}`, `{"type": "dense", "units": 1, "initializer": "he_normal"}`},
		{`{"type":"up_sample","size":2,"method":"Nearest"}`, `{"type": "up_sample", "size": 2, "method": "nearest"}`},
		{`{"type":"dropout","rate":0.5,"name":"\u0064"}`, `{"type": "dropout", "name": "d", "rate": 0.5}`},
	} {
		text := `{"$schema": "x", "layers": [` + tt.layer + `], "input": {"channels": 1, "width": 1, "height": 1}}`
		if err := valid([]byte(text)); err != nil {
			t.Errorf("%s: %v", tt.layer, err)
		}
		n, err := readNetwork([]byte("\ufeff" + text))
		if err != nil {
			t.Errorf("%s: %v", tt.layer, err)
			continue
		}
		want := "{\n  \"input\": {\"height\": 1, \"width\": 1, \"channels\": 1},\n  \"layers\": [\n    " + tt.want + "\n  ]\n}\n"
		if got := string(write(t, n)); got != want {
			t.Errorf("got  %s want %s", got, want)
		}
	}
}

// Files as other programs and editors write them: a byte order mark, and 2.0
// for 2.
func TestJSONFiles(t *testing.T) {
	for _, name := range []string{"net_bom.json", "net_whole_number_2.0.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ReadNetwork(name, text)
		want := Network{Input: Input{8, 8, 3}, Layers: []Layer{Conv2D{Filters: 2, Size: Square(3)}}}
		if err != nil || !reflect.DeepEqual(n, want) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
	if _, err := ReadNetwork("b.json", []byte("\ufeff\ufeff{}")); err == nil || !strings.HasPrefix(err.Error(), "graph: network b.json: not JSON at line 1, column 1") {
		t.Error(err)
	}
}

// Each fault is named in one line. The schema refuses all of them, except faults of
// the text itself and of layers that do not fit together.
func TestJSONRefusals(t *testing.T) {
	valid := validator(t)
	const head = `{"input": {"height": 9, "width": 9, "channels": 3}, "layers": [`
	layers := func(text string) string { return head + text + `]}` }
	const textFault = true
	for _, tt := range []struct {
		text, want string
		beyond     bool // the schema
	}{
		{``, `not JSON at line 1, column 1: unexpected end of JSON input`, textFault},
		{"{\n  \"input\": {\"height\": 9,}}", `not JSON at line 2, column 25: invalid character '}'`, textFault},
		{layers(`{"type": "relu"}`) + ` {}`, `not JSON at line 1, column 83: invalid character '{' after top-level value`, textFault},
		{"{\"input\": \"\xff\"}", `not JSON at line 1, column 12: bytes that are not UTF-8`, textFault},
		{layers(`{"type": "leaky_relu", "alpha": NaN}`), `not JSON at line 1, column 96: invalid character 'N'`, textFault},
		{strings.Repeat(`[`, 20000), `not JSON at line 1, column 10001: invalid character '[' exceeded max depth`, textFault},
		{layers(`{"type": "relu", "type": "tanh"}`), `layer 1: field "type" is there twice`, textFault},
		{layers(`{"type": "relu"}, {"type": "dense", "name": "d", "units": 3, "units": 3}`), `layer 2: field "units" is there twice`, textFault},
		{`[]`, `want an object, got []`, false},
		{`null`, `want an object, got null`, false},
		{`{}`, `field "input" is missing`, false},
		{`{"input": {"height": 9, "width": 9}, "layers": [{"type": "relu"}]}`, `field "input": field "channels" is missing`, false},
		{`{"input": {"height": 0, "width": 9, "channels": 1}, "layers": [{"type": "relu"}]}`, `field "input": field "height": want a whole number of 1 or more, or no such field for the default; got 0`, false},
		{layers(``), `field "layers": want a list of layers, got []`, false},
		{`{"input": {"height": 9, "width": 9, "channels": 3}, "layer": []}`, `field "layer" is not known here, the nearest is "layers"`, false},
		{`{"$schema": 1, "input": {"height": 9, "width": 9, "channels": 3}, "layers": [{"type": "relu"}]}`, `field "$schema": want a string, got 1`, false},
		{layers(`{"type": "conv2d", "name": "c1", "filtres": 6, "size": 3}`), `layer 1 "c1": field "filtres" is not known here, the nearest is "filters"`, false},
		{layers(`{"type": "relu", "size": 3}`), `layer 1: field "size" is not known here, the nearest is "name"`, false},
		{layers(`{"type": "conv2", "name": "c1"}`), `layer 1 "c1": type "conv2" is not known here, the nearest is "conv2d"`, false},
		{layers(`{"name": "c1"}`), `layer 1 "c1": field "type" is missing`, false},
		{layers(`{"type": 7}`), `layer 1: field "type": want a string, got 7`, false},
		{layers(`"relu"`), `layer 1: want an object, got "relu"`, false},
		{layers(`null`), `layer 1: want an object, got null`, false},
		{layers(`{"type": "conv2d", "name": "c1", "size": 3}`), `layer 1 "c1": field "filters" is missing`, false},
		{layers(`{"type": "conv2d", "name": "c1", "size": 3, "filters": "six"}`), `layer 1 "c1": field "filters": want a whole number from 1 to 2147483647, got "six"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 2.5}`), `field "filters": want a whole number from`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 4294967297}`), `field "filters": want a whole number from 1 to 2147483647, got 4294967297`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": -1}`), `got -1`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 0}`), `field "filters": want a whole number of 1 or more, got 0`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": null}`), `got null`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "groups": 0}`), `field "groups": want a whole number of 1 or more, or no such field for the default; got 0`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "no_bias": false}`), `field "no_bias": want true, or no such field for the default; got false`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "no_bias": 1}`), `field "no_bias": want true, got 1`, false},
		{layers(`{"type": "conv2d", "size": 0, "filters": 1}`), `field "size": want a whole number of 1 or more, or [height, width], got 0`, false},
		{layers(`{"type": "conv2d", "size": {"height": 3}, "filters": 1}`), `field "size": want a whole number of 1 or more, or [height, width], got {"height":3}`, false},
		{layers(`{"type": "conv2d", "size": [3, 0], "filters": 1}`), `got [3,0]`, false},
		{layers(`{"type": "conv2d", "size": [3, 3, 3], "filters": 1}`), `got [3,3,3]`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "strides": {"hight": 1}}`), `field "strides": field "hight" is not known here, the nearest is "height"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "strides": {"width": 0}}`), `field "strides": field "width": want a whole number from 1`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "strides": {"width": 1, "height": 1}}`), `field "strides": want one of "height" and "width" in an object`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "padding": "some"}`), `field "padding": want "SAME", "VALID" or [[top, bottom], [left, right]], got "some"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "Padding": "SAME"}`), `field "Padding" is not known here, the nearest is "padding"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 2.5}`), `field "filters": want a whole number from 1 to 2147483647, got 2.5`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 0.0}`), `field "filters": want a whole number of 1 or more, got 0.0`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1e10}`), `field "filters": want a whole number from 1 to 2147483647, got 1e10`, false},
		{layers(`{"type": "max_pool", "size": [0.0, 1]}`), `field "size": want a whole number of 1 or more, or [height, width], got [0.0,1]`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "padding": [1, 1]}`), `got [1,1]`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "padding": [[1, -1], [1, 1]]}`), `got [[1,-1],[1,1]]`, false},
		{layers(`{"type": "zero_pad", "padding": [[0, 0], [0, 0]]}`), `field "padding": want [[top, bottom], [left, right]], or no such field for the default; got [[0,0],[0,0]]`, false},
		{layers(`{"type": "zero_pad", "padding": "SAME"}`), `field "padding": want [[top, bottom], [left, right]], got "SAME"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "activation": "rellu"}`), `field "activation": value "rellu" is not known here, the nearest is "relu"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "activation": ""}`), `field "activation": want one of "relu", "relu6"`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "initializer": "xavier"}`), `field "initializer": value "xavier" is not known here`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "initializer": {"kind": "zeros", "deviation": 1}}`), `initializer "zeros" has a deviation, which "truncated_normal" alone has`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "initializer": {"deviation": 1}}`), `field "initializer": field "kind" is missing`, false},
		{layers(`{"type": "conv2d", "size": 3, "filters": 1, "initializer": {"kind": "truncated_normal", "deviation": -1}}`), `deviation is -1`, false},
		{layers(`{"type": "relu", "name": ""}`), `field "name": want a string that is not empty, or no such field for the default; got ""`, false},
		{layers(`{"type": "relu", "from": ""}`), `field "from": want a string that is not empty`, false},
		{layers(`{"type": "relu", "from": ["a"]}`), `field "from": want a string, got ["a"]`, false},
		{layers(`{"type": "relu", "name": "a/b"}`), `relu "a/b": name has a character that TensorFlow does not take`, false},
		{layers(`{"type": "add", "from": "a"}`), `field "from": want a list, got "a"`, false},
		{layers(`{"type": "add"}`), `field "from" is missing`, false},
		{layers(`{"type": "add", "from": [""]}`), `add "add1": reads 1 layers, want two or more in from`, false},
		{layers(`{"type": "add", "from": ["", null]}`), `field "from": item 2: want a string, got null`, false},
		{layers(`{"type": "leaky_relu", "alpha": 0}`), `field "alpha": want a number other than 0, or no such field for the default; got 0`, false},
		{layers(`{"type": "leaky_relu", "alpha": "1"}`), `field "alpha": want a number, got "1"`, false},
		{layers(`{"type": "leaky_relu", "alpha": 1e39}`), `field "alpha": want a number that float32 holds, got 1e39`, false},
		{layers(`{"type": "leaky_relu", "alpha": 1e-60}`), `field "alpha": want a number that float32 holds, got 1e-60`, true},
		{layers(`{"type": "dropout", "rate": 0}`), `field "rate": want a number other than 0, got 0`, false},
		{layers(`{"type": "scale_shift", "scale": []}`), `field "scale": want a number or a list of numbers, or no such field`, false},
		{layers(`{"type": "scale_shift", "scale": [1, "1"]}`), `field "scale": item 2: want a number, got "1"`, false},
		{layers(`{"type": "resize", "size": 2, "method": "cubic"}`), `field "method": value "cubic" is not known here`, false},
		{head + `{"type": "relu"}], "outputs": []}`, `field "outputs": want a list of layers' names, or no such field for the default; got []`, false},
		{head + `{"type": "relu"}], "outputs": ["relu1", "relu1"]}`, `output "relu1" is named twice`, false},
		{head + `{"type": "relu"}], "outputs": ["relu2"]}`, `no layer is named "relu2", want one of "relu1"`, true},
		{head + `{"type": "relu"}], "initializer": {"kind": "he"}}`, `field "initializer": field "kind": value "he" is not known here`, false},
		{layers(`{"type": "conv2d", "name": "c1", "size": 3, "filters": 4, "groups": 2}`), `conv2d "c1": input has 3 channels, not a multiple of the 2 groups`, true},
		{layers(`{"type": "dense", "units": 3}`), `dense "dense1": input`, true},
	} {
		_, err := ReadNetwork("my.json", []byte(tt.text))
		if err == nil || !strings.HasPrefix(err.Error(), "graph: network my.json: "+tt.want) && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v\nwant %s", err, tt.want)
			continue
		}
		if strings.ContainsAny(err.Error(), "\n\t") || !strings.HasPrefix(err.Error(), "graph: network my.json: ") || strings.Count(err.Error(), "graph: ") > 1 {
			t.Errorf("not one line as ours are: %q", err)
		}
		if !tt.beyond && valid([]byte(tt.text)) == nil {
			t.Errorf("the schema takes %s", tt.text)
		}
	}
}

// Networks that JSON cannot express are refused.
func TestWriteRefusals(t *testing.T) {
	with := func(layer Layer) Network { return Network{Input: Input{1, 1, 1}, Layers: []Layer{layer}} }
	for _, tt := range []struct {
		net  Network
		want string
	}{
		{Network{}, `graph: network: field "input" is missing`},
		{Network{Input: Input{1, 2, 0}, Layers: []Layer{ReLU{}}}, `graph: network: field "input": field "channels" is missing`},
		{Network{Input: Input{1, 2, -3}, Layers: []Layer{ReLU{}}}, `field "channels": is -3, want 1 to 2147483647`},
		{Network{Input: Input{1, 1, 1}}, `field "layers" is missing`},
		{with(nil), `graph: network: layer 1: is <nil>, want a layer value`},
		{with(&ReLU{}), `layer 1: is *graph.ReLU, want a layer value`},
		{with(Conv2D{Name: "c", Size: Square(1)}), `layer 1 "c": field "filters" is missing`},
		{with(Conv2D{Filters: 1, Size: Size{Height: 1}}), `field "size": is 1×0, want 1 to 2147483647`},
		{with(MaxPool{Size: Size{1, -1}}), `field "size": is 1×-1`},
		{with(MaxPool{Size: Square(1), Padding: Padding{Top: 1}}), `field "padding": is VALID with sides, which explicit padding alone has`},
		{with(MaxPool{Size: Square(1), Padding: Explicit(0, 0, 0, -1)}), `field "padding": is -1`},
		{with(MaxPool{Size: Square(1), Padding: Padding{Kind: 7}}), `is PaddingKind(7) with sides`},
		{with(ZeroPad{Top: 1, Left: -1}), `field "padding": is -1`},
		{with(LeakyReLU{Alpha: float32(math.NaN())}), `field "alpha": is NaN, want a finite number`},
		{with(ScaleShift{Shift: []float32{1, float32(math.Inf(-1))}}), `field "shift": item 2: is -Inf`},
		{with(ReLU{Name: "\xff"}), `field "name": is "\xff", which is not UTF-8`},
		{with(Dense{Units: 1, Activation: "what"}), `field "activation": value "what" is not known here`},
		{with(Dense{Units: 1, Initializer: Initializer{Deviation: 1}}), `field "initializer": initializer "" has a deviation`},
		{with(Dense{Units: math.MaxInt}), `field "units": is 9223372036854775807`},
	} {
		var text bytes.Buffer
		if err := WriteNetwork(&text, tt.net); err == nil || !strings.Contains(err.Error(), tt.want) || text.Len() > 0 {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
