package graph_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/hostile"
)

// Every error is one line below 2,000 bytes: names are quoted and cut, lists are cut
// and end with the number of items left out.
func TestBoundedErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and on one goroutine")
	}
	const evil = "\x1b[2J\n\u202e\xff"
	long := evil + strings.Repeat("\U000e0001", 100_000)
	plain := strings.Repeat("a", 100_000)
	input := graph.Input{Height: 8, Width: 8, Channels: 1}
	layers := func(list ...graph.Layer) graph.Network { return graph.Network{Input: input, Layers: list} }
	lower := func(n graph.Network) error {
		_, err := graph.Lower(n)
		return err
	}
	read := func(text string) error {
		_, err := graph.ReadNetwork("n.json", []byte(text))
		return err
	}
	object := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	network := func(layer map[string]any) string {
		return object(map[string]any{"input": map[string]any{"height": 8, "width": 8, "channels": 1}, "layers": []any{layer}})
	}

	cycle := layers()
	for i := range 2_000 {
		cycle.Layers = append(cycle.Layers, graph.ReLU{Name: fmt.Sprintf("r%04d", i), From: fmt.Sprintf("r%04d", (i+1)%2_000)})
	}
	aCycle := lower(cycle)
	many := make([]string, 50_000)
	for i := range many {
		many[i] = graph.InputName
	}
	known := layers()
	for i := range 500 {
		known.Layers = append(known.Layers, graph.ReLU{Name: fmt.Sprintf("r%04d", i)})
	}
	unknown := known
	unknown.Outputs = []string{long}
	wide := layers(graph.Conv2D{Name: "c", Filters: 2, Size: graph.Square(1)}, graph.Concat{From: many})
	wide.Layers = append(wide.Layers, graph.Add{From: append([]string{"c"}, many...)})

	left := graph.Weights{}
	for i := range 300_000 {
		left[fmt.Sprintf("w%d", i)] = tensor.Tensor{Shape: []int{0}}
	}
	leftOver := left.Check(known)
	shapes := layers(graph.Dense{Name: plain, Units: 3})
	shapes.Layers = append([]graph.Layer{graph.Flatten{}}, shapes.Layers...)

	deep := make([]int, 100_000)
	for i := range deep {
		deep[i] = 1 << 40
	}
	_, overflow := tensor.Elements(deep)
	_, dtype := layers(graph.ReLU{}).Memory(graph.Workload{DType: graph.DType(long)})
	_, optimizer := layers(graph.ReLU{}).Memory(graph.Workload{Training: true, Optimizer: graph.Optimizer(long)})
	_, untrained := layers(graph.ReLU{}).Memory(graph.Workload{Optimizer: graph.Optimizer(long)})
	_, file := graph.ReadNetwork(long, nil)
	_, load := nets.Load(long)
	_, padding := graph.ParsePadding(long)
	_, unwritten := layers(graph.ReLU{Name: long}).MarshalJSON()

	for _, tt := range []struct {
		err  error
		want string
	}{
		{leftOver, `graph: weights do not fit: "w0" belongs to no layer; "w1" belongs to no layer; `},
		{graph.Weights{}.Check(shapes), `is missing, want [64,3]`},
		{graph.Weights{plain + "/filter": {Shape: deep}, plain + "/bias": {Shape: []int{3}, Data: make([]float32, 3)}}.Check(shapes), `… 100000 axes]`},
		{graph.Weights{evil: {}}.Check(known), `"\x1b[2J\n\u202e\xff" belongs to no layer`},
		{aCycle, `a cycle: r0000 reads r0001 reads `},
		{aCycle, ` and 1,9`},
		{lower(layers(graph.ReLU{Name: long})), `graph: relu "\x1b[2J\n\u202e\xff`},
		{lower(layers(graph.ReLU{Name: plain}, graph.ReLU{Name: plain})), `aaa"…: name is taken by an earlier relu layer`},
		{lower(layers(graph.ReLU{From: long})), `reads "\x1b[2J\n\u202e\xff`},
		{lower(layers(graph.ReLU{From: plain}, graph.ReLU{Name: plain, From: graph.InputName})), `which comes after it`},
		{lower(layers(graph.Dense{Name: plain, Units: 1})), `flatten it first`},
		{lower(wide), ` more`},
		{lower(unknown), `no layer is named "\x1b[2J`},
		{lower(unknown), `, want one of "r0000", "r0001", `},
		{lower(graph.Network{Input: input, Layers: known.Layers, Outputs: []string{"r0001", "r0001"}}), `output "r0001" is named twice`},
		{lower(layers(graph.Conv2D{Filters: 1, Size: graph.Square(1), Activation: graph.Activation(long)})), `activation "\x1b`},
		{lower(layers(graph.Conv2D{Filters: 1, Size: graph.Square(1), Initializer: graph.Initializer{Kind: graph.InitializerKind(long)}})), `initializer "\x1b`},
		{lower(layers(graph.ReLU{Name: "a", From: evil}, graph.ReLU{Name: evil, From: "a"})), `a cycle: a reads "\x1b[2J\n\u202e\xff" reads a`},
		{lower(layers(graph.UpSample{Size: graph.Square(2), Method: graph.Method(long)})), `method is "\x1b`},
		{read(network(map[string]any{"type": long})), `type "\x1b[2J\n\u202e`},
		{read(network(map[string]any{"type": "relu", long: 1})), `field "\x1b[2J\n\u202e`},
		{read(network(map[string]any{"type": "relu", "name": long, "size": 1})), `layer 1 "\x1b[2J\n\u202e`},
		{read(network(map[string]any{"type": "conv2d", "filters": plain, "size": 1})), `want a whole number from 1 to 2147483647, got "aaa`},
		{read(network(map[string]any{"type": "conv2d", "filters": 1, "size": 1, "activation": long})), `value "\x1b[2J`},
		{read(network(map[string]any{"type": "conv2d", "filters": 1, "size": 1, "padding": long})), `got "\u001b[2J`},
		{read(`{"a` + plain + `": 1, "a` + plain + `": 2}`), `… is there twice`},
		{read(`{"` + "\x01" + plain), `not JSON at line 1, column 3`},
		{read(plain), `not JSON`},
		{file, `graph: network "\x1b[2J\n\u202e\xff`},
		{load, `nets: network "\x1b[2J`},
		{padding, `padding "\x1b[2J`},
		{dtype, `dtype is "\x1b[2J`},
		{optimizer, `optimizer is "\x1b[2J`},
		{untrained, `optimizer "\x1b[2J`},
		{unwritten, `which is not UTF-8`},
		{overflow, `tensor: shape [1099511627776,`},
		{(tensor.Tensor{Shape: make([]int, 100_000), Data: []float32{1}}).Check(), `… 100000 axes]: got 1 numbers, want 0`},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("got %.300v, want %s", tt.err, tt.want)
			continue
		}
		hostile.Line(t, "", tt.err.Error())
	}
	// The text has the number of items left out.
	text := leftOver.Error()
	counted := regexp.MustCompile(` and ([0-9,]+) more$`).FindStringSubmatch(text)
	if counted == nil {
		t.Fatalf("no count at the end of %s", text)
	}
	more, err := strconv.Atoi(strings.ReplaceAll(counted[1], ",", ""))
	if shown := strings.Count(text, "belongs to no layer"); err != nil || shown < 10 || shown+more != 300_000 {
		t.Errorf("%d are shown, and %s more of 300,000", shown, counted[1])
	}
}
