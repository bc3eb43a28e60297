package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"

	"tfcnn/docker/libtf"
)

// The base image is listed by the reference that the build was given.
func TestBaseImage(t *testing.T) {
	const digest = "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
	for _, tt := range []struct{ base, name, tag, digest string }{
		{"debian:bookworm-slim", "debian", "bookworm-slim", ""},
		{"debian@" + digest, "debian", "", digest},
		{"debian:bookworm-slim@" + digest, "debian", "bookworm-slim", digest},
		{"mirror:5000/library/debian@" + digest, "mirror:5000/library/debian", "", digest},
		{"mirror:5000/library/debian", "mirror:5000/library/debian", "", ""},
	} {
		list := contents{base: tt.base}.baseImage()
		if len(list) != 1 || list[0].Name != tt.name || list[0].Version != cmp.Or(tt.digest, tt.tag) || list[0].Type != cyclonedx.ComponentTypeContainer {
			t.Errorf("%s: %+v, want %+v", tt.base, list, tt)
			continue
		}
		url, err := packageurl.FromString(list[0].PackageURL)
		if q := url.Qualifiers.Map(); err != nil || url.Type != "oci" || url.Name != "debian" || url.Version != tt.digest || q["repository_url"] != tt.name || q["tag"] != tt.tag {
			t.Errorf("%s: %s, %v; want %+v", tt.base, list[0].PackageURL, err, tt)
		}
	}
	if list := (contents{}).baseImage(); list != nil {
		t.Errorf("without a base image: %+v", list)
	}
}

// What is inside TensorFlow's library: the stamp's versions, LLVM's own, and
// without a version what tells none.
func TestParts(t *testing.T) {
	library := filepath.Join(t.TempDir(), "lib.so")
	if err := os.WriteFile(library, []byte("\x00  LLVM version 23.0.0git\n\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	stamp := libtf.Stamp{Parts: map[string]string{"zlib": "1.3.1"}}
	list, err := contents{}.parts(stamp, library)
	if err != nil || len(list) != len(libtf.Parts) {
		t.Fatalf("%d parts, want %d; %v", len(list), len(libtf.Parts), err)
	}
	want := map[string]string{"zlib": "pkg:generic/zlib@1.3.1", "llvm": "pkg:generic/llvm@23.0.0git", "boringssl": "pkg:generic/boringssl"}
	refs := map[string]bool{}
	for _, c := range list {
		if url, listed := want[c.Name]; listed && c.PackageURL != url {
			t.Errorf("%s: %s, want %s", c.Name, c.PackageURL, url)
		}
		delete(want, c.Name)
		if refs[c.BOMRef] || (*c.ExternalReferences)[0].URL == "" {
			text, _ := json.Marshal(c)
			t.Errorf("reference used twice, or no source: %s", text)
		}
		refs[c.BOMRef] = true
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}
