package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A network passes where the program ends with status 0 and says a verdict that is one.
func TestRun(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cnndemo")
	script := `#!/bin/sh
[ "$1 $2 $4" = "verify net --json" ] || exit 9
case $3 in
good) echo '{"status":"pass","layers":[{},{}],"chains":[{}],"run_seconds":1.25,"reference_seconds":3}';;
bad) echo '{"status":"fail","layers":[{}]}'; echo "cnndemo: wrong" >&2; exit 1;;
silent) ;;
void) echo '{"status":"proves nothing"}';;
esac
`
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for names, want := range map[string]string{
		"good":           "",
		"good bad":       "bad: exit status 1: cnndemo: wrong",
		"silent":         "silent: unexpected end of JSON input",
		"void good void": "void: verdict is proves nothing\nvoid: verdict is proves nothing",
	} {
		var table strings.Builder
		err := run(&table, program, strings.Fields(names))
		if got := message(err); got != want {
			t.Errorf("%s: got %q, want %q", names, got, want)
		}
		lines := strings.Split(strings.TrimSpace(table.String()), "\n")
		if len(lines) != 1+len(strings.Fields(names)) {
			t.Errorf("%s: %s", names, table.String())
		}
		if strings.HasPrefix(names, "good") {
			if cells := strings.Fields(lines[1]); strings.Join(cells[:10], " ") != "good pass 2 1 0 0 1.2 s 3.0 s" {
				t.Errorf("%s: %q", names, cells)
			}
		}
	}
	if err := run(new(strings.Builder), filepath.Join(t.TempDir(), "none"), []string{"good"}); err == nil {
		t.Error("a program that is not there passes")
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
