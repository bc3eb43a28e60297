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

// Schema is the JSON Schema (draft 2020-12) of a network's JSON form, for
// editors and validators.
func Schema() []byte { return slices.Clone(schema) }

// ReadNetwork reads a network's JSON form and checks the network, as Lower
// does. The name, a file's, is for errors alone.
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
// case; the names of fields are exact. A byte order mark is skipped. Whatever is not known, there twice, of another type
// or written out as zero (a field that is left out has its default) is an
// error that names it. "$schema" is for editors and is not kept.
func ReadNetwork(name string, text []byte) (Network, error) {
	n, err := readNetwork(text)
	if err == nil {
		_, err = Lower(n)
	}
	if err != nil {
		return Network{}, &formError{name, err}
	}
	return n, nil
}

// WriteNetwork writes a network's JSON form, one layer a line. A network that
// ReadNetwork could not read back as it is is an error.
func WriteNetwork(w io.Writer, n Network) error {
	text, err := n.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// formError is a fault in a network's JSON form.
type formError struct {
	name   string // the file's; empty where there is none
	reason error
}

func (e *formError) Error() string {
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

func (e *formError) Unwrap() error { return e.reason }

// UnmarshalJSON reads what ReadNetwork reads, and does not check whether the
// layers fit.
func (n *Network) UnmarshalJSON(text []byte) error {
	read, err := readNetwork(text)
	if err != nil {
		return &formError{reason: err}
	}
	*n = read
	return nil
}

// MarshalJSON writes what ReadNetwork reads. Fields at their defaults are left
// out.
func (n Network) MarshalJSON() ([]byte, error) {
	list, err := writeMembers(reflect.ValueOf(n))
	if err != nil {
		return nil, &formError{reason: err}
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
	return n, readMembers(fields, reflect.ValueOf(&n).Elem(), forEditors)
}
