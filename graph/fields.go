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

// layerTypes has the zero value of every layer type. JSON, its schema and the
// documentation are made from it.
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

// jsonField is a field of a struct in JSON: one Go field, or four fields of sides
// under one name. Its name is the Go field's in snake_case, unless the tag `net` has
// another; `net:",required"` marks a field without a default.
type jsonField struct {
	name     string
	fields   []int
	required bool
	codec    codec
}

// jsonFields returns the fields of a struct. It panics for a field without a codec.
func jsonFields(t reflect.Type) []jsonField {
	var list []jsonField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("net"), ",")
		if name == "" {
			name = snake(f.Name)
		}
		if n := len(list); n > 0 && list[n-1].name == name {
			list[n-1].fields = append(list[n-1].fields, i)
			list[n-1].codec = codecOf(reflect.TypeFor[Sides](), false)
			continue
		}
		required := options == "required"
		list = append(list, jsonField{name: name, fields: []int{i}, required: required, codec: codecOf(f.Type, required)})
	}
	return list
}

// snake returns a Go name in snake_case: no_bias for NoBias.
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

// get returns the field's value in a struct; set sets it.
func (m jsonField) get(of reflect.Value) reflect.Value {
	if len(m.fields) == 1 {
		return of.Field(m.fields[0])
	}
	v := reflect.New(reflect.TypeFor[Sides]()).Elem()
	for i, field := range m.fields {
		v.Field(i).Set(of.Field(field))
	}
	return v
}

func (m jsonField) set(of, v reflect.Value) {
	if len(m.fields) == 1 {
		of.Field(m.fields[0]).Set(v)
		return
	}
	for i, field := range m.fields {
		of.Field(field).Set(v.Field(i))
	}
}

// wrap adds the field's name to an error, unless the error names a layer.
func (m jsonField) wrap(err error) error {
	if of := new(layerError); errors.As(err, &of) {
		return err
	}
	return fmt.Errorf("field %q: %w", m.name, err)
}

// isDefault reports whether a value is the default.
func isDefault(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0
	}
	return v.IsZero()
}

// readFields sets a struct's fields from those of a JSON object. known lists the
// fields that the caller has read.
func readFields(fields []strict.Field, into reflect.Value, known ...string) error {
	list := jsonFields(into.Type())
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
		if err := m.codec.read(text, v); err != nil {
			return m.wrap(err)
		}
		switch {
		case !isDefault(v) || m.codec.defaultHasName:
		case m.required:
			return fmt.Errorf("field %q: want %s, got %s", m.name, m.codec.want, strict.Excerpt(text))
		default:
			return fmt.Errorf("field %q: want %s, or no such field for the default; got %s", m.name, m.codec.want, strict.Excerpt(text))
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

// writeFields returns a struct's fields as "name": value, without those at their
// defaults. It returns an error for a value that ReadNetwork would not read back.
func writeFields(of reflect.Value) ([]string, error) {
	var list []string
	for _, m := range jsonFields(of.Type()) {
		v := m.get(of)
		if isDefault(v) {
			if m.required {
				return nil, fmt.Errorf("field %q is missing", m.name)
			}
			continue
		}
		text, err := m.codec.write(v)
		if err != nil {
			return nil, m.wrap(err)
		}
		list = append(list, fmt.Sprintf("%q: %s", m.name, text))
	}
	return list, nil
}

// structCodec returns the codec of a struct, an object with its fields.
func structCodec(t reflect.Type) codec {
	return codec{
		want: "an object",
		read: func(text []byte, v reflect.Value) error {
			fields, err := strict.Object(text)
			if err != nil {
				return err
			}
			return readFields(fields, v)
		},
		write: func(v reflect.Value) (string, error) {
			list, err := writeFields(v)
			return "{" + strings.Join(list, ", ") + "}", err
		},
	}
}

// layersCodec returns the codec of a network's layers, a list of objects.
func layersCodec() codec {
	return codec{
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

// layerError is an error in a layer of a JSON text; layers count from 1 there.
type layerError struct {
	index  int
	layer  Layer
	reason error
}

func (e *layerError) Error() string {
	name := ""
	if v := reflect.ValueOf(e.layer); v.IsValid() && v.Kind() == reflect.Struct {
		name, _ = e.layer.nameAndInputs()
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
	// The name is read first, so that every error has it.
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
	if err := readFields(fields, v, "type"); err != nil {
		return fail(named, err)
	}
	return v.Interface().(Layer), nil
}

func writeLayer(layer Layer) (string, error) {
	v := reflect.ValueOf(layer)
	if v.Kind() != reflect.Struct {
		return "", fmt.Errorf("is %T, want a layer value", layer)
	}
	list, err := writeFields(v)
	if err != nil {
		return "", err
	}
	list = append([]string{fmt.Sprintf(`"type": %q`, layer.kind())}, list...)
	return "{" + strings.Join(list, ", ") + "}", nil
}
