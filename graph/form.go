package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// form is how values of one Go type look in JSON. The schema of the form is
// in schema_test.go, under the same want.
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
		n, err := strict.Int(text, 0, most) // 0 is refused as a default
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
			return "", fmt.Errorf("is %q, which is not UTF-8", v.String())
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
	check := func(word string) error {
		for _, k := range known {
			if k == word {
				return nil
			}
		}
		return strict.Unknown("value", word, known)
	}
	return form{
		want: "one of " + strings.Join(quoted, ", "),
		read: func(text []byte, v reflect.Value) error {
			word, err := strict.String(text)
			if err != nil || word == "" { // "" is refused as a default
				return err
			}
			v.SetString(word)
			return check(word)
		},
		write: func(v reflect.Value) (string, error) { return strconv.Quote(v.String()), check(v.String()) },
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

// sizeForm is n for n×n, [height, width], or, where there is a default, an
// object with one of the two.
func sizeForm(required bool) form {
	want := "a whole number of 1 or more, or [height, width]"
	return form{
		want: want,
		read: func(text []byte, v reflect.Value) error {
			var s Size
			var err error
			switch wrong := fmt.Errorf("want %s, got %s", want, strict.Excerpt(text)); {
			case len(text) > 0 && text[0] == '[':
				numbers, fault := readInts(text, 1)
				if fault != nil || len(numbers) != 2 {
					return wrong
				}
				s = Size{Height: numbers[0], Width: numbers[1]}
			case len(text) > 0 && text[0] == '{' && !required:
				if s, err = readHalf(text); err != nil {
					return err
				}
			default:
				n, fault := strict.Int(text, 0, most) // 0 is refused as a default
				if fault != nil {
					return wrong
				}
				s = Square(n)
			}
			v.Set(reflect.ValueOf(s))
			return nil
		},
		write: func(v reflect.Value) (string, error) {
			s := v.Interface().(Size)
			half := !required && (s.Height == 0) != (s.Width == 0)
			switch n := max(s.Height, s.Width); {
			case min(s.Height, s.Width) < 0 || n > most || min(s.Height, s.Width) < 1 && !half:
				return "", fmt.Errorf("is %v, want 1 to %d", s, most)
			case half && s.Width == 0:
				return fmt.Sprintf(`{"height": %d}`, n), nil
			case half:
				return fmt.Sprintf(`{"width": %d}`, n), nil
			case s.Height == s.Width:
				return strconv.Itoa(n), nil
			}
			return fmt.Sprintf("[%d, %d]", s.Height, s.Width), nil
		},
	}
}

// readHalf reads {"height": n} or {"width": n}: the other has its default.
func readHalf(text []byte) (s Size, err error) {
	fields, err := strict.Object(text)
	if err != nil {
		return s, err
	}
	for _, f := range fields {
		if err := knownField(f.Name, []string{"height", "width"}); err != nil {
			return s, err
		}
	}
	if len(fields) != 1 {
		return s, fmt.Errorf(`want one of "height" and "width" in an object, or [height, width], got %s`, strict.Excerpt(text))
	}
	n, err := strict.Int(fields[0].Value, 1, most)
	if err != nil {
		return s, fmt.Errorf("field %q: %w", fields[0].Name, err)
	}
	if fields[0].Name == "height" {
		return Size{Height: n}, nil
	}
	return Size{Width: n}, nil
}

func readInts(text []byte, least int) ([]int, error) {
	items, err := strict.List(text)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, item := range items {
		n, err := strict.Int(item, least, most)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

const wantSides = "[[top, bottom], [left, right]]"

func readSides(text []byte, want string) (s Sides, err error) {
	wrong := fmt.Errorf("want %s, got %s", want, strict.Excerpt(text))
	rows, err := strict.List(text)
	if err != nil || len(rows) != 2 {
		return s, wrong
	}
	var numbers []int
	for _, row := range rows {
		pair, err := readInts(row, 0)
		if err != nil || len(pair) != 2 {
			return s, wrong
		}
		numbers = append(numbers, pair...)
	}
	return Sides{numbers[0], numbers[1], numbers[2], numbers[3]}, nil
}

func writeSides(s Sides) (string, error) {
	for _, n := range []int{s.Top, s.Bottom, s.Left, s.Right} {
		if _, err := writeInt(n, 0); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("[[%d, %d], [%d, %d]]", s.Top, s.Bottom, s.Left, s.Right), nil
}

var sidesForm = form{
	want: wantSides,
	read: func(text []byte, v reflect.Value) error {
		s, err := readSides(text, wantSides)
		v.Set(reflect.ValueOf(s))
		return err
	},
	write: func(v reflect.Value) (string, error) { return writeSides(v.Interface().(Sides)) },
}

// paddingForm is SAME, VALID or the sides. VALID may be written, though it is
// the default.
var paddingForm = form{
	named: true,
	want:  `"SAME", "VALID" or ` + wantSides,
	read: func(text []byte, v reflect.Value) error {
		if len(text) > 0 && text[0] == '"' {
			word, err := strict.String(text)
			if err != nil {
				return err
			}
			switch word {
			case "VALID":
				v.Set(reflect.ValueOf(Valid))
			case "SAME":
				v.Set(reflect.ValueOf(Same))
			default:
				return fmt.Errorf(`want "SAME", "VALID" or %s, got %s`, wantSides, strict.Excerpt(text))
			}
			return nil
		}
		s, err := readSides(text, `"SAME", "VALID" or `+wantSides)
		v.Set(reflect.ValueOf(Explicit(s.Top, s.Bottom, s.Left, s.Right)))
		return err
	},
	write: func(v reflect.Value) (string, error) {
		p := v.Interface().(Padding)
		switch {
		case p.Kind == ir.Explicit:
			return writeSides(Sides{p.Top, p.Bottom, p.Left, p.Right})
		case p == Same:
			return `"SAME"`, nil
		}
		return "", fmt.Errorf("is %s with sides, which explicit padding alone has", p.Kind)
	},
}

// initializerForm is the name of a distribution, or an object with the
// deviation.
func initializerForm() form {
	kinds := choiceForm(InitializerKind("").choices())
	object := structForm(reflect.TypeFor[Initializer]())
	return form{
		want: kinds.want + `, or {"kind": "truncated_normal", "deviation": 0.05}`,
		read: func(text []byte, v reflect.Value) error {
			if len(text) > 0 && text[0] == '"' {
				return kinds.read(text, v.FieldByName("Kind"))
			}
			if err := object.read(text, v); err != nil {
				return err
			}
			return v.Interface().(Initializer).check()
		},
		write: func(v reflect.Value) (string, error) {
			i := v.Interface().(Initializer)
			if err := i.check(); err != nil {
				return "", err
			}
			if i.Deviation != 0 {
				return object.write(v)
			}
			return kinds.write(v.FieldByName("Kind"))
		},
	}
}
