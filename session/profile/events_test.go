package profile

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// traceSchema is that of the format.
func traceSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.ReadFile("testdata/trace-event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("trace.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("trace.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestWriteTrace(t *testing.T) {
	var text bytes.Buffer
	if err := (timeline{
		process: "net", tracks: []string{"runs", "CPU:0"},
		slices: []slice{
			{track: 0, name: "run 1", category: "run", start: 0, duration: 5000},
			{track: 1, name: `a "layer"`, start: 1234, duration: 0, args: map[string]any{"shape": "1×2", "bytes": 8}},
		},
		counters: []counter{{name: "allocated bytes", at: 1500, values: map[string]int64{"cpu": 64, "mklcpu": 0}}},
	}).write(&text); err != nil {
		t.Fatal(err)
	}
	var trace any
	if err := json.Unmarshal(text.Bytes(), &trace); err != nil {
		t.Fatal(err)
	}
	if err := traceSchema(t).Validate(trace); err != nil {
		t.Error(err)
	}
	const want = `{"displayTimeUnit":"ns","traceEvents":[
{"name":"process_name","ph":"M","ts":0,"pid":1,"tid":0,"args":{"name":"net"}},
{"name":"thread_name","ph":"M","ts":0,"pid":1,"tid":1,"args":{"name":"runs"}},
{"name":"thread_sort_index","ph":"M","ts":0,"pid":1,"tid":1,"args":{"sort_index":1}},
{"name":"thread_name","ph":"M","ts":0,"pid":1,"tid":2,"args":{"name":"CPU:0"}},
{"name":"thread_sort_index","ph":"M","ts":0,"pid":1,"tid":2,"args":{"sort_index":2}},
{"name":"run 1","cat":"run","ph":"X","ts":0,"dur":5,"pid":1,"tid":1},
{"name":"a \"layer\"","ph":"X","ts":1.234,"dur":0,"pid":1,"tid":2,"args":{"bytes":8,"shape":"1×2"}},
{"name":"allocated bytes","ph":"C","ts":1.5,"pid":1,"tid":0,"args":{"cpu":64,"mklcpu":0}}
]}
`
	if text.String() != want {
		t.Errorf("got %s", text.String())
	}
}

// What cannot be shown is an error, and the schema sees what is not of the
// format.
func TestWriteTraceRefuses(t *testing.T) {
	for _, s := range []slice{{track: 1, name: "s"}, {track: -1, name: "s"}, {duration: -1, name: "s"}} {
		var text bytes.Buffer
		if err := (timeline{tracks: []string{"one"}, slices: []slice{s}}).write(&text); err == nil || !strings.HasPrefix(err.Error(), `profile: trace: slice "s"`) || text.Len() > 0 {
			t.Errorf("%+v: %v", s, err)
		}
	}
	schema := traceSchema(t)
	for _, event := range []string{
		`{"name":"a","ph":"X","ts":1,"pid":1,"tid":1}`,
		`{"name":"a","ph":"X","ts":1,"dur":-1,"pid":1,"tid":1}`,
		`{"name":"a","ph":"X","ts":"1","dur":1,"pid":1,"tid":1}`,
		`{"name":"a","ph":"C","ts":1,"pid":1,"tid":1,"args":{"cpu":"many"}}`,
		`{"name":"a","ph":"C","ts":1,"pid":1,"tid":1}`,
		`{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"title":"a"}}`,
		`{"name":"a","ph":"?","ts":1,"pid":1,"tid":1}`,
	} {
		var trace any
		if err := json.Unmarshal([]byte(`{"traceEvents":[`+event+`]}`), &trace); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(trace) == nil {
			t.Errorf("the schema lets %s pass", event)
		}
	}
}
