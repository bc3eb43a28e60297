package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// blob is what a registry names by its digest.
type blob struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`

	content []byte
}

func blobOf(mediaType string, content []byte) blob {
	return blob{mediaType, len(content), fmt.Sprintf("sha256:%x", sha256.Sum256(content)), content}
}

// serve is a registry with one image, taken from the engine; it returns the
// image's reference by digest.
func serve(t *testing.T, image string) string {
	t.Helper()
	saved, err := exec.CommandContext(t.Context(), "docker", "save", image).Output()
	if err != nil {
		t.Fatalf("docker save: %v", err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(bytes.NewReader(saved)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	var list []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &list); err != nil || len(list) != 1 {
		t.Fatalf("docker save: %v, %v", list, err)
	}
	const docker = "application/vnd.docker."
	var manifest struct {
		SchemaVersion int    `json:"schemaVersion"`
		MediaType     string `json:"mediaType"`
		Config        blob   `json:"config"`
		Layers        []blob `json:"layers"`
	}
	manifest.SchemaVersion, manifest.MediaType = 2, docker+"distribution.manifest.v2+json"
	manifest.Config = blobOf(docker+"container.image.v1+json", files[list[0].Config])
	for _, name := range list[0].Layers {
		manifest.Layers = append(manifest.Layers, blobOf(docker+"image.rootfs.diff.tar.gzip", files[name]))
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]blob{}
	for _, b := range append(manifest.Layers, manifest.Config, blobOf(manifest.MediaType, text)) {
		found[b.Digest] = b
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, known := found[path.Base(r.URL.Path)]
		switch {
		case r.URL.Path == "/v2/":
		case !known:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", b.MediaType)
			w.Header().Set("Docker-Content-Digest", b.Digest)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.content))
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/base@" + blobOf("", text).Digest
}

// A base image by its digest: the label and the bill of materials have the
// reference as it was given.
func TestBaseByDigest(t *testing.T) {
	needImage(t)
	first := inspect(t, imageName).Config.Labels
	label := func(name string) string { return first["org.opencontainers.image."+name] }
	reference := serve(t, label("base.name"))
	_, digest, _ := strings.Cut(reference, "@")
	name := fmt.Sprintf("tfcnn-by-digest-%d", os.Getpid())
	t.Cleanup(func() { command(t, "rmi", "-f", name, reference) })
	dockerfile := map[string]string{"cpu": "Dockerfile", "cuda": "docker/Dockerfile.cuda"}[variant()]
	// The same facts as in the first image: what was built for it is taken.
	arguments := []string{"build", "-q", "-t", name, "-f", dockerfile}
	for _, a := range []string{"BASE_IMAGE=" + reference, "VERSION=" + label("version"), "REVISION=" + label("revision"), "CREATED=" + label("created")} {
		arguments = append(arguments, "--build-arg", a)
	}
	if image := os.Getenv("GO_IMAGE"); image != "" {
		arguments = append(arguments, "--build-arg", "GO_IMAGE="+image)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "docker", append(arguments, ".")...)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
	if got := inspect(t, name).Config.Labels["org.opencontainers.image.base.name"]; got != reference {
		t.Errorf("the label says %q, want %q", got, reference)
	}
	var bom cyclonedx.BOM
	if err := json.Unmarshal([]byte(output(t, "run", "--rm", "--entrypoint", "cat", name, "/opt/tfcnn/share/sbom.cdx.json")), &bom); err != nil {
		t.Fatal(err)
	}
	for _, c := range *bom.Components {
		if c.Type == cyclonedx.ComponentTypeContainer && c.Version == digest && strings.HasSuffix(reference, c.Name+"@"+c.Version) {
			return
		}
	}
	t.Errorf("the bill of materials has no container of version %s", digest)
}
