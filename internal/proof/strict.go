package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/agnivade/levenshtein"
)

// field is one member of a JSON object, in the order of the text.
type field struct {
	name  string
	value json.RawMessage
}

// object splits a JSON object into its fields. encoding/json would take the
// last of two fields of one name; here that is an error.
func object(text []byte) ([]field, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	start, err := decoder.Token()
	if err != nil {
		return nil, malformed(err)
	}
	if start != json.Delim('{') {
		return nil, fmt.Errorf("want an object, got %.40s", text)
	}
	var fields []field
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, malformed(err)
		}
		f := field{name: name.(string)}
		if err := decoder.Decode(&f.value); err != nil {
			return nil, malformed(err)
		}
		if _, twice := find(fields, f.name); twice {
			return nil, fmt.Errorf("field %q is there twice", f.name)
		}
		fields = append(fields, f)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, malformed(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("text follows the object's end")
	}
	return fields, nil
}

func malformed(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d: %s", syntax.Offset, syntax.Error())
	}
	return fmt.Errorf("not JSON: %w", err)
}

func find(fields []field, name string) (json.RawMessage, bool) {
	for _, f := range fields {
		if f.name == name {
			return f.value, true
		}
	}
	return nil, false
}

// unknown is the error of a name that is none of the known ones; it names the
// one that is spelt most alike.
func unknown(what, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("%s %q is not known", what, name)
	}
	known = slices.Sorted(slices.Values(known))
	nearest := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.ComputeDistance(name, a) - levenshtein.ComputeDistance(name, b)
	})
	return fmt.Errorf("%s %q is not known here, the nearest is %q", what, name, nearest)
}

func keys[V any](m map[string]V) []string { return slices.Collect(maps.Keys(m)) }

func contains(list []string, name string) bool { return slices.Contains(list, name) }
