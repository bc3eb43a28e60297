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

// form is how values of one Go type look in JSON. The schema's part is in
// schema_test.go.
type form struct {
	want  string
	read  func(text []byte, v reflect.Value) error
	write func(v reflect.Value) (string, error)
	// named says that the default has a name, so that it may be written.
	named bool
}

// most is the largest whole number of the JSON form, as of TensorFlow.
const most = math.MaxInt32

// formOf finds a type's form, or panics: a field of a layer type that no form
// knows is a fault of this package, and the tests look at all of them.
func formOf(t reflect.Type, required bool) form {
	switch t {
	case reflect.TypeFor[Size]():
		return sizeForm(required)
	case reflect.TypeFor[Padding]():
		return paddingForm
	case reflect.TypeFor[Sides]():
		return sidesForm
	case reflect.TypeFor[Initializer]():
		return initializerForm()
	case reflect.TypeFor[Input]():
		return structForm(t)
	case reflect.TypeFor[[]Layer]():
		return layersForm()
	case reflect.TypeFor[[]string]():
		return listForm("a list of layers' names", stringForm)
	case reflect.TypeFor[[]float32]():
		return numbersForm
	}
	if t.Implements(reflect.TypeFor[choice]()) {
		return choiceForm(reflect.Zero(t).Interface().(choice).choices())
	}
	switch t.Kind() {
	case reflect.Int:
		return intForm
	case reflect.Bool:
		return boolForm
	case reflect.String:
		return stringForm
	case reflect.Float32, reflect.Float64:
		return floatForm(t.Bits())
	}
	panic(fmt.Sprintf("graph: type %v has no JSON form", t))
}

// choice is a type of which only some strings are valid.
type choice interface{ choices() []string }

func (Activation) choices() []string { return words(Activations()) }
func (Method) choices() []string     { return words([]Method{Nearest, Bilinear}) }
func (InitializerKind) choices() []string {
	return words([]InitializerKind{Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal, TruncatedNormal})
}

func words[S ~string](list []S) []string {
	var all []string
	for _, s := range list {
		all = append(all, string(s))
	}
	return all
}

var intForm = form{
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

var boolForm = form{
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

var stringForm = form{
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

func choiceForm(known []string) form {
	quoted := make([]string, len(known))
	for i, word := range known {
		quoted[i] = strconv.Quote(word)
	}
	return form{
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

func floatForm(bits int) form {
	return form{
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

// listForm is a list of values, or of at least one.
func listForm(want string, of form) form {
	return form{
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

// numbersForm is one number, or a list of them, in which 0 is a number like
// others.
var numbersForm = func() form {
	list := listForm("a number or a list of numbers", floatForm(32))
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
