package quote_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"tfcnn/internal/hostile"
	"tfcnn/internal/quote"
)

func TestQuotes(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for _, tt := range []struct{ text, name, plain, line string }{
		{"conv1/filter", `"conv1/filter"`, "conv1/filter", "conv1/filter"},
		{"", `""`, `""`, ""},
		{"two words", `"two words"`, "two words", "two words"},
		{" edge", `" edge"`, `" edge"`, " edge"},
		{`a"b\`, `"a\"b\\"`, `a"b\`, `a"b\`},
		{"Größe 世", `"Größe 世"`, "Größe 世", "Größe 世"},
		{"a\nb\r\t\x00\x7f", `"a\nb\r\t\x00\x7f"`, `"a\nb\r\t\x00\x7f"`, `a\nb\r\t\x00\x7f`},
		{"\x1b[31mred\u009b", `"\x1b[31mred\u009b"`, `"\x1b[31mred\u009b"`, `\x1b[31mred\u009b`},
		{"gnp.\u202eexe", `"gnp.\u202eexe"`, `"gnp.\u202eexe"`, `gnp.\u202eexe`},
		{"\u200b\u2028\ufeff", `"\u200b\u2028\ufeff"`, `"\u200b\u2028\ufeff"`, `\u200b\u2028\ufeff`},
		{"\xff\xfe\xc3", `"\xff\xfe\xc3"`, `"\xff\xfe\xc3"`, `\xff\xfe\xc3`},
		{"\ufffd", `"` + "\ufffd" + `"`, "\ufffd", "\ufffd"},
		{long, `"` + long[:118] + `"…`, long, long[:50] + "…"},
		{strings.Repeat("\U000e0001", 100), `"` + strings.Repeat(`\U000e0001`, 11) + `"…`, `"` + strings.Repeat(`\U000e0001`, 100) + `"`, strings.Repeat(`\U000e0001`, 5) + "…"},
	} {
		if got := quote.Name(tt.text); got != tt.name {
			t.Errorf("Name(%q) is %s, want %s", tt.text, got, tt.name)
		}
		if got := quote.Plain(tt.text); got != tt.plain {
			t.Errorf("Plain(%q) is %s, want %s", tt.text, got, tt.plain)
		}
		if got := quote.Text(tt.text, 50); got != tt.line {
			t.Errorf("Text(%q) is %s, want %s", tt.text, got, tt.line)
		}
	}
}

func TestList(t *testing.T) {
	many := make([]string, 300_000)
	for i := range many {
		many[i] = fmt.Sprintf("w%06d", i)
	}
	for _, tt := range []struct {
		items      []string
		begin, end string
	}{
		{nil, "", ""},
		{[]string{"a"}, "a", "a"},
		{[]string{"a", "b", "c"}, "a; b; c", "; b; c"},
		// 67 items of 9 bytes, less one separator, are 601.
		{many, "w000000; w000001; ", "w000065 and 299,934 more"},
		{many[:66], "w000000; w000001; ", "; w000065"},
		{[]string{strings.Repeat("x", 601)}, "xxx", "x…"},
		{[]string{strings.Repeat("x", 9000), "b"}, "xxx", "x… and 1 more"},
		{[]string{"a", strings.Repeat("x", 9000)}, "a", "a and 1 more"},
		{[]string{strings.Repeat("\u202e", 9000), "b"}, `\u202e`, `\u202e… and 1 more`},
	} {
		got := quote.List(tt.items, "; ")
		if !strings.HasPrefix(got, tt.begin) || !strings.HasSuffix(got, tt.end) || len(got) > 640 {
			t.Errorf("list of %d is %s (%d bytes), want %s … %s", len(tt.items), got, len(got), tt.begin, tt.end)
		}
	}
	if got := quote.Names([]string{"a", "b\n"}); got != `"a", "b\n"` {
		t.Error(got)
	}
	if got := quote.Names(many); !strings.HasPrefix(got, `"w000000", "w000001", `) || !strings.HasSuffix(got, `"w000053" and 299,946 more`) {
		t.Error(got)
	}
}

// FuzzQuotes quotes any text: the result is one printable line of limited length, and
// has each name that can be printed.
func FuzzQuotes(f *testing.F) {
	for _, text := range []string{"conv1", "a\x1b[2J", "\xff", "\u202e", strings.Repeat("ä", 100)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for most, got := range map[int]string{
			123: quote.Name(text), 83: quote.Text(text, 80), 640: quote.Names([]string{text, text, text}),
		} {
			hostile.Line(t, "", got)
			if len(got) > most || !utf8.ValidString(got) {
				t.Errorf("%q became %q, at most %d bytes were promised", text, got, most)
			}
		}
		hostile.Line(t, "", quote.Plain(text[:min(len(text), 400)]))
	})
}

// JSON and Lines keep printable characters; the result of JSON is the same JSON.
func TestJSONAndLines(t *testing.T) {
	for _, tt := range []struct{ text, json, lines string }{
		{"{\n  \"a\": \"ä\"\n}", "{\n  \"a\": \"ä\"\n}", "{\n  \"a\": \"ä\"\n}"},
		{"\"\x7f\u009b\u202e\u00a0\U000e0001\"", `"\u007f\u009b\u202e\u00a0\udb40\udc01"`, `"\x7f\u009b\u202e\u00a0\U000e0001"`},
		{"\"a\tb\"", `"a\u0009b"`, "\"a\tb\""},
	} {
		if got := quote.JSON([]byte(tt.text)); got != tt.json {
			t.Errorf("JSON(%q) is %s, want %s", tt.text, got, tt.json)
		}
		if got := quote.Lines(tt.text); got != tt.lines {
			t.Errorf("Lines(%q) is %s, want %s", tt.text, got, tt.lines)
		}
	}
	const name = "\x7f\u009b\u202e\U000e0001\n"
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal([]byte(quote.JSON(text)), &back); err != nil || back != name {
		t.Errorf("%q came back as %q, %v", name, back, err)
	}
	if got := quote.Lines("\x1b\xff" + name); got != `\x1b\xff\x7f\u009b\u202e\U000e0001`+"\n" {
		t.Errorf("%q", got)
	}
}
