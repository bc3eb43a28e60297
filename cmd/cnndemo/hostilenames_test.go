package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
)

func printable(r rune) bool { return strconv.IsPrint(r) }

// hostileName clears a terminal, sets its title, breaks a line, turns the
// direction of writing, is no UTF-8, and is markup.
const hostileName = "a\n\x1b[2J\x1b]0;t\a\r\u202e\u200b\x7f\u009b31m\xff<script>alert(1)<!--&\"'"

// harmless fails where a text has characters that act on a terminal.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s: %q is no UTF-8", what, text)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); strings.ContainsFunc(line, func(r rune) bool { return !printable(r) }) {
			t.Errorf("%s: the line %q cannot be printed", what, line)
		}
	}
}

// Names from outside (of folders, images, filters, networks, weights, cases,
// outputs, and what a command line has) reach terminals, pages and JUnit's XML
// quoted.
func TestHostileNames(t *testing.T) {
	folder := t.TempDir()
	name := func(ending string) string { return filepath.Join(folder, hostileName+ending) }
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := func(value any) []byte {
		t.Helper()
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	images := name("")
	if err := os.Mkdir(images, 0o700); err != nil {
		t.Fatal(err)
	}
	sound, broken := filepath.Join(images, hostileName+".png"), filepath.Join(images, hostileName+"2.png")
	if err := writeImage(sound, 32, 32); err != nil {
		t.Fatal(err)
	}
	write(broken, []byte("text"))
	write(filepath.Join(images, "other"), nil)
	var npy bytes.Buffer
	if err := (tensor.Tensor{Shape: []int{1, 1, 3, 2}, Data: make([]float32, 6)}).WriteNPY(&npy); err != nil {
		t.Fatal(err)
	}
	write(name(".npy"), npy.Bytes())
	write(name("2.npy"), []byte("text"))
	net, err := nets.Load("lenet5")
	if err != nil {
		t.Fatal(err)
	}
	write(name(".json"), text(net))
	var npz bytes.Buffer
	if err := net.InitialWeights(1).WriteNPZ(&npz); err != nil {
		t.Fatal(err)
	}
	write(name(".npz"), npz.Bytes())
	npz.Reset()
	weights := net.InitialWeights(1)
	weights[hostileName] = weights["c1/bias"]
	if err := weights.WriteNPZ(&npz); err == nil {
		write(name("2.npz"), npz.Bytes())
	} else {
		write(name("2.npz"), []byte("text"))
	}
	type object = map[string]any
	one := object{"shape": []int{1}, "data": []float32{1}}
	two := object{"shape": []int{1}, "data": []float32{2}}
	write(name("-cases.json"), text(object{"cases": []any{
		object{"name": hostileName, "op": "relu", "input": one},
		object{"name": hostileName + " wrong", "op": "relu", "input": one, "expect": two},
	}}))
	write(name("-bad.json"), text(object{hostileName: 1}))
	write(name("-layer.json"), text(object{"input": object{"height": 8, "width": 8, "channels": 1}, "layers": []any{object{"type": "relu", "name": hostileName}}}))
	write(name("-type.json"), text(object{"input": object{"height": 8, "width": 8, "channels": 1}, "layers": []any{object{"type": hostileName}}}))
	write(name("-from.json"), text(object{"input": object{"height": 8, "width": 8, "channels": 1}, "layers": []any{object{"type": "relu", "from": hostileName}}}))

	for _, arguments := range [][]string{
		{"run", images, "--filter", name(".npy"), "--out", name("-out")},
		{"run", images, "--filter", name(".npy"), "--out", name("-out"), "--json"},
		{"run", sound, "--filter", name("2.npy")},
		{"run", name("none.png"), "--out", name("-out2")},
		{"run", sound, "--out", filepath.Join(name(".npy"), "out")},
		{"verify", "--net", name(".json"), "--weights", name(".npz"), sound, "--html", name("-net.html"), "--junit", name("-net.xml")},
		{"verify", "--net", name(".json"), "--weights", name(".npz"), sound, "--json"},
		{"verify", "--net", name(".json"), "--weights", name("2.npz"), sound},
		{"verify", "--net", name(".json"), "--weights", name("none.npz")},
		{"verify", "--net", name(".json"), broken},
		{"verify", "--cases", name("-cases.json"), "--html", name("-cases.html"), "--junit", name("-cases.xml"), "--write-baseline", name("-base.json")},
		{"verify", "--cases", name("-cases.json"), "--against", name("-base.json"), "--junit", name("-against.xml")},
		{"verify", "--cases", name("-cases.json"), "--json"},
		{"verify", "--cases", name("-bad.json")},
		{"verify", "--cases", images},
		{"verify", "--against", name("-bad.json")},
		{"verify", "--junit", filepath.Join(name("none"), "a.xml")},
		{"nets", name(".json")},
		{"nets", name("-bad.json")},
		{"nets", name("-layer.json")},
		{"nets", name("-type.json")},
		{"nets", name("-from.json")},
		{"nets", hostileName},
		{"nets", hostileName, "--json"},
		{"plan", name(".json")},
		{"plan", name(".json"), "--json"},
		{"draw", name(".json")},
		{"draw", name(".json"), "--out", filepath.Join(name("none"), "a.svg")},
		{"profile", name(".json"), broken},
		{"profile", name(".json"), "--weights", name("2.npz")},
		{hostileName},
		{"help", hostileName},
		{"run", "--" + hostileName},
		{"run", "-" + hostileName},
		{"plan", "lenet5", "--batch", hostileName},
		{"devices", hostileName},
	} {
		_, stdout, stderr := try(t, arguments...)
		what := strconv.Quote(strings.Join(arguments, " "))
		harmless(t, what+": stderr", stderr)
		harmless(t, what+": stdout", stdout)
		if stdout+stderr == "" {
			t.Errorf("%s printed nothing", what)
		}
		if arguments[0] == "draw" && len(arguments) == 2 {
			wellFormed(t, what, []byte(stdout))
		}
		if last := arguments[len(arguments)-1]; last == "--json" && stdout != "" && !json.Valid([]byte(stdout)) {
			t.Errorf("%s printed no JSON: %s", what, stdout)
		}
	}

	var files int
	for _, path := range append(glob(t, folder, ".html", ".xml"), glob(t, name("-out"), ".html", "report.json")...) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files++
		base := strconv.Quote(filepath.Base(path))
		harmless(t, base, strings.ReplaceAll(string(content), "\t", ""))
		if bytes.Contains(content, []byte("<script>alert")) && !strings.HasSuffix(path, ".json") {
			t.Errorf("%s: a name became markup", base)
		}
		if strings.HasSuffix(path, ".xml") {
			wellFormed(t, base, content)
		}
	}
	if files != 7 {
		t.Errorf("%d pages and reports, want 7", files)
	}
}

// glob lists a folder's files by their ends. (The folder's name is no pattern.)
func glob(t *testing.T, folder string, ends ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		for _, end := range ends {
			if strings.HasSuffix(e.Name(), end) {
				list = append(list, filepath.Join(folder, e.Name()))
			}
		}
	}
	return list
}

// wellFormed fails where a text is no XML.
func wellFormed(t *testing.T, what string, text []byte) {
	t.Helper()
	for decoder := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s is no XML: %v", what, err)
			return
		}
	}
}
