package graph

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write network.schema.json anew")

// The schema is made from the layer types and their comments, so that it agrees with
// the Go documentation.
func TestSchemaFile(t *testing.T) {
	made := makeSchema(t)
	if *update {
		if err := os.WriteFile("network.schema.json", made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("network.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, made) {
		t.Error("network.schema.json is not what the layer types and their comments make: go generate ./graph")
	}
}

// Every layer type of the package is in the registry, and every type has a
// name of its own.
func TestLayerTypes(t *testing.T) {
	kinds := map[string]bool{}
	known := map[string]bool{}
	for _, layer := range layerTypes {
		kinds[layer.kind()] = true
		known[reflect.TypeOf(layer).Name()] = true
		if jsonFields(reflect.TypeOf(layer))[0].name != "name" {
			t.Errorf("%T does not begin with its name", layer)
		}
	}
	if len(kinds) != len(layerTypes) {
		t.Errorf("%d types have %d kinds", len(layerTypes), len(kinds))
	}
	lowering := sourceOf(t).lowering
	if len(lowering) != len(layerTypes) {
		t.Errorf("%d types have a method lower, layerTypes has %d", len(lowering), len(layerTypes))
	}
	for _, name := range lowering {
		if !known[name] {
			t.Errorf("layer type %s is not in layerTypes", name)
		}
	}
}

// source has the comments of the package's types and fields, and the types that have a
// method lower.
type source struct {
	types    map[string]string
	fields   map[string]string // Type.Field
	lowering []string
}

func sourceOf(t *testing.T) source {
	t.Helper()
	s := source{types: map[string]string{}, fields: map[string]string{}}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == "lower" && d.Recv != nil {
					s.lowering = append(s.lowering, d.Recv.List[0].Type.(*ast.Ident).Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if spec, isType := spec.(*ast.TypeSpec); isType {
						s.add(spec, d.Doc)
					}
				}
			}
		}
	}
	return s
}

func (s source) add(spec *ast.TypeSpec, comment *ast.CommentGroup) {
	name := spec.Name.Name
	s.types[name] = comment.Text()
	structure, isStruct := spec.Type.(*ast.StructType)
	if !isStruct {
		return
	}
	for _, f := range structure.Fields.List {
		for _, id := range f.Names {
			s.fields[name+"."+id.Name] = f.Doc.Text() + f.Comment.Text()
		}
	}
}

// plain are descriptions of fields that need no comment in Go.
var plain = map[string]string{
	"name":        "What the layer is called, in reports and in its weights' names. Default: its kind and its place among those of its kind, as conv1.",
	"filters":     "Number of filters, and so of channels that come out.",
	"units":       "Number of features that come out.",
	"no_bias":     "true: no bias is added.",
	"activation":  "What is done to each number at the end. Default: nothing.",
	"padding":     "VALID, the default, adds nothing; SAME pads so that there are ⌈size/stride⌉ windows, as evenly as can be; [[top, bottom], [left, right]] pads each side by its own.",
	"height":      "Rows.",
	"width":       "Columns.",
	"channels":    "1 for grey, 3 for RGB.",
	"size":        "Height and width.",
	"method":      "How numbers between pixels are found.",
	"layers":      "The layers; each reads the one before it, unless from says otherwise.",
	"input":       "The size of the images.",
	"sides":       "[[top, bottom], [left, right]]: rows and columns of zeros on each side.",
	"kind":        "The distribution.",
	"initializer": "How a fresh filter is drawn.",
}

// describe returns a field's comment with JSON's names.
func (s source) describe(t reflect.Type, m jsonField) string {
	text := s.fields[t.Name()+"."+t.Field(m.fields[0]).Name]
	switch {
	case len(m.fields) > 1:
		return plain["sides"]
	case text == "":
		return plain[m.name]
	}
	text = strings.Join(strings.Fields(text), " ")
	text = inJSON(t, text)
	if r := []rune(text); !strings.HasSuffix(text, ".") {
		text = strings.ToUpper(string(r[:1])) + string(r[1:]) + "."
	}
	return text
}

// introduce returns the first sentence of a type's comment, without the type's name.
func (s source) introduce(t reflect.Type) string {
	text := inJSON(t, new(doc.Package).Synopsis(s.types[t.Name()]))
	text = strings.TrimPrefix(strings.TrimPrefix(text, t.Name()+" "), "is ")
	r := []rune(text)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}

var goWord = regexp.MustCompile(`\bSize\.(Height|Width)\b|\b[A-Z][A-Za-z]+\b`)

// inJSON spells Go's names of fields and values as JSON does.
func inJSON(t reflect.Type, text string) string {
	values := map[string]string{"TruncatedNormal": "truncated_normal", "Nearest": "nearest", "Bilinear": "bilinear"}
	return goWord.ReplaceAllStringFunc(text, func(word string) string {
		if value, found := values[word]; found {
			return value
		}
		if word == "Size.Height" || word == "Size.Width" {
			return strings.ToLower(word[len("Size."):])
		}
		if _, found := t.FieldByName(word); found {
			return snake(word)
		}
		return word
	})
}

type object = map[string]any

