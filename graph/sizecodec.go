package graph

import (
	"fmt"
	"reflect"
	"strconv"

	"tfcnn/internal/ir"
	"tfcnn/internal/strict"
)

// sizeCodec returns the codec of a size: n for n×n, [height, width], or, where the
// size has a default, an object with one of the two.
func sizeCodec(required bool) codec {
	want := "a whole number of 1 or more, or [height, width]"
	return codec{
		want: want,
		read: func(text []byte, v reflect.Value) error {
			var s Size
			var err error
			switch wrong := fmt.Errorf("want %s, got %s", want, strict.Excerpt(text)); {
			case len(text) > 0 && text[0] == '[':
				numbers, fault := strict.Ints(text, 1, most)
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

// readHalf reads {"height": n} or {"width": n}; the other size has its default.
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

const wantSides = "[[top, bottom], [left, right]]"

func readSides(text []byte, want string) (s Sides, err error) {
	wrong := fmt.Errorf("want %s, got %s", want, strict.Excerpt(text))
	rows, err := strict.List(text)
	if err != nil || len(rows) != 2 {
		return s, wrong
	}
	var numbers []int
	for _, row := range rows {
		pair, err := strict.Ints(row, 0, most)
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

var sidesCodec = codec{
	want: wantSides,
	read: func(text []byte, v reflect.Value) error {
		s, err := readSides(text, wantSides)
		v.Set(reflect.ValueOf(s))
		return err
	},
	write: func(v reflect.Value) (string, error) { return writeSides(v.Interface().(Sides)) },
}

// paddingCodec is the codec of a padding: SAME, VALID or the sides. A text may state
// VALID, which is the default.
var paddingCodec = codec{
	defaultHasName: true,
	want:           `"SAME", "VALID" or ` + wantSides,
	read: func(text []byte, v reflect.Value) error {
		if len(text) > 0 && text[0] == '"' {
			word, err := strict.String(text)
			if err != nil {
				return err
			}
			p, err := ParsePadding(word)
			if err != nil {
				return fmt.Errorf(`want "SAME", "VALID" or %s, got %s`, wantSides, strict.Excerpt(text))
			}
			v.Set(reflect.ValueOf(p))
			return nil
		}
		s, err := readSides(text, `"SAME", "VALID" or `+wantSides)
		v.Set(reflect.ValueOf(Explicit(s.Top, s.Bottom, s.Left, s.Right)))
		return err
	},
	write: func(v reflect.Value) (string, error) {
		p := v.Interface().(Padding)
		switch {
		case p.Kind == PaddingKind(ir.Explicit):
			return writeSides(Sides{p.Top, p.Bottom, p.Left, p.Right})
		case p == Same:
			return `"SAME"`, nil
		}
		return "", fmt.Errorf("is %s with sides, which explicit padding alone has", p.Kind)
	},
}

// initializerCodec returns the codec of an initializer: the name of a distribution, or
// an object with the deviation.
func initializerCodec() codec {
	kinds := choiceCodec(InitializerKind("").choices())
	object := structCodec(reflect.TypeFor[Initializer]())
	return codec{
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
