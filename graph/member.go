package graph

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// layerTypes is every layer type, each by its zero value: what the JSON form,
// its schema and the documentation know of them.
var layerTypes = slices.Concat([]Layer{
	Conv2D{},
	DepthwiseConv2D{},
	SeparableConv2D{},
	Conv2DTranspose{},
	Dense{},
	Flatten{},
	MaxPool{},
	AvgPool{},
	GlobalMaxPool{},
	GlobalAvgPool{},
	BatchNorm{},
	LRN{},
	Dropout{},
}, activationLayers(), []Layer{
	ZeroPad{},
	UpSample{},
	Resize{},
	ScaleShift{},
	SwapRGB{},
	Add{},
	Concat{},
})

// member is a field of the JSON form of a struct: one Go field, or the four
// sides under one name. Its name is the Go field's, in snake_case, but where
// the tag `net` says another; `net:",required"` says that it has no default.
type member struct {
	name     string
	fields   []int
	required bool
	form     form
}

// members are a struct's. The tests go through all types that there are, so
// that a field of a type without a form is found there.
func members(t reflect.Type) []member {
	var list []member
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("net"), ",")
		if name == "" {
			name = snake(f.Name)
		}
		if n := len(list); n > 0 && list[n-1].name == name {
			list[n-1].fields = append(list[n-1].fields, i)
			list[n-1].form = formOf(reflect.TypeFor[Sides](), false)
			continue
		}
		required := options == "required"
		list = append(list, member{name: name, fields: []int{i}, required: required, form: formOf(f.Type, required)})
	}
	return list
}

// snake is a Go name in snake_case: NoBias is no_bias.
func snake(name string) string {
	var text strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			text.WriteByte('_')
		}
		text.WriteRune(unicode.ToLower(r))
	}
	return text.String()
}

// get is the member's value in a struct, and set puts it there.
func (m member) get(of reflect.Value) reflect.Value {
	if len(m.fields) == 1 {
		return of.Field(m.fields[0])
	}
	v := reflect.New(reflect.TypeFor[Sides]()).Elem()
	for i, field := range m.fields {
		v.Field(i).Set(of.Field(field))
	}
	return v
}

func (m member) set(of, v reflect.Value) {
	if len(m.fields) == 1 {
		of.Field(m.fields[0]).Set(v)
		return
	}
	for i, field := range m.fields {
		of.Field(field).Set(v.Field(i))
	}
}

// fault says in which field an error lies. A layer says that itself.
func (m member) fault(err error) error {
	if of := new(layerError); errors.As(err, &of) {
		return err
	}
	return fmt.Errorf("field %q: %w", m.name, err)
}

// isDefault says whether a value stands for the default.
func isDefault(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0
	}
	return v.IsZero()
}

// readMembers sets a struct's members from the fields of a JSON object.
// Fields that the caller has read are named in known.
func readMembers(fields []strict.Field, into reflect.Value, known ...string) error {
	list := members(into.Type())
	for _, m := range list {
		known = append(known, m.name)
	}
	for _, f := range fields {
		if err := knownField(f.Name, known); err != nil {
			return err
		}
	}
	for _, m := range list {
		text, found := strict.Find(fields, m.name)
		switch {
		case !found && m.required:
			return fmt.Errorf("field %q is missing", m.name)
		case !found:
			continue
		}
		v := reflect.New(m.get(into).Type()).Elem()
		if err := m.form.read(text, v); err != nil {
			return m.fault(err)
		}
		switch {
		case !isDefault(v) || m.form.named:
		case m.required:
			return fmt.Errorf("field %q: want %s, got %s", m.name, m.form.want, strict.Excerpt(text))
		default:
			return fmt.Errorf("field %q: want %s, or no such field for the default; got %s", m.name, m.form.want, strict.Excerpt(text))
		}
		m.set(into, v)
	}
	return nil
}

func knownField(name string, known []string) error {
	for _, k := range known {
		if k == name {
			return nil
		}
	}
	return strict.Unknown("field", name, known)
}

