package report

import (
	"strings"
	"testing"

	"tfcnn/internal/ir"
)

// Every operation's family has a colour on the screen and in PNG files.
func TestEveryFamilyHasAColour(t *testing.T) {
	css, err := pageFiles.ReadFile("page/drawing.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ir.Operations() {
		family := string(op.Traits().Family)
		if _, found := drawingColours[family]; !found || !strings.Contains(string(css), ".d-"+family+"{") {
			t.Errorf("%s is of the family %q, which has no colour", op.Kind(), family)
		}
	}
}
