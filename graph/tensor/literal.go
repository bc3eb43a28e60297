package tensor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tfcnn/internal/quote"
)

// literal reads the Python literals of a .npy header: dictionaries, tuples, lists,
// strings, integers, True, False and None, with Python's rules for spaces, comments,
// commas and escapes.
type literal struct {
	text  string
	at    int
	longs bool // Python 2's 3L is an integer
	depth int
}

// The values of a literal beside string, int, bool and nil.
type (
	pythonTuple []any
	pythonList  []any
	pythonDict  []pythonItem
	pythonItem  struct{ key, value any }
)

// readLiteral reads a text that is one literal.
func readLiteral(text string, longs bool) (any, error) {
	p := &literal{text: text, longs: longs}
	if p.at = strings.IndexByte(text, 0); p.at >= 0 { // not even in a comment
		return nil, p.unexpected("text")
	}
	p.at = 0
	v, err := p.value()
	if p.next(); err == nil && p.at < len(p.text) {
		err = p.unexpected("the end")
	}
	return v, err
}

// next skips spaces and comments and returns the byte that follows; 0 at the
// end.
func (p *literal) next() byte {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			p.at++
		case c == '#':
			line, _, _ := strings.Cut(p.text[p.at:], "\n")
			p.at += len(line)
		default:
			return c
		}
	}
	return 0
}

func (p *literal) unexpected(want string) error {
	got := "the end"
	if p.at < len(p.text) {
		got = quote.Name(string([]rune(p.text[p.at:min(p.at+4, len(p.text))])[:1]))
	}
	return fmt.Errorf("byte %d: got %s, want %s", p.at, got, want)
}

// take skips spaces and then c, and reports whether c was there.
func (p *literal) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *literal) value() (any, error) {
	const deepest = 100
	if p.depth++; p.depth > deepest {
		return nil, fmt.Errorf("more than %d brackets inside each other", deepest)
	}
	defer func() { p.depth-- }()
	switch c := p.next(); {
	case c == '{':
		return p.dict()
	case c == '(':
		items, comma, err := p.items(')')
		if len(items) == 1 && !comma { // a value in parentheses
			return items[0], err
		}
		return pythonTuple(items), err
	case c == '[':
		items, _, err := p.items(']')
		return pythonList(items), err
	case c == '+' || c == '-' || '0' <= c && c <= '9':
		return p.integer()
	}
	return p.word()
}

// items reads the values up to the closing bracket, and reports whether a comma
// is behind the last one.
func (p *literal) items(closing byte) (items []any, comma bool, err error) {
	p.at++
	for comma = true; !p.take(closing); comma = p.take(',') {
		if !comma {
			return nil, false, p.unexpected(fmt.Sprintf(`"," or %q`, string(closing)))
		}
		v, err := p.value()
		if err != nil {
			return nil, false, err
		}
		items = append(items, v)
	}
	return items, comma, nil
}

func (p *literal) dict() (any, error) {
	p.at++
	dict := pythonDict{}
	for comma := true; !p.take('}'); comma = p.take(',') {
		if !comma {
			return nil, p.unexpected(`"," or "}"`)
		}
		key, err := p.value()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, p.unexpected(`":"`)
		}
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		dict = append(dict, pythonItem{key, value})
	}
	return dict, nil
}

// run takes the letters, digits and underscores that come next.
func (p *literal) run() string {
	start := p.at
	for p.at < len(p.text) && (p.text[p.at] == '_' || '0' <= p.text[p.at] && p.text[p.at] <= '9' || 'a' <= p.text[p.at]|0x20 && p.text[p.at]|0x20 <= 'z') {
		p.at++
	}
	return p.text[start:p.at]
}

// integer reads an integer of Python: decimal, or 0x, 0o or 0b, with
// underscores between digits and one sign.
func (p *literal) integer() (any, error) {
	sign := ""
	if c := p.text[p.at]; c == '+' || c == '-' {
		sign = string(c)
		p.at++
		p.next()
	}
	start := p.at
	digits := p.run()
	word := sign + digits
	if p.longs {
		trimmed, long := strings.CutSuffix(digits, "L")
		if digits = trimmed; !long && p.next() == 'L' {
			p.at++
		}
	}
	n, err := strconv.ParseInt(sign+digits, 0, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, fmt.Errorf("byte %d: integer %s does not fit int64", start, quote.Text(word, 40))
	case err != nil, n != 0 && digits[0] == '0' && !strings.ContainsAny(digits[1:2], "xXoObB"): // 010 is none
		return nil, fmt.Errorf("byte %d: got %s, want an integer", start, quote.Name(word))
	}
	return int(n), nil
}

// word reads True, False, None or a string.
func (p *literal) word() (any, error) {
	start := p.at
	switch word := p.run(); word {
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "None":
		return nil, nil
	case "", "u", "U", "r", "R":
		p.at = start
		if text, found, err := p.str(); found || err != nil {
			for found && err == nil { // strings side by side are one
				var more string
				p.next()
				more, found, err = p.str()
				text += more
			}
			return text, err
		}
	}
	p.at = start
	return nil, p.unexpected("a value")
}

// str reads a string if a string comes next: in single or double quotes, or in three
// of these, with or without u or r before them.
func (p *literal) str() (text string, found bool, err error) {
	rest := p.text[p.at:]
	raw := strings.HasPrefix(rest, "r") || strings.HasPrefix(rest, "R")
	body := strings.TrimLeft(rest, "uUrR")
	if len(rest)-len(body) > 1 || body == "" || body[0] != '\'' && body[0] != '"' {
		return "", false, nil
	}
	end := body[:1]
	if strings.HasPrefix(body, strings.Repeat(end, 3)) {
		end = strings.Repeat(end, 3)
	}
	body = body[len(end):]
	var result strings.Builder
	for !strings.HasPrefix(body, end) {
		switch {
		case body == "", body[0] == '\n' && len(end) == 1:
			return "", false, fmt.Errorf("byte %d: string has no end", p.at)
		case body[0] != '\\':
			result.WriteByte(body[0])
			body = body[1:]
		case raw && len(body) > 1:
			result.WriteString(body[:2])
			body = body[2:]
		case strings.HasPrefix(body, "\\\n"):
			body = body[2:]
		case strings.HasPrefix(body, `\'`), strings.HasPrefix(body, `\"`):
			result.WriteByte(body[1])
			body = body[2:]
		default:
			r, _, tail, err := strconv.UnquoteChar(body, 0)
			if err != nil {
				return "", false, fmt.Errorf("byte %d: escape %s is not read", len(p.text)-len(body), quote.Name(body[:min(2, len(body))]))
			}
			result.WriteRune(r)
			body = tail
		}
	}
	p.at = len(p.text) - len(body) + len(end)
	return result.String(), true, nil
}
