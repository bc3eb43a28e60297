package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tfcnn/internal/machine"
)

func TestRun(t *testing.T) {
	good := []machine.Fact{{Name: "Go", Needed: true, Found: true, Value: "1.26"}, {Name: "GPU driver", Value: "none", Fix: "install it"}}
	bad := append([]machine.Fact{{Name: "make", Needed: true, Value: "not found", Fix: "install make"}}, good...)
	for _, tt := range []struct {
		facts     []machine.Fact
		arguments []string
		status    int
		want      string
	}{
		{good, nil, 0, "ok       Go             1.26\n"},
		{good, nil, 0, "-        GPU driver     none\n                        → install it\n"},
		{bad, nil, 3, "MISSING  make           not found\n                        → install make\n"},
		{bad, []string{"-json"}, 3, `"fix": "install make"`},
		{good, []string{"-x"}, 2, ""},
		{good, []string{"x"}, 2, ""},
		{good, []string{"-h"}, 0, ""},
	} {
		var stdout, stderr bytes.Buffer
		if got := run(tt.facts, tt.arguments, &stdout, &stderr); got != tt.status || !strings.Contains(stdout.String(), tt.want) {
			t.Errorf("%v: status %d, want %d\n%s%s", tt.arguments, got, tt.status, stdout.String(), stderr.String())
		}
		if len(tt.arguments) == 1 && tt.arguments[0] == "-json" && !json.Valid(stdout.Bytes()) {
			t.Errorf("no JSON: %s", stdout.String())
		}
	}
}
