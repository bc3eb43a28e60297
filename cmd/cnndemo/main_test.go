package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/cpu"

	"tfcnn/graph/tensor"
	"tfcnn/session/process"
	"tfcnn/testdata"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cnndemo": main})
}

// The scripts are the program's documentation as much as its tests. All run with
// oneDNN as the program has it by itself; those that compute run with oneDNN on and
// off, too.
func TestScripts(t *testing.T) {
	// As run and verify have it, which other tests call in this process.
	if err := process.Configure(process.Options{NoTF32: true, NoWinograd: true}); err != nil {
		t.Fatal(err)
	}
	if testing.Short() { // the commands that compute beside other goroutines
		t.Run("default", func(t *testing.T) {
			runScripts(t, "", "faults", "network", "images", "profile", "random", "run", "runnet", "verify")
		})
		return
	}
	t.Run("default", func(t *testing.T) { runScripts(t, "") })
	for setting, value := range map[string]string{"oneDNN on": "1", "oneDNN off": "0"} {
		t.Run(setting, func(t *testing.T) { runScripts(t, value, "facts", "run", "runnet", "verify", "network", "profile") })
	}
}

// runScripts runs the scripts named, or all, with TF_ENABLE_ONEDNN_OPTS of a value,
// or without it.
func runScripts(t *testing.T, oneDNN string, names ...string) {
	devices, err := process.Devices()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join("testdata", "script", name+".txtar"))
	}
	dir := "testdata/script"
	if files != nil {
		dir = ""
	}
	testscript.Run(t, testscript.Params{
		Dir:   dir,
		Files: files,
		Setup: func(env *testscript.Env) error {
			env.Vars = slices.DeleteFunc(env.Vars, func(v string) bool { return strings.HasPrefix(v, oneDNNVariable+"=") })
			if oneDNN != "" {
				env.Setenv(oneDNNVariable, oneDNN)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "gpu":
				return slices.ContainsFunc(devices, func(d process.Device) bool { return d.Type == "GPU" }), nil
			case "onednn":
				return oneDNN == "1" || oneDNN == "" && cpu.X86.HasAVX2 && cpu.X86.HasFMA, nil
			}
			return false, fmt.Errorf("condition %q is not known", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// usage, unavailable: the command must end with status 2, 3.
			"usage":       status(2),
			"unavailable": status(3),
			// image FILE WIDTHxHEIGHT writes a PNG; sample NAME copies one of
			// the two samples here; cut FILE BYTES keeps a file's beginning.
			"image": func(ts *testscript.TestScript, _ bool, a []string) {
				w, h, _ := strings.Cut(a[1], "x")
				width, _ := strconv.Atoi(w)
				height, _ := strconv.Atoi(h)
				ts.Check(writeImage(ts.MkAbs(a[0]), width, height))
			},
			"sample": func(ts *testscript.TestScript, _ bool, a []string) {
				file, err := testdata.Files.ReadFile("images/" + a[0])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(a[1]), file, 0o644))
			},
			"cut": func(ts *testscript.TestScript, _ bool, a []string) {
				n, err := strconv.ParseInt(a[1], 10, 64)
				ts.Check(err)
				ts.Check(os.Truncate(ts.MkAbs(a[0]), n))
			},
			// end FILE puts a JPEG's end marker behind a file.
			"end": func(ts *testscript.TestScript, _ bool, a []string) {
				file, err := os.ReadFile(ts.MkAbs(a[0]))
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(a[0]), append(file, 0xff, 0xd9), 0o644))
			},
			// bit FROM TO NAME copies a baseline with one case's first number
			// off by its lowest bit.
			"bit": func(ts *testscript.TestScript, _ bool, a []string) {
				text, err := os.ReadFile(ts.MkAbs(a[0]))
				ts.Check(err)
				changed, err := flipBit(string(text), a[2])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(a[1]), []byte(changed), 0o644))
			},
			// digit FROM TO FIELD LAYER copies a certificate with another sha256 of a
			// layer's output, or another name of the layer.
			"digit": func(ts *testscript.TestScript, _ bool, a []string) {
				text, err := os.ReadFile(ts.MkAbs(a[0]))
				ts.Check(err)
				changed, err := changeCheck(text, a[2], a[3])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(a[1]), changed, 0o644))
			},
			// npy FILE N… writes numbers 1, 2, 3, … of a shape.
			"npy": func(ts *testscript.TestScript, _ bool, a []string) {
				var shape []int
				for _, text := range a[1:] {
					n, err := strconv.Atoi(text)
					ts.Check(err)
					shape = append(shape, n)
				}
				x, err := tensor.New(shape...)
				ts.Check(err)
				for i := range x.Data {
					x.Data[i] = float32(i + 1)
				}
				f, err := os.Create(ts.MkAbs(a[0]))
				ts.Check(err)
				defer f.Close()
				ts.Check(x.WriteNPY(f))
			},
			// shape FILE WANT reads a .npy file's shape.
			"shape": func(ts *testscript.TestScript, _ bool, a []string) {
				f, err := os.Open(ts.MkAbs(a[0]))
				ts.Check(err)
				defer f.Close()
				x, err := tensor.ReadNPY(f)
				ts.Check(err)
				if got := tensor.FormatShape(x.Shape); got != a[1] {
					ts.Fatalf("%s has shape %s, want %s", a[0], got, a[1])
				}
			},
			// json FILE KEY… WANT reads a value of a JSON file: a key of an object,
			// an index of a list, length for its length, or FIELD=VALUE for the first of
			// its objects that has that. With ! the value must differ or be missing.
			"json": func(ts *testscript.TestScript, neg bool, a []string) {
				last := len(a) - 1
				got, err := jsonValue(ts.ReadFile(a[0]), a[1:last])
				if same := err == nil && got == a[last]; same == neg {
					ts.Fatalf("%s: %v is %q, %v; want %q", a[0], a[1:last], got, err, a[last])
				}
			},
			// golden FILE compares what the last command printed with a text in
			// which measured times and the version are N.
			"golden": func(ts *testscript.TestScript, _ bool, a []string) {
				got := measured.ReplaceAllString(ts.ReadFile("stdout"), "$1 N")
				if want := ts.ReadFile(a[0]); got != want {
					ts.Fatalf("%s: got\n%s\nwant\n%s", a[0], got, want)
				}
			},
			// empty FOLDER fails where anything lies in it, or it is not there.
			"empty": func(ts *testscript.TestScript, neg bool, a []string) {
				entries, err := os.ReadDir(ts.MkAbs(a[0]))
				ts.Check(err)
				if (len(entries) == 0) == neg {
					ts.Fatalf("%s holds %v", a[0], entries)
				}
			},
		},
	})
}

