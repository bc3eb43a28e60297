// Package strict reads JSON that people write. Unknown, repeated and missing fields and
// values of another type are errors of one line; the caller adds the file's name. Names
// of fields are exact; a value that is one of some words is read in upper or lower case
// (Choice).
//
// The JSON v2 library github.com/go-json-experiment/json was tried and not taken.
// Its jsontext under Check, Object and Malformed saves 11 lines of 270. It places
// the error of a comma before a closing brace at the comma. It reports a repeated
// field, at any depth, while the outermost object is split, so that the error cannot
// name the layer. Its Unmarshal refuses 2.0 for an int, takes
// null, a missing field and an explicit zero for the default and 1e-60 for 0, and
// knows no nearest name. Each of these needs a reader of the type's own, as package
// graph's codecs are; a walk over the fields stays too, as the schema is made of it.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"tfcnn/internal/quote"
)

// TrimBOM returns the text of a file without the byte order mark of UTF-8,
// which some editors write at its beginning.
func TrimBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }

// Check returns an error, with line and column, unless the text is exactly one JSON
// value.
func Check(text []byte) error {
	if at := invalidUTF8(text); at >= 0 {
		return fmt.Errorf("not JSON at %s: bytes that are not UTF-8", position(text, at))
	}
	err := json.Unmarshal(text, new(json.RawMessage))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at %s: %s", position(text, int(syntax.Offset)-1), syntax.Error())
	}
	return err
}

func invalidUTF8(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// position returns the line and the column of a byte.
func position(text []byte, at int) string {
	before := text[:max(0, min(at, len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// Field is a field of a JSON object.
type Field struct {
	Name  string
	Value json.RawMessage
}

// Object splits a JSON object into its fields, in the order of the text.
// encoding/json would take the last of two fields of one name; here that is an
// error.
func Object(text []byte) ([]Field, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	start, err := decoder.Token()
	if err != nil {
		return nil, Malformed(err)
	}
	if start != json.Delim('{') {
		return nil, fmt.Errorf("want an object, got %s", Excerpt(text))
	}
	var fields []Field
	present := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, Malformed(err)
		}
		f := Field{Name: name.(string)}
		if err := decoder.Decode(&f.Value); err != nil {
			return nil, Malformed(err)
		}
		if present[f.Name] {
			return nil, fmt.Errorf("field %s is there twice", quote.Name(f.Name))
		}
		present[f.Name] = true
		fields = append(fields, f)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, Malformed(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("text follows the object's end")
	}
	return fields, nil
}

// Malformed wraps an error of encoding/json: the text is not JSON.
func Malformed(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d: %s", syntax.Offset, syntax.Error())
	}
	return fmt.Errorf("not JSON: %w", err)
}

// Find returns the value of a field.
func Find(fields []Field, name string) (json.RawMessage, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// List splits a JSON list. Unlike encoding/json it refuses null.
func List(text []byte) ([]json.RawMessage, error) {
	if !begins(text, '[') {
		return nil, fmt.Errorf("want a list, got %s", Excerpt(text))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, Malformed(err)
	}
	return list, nil
}

// String reads a JSON string. Unlike encoding/json it refuses null.
func String(text []byte) (string, error) {
	if !begins(text, '"') {
		return "", fmt.Errorf("want a string, got %s", Excerpt(text))
	}
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return "", Malformed(err)
	}
	return s, nil
}

// Int reads a whole number from least to most in every notation: 2, 2.0 and 20e-1 are
// one number, as in JSON Schema.
func Int(text []byte, least, most int) (int, error) {
	n, err := strconv.Atoi(wholeDigits(string(bytes.TrimSpace(text))))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("want a whole number from %d to %d, got %s", least, most, Excerpt(text))
	}
	return n, nil
}

var numeral = regexp.MustCompile(`^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$`)

// wholeDigits returns the digits of a JSON number that is whole, without point and
// exponent, and "" for any other text. It computes with digits, since a float64 would
// round.
func wholeDigits(text string) string {
	parts := numeral.FindStringSubmatch(text)
	if parts == nil {
		return ""
	}
	digits := strings.TrimLeft(parts[2]+parts[3], "0")
	if digits == "" {
		return "0"
	}
	trimmed := strings.TrimRight(digits, "0")
	exponent := 0
	if parts[4] != "" {
		var err error
		if exponent, err = strconv.Atoi(parts[4]); err != nil {
			return ""
		}
	}
	const longest = 20 // digits of an int64, and one more
	zeros := len(digits) - len(trimmed) - len(parts[3])
	if exponent > len(text)+longest || exponent < -len(text) { // a sum beyond either could overflow
		return ""
	}
	if zeros += exponent; zeros < 0 || len(trimmed)+zeros > longest {
		return ""
	}
	return parts[1] + trimmed + strings.Repeat("0", zeros)
}

// Ints reads a list of whole numbers from least to most.
func Ints(text []byte, least, most int) ([]int, error) {
	items, err := List(text)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(items))
	for i, item := range items {
		if numbers[i], err = Int(item, least, most); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// Float reads a number within the range of a float of so many bits. A text other than 0
// that rounds to 0 is an error.
func Float(text []byte, bits int) (float64, error) {
	word := string(bytes.TrimSpace(text))
	x, err := strconv.ParseFloat(word, bits)
	if word == "" || !strings.ContainsAny(word[:1], "-0123456789") {
		return 0, fmt.Errorf("want a number, got %s", Excerpt(text))
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(word), "e")
	if err != nil || x == 0 && strings.ContainsAny(mantissa, "123456789") {
		return 0, fmt.Errorf("want a number that float%d holds, got %s", bits, Excerpt(text))
	}
	return x, nil
}

func begins(text []byte, with byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && text[0] == with
}

// Excerpt returns the beginning of a JSON text for an error, on one line.
func Excerpt(text []byte) string {
	const most = 60
	var line bytes.Buffer
	if len(text) < 1<<16 && json.Compact(&line, text) == nil {
		text = line.Bytes()
	}
	return quote.Text(string(text), most)
}

// Choice returns the known word that equals a word in upper or lower case, or an error
// with the nearest known word. JSON and command lines use it for all words.
func Choice(what, word string, known []string) (string, error) {
	for _, k := range known {
		if len(k) == len(word) && strings.EqualFold(k, word) { // of one length: ASCII alone folds
			return k, nil
		}
	}
	return "", Unknown(what, word, known)
}

// Unknown returns the error of a name that is not known, with the nearest known name.
func Unknown(what, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("%s %s is not known", what, quote.Name(name))
	}
	return fmt.Errorf("%s %s is not known here, the nearest is %s", what, quote.Name(name), quote.Name(Nearest(name, known)))
}

// Nearest returns the known name with the smallest edit distance, ignoring case.
func Nearest(name string, known []string) string {
	if len(name) > 200 { // bounds the time
		name = name[:200]
	}
	name = strings.ToLower(name)
	return slices.MinFunc(slices.Sorted(slices.Values(known)), func(a, b string) int {
		return levenshtein.ComputeDistance(name, strings.ToLower(a)) - levenshtein.ComputeDistance(name, strings.ToLower(b))
	})
}

// Keys returns the keys of a map.
func Keys[V any](m map[string]V) []string { return slices.Collect(maps.Keys(m)) }
