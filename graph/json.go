package graph

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

//go:generate go test -run TestSchemaFile -update .

//go:embed network.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of a network, for editors and
// validators.
func Schema() []byte { return slices.Clone(schema) }

// ReadNetwork reads a network from JSON and checks it, as Lower does. The name, a
// file's, is for errors alone.
//
//	{
//	  "input": {"height": 28, "width": 28, "channels": 1},
//	  "layers": [
//	    {"type": "conv2d", "filters": 32, "size": 5, "padding": "SAME", "activation": "relu"},
//	    {"type": "max_pool", "size": [2, 2]},
//	    {"type": "flatten"},
//	    {"type": "dense", "units": 10, "initializer": "he_normal"}
//	  ]
//	}
//
// A layer's type is its kind, its fields are those of the Go type in
// snake_case. A size is n for n×n, [height, width], or {"height": n} where the
// width keeps its default. A whole number may be written as 2.0 or 2e0, and
// words (types, paddings, activations, methods, initializers) in upper or lower
// case; the names of fields are exact. A byte order mark is skipped. A field that is
// left out has its default. A field that is not known, occurs twice, has another type
// or is written out as zero is an error that names it. "$schema" is for editors and is
// not kept.
func ReadNetwork(name string, text []byte) (Network, error) {
	n, err := readNetwork(text)
	if err == nil {
		_, err = Lower(n)
	}
	if err != nil {
		return Network{}, &jsonError{name, err}
	}
	return n, nil
}

// WriteNetwork writes a network as JSON, one layer a line. It returns an error where
// ReadNetwork would not read the same network back.
func WriteNetwork(w io.Writer, n Network) error {
	text, err := n.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// jsonError is an error in a network's JSON.
type jsonError struct {
	name   string // the file's; empty where there is none
	reason error
}

func (e *jsonError) Error() string {
	reason := e.reason.Error()
	if of := new(Error); errors.As(e.reason, &of) {
		reason = of.text()
	}
	if e.name == "" {
		return "graph: network: " + reason
	}
	return fmt.Sprintf("graph: network %s: %s", quote.Text(quote.Plain(e.name), mostFileName), reason)
}

// mostFileName is the most bytes of a file's name in an error.
const mostFileName = 400

func (e *jsonError) Unwrap() error { return e.reason }

// UnmarshalJSON reads a network as ReadNetwork does, but does not check it.
func (n *Network) UnmarshalJSON(text []byte) error {
	read, err := readNetwork(text)
	if err != nil {
		return &jsonError{reason: err}
	}
	*n = read
	return nil
}

// MarshalJSON returns a network as WriteNetwork writes it. Fields at their defaults
// are left out.
func (n Network) MarshalJSON() ([]byte, error) {
	list, err := writeFields(reflect.ValueOf(n))
	if err != nil {
		return nil, &jsonError{reason: err}
	}
	return []byte("{\n  " + strings.Join(list, ",\n  ") + "\n}"), nil
}

func readNetwork(text []byte) (n Network, err error) {
	text = strict.TrimBOM(text)
	if err := strict.Check(text); err != nil {
		return n, err
	}
	fields, err := strict.Object(text)
	if err != nil {
		return n, err
	}
	const forEditors = "$schema"
	if text, found := strict.Find(fields, forEditors); found {
		if _, err := strict.String(text); err != nil {
			return n, fmt.Errorf("field %q: %w", forEditors, err)
		}
	}
	return n, readFields(fields, reflect.ValueOf(&n).Elem(), forEditors)
}
