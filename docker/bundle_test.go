package docker_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cnndemo's bundle runs in the bare base image, by any user, without network: what
// `make bundle` writes is all that a machine without Go and libtensorflow needs.
func TestBundle(t *testing.T) {
	bundle := os.Getenv("TFCNN_BUNDLE")
	if bundle == "" {
		t.Skip("TFCNN_BUNDLE names no archive; make docker-test does")
	}
	base := cmp.Or(os.Getenv("TFCNN_BASE_IMAGE"), "debian:bookworm-slim")
	out := t.TempDir()
	if err := os.Chmod(out, 0o777); err != nil {
		t.Fatal(err)
	}
	const script = `set -e
cd /tmp
tar -xzf /bundle.tar.gz
mv cnndemo elsewhere
ls elsewhere elsewhere/share elsewhere/share/doc/*
elsewhere/bin/cnndemo run --out /out
elsewhere/bin/cnndemo verify --cases /dev/stdin <<EOF
{"cases": [{"name": "a", "op": "relu6", "input": {"shape": [2], "data": [-1, 2]}, "expect": {"shape": [2], "data": [0, 2]}}]}
EOF`
	r := command(t, "run", "--rm", "--network", "none", "--user", "12345:12345", "-v", bundle+":/bundle.tar.gz:ro", "-v", out+":/out", base, "sh", "-c", script)
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("%v", r)
	}
	for _, want := range []string{"LICENSE", "NOTICE", "THIRD_PARTY_NOTICES.txt", "report.html in /out", "pass"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is missing in\n%v", want, r)
		}
	}
	if files, err := filepath.Glob(filepath.Join(out, "*.npy")); err != nil || len(files) < 2 {
		t.Errorf("out has %q, %v", files, err)
	}
	sameNumbers(t, out)
}
