package strict_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tfcnn/internal/strict"
)

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": [1, null]}`:       "",
		" 1 ":                    "",
		"":                       "not JSON at line 1, column 1: unexpected end of JSON input",
		"{\n \"ä\": 1,}":         "not JSON at line 2, column 9: invalid character '}'",
		"[1]\n\n[2]":             "not JSON at line 3, column 1: invalid character '['",
		"[1,\n\"a\xffb\"]":       "not JSON at line 2, column 3: bytes that are not UTF-8",
		"[NaN]":                  "not JSON at line 1, column 2: invalid character 'N'",
		"\ufeff{}":               "not JSON at line 1, column 1: invalid character",
		"{\"a\": \"\x01\"}":      "not JSON at line 1, column 8: invalid character '\\x01'",
		"{\"a\": 1":              "not JSON at line 1, column 7: unexpected end",
		strings.Repeat("[", 1e5): "not JSON at line 1, column 10001:",
	} {
		err := strict.Check([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}

func TestObject(t *testing.T) {
	fields, err := strict.Object([]byte(`{"b": [1], "a": null, "c": {"b": 1}}`))
	if err != nil || len(fields) != 3 || fields[0].Name != "b" || string(fields[2].Value) != `{"b": 1}` {
		t.Errorf("%v, %v", fields, err)
	}
	if value, found := strict.Find(fields, "a"); !found || string(value) != "null" {
		t.Errorf("a is %s, %v", value, found)
	}
	if _, found := strict.Find(fields, "d"); found {
		t.Error("d is found")
	}
	for text, want := range map[string]string{
		`{"a": 1, "\u0061": 2}`: `field "a" is there twice`,
		`[1, 2]`:                `want an object, got [1,2]`,
		`null`:                  `want an object, got null`,
		`{} {}`:                 `text follows the object's end`,
		`{"a": 1`:               `not JSON`,
		`{"a": }`:               `not JSON at byte`,
		`{"a": 1]`:              `not JSON`,
	} {
		if _, err := strict.Object([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "7": 7, "-3": -3, " 9 ": 9, "2.0": 2, "2e0": 2, "2.000E+0": 2, "20e-1": 2, "0.2e1": 2, "-300.0e-2": -3,
		"0.0": 0, "-0": 0, "0e99999999999999999999": 0, "0.00e-7": 0, "0.00000000000000000000000000007e29": 7,
	} {
		if got, err := strict.Int([]byte(text), -3, 9); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"2.5", "25e-1", "2.00000000000000000001", "1e99999999999999999999", "1e-99999999999999999999", "1e9223372036854775807", "1e-9223372036854775808",
		"07", "+7", "7.", ".7e1", "0x7", "7 7", "1e", "10", "-4", "10.0", "1e1", "null", `"1"`, "true", "[1]", "99999999999999999999", "",
	} {
		if got, err := strict.Int([]byte(text), -3, 9); err == nil || !strings.HasPrefix(err.Error(), "want a whole number from -3 to 9, got") {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]float64{"0": 0, "-0.0e9": 0, "1e-45": 1.401298464324817e-45, "3.4028235e38": 3.4028234663852886e38, "16777217": 16777216, "-1": -1} {
		if got, err := strict.Float([]byte(text), 32); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1e39", "-1e39", "1e-46", "1e999", "0.0000001e-60"} {
		if got, err := strict.Float([]byte(text), 32); err == nil || !strings.HasPrefix(err.Error(), "want a number that float32 holds, got") {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"null", `"1"`, "true", "[1]", "", "NaN", "Inf", "{}"} {
		if got, err := strict.Float([]byte(text), 64); err == nil || !strings.HasPrefix(err.Error(), "want a number, got") {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if s, err := strict.String([]byte(`"a\u00e9"`)); err != nil || s != "aé" {
		t.Errorf("%q, %v", s, err)
	}
	for _, text := range []string{"null", "1", "[]", ""} {
		if _, err := strict.String([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "want a string, got") {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := strict.List([]byte(text)); text != "[]" && (err == nil || !strings.HasPrefix(err.Error(), "want a list, got")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The largest whole numbers are exact: no float64 is computed on the way.
func TestIntRange(t *testing.T) {
	for text, want := range map[string]int{
		"9223372036854775807": math.MaxInt64, "9223372036854775807.0": math.MaxInt64, "922337203685477580.7e1": math.MaxInt64,
		"-9223372036854775808": math.MinInt64, "9007199254740993.0": 1<<53 + 1,
	} {
		if got, err := strict.Int([]byte(text), math.MinInt64, math.MaxInt64); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"9223372036854775808", "9223372036854775807.5", "1e19", "1" + strings.Repeat("0", 400) + "e-5"} {
		if got, err := strict.Int([]byte(text), math.MinInt64, math.MaxInt64); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
	if got, err := strict.Ints([]byte(" [2.0, 3]"), 0, 9); err != nil || !slices.Equal(got, []int{2, 3}) {
		t.Error(got, err)
	}
	if _, err := strict.Ints([]byte("[2, 10]"), 0, 9); err == nil || err.Error() != "want a whole number from 0 to 9, got 10" {
		t.Error(err)
	}
}

func TestChoice(t *testing.T) {
	known := []string{"SAME", "VALID", "kelvin"}
	for word, want := range map[string]string{"SAME": "SAME", "same": "SAME", "Valid": "VALID", "KELVIN": "kelvin"} {
		if got, err := strict.Choice("padding", word, known); err != nil || got != want {
			t.Errorf("%s: %q, %v", word, got, err)
		}
	}
	for _, word := range []string{"", "same ", "sam", "\u212aelvin", "\u017fame"} {
		if got, err := strict.Choice("padding", word, known); err == nil || !strings.HasPrefix(err.Error(), "padding "+strconv.Quote(word)+" is not known here") {
			t.Errorf("%q: %q, %v", word, got, err)
		}
	}
}

func TestTrimBOM(t *testing.T) {
	for text, want := range map[string]string{"\ufeff{}": "{}", "{}": "{}", "\ufeff\ufeff": "\ufeff", "": "", " \ufeff": " \ufeff"} {
		if got := string(strict.TrimBOM([]byte(text))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"size", "filters", "padding", "strides"}
	for name, want := range map[string]string{"filtres": "filters", "sizes": "size", "stride": "strides", "PADDING": "padding", strings.Repeat("x", 1e6): "filters"} {
		if got := strict.Nearest(name, known); got != want {
			t.Errorf("%.9q: got %q, want %q", name, got, want)
		}
	}
	if err := strict.Unknown("field", "filtres", known); err.Error() != `field "filtres" is not known here, the nearest is "filters"` {
		t.Error(err)
	}
	if err := strict.Unknown("field", "a", nil); err.Error() != `field "a" is not known` {
		t.Error(err)
	}
}

func TestExcerpt(t *testing.T) {
	for text, want := range map[string]string{
		"[1,\n  2]":                         "[1,2]",
		`"` + strings.Repeat("ä", 60) + `"`: `"` + strings.Repeat("ä", 29) + "…",
		"\"a\u202eb\"":                      `"a\u202eb"`,
		"oh\tno":                            `oh\tno`,
	} {
		if got := strict.Excerpt([]byte(text)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
