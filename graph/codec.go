package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// codec reads and writes the JSON of one Go type. The schema of each type is in
// schema_test.go.
type codec struct {
	want  string
	read  func(text []byte, v reflect.Value) error
	write func(v reflect.Value) (string, error)
	// defaultHasName reports that the default has a name in JSON, so that a text may
	// state it.
	defaultHasName bool
}

// most is the largest whole number in JSON, as in TensorFlow.
const most = math.MaxInt32

// codecOf returns the codec of a type. It panics for a type without one: the tests
// go through the fields of all layer types.
func codecOf(t reflect.Type, required bool) codec {
	switch t {
	case reflect.TypeFor[Size]():
		return sizeCodec(required)
	case reflect.TypeFor[Padding]():
		return paddingCodec
	case reflect.TypeFor[Sides]():
		return sidesCodec
	case reflect.TypeFor[Initializer]():
		return initializerCodec()
	case reflect.TypeFor[Input]():
		return structCodec(t)
	case reflect.TypeFor[[]Layer]():
		return layersCodec()
	case reflect.TypeFor[[]string]():
		return listCodec("a list of layers' names", stringCodec)
	case reflect.TypeFor[[]float32]():
		return numbersCodec
	}
	if t.Implements(reflect.TypeFor[choice]()) {
		return choiceCodec(reflect.Zero(t).Interface().(choice).choices())
	}
	switch t.Kind() {
	case reflect.Int:
		return intCodec
	case reflect.Bool:
		return boolCodec
	case reflect.String:
		return stringCodec
	case reflect.Float32, reflect.Float64:
		return floatCodec(t.Bits())
	}
	panic(fmt.Sprintf("graph: type %v has no JSON codec", t))
}

// choice is a string type with a list of valid values.
type choice interface{ choices() []string }

func (Activation) choices() []string { return stringsOf(Activations()) }
func (Method) choices() []string     { return stringsOf([]Method{Nearest, Bilinear}) }
func (InitializerKind) choices() []string {
	return stringsOf([]InitializerKind{Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal, TruncatedNormal})
}

func stringsOf[S ~string](list []S) []string {
	var all []string
	for _, s := range list {
		all = append(all, string(s))
	}
	return all
}

var intCodec = codec{
	want: "a whole number of 1 or more",
	read: func(text []byte, v reflect.Value) error {
		if _, err := strict.Int(text, 0, 0); err == nil {
			return nil // and is refused as a default
		}
		n, err := strict.Int(text, 1, most)
		v.SetInt(int64(n))
		return err
	},
	write: func(v reflect.Value) (string, error) { return writeInt(int(v.Int()), 1) },
}

func writeInt(n, least int) (string, error) {
	if n < least || n > most {
		return "", fmt.Errorf("is %d, want %d to %d", n, least, most)
	}
	return strconv.Itoa(n), nil
}

var boolCodec = codec{
	want: "true",
	read: func(text []byte, v reflect.Value) error {
		switch string(text) {
		case "true", "false":
			v.SetBool(string(text) == "true")
			return nil
		}
		return fmt.Errorf("want true, got %s", strict.Excerpt(text))
	},
	write: func(v reflect.Value) (string, error) { return strconv.FormatBool(v.Bool()), nil },
}

var stringCodec = codec{
	want: "a string that is not empty",
	read: func(text []byte, v reflect.Value) error {
		s, err := strict.String(text)
		v.SetString(s)
		return err
	},
	write: func(v reflect.Value) (string, error) {
		if !utf8.ValidString(v.String()) {
			return "", fmt.Errorf("is %s, which is not UTF-8", quote.Name(v.String()))
		}
		text, err := json.Marshal(v.String())
		return string(text), err
	},
}

func choiceCodec(known []string) codec {
	quoted := make([]string, len(known))
	for i, word := range known {
		quoted[i] = strconv.Quote(word)
	}
	return codec{
		want: "one of " + strings.Join(quoted, ", "),
		read: func(text []byte, v reflect.Value) error {
			word, err := strict.String(text)
			if err != nil || word == "" { // "" is refused as a default
				return err
			}
			word, err = strict.Choice("value", word, known)
			v.SetString(word)
			return err
		},
		write: func(v reflect.Value) (string, error) {
			if !slices.Contains(known, v.String()) {
				return "", strict.Unknown("value", v.String(), known)
			}
			return strconv.Quote(v.String()), nil
		},
	}
}

func floatCodec(bits int) codec {
	return codec{
		want: "a number other than 0",
		read: func(text []byte, v reflect.Value) error {
			x, err := strict.Float(text, bits)
			v.SetFloat(x)
			return err
		},
		write: func(v reflect.Value) (string, error) {
			if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
				return "", fmt.Errorf("is %v, want a finite number", x)
			}
			text, err := json.Marshal(v.Interface()) // the shortest that reads back
			return string(text), err
		},
	}
}

// listCodec returns the codec of a list of values.
func listCodec(want string, of codec) codec {
	return codec{
		want: want,
		read: func(text []byte, v reflect.Value) error {
			items, err := strict.List(text)
			if err != nil {
				return err
			}
			list := reflect.MakeSlice(v.Type(), len(items), len(items))
			for i, item := range items {
				if err := of.read(item, list.Index(i)); err != nil {
					return fmt.Errorf("item %d: %w", i+1, err)
				}
			}
			v.Set(list)
			return nil
		},
		write: func(v reflect.Value) (string, error) {
			var items []string
			for i := range v.Len() {
				item, err := of.write(v.Index(i))
				if err != nil {
					return "", fmt.Errorf("item %d: %w", i+1, err)
				}
				items = append(items, item)
			}
			return "[" + strings.Join(items, ", ") + "]", nil
		},
	}
}

// numbersCodec is the codec of one number, or a list of numbers; 0 is allowed.
var numbersCodec = func() codec {
	list := listCodec("a number or a list of numbers", floatCodec(32))
	readList := list.read
	list.read = func(text []byte, v reflect.Value) error {
		if len(text) > 0 && text[0] == '[' {
			return readList(text, v)
		}
		x, err := strict.Float(text, 32)
		if err != nil {
			return fmt.Errorf("want a number or a list of numbers, got %s", strict.Excerpt(text))
		}
		v.Set(reflect.ValueOf([]float32{float32(x)}))
		return nil
	}
	return list
}()
