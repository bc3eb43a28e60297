package graph

import (
	"fmt"
	"reflect"
	"strings"
)

// Summary returns the fields of a layer in a few words: "5×5, stride 2, SAME, relu".
// It leaves out the name, the inputs, the size of the output, initializers, and fields
// at their defaults.
func Summary(l Layer) string {
	v := reflect.ValueOf(l)
	if v.Kind() != reflect.Struct {
		return ""
	}
	var words []string
	activation := ""
	for _, m := range jsonFields(v.Type()) {
		field := m.get(v)
		if isDefault(field) {
			continue
		}
		switch x := field.Interface().(type) {
		case string, []string, Initializer:
			continue
		case Activation:
			activation = string(x)
			continue
		}
		switch m.name {
		case "filters", "units", "output_size":
		default:
			words = append(words, m.summary(field))
		}
	}
	if activation != "" {
		words = append(words, activation)
	}
	return strings.Join(words, ", ")
}

// summary returns one field of a Summary.
func (m jsonField) summary(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Size:
		return sizeSummary(m.name, x)
	case Padding:
		if s := (Sides{x.Top, x.Bottom, x.Left, x.Right}); s != (Sides{}) {
			return sidesSummary(s)
		}
		return x.String()
	case Sides:
		return sidesSummary(x)
	case Method:
		return string(x)
	case bool:
		return strings.ReplaceAll(m.name, "_", " ")
	case int:
		if m.name == "groups" {
			return fmt.Sprint(x, " groups")
		}
	case []float32:
		if len(x) > 3 {
			return fmt.Sprintf("%s of %d numbers", m.name, len(x))
		}
	}
	return fmt.Sprint(strings.ReplaceAll(m.name, "_", " "), " ", v)
}

func sizeSummary(name string, s Size) string {
	text := s.String()
	switch {
	case name == "size":
		return text
	case s.Height == 0:
		text = fmt.Sprintf("%d across", s.Width)
	case s.Width == 0:
		text = fmt.Sprintf("%d down", s.Height)
	case s.Height == s.Width:
		text = fmt.Sprint(s.Height)
	}
	return strings.TrimSuffix(name, "s") + " " + text
}

func sidesSummary(s Sides) string {
	if s == (Sides{s.Top, s.Top, s.Top, s.Top}) {
		return fmt.Sprint("padding ", s.Top)
	}
	return fmt.Sprintf("padding [[%d,%d],[%d,%d]]", s.Top, s.Bottom, s.Left, s.Right)
}