// measured are times, and TensorFlow's version.
var measured = regexp.MustCompile(`\b(TensorFlow|reference|decode|open|run|check|in all|cases in) [0-9][0-9.]*`)

// jsonValue finds a value in JSON, as the command json has it.
func jsonValue(text string, path []string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	for _, key := range path {
		found := false
		switch v := value.(type) {
		case map[string]any:
			value, found = v[key]
		case []any:
			value, found = jsonElement(v, key)
		}
		if !found {
			return "", fmt.Errorf("%s is not there", key)
		}
	}
	if text, is := value.(string); is {
		return text, nil
	}
	written, err := json.Marshal(value)
	return string(written), err
}

func jsonElement(list []any, key string) (any, bool) {
	if key == "length" {
		return len(list), true
	}
	if field, want, is := strings.Cut(key, "="); is {
		for _, element := range list {
			if object, is := element.(map[string]any); is && fmt.Sprint(object[field]) == want {
				return element, true
			}
		}
		return nil, false
	}
	i, err := strconv.Atoi(key)
	if err != nil || i < 0 || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

func status(want int) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, a []string) {
		var exited *exec.ExitError
		if err := ts.Exec(a[0], a[1:]...); !errors.As(err, &exited) || exited.ExitCode() != want {
			ts.Fatalf("%v: %v, want exit status %d", a, err, want)
		}
	}
}

func writeImage(path string, width, height int) error {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 7), uint8(y * 5), uint8(x * y), 255})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, img)
}

// start runs the program over a folder of images that keep it busy, and
// waits until it has begun to write.
func start(t *testing.T, out string, images int) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	for i := range images {
		if err := writeImage(filepath.Join(folder, strconv.Itoa(i)+".png"), 1500, 1500+i); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("cnndemo")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "run", folder, "--stride", "1", "--out", out)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		staged, _ := filepath.Glob(filepath.Join(out, ".cnndemo-*", "new", "*.npy"))
		if len(staged) > 0 {
			return cmd
		}
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Fatal("the program ended before it wrote anything")
		}
		time.Sleep(time.Millisecond)
	}
}

// Ctrl-C: exit 130, and nothing is left, not even the folder that it made.
func TestInterrupt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "made", "out")
	cmd := start(t, out, 12)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit status %d, want 130", got)
	}
	if _, err := os.Stat(filepath.Dir(out)); !os.IsNotExist(err) {
		t.Errorf("the output folder is still there: %v", err)
	}
}

// Killed: no file has its name, and the next run clears what is left.
func TestKilled(t *testing.T) {
	out := t.TempDir()
	cmd := start(t, out, 12)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), ".cnndemo-") {
		t.Fatalf("after the kill: %v, %v", entries, err)
	}
	program, _ := exec.LookPath("cnndemo")
	if text, err := exec.Command(program, "run", "--out", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	left, _ := filepath.Glob(filepath.Join(out, ".cnndemo-*"))
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// Two runs into one folder: the second is refused, by name, and the report is
// that of the files.
func TestTwoRuns(t *testing.T) {
	out := t.TempDir()
	first := start(t, out, 3)
	program, err := exec.LookPath("cnndemo")
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command(program, "run", "--out", out)
	text, err := second.CombinedOutput()
	if err == nil || second.ProcessState.ExitCode() != exitEnvironment || !strings.Contains(string(text), fmt.Sprintf("process %d on", first.Process.Pid)) {
		t.Errorf("the second run: %v\n%s", err, text)
	}
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	report, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Sizes []struct {
			Files []struct{ Path, SHA256 string }
		}
	}
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, size := range r.Sizes {
		for _, file := range size.Files {
			content, err := os.ReadFile(filepath.Join(out, file.Path))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != file.SHA256 {
				t.Errorf("%s is not the file of the report", file.Path)
			}
			files++
		}
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != files+2 || files == 0 {
		t.Errorf("%d files in the report, %d in the folder, %v", files, len(entries), err)
	}
}
