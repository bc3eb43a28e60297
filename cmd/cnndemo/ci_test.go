package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var verifyLine = regexp.MustCompile(`(?:"\$IMAGE"|cnndemo) (verify .*)`)

// The files for other people's CI are YAML, and call cnndemo with flags that
// it has.
func TestCIFiles(t *testing.T) {
	files, err := filepath.Glob("../../testdata/ci/*.yml")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var parsed map[string]any
			if err := yaml.Unmarshal(text, &parsed); err != nil {
				t.Fatal(err)
			}
			calls := 0
			for line := range strings.Lines(string(text)) {
				match := verifyLine.FindStringSubmatch(strings.TrimSpace(line))
				if match == nil {
					continue
				}
				calls++
				c := newVerifyCommand()
				c.SetContext(context.Background())
				if err := c.ParseFlags(strings.Fields(match[1])[1:]); err != nil {
					t.Errorf("%s: %v", match[1], err)
				}
				if extra := c.Flags().Args(); len(extra) > 0 {
					t.Errorf("%s: verify takes no %v", match[1], extra)
				}
			}
			if calls != 2 {
				t.Errorf("%d calls of verify, want 2", calls)
			}
		})
	}
}
