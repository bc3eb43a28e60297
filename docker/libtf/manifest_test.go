package libtf

import (
	"os"
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	file, err := os.Open("../libtensorflow.manifest")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	variants, err := ParseManifest(file)
	if err != nil || len(variants) != 4 || variants[0].Name != "linux-amd64-cpu" || variants[0].Version() != "2.21.0" {
		t.Errorf("%+v, %v", variants, err)
	}
	sum := strings.Repeat("0", 64)
	for text, want := range map[string]string{
		"":                                     "no variant",
		"a b==1 c":                             "line 1: got 3 fields, want 10",
		"a b 3 c p w " + sum + " 1 1 run":      `"b" is not pinned`,
		"a b==1 3 c p w 00 1 1 run":            `"00" is no sha256`,
		"a b==1 3 c p w " + sum + " x 1 run":   `"x" is no number`,
		"a b==1 3 c p w " + sum + " 1 1 well":  `status is "well"`,
		"+a b==1 3 c p w " + sum + " 1 1 x.so": `no variant "a" before its runtime wheel`,
		strings.Repeat("a b==1 3 c p w "+sum+" 1 1 run\n", 2): `line 2: variant "a" is there twice`,
	} {
		if _, err := ParseManifest(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
