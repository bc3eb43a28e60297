package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/internal/strict"
)

// Random networks of all layer types and fields come back equal, and so does
// their text; the schema takes them, and neither reader nor schema takes them
// with a fault put in.
func TestJSONRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	valid := validator(t)
	r := rand.New(rand.NewPCG(1, 2))
	drawn := map[string]int{}
	for i := range 1500 {
		n := drawNetwork(r)
		text := write(t, n)
		for _, layer := range n.Layers {
			drawn[layer.kind()]++
		}
		back, err := ReadNetwork("random", text)
		if err != nil {
			t.Fatalf("network %d: %v\n%s", i, err, text)
		}
		if !reflect.DeepEqual(n, back) {
			t.Fatalf("network %d: got %+v\nwant %+v\n%s", i, back, n, text)
		}
		if again := write(t, back); !bytes.Equal(text, again) {
			t.Fatalf("got %s\nwant %s", again, text)
		}
		if err := valid(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		faulty, fault := putFault(t, r, text)
		if _, err := ReadNetwork("faulty", faulty); err == nil {
			t.Errorf("the reader takes %s:\n%s", fault, faulty)
		}
		if err := valid(faulty); err == nil {
			t.Errorf("the schema takes %s:\n%s", fault, faulty)
		}
	}
	for _, layer := range layerTypes {
		if drawn[layer.kind()] < 20 {
			t.Errorf("%s was drawn %d times only", layer.kind(), drawn[layer.kind()])
		}
	}
}

// putFault changes one field of one layer, or of the network.
func putFault(t *testing.T, r *rand.Rand, text []byte) (faulty []byte, fault string) {
	var network map[string]any
	if err := json.Unmarshal(text, &network); err != nil {
		t.Fatal(err)
	}
	layers := network["layers"].([]any)
	object := layers[r.IntN(len(layers))].(map[string]any)
	if r.IntN(8) == 0 {
		object = network
	}
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[r.IntN(len(names))]
	switch r.IntN(4) {
	case 0:
		wrong := name + "s"
		object[wrong] = object[name]
		delete(object, name)
		fault = fmt.Sprintf("field %q", wrong)
	case 1:
		value := []any{nil, map[string]any{"no": 1}, []any{[]any{}}}[r.IntN(3)]
		object[name] = value
		fault = fmt.Sprintf("%q: %v", name, value)
	case 2:
		zero := map[string]any{"string": "", "float64": 0, "bool": false, "slice": []any{}, "map": map[string]any{}}[kindOf(object[name])]
		object[name] = zero
		fault = fmt.Sprintf("%q: %v", name, zero)
	case 3:
		value := map[string]any{"string": 3, "float64": "3", "bool": "true", "slice": false, "map": false}[kindOf(object[name])]
		object[name] = value
		fault = fmt.Sprintf("%q: %v", name, value)
		if name == "padding" || name == "initializer" {
			object[name] = 3
		}
	}
	faulty, err := json.Marshal(network)
	if err != nil {
		t.Fatal(err)
	}
	return faulty, fault
}

func kindOf(v any) string { return reflect.TypeOf(v).Kind().String() }

// FuzzReadNetwork reads any text. An accepted network is written and read back equal,
// and the schema accepts it; any other text is refused in one line.
func FuzzReadNetwork(f *testing.F) {
	valid := validator(f)
	f.Add([]byte(small))
	f.Add([]byte(`{"input":{"height":4,"width":4,"channels":1},"layers":[{"type":"separable_conv2d","filters":2,"size":3},{"type":"flatten"},{"type":"dense","units":2},{"type":"softmax"}]}`))
	f.Add([]byte(`{"input":{"height":4,"width":4,"channels":2147483647},"layers":[{"type":"conv2d_transpose","filters":2147483647,"size":[2147483647,1],"output_size":{"width":2147483647}}]}`))
	f.Add([]byte(`{"input":{"height":1e0}}`))
	f.Add([]byte("\ufeff" + `{"input":{"height":4.0,"width":4,"channels":1},"layers":[{"type":"Max_Pool","size":2,"padding":"same"}]}`))
	ready, err := filepath.Glob("nets/*.json")
	if err != nil || len(ready) == 0 {
		f.Fatalf("no ready networks, %v", err)
	}
	for _, path := range ready {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ReadNetwork("fuzz.json", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "graph: network fuzz.json: ") || strings.ContainsAny(err.Error(), "\n\r\t\x00") || len(err.Error()) > 2000 {
				t.Errorf("not one line as ours are: %q", err)
			}
			return
		}
		if err := valid(strict.TrimBOM(text)); err != nil {
			t.Errorf("the schema refuses what the reader takes: %v", err)
		}
		back, err := ReadNetwork("again", write(t, n))
		if err != nil || !bytes.Equal(write(t, back), write(t, n)) || !reflect.DeepEqual(n, back) {
			t.Errorf("%+v\ncame back as %+v, %v", n, back, err)
		}
	})
}
