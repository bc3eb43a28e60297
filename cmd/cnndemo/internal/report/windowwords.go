package report

import (
	"fmt"
	"strings"
)

// windowWords describes in sentences the drawing of windowDrawing.
func windowWords(op Op) string {
	h, w := op.axes()
	text := fmt.Sprintf("A window of %s", by(op.Size[:]...))
	if op.Dilations != [2]int{1, 1} {
		text += fmt.Sprintf(", its taps %s apart,", pair(op.Dilations, "row", "column"))
		text += fmt.Sprintf(" spans %s and", by(h.reach(), w.reach()))
	}
	text += fmt.Sprintf(" steps %s over %s.", pair(op.Strides, "row", "column"), by(h.in, w.in))
	windows := fmt.Sprintf("%s windows fit", by(h.out, w.out))
	switch added := sides(op.Padded); {
	case added == "":
		text += fmt.Sprintf(" %s adds nothing; %s.", paddingName(op), windows)
	default:
		text += fmt.Sprintf(" %s adds %s; %s.", paddingName(op), added, windows)
	}
	var unread []string
	for i, a := range []axis{h, w} {
		what, before, after := "row", "at the top", "at the bottom"
		if i == 1 {
			what, before, after = "column", "at the left", "at the right"
		}
		leading, trailing := a.unread()
		for _, part := range []struct {
			n     int
			where string
		}{{leading, before}, {trailing, after}, {op.Unread[i] - leading - trailing, map[bool]string{true: "between the windows", false: "between the taps"}[a.dilation == 1]}} {
			if part.n > 0 {
				unread = append(unread, count(part.n, what)+" "+part.where)
			}
		}
	}
	if len(unread) > 0 {
		text += fmt.Sprintf(" Left unread: %s.", list(unread))
	}
	return text
}

func paddingName(op Op) string {
	if strings.HasPrefix(op.Padding, "[") {
		return "Explicit padding"
	}
	return op.Padding
}

// pair is "2 rows and 1 column".
func pair(n [2]int, vertical, horizontal string) string {
	return count(n[0], vertical) + " and " + count(n[1], horizontal)
}

// sides describes the rows and columns of padding: 3 rows above and 3 below, 2 columns
// left.
func sides(padded [4]int) string {
	var parts []string
	for i, what := range []string{"row", "column"} {
		before, after := padded[2*i], padded[2*i+1]
		names := [][2]string{{"above", "below"}, {"left", "right"}}[i]
		switch {
		case before > 0 && after > 0:
			parts = append(parts, fmt.Sprintf("%s %s and %d %s", count(before, what), names[0], after, names[1]))
		case before > 0:
			parts = append(parts, count(before, what)+" "+names[0])
		case after > 0:
			parts = append(parts, count(after, what)+" "+names[1])
		}
	}
	return strings.Join(parts, ", ")
}
