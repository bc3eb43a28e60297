package main

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"

	"tfcnn/docker/libtf"
)

// contents is what a Docker image is made of.
type contents struct {
	root, prefix, version string
	base                  string // the base image's reference, as NAME:TAG or NAME@sha256:…
	programs              []string
}

// bill lists the contents.
func (c contents) bill(created string) (*cyclonedx.BOM, error) {
	modules, err := c.modules()
	if err != nil {
		return nil, err
	}
	libraries, err := c.libraries()
	if err != nil {
		return nil, err
	}
	packages, err := c.packages()
	if err != nil {
		return nil, err
	}
	all := slices.Concat(c.baseImage(), modules, libraries, packages)
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: created,
		Component: &cyclonedx.Component{
			BOMRef: "tfcnn", Type: cyclonedx.ComponentTypeContainer, Name: "tfcnn", Version: c.version,
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		},
	}
	bom.Components = &all
	return bom, nil
}

// component is a library with a package URL, by which scanners know it.
func component(kind, namespace, name, version string, qualifiers map[string]string) cyclonedx.Component {
	url := packageurl.NewPackageURL(kind, namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
	full := name
	if namespace != "" && kind == packageurl.TypeGolang {
		full = namespace + "/" + name
	}
	return cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: full, Version: version, PackageURL: url}
}

// modules are the Go modules of all programs, and Go's standard library.
func (c contents) modules() ([]cyclonedx.Component, error) {
	found := map[string]cyclonedx.Component{}
	for _, program := range c.programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, err
		}
		deps := append([]*debug.Module{{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
		for _, m := range deps {
			if m.Replace != nil {
				m = m.Replace
			}
			namespace, name := "", m.Path
			if i := strings.LastIndexByte(m.Path, '/'); i >= 0 {
				namespace, name = m.Path[:i], m.Path[i+1:]
			}
			one := component(packageurl.TypeGolang, namespace, name, m.Version, nil)
			if m.Sum != "" {
				one.Properties = &[]cyclonedx.Property{{Name: "go:sum", Value: m.Sum}}
			}
			found[one.BOMRef] = one
		}
	}
	return sorted(found), nil
}

func sorted(components map[string]cyclonedx.Component) []cyclonedx.Component {
	var list []cyclonedx.Component
	for _, key := range slices.Sorted(maps.Keys(components)) {
		list = append(list, components[key])
	}
	return list
}

// libraries are libtensorflow and its runtime wheels, as the installer's stamp
// lists them, each with the files that were taken of it.
func (c contents) libraries() ([]cyclonedx.Component, error) {
	stamp, err := libtf.ReadStamp(c.prefix)
	if err != nil {
		return nil, err
	}
	wheels := append([]libtf.StampWheel{{Requirement: stamp.Requirement, Wheel: stamp.Wheel, SHA256: stamp.SHA256}}, stamp.RuntimeWheels...)
	var list []cyclonedx.Component
	for i, wheel := range wheels {
		name, version, _ := strings.Cut(wheel.Requirement, "==")
		one := component(packageurl.TypePyPi, "", name, version, map[string]string{"file_name": wheel.Wheel})
		one.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: wheel.SHA256}}
		if i == 0 {
			one.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}}
			one.Description = "TensorFlow's C library, out of the Python wheel; third parties in THIRD_PARTY_NOTICES.txt beside its licence"
			if stamp.Stripped {
				one.Description += "; stripped, its own symbols bound"
			}
			one.Description += "; run path confined to its prefix"
		} else {
			one.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{Name: "NVIDIA's terms, " + filepath.Join("share/doc", name)}}}
		}
		var files []cyclonedx.Component
		for _, f := range stamp.Files {
			if f.Wheel != wheel.Wheel || f.Link != "" || !strings.HasPrefix(f.Path, "nvidia/") && !strings.HasPrefix(f.Path, "lib/") {
				continue
			}
			files = append(files, cyclonedx.Component{
				BOMRef: one.BOMRef + "#" + f.Path, Type: cyclonedx.ComponentTypeFile, Name: f.Path,
				Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: f.SHA256}},
			})
		}
		if i == 0 {
			parts, err := c.parts(stamp, filepath.Join(c.prefix, "lib/libtensorflow_cc.so.2"))
			if err != nil {
				return nil, err
			}
			files = append(files, parts...)
		}
		one.Components = &files
		list = append(list, one)
	}
	return list, nil
}

// parts are the libraries inside TensorFlow's, with the versions that the
// installer's stamp has of the wheel's headers, and LLVM's, which LLVM's own
// text in the library tells.
func (c contents) parts(stamp libtf.Stamp, library string) ([]cyclonedx.Component, error) {
	text, err := os.ReadFile(library)
	if err != nil {
		return nil, err
	}
	var list []cyclonedx.Component
	for _, p := range libtf.Parts {
		version := stamp.Parts[p.Name]
		if p.Name == "llvm" {
			if found := llvmVersion.FindSubmatch(text); found != nil {
				version = string(found[1])
			}
		}
		one := component(packageurl.TypeGeneric, "", p.Name, version, nil)
		one.BOMRef = "libtensorflow#" + p.Name
		kind := cyclonedx.ERTypeWebsite
		if strings.HasPrefix(p.Source, "https://git") {
			kind = cyclonedx.ERTypeVCS
		}
		one.ExternalReferences = &[]cyclonedx.ExternalReference{{Type: kind, URL: p.Source}}
		list = append(list, one)
	}
	return list, nil
}

var llvmVersion = regexp.MustCompile(`LLVM version (\d+\.\d+\.\d+[a-z]*)`)

// baseImage is the image below this one.
func (c contents) baseImage() []cyclonedx.Component {
	if c.base == "" {
		return nil
	}
	name, digest, _ := strings.Cut(c.base, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	qualifiers := map[string]string{"repository_url": name}
	if tag != "" {
		qualifiers["tag"] = tag
	}
	url := packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(name), digest, packageurl.QualifiersFromMap(qualifiers), "").ToString()
	return []cyclonedx.Component{{
		BOMRef: url, Type: cyclonedx.ComponentTypeContainer, Name: name, Version: cmp.Or(digest, tag), PackageURL: url,
		Description: "base image " + c.base,
	}}
}

// packages are the base image's, as dpkg lists them.
func (c contents) packages() ([]cyclonedx.Component, error) {
	status, err := os.ReadFile(filepath.Join(c.root, "var/lib/dpkg/status"))
	if err != nil {
		return nil, fmt.Errorf("base image: %w", err)
	}
	release, err := os.ReadFile(filepath.Join(c.root, "etc/os-release"))
	if err != nil {
		return nil, fmt.Errorf("base image: %w", err)
	}
	system := fields(string(release), "=")
	id := strings.Trim(system["ID"], `"`)
	found := map[string]cyclonedx.Component{}
	for paragraph := range strings.SplitSeq(string(status), "\n\n") {
		f := fields(paragraph, ":")
		if f["Package"] == "" || !strings.HasSuffix(f["Status"], " installed") {
			continue
		}
		one := component(packageurl.TypeDebian, id, f["Package"], f["Version"], map[string]string{
			"arch": f["Architecture"], "distro": id + "-" + strings.Trim(system["VERSION_ID"], `"`),
		})
		found[one.BOMRef] = one
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("base image: dpkg lists no package in %s", c.root)
	}
	return sorted(found), nil
}

// fields are the lines "key<separator>value" of a text; those that go on from
// the line before are left out.
func fields(text, separator string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(line, separator); found && !strings.HasPrefix(line, " ") {
			m[key] = strings.TrimSpace(value)
		}
	}
	return m
}