func makeSchema(t *testing.T) []byte {
	s := sourceOf(t)
	definitions := object{}
	var kinds []string
	var choose []object
	for _, layer := range layerTypes {
		kind := layer.kind()
		kinds = append(kinds, kind)
		of := reflect.TypeOf(layer)
		d := s.object(of)
		d["description"] = s.introduce(of)
		d["properties"].(object)["type"] = object{"pattern": anyCase(kind)}
		d["required"] = append([]string{"type"}, d["required"].([]string)...)
		definitions[kind] = d
		choose = append(choose, object{
			"if":   object{"properties": object{"type": object{"pattern": anyCase(kind)}}, "required": []string{"type"}},
			"then": object{"$ref": "#/$defs/" + kind},
		})
	}
	definitions["layer"] = object{
		"type": "object", "required": []string{"type"}, "allOf": choose,
		"properties": object{"type": object{"$ref": "#/$defs/type", "description": "The layer's kind."}},
	}
	for name, words := range map[string][]string{
		"type": kinds, "padding": {"SAME", "VALID"}, "activation": Activation("").choices(),
		"method": Method("").choices(), "initializer_kind": InitializerKind("").choices(),
	} {
		definitions[name] = object{"anyOf": []object{{"enum": words}, {"type": "string", "pattern": anyCase(words...)}}}
	}
	root := s.object(reflect.TypeFor[Network]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "A convolutional network of tfcnn"
	root["description"] = "A field that is left out has its default; writing a zero is an error."
	root["$defs"] = definitions
	root["properties"].(object)["$schema"] = object{"type": "string", "description": "Where an editor finds this schema; not kept."}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(root); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func (s source) object(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, m := range jsonFields(t) {
		of := t.Field(m.fields[0]).Type
		if len(m.fields) > 1 {
			of = reflect.TypeFor[Sides]()
		}
		property := s.value(of, m)
		if text := s.describe(t, m); text != "" {
			property["description"] = text
		}
		properties[m.name] = property
		if m.required {
			required = append(required, m.name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

var (
	count     = object{"type": "integer", "minimum": 1, "maximum": most}
	layerName = object{"type": "string", "pattern": `^[A-Za-z0-9.][A-Za-z0-9_.-]*$`}
)

// anyCase returns a pattern of words in upper or lower case, as the reader takes
// them. Schemas have no other way to say so.
func anyCase(words ...string) string {
	letter := regexp.MustCompile("[A-Za-z]")
	patterns := make([]string, len(words))
	for i, word := range words {
		patterns[i] = letter.ReplaceAllStringFunc(word, func(l string) string { return "[" + strings.ToUpper(l) + strings.ToLower(l) + "]" })
	}
	return "^(?:" + strings.Join(patterns, "|") + ")$"
}

func pairOf(item object) object {
	return object{"type": "array", "items": item, "minItems": 2, "maxItems": 2}
}

// value returns the schema of a field's value.
func (s source) value(of reflect.Type, m jsonField) object {
	side := object{"type": "integer", "minimum": 0, "maximum": most}
	// What is this far or further rounds to no float32: 2¹²⁸ − 2¹⁰³.
	const beyond = "340282356779733661637539395458142568448"
	number := object{"type": "number", "exclusiveMinimum": json.Number("-" + beyond), "exclusiveMaximum": json.Number(beyond)}
	switch of {
	case reflect.TypeFor[Size]():
		choices := []object{count, pairOf(count)}
		if !m.required {
			one := func(name string) object {
				return object{"type": "object", "properties": object{name: count}, "required": []string{name}, "additionalProperties": false}
			}
			choices = append(choices, one("height"), one("width"))
		}
		return object{"anyOf": choices}
	case reflect.TypeFor[Padding]():
		return object{"anyOf": []object{{"$ref": "#/$defs/padding"}, pairOf(pairOf(side))}}
	case reflect.TypeFor[Sides]():
		zero := []int{0, 0}
		sides := pairOf(pairOf(side))
		sides["not"] = object{"const": [][]int{zero, zero}}
		return sides
	case reflect.TypeFor[Initializer]():
		return object{"anyOf": []object{{"$ref": "#/$defs/initializer_kind"}, s.initializer()}}
	case reflect.TypeFor[Input]():
		return s.object(of)
	case reflect.TypeFor[[]Layer]():
		return object{"type": "array", "minItems": 1, "items": object{"$ref": "#/$defs/layer"}}
	case reflect.TypeFor[[]string]():
		if m.name == "from" { // where "" is the layer before
			item := object{"type": "string", "pattern": `^([A-Za-z0-9.][A-Za-z0-9_.-]*)?$`}
			return object{"type": "array", "items": item, "minItems": 2}
		}
		return object{"type": "array", "items": layerName, "minItems": 1, "uniqueItems": true}
	case reflect.TypeFor[[]float32]():
		return object{"anyOf": []object{number, {"type": "array", "items": number, "minItems": 1}}}
	}
	if of.Implements(reflect.TypeFor[choice]()) {
		return object{"$ref": "#/$defs/" + snake(of.Name())}
	}
	switch of.Kind() {
	case reflect.Int:
		return object{"type": "integer", "minimum": 1, "maximum": most}
	case reflect.Bool:
		return object{"const": true}
	case reflect.String:
		return object{"type": "string", "pattern": layerName["pattern"]}
	case reflect.Float32, reflect.Float64:
		number["not"] = object{"const": 0}
		return number
	}
	panic("no schema for " + of.String())
}

// initializer returns the schema of an initializer as an object: only truncated_normal
// has a deviation.
func (s source) initializer() object {
	o := s.object(reflect.TypeFor[Initializer]())
	deviation := o["properties"].(object)["deviation"].(object)
	delete(deviation, "not")
	delete(deviation, "exclusiveMaximum")
	deviation["exclusiveMinimum"], deviation["maximum"] = 0, 1e30
	o["if"] = object{"required": []string{"deviation"}}
	o["then"] = object{"properties": object{"kind": object{"pattern": anyCase(string(TruncatedNormal))}}}
	return o
}

// Each field has a description.
func TestSchemaDescribes(t *testing.T) {
	s := sourceOf(t)
	for _, layer := range layerTypes {
		of := reflect.TypeOf(layer)
		for _, m := range jsonFields(of) {
			if s.describe(of, m) == "" {
				t.Errorf("%s: field %q has no description", layer.kind(), m.name)
			}
		}
	}
}
