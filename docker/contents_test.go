package docker_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"

	"tfcnn/docker"
	"tfcnn/docker/libtf"
)

func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 7), uint8(y * 5), uint8(x * y), 255})
		}
	}
	var buf bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// inspected is what docker inspect says of a Docker image.
type inspected struct {
	Size   int64
	Config struct {
		User   string
		Labels map[string]string
	}
}

func inspect(t *testing.T, name string) inspected {
	t.Helper()
	var list []inspected
	if err := json.Unmarshal([]byte(output(t, "image", "inspect", name)), &list); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

func output(t *testing.T, arguments ...string) string {
	t.Helper()
	r := command(t, arguments...)
	succeed(t, r)
	return r.stdout
}

// mostBytes is what a Docker image may be on top of its base image.
var mostBytes = map[string]int64{"cpu": 640e6, "cuda": 5000e6}

func TestImageFacts(t *testing.T) {
	needImage(t)
	i := inspect(t, imageName)
	if i.Config.User != "65532:65532" {
		t.Errorf("user %q", i.Config.User)
	}
	base := i.Config.Labels["org.opencontainers.image.base.name"]
	if size := i.Size - inspect(t, base).Size; size > mostBytes[variant()] {
		t.Errorf("%d bytes on top of %s, at most %d are allowed", size, base, mostBytes[variant()])
	} else {
		t.Logf("%.1f MB on top of %s", float64(size)/1e6, base)
	}
	for _, label := range []string{"title", "description", "licenses", "version", "revision", "created", "base.name"} {
		if value := i.Config.Labels["org.opencontainers.image."+label]; value == "" || value == "unknown" {
			t.Errorf("label %s is %q", label, value)
		}
	}
	for _, tool := range []string{"python3", "pip", "gcc", "cc", "go", "strip", "make"} {
		if r := run(t, "--entrypoint", "sh", "--", "-c", "command -v "+tool); r.status == 0 {
			t.Errorf("the image has %s: %s", tool, r.stdout)
		}
	}
	version := run(t, "--", "version", "--json")
	succeed(t, version)
	var facts map[string]string
	if err := json.Unmarshal([]byte(version.stdout), &facts); err != nil || facts["revision"] != i.Config.Labels["org.opencontainers.image.revision"] {
		t.Errorf("%v, %v", facts, err)
	}
	verified := run(t, "--", "verify")
	succeed(t, verified)
	if !strings.HasSuffix(verified.stdout, " 0 fail\n") {
		t.Errorf("%v", verified)
	}
}

// variant is cpu or cuda.
func variant() string {
	if v := os.Getenv("TFCNN_VARIANT"); v != "" {
		return v
	}
	return "cpu"
}

// The bill of materials names what is really there: libtensorflow's wheel as
// pinned, its files with their hashes, and every Debian package.
func TestBillOfMaterials(t *testing.T) {
	needImage(t)
	const prefix = "/opt/tfcnn/"
	text := output(t, "run", "--rm", "--entrypoint", "cat", imageName, prefix+"share/sbom.cdx.json")
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(strings.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	variants, err := libtf.ParseManifest(bytes.NewReader(docker.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	var pinned libtf.Variant
	for _, v := range variants {
		if v.Name == "linux-amd64-"+variant() {
			pinned = v
		}
	}
	found := map[string]cyclonedx.Component{}
	hashes := map[string]string{}
	debian := 0
	for _, c := range *bom.Components {
		found[c.Name+"=="+c.Version] = c
		if strings.HasPrefix(c.PackageURL, "pkg:deb/") {
			debian++
		}
		if c.Components != nil {
			for _, f := range *c.Components {
				if f.Type == cyclonedx.ComponentTypeFile {
					hashes[f.Name] = (*f.Hashes)[0].Value
				}
			}
		}
	}
	for _, p := range append([]libtf.Pin{pinned.Pin}, pinned.RuntimeWheels...) {
		if c := found[p.Requirement]; c.Hashes == nil || (*c.Hashes)[0].Value != p.SHA256 {
			t.Errorf("%s is not listed as it is pinned: %+v", p.Requirement, c)
		}
	}
	if _, listed := found["github.com/galeone/tfgo==v0.0.0-20230715013254-16113111dc99"]; !listed {
		t.Error("tfgo is not listed")
	}
	list := output(t, "run", "--rm", "--entrypoint", "dpkg-query", imageName, "-f", "${binary:Package}\n", "-W")
	if n := strings.Count(list, "\n"); n != debian || n == 0 {
		t.Errorf("%d Debian packages are listed, there are %d", debian, n)
	}
	sums := output(t, "run", "--rm", "--entrypoint", "sh", imageName, "-c", "cd "+prefix+" && find lib nvidia -type f 2>/dev/null | xargs sha256sum")
	for line := range strings.Lines(sums) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if hashes[name] != sum {
			t.Errorf("%s has sha256 %s, listed is %q", name, sum, hashes[name])
		}
		delete(hashes, name)
	}
	if len(hashes) > 0 {
		t.Errorf("listed, but not there: %v", hashes)
	}

	// The schema's own validator, where Python has it.
	check := exec.Command("python3", "-c", `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(str(error) if error else 0)`)
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); bytes.Contains(out, []byte("ModuleNotFoundError")) {
		t.Log("not validated: Python has no cyclonedx-python-lib[json-validation]")
		if os.Getenv("CI") != "" {
			t.Error("CI must have it")
		}
	} else if err != nil {
		t.Errorf("schema: %v\n%s", err, out)
	}
}