// writeMembers gives a struct's members as "name": value, but those at their
// defaults. What could not be read back is an error.
func writeMembers(of reflect.Value) ([]string, error) {
	var list []string
	for _, m := range members(of.Type()) {
		v := m.get(of)
		if isDefault(v) {
			if m.required {
				return nil, fmt.Errorf("field %q is missing", m.name)
			}
			continue
		}
		text, err := m.form.write(v)
		if err != nil {
			return nil, m.fault(err)
		}
		list = append(list, fmt.Sprintf("%q: %s", m.name, text))
	}
	return list, nil
}

// structForm is an object with a struct's members.
func structForm(t reflect.Type) form {
	return form{
		want: "an object",
		read: func(text []byte, v reflect.Value) error {
			fields, err := strict.Object(text)
			if err != nil {
				return err
			}
			return readMembers(fields, v)
		},
		write: func(v reflect.Value) (string, error) {
			list, err := writeMembers(v)
			return "{" + strings.Join(list, ", ") + "}", err
		},
	}
}

// layersForm is the list of a network's layers.
func layersForm() form {
	return form{
		want: "a list of layers",
		read: func(text []byte, v reflect.Value) error {
			list, err := strict.List(text)
			if err != nil {
				return err
			}
			layers := make([]Layer, len(list))
			for i, text := range list {
				if layers[i], err = readLayer(i, text); err != nil {
					return err
				}
			}
			v.Set(reflect.ValueOf(layers))
			return nil
		},
		write: func(v reflect.Value) (string, error) {
			var lines []string
			for i, layer := range v.Interface().([]Layer) {
				line, err := writeLayer(layer)
				if err != nil {
					return "", &layerError{i, layer, err}
				}
				lines = append(lines, "    "+line)
			}
			return "[\n" + strings.Join(lines, ",\n") + "\n  ]", nil
		},
	}
}

// layerError says in which layer of a JSON form, counted from 1, a fault lies.
type layerError struct {
	index  int
	layer  Layer
	reason error
}

func (e *layerError) Error() string {
	name := ""
	if v := reflect.ValueOf(e.layer); v.IsValid() && v.Kind() == reflect.Struct {
		name, _ = e.layer.head()
	}
	if name != "" {
		name = " " + quote.Name(name)
	}
	return fmt.Sprintf("layer %d%s: %v", e.index+1, name, e.reason)
}

func (e *layerError) Unwrap() error { return e.reason }

func readLayer(i int, text []byte) (Layer, error) {
	fail := func(layer Layer, err error) (Layer, error) { return nil, &layerError{i, layer, err} }
	fields, err := strict.Object(text)
	if err != nil {
		return fail(nil, err)
	}
	// The name is for errors, whatever else is wrong.
	var named Layer = Flatten{}
	if text, found := strict.Find(fields, "name"); found {
		name, _ := strict.String(text)
		named = Flatten{Name: name}
	}
	kind, found := strict.Find(fields, "type")
	if !found {
		return fail(named, errors.New(`field "type" is missing`))
	}
	word, err := strict.String(kind)
	if err != nil {
		return fail(named, fmt.Errorf(`field "type": %w`, err))
	}
	var kinds []string
	for _, layer := range layerTypes {
		kinds = append(kinds, layer.kind())
	}
	if word, err = strict.Choice("type", word, kinds); err != nil {
		return fail(named, err)
	}
	v := reflect.New(reflect.TypeOf(layerTypes[slices.Index(kinds, word)])).Elem()
	if err := readMembers(fields, v, "type"); err != nil {
		return fail(named, err)
	}
	return v.Interface().(Layer), nil
}

func writeLayer(layer Layer) (string, error) {
	v := reflect.ValueOf(layer)
	if v.Kind() != reflect.Struct {
		return "", fmt.Errorf("is %T, want a layer value", layer)
	}
	list, err := writeMembers(v)
	if err != nil {
		return "", err
	}
	list = append([]string{fmt.Sprintf(`"type": %q`, layer.kind())}, list...)
	return "{" + strings.Join(list, ", ") + "}", nil
}
