package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/cpu"
)

// The tests of a Docker image run where its name is in TFCNN_IMAGE:
//
//	make docker-test
//
// They need a Docker engine that this machine's folders can be mounted in.
var imageName = os.Getenv("TFCNN_IMAGE")

func needImage(t *testing.T) {
	t.Helper()
	if imageName == "" {
		t.Skip("TFCNN_IMAGE names no image; make docker-test does")
	}
}

// result is how a command ended.
type result struct {
	status         int
	stdout, stderr string
}

func (r result) String() string { return fmt.Sprintf("exit %d\n%s\n%s", r.status, r.stdout, r.stderr) }

func command(t *testing.T, arguments ...string) result {
	t.Helper()
	// Not t.Context: it has ended when a test cleans up.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatalf("docker %v: %v", arguments, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run starts the Docker image with docker's options, "--", and cnndemo's arguments.
func run(t *testing.T, arguments ...string) result {
	t.Helper()
	at := slices.Index(arguments, "--")
	if at < 0 {
		at = len(arguments)
		arguments = append(arguments, "--")
	}
	return command(t, slices.Concat([]string{"run", "--rm"}, arguments[:at], []string{imageName}, arguments[at+1:])...)
}

// succeed wants status 0 and nothing on stderr.
func succeed(t *testing.T, r result) {
	t.Helper()
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("%v", r)
	}
}

// fail wants a status and one line on stderr with this in it.
func fail(t *testing.T, r result, status int, want string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("want exit %d and a line with %q, got %v", status, want, r)
	}
}

// sameNumbers compares the .npy files with those that cnndemo writes here,
// without the image.
func sameNumbers(t *testing.T, folder string, arguments ...string) {
	t.Helper()
	host := t.TempDir()
	cmd := exec.Command("../bin/cnndemo", append([]string{"run", "--out", host}, arguments...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("on the host: %v\n%s", err, out)
	}
	files, _ := filepath.Glob(filepath.Join(host, "*.npy"))
	if len(files) < 2 {
		t.Fatalf("on the host: %v", files)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(folder, filepath.Base(file)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the image's numbers are not the host's (%v)", filepath.Base(file), err)
		}
	}
}

// owner wants a file to belong to a user and a group.
func owner(t *testing.T, path string, user, group int) {
	t.Helper()
	out, err := exec.Command("stat", "-c", "%u:%g", path).Output()
	if got, want := strings.TrimSpace(string(out)), fmt.Sprintf("%d:%d", user, group); err != nil || got != want {
		t.Errorf("%s belongs to %s, want %s (%v)", path, got, want, err)
	}
}

// chown gives a folder away, which only root can.
func chown(t *testing.T, path string, user int) {
	t.Helper()
	if err := os.Chown(path, user, user); err != nil {
		t.Skipf("needs root: %v", err)
	}
}

// The README's command, where out is not there: Docker makes it, as root's.
func TestMainJob(t *testing.T) {
	needImage(t)
	out := filepath.Join(t.TempDir(), "out")
	for range 2 { // and again, where it is
		succeed(t, run(t, "-v", out+":/out"))
		sameNumbers(t, out)
	}
	r := run(t, "-v", out+":/out", "--", "run", "--json")
	succeed(t, r)
	var report struct{ Status string }
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || report.Status != "pass" {
		t.Errorf("%v, %v", err, r)
	}
}

// oneDNN is on where the processor has AVX2, unless the container's environment
// has TF_ENABLE_ONEDNN_OPTS; the numbers are the same and stderr is empty.
func TestOneDNN(t *testing.T) {
	needImage(t)
	for _, tt := range []struct {
		options []string
		on      bool
	}{
		{nil, cpu.X86.HasAVX2 && cpu.X86.HasFMA},
		{[]string{"-e", "TF_ENABLE_ONEDNN_OPTS=1"}, true},
		{[]string{"-e", "TF_ENABLE_ONEDNN_OPTS=0"}, false},
	} {
		out := t.TempDir()
		version := run(t, append(tt.options, "--", "version")...)
		succeed(t, version)
		if strings.Contains(version.stdout, "oneDNN on") != tt.on {
			t.Errorf("%q: want oneDNN on: %v, got %s", tt.options, tt.on, version.stdout)
		}
		succeed(t, run(t, append(tt.options, "-v", out+":/out")...))
		sameNumbers(t, out)
	}
}

// A folder of images, mounted so that nothing can be written to it.
func TestMountedImages(t *testing.T) {
	needImage(t)
	in, out := t.TempDir(), t.TempDir()
	for _, name := range []string{"china.jpg", "flower.jpg"} {
		image, err := os.ReadFile("../testdata/images/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(in, name), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	allow(t, in)
	chown(t, out, 1234)
	arguments := []string{"--filter", "sobel-x", "--pool", "avg", "--chain"}
	succeed(t, run(t, append([]string{"-v", in + ":/in:ro", "-v", out + ":/out", "--", "run", "/in"}, arguments...)...))
	sameNumbers(t, out, append([]string{in}, arguments...)...)
}

// allow lets others look into a folder; those of tests are closed.
func allow(t *testing.T, folder string) {
	t.Helper()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
}

// Who owns what comes out: with --user that user; without, the owner of the
// folder, and never root.
func TestUsers(t *testing.T) {
	needImage(t)
	if r := run(t, "--entrypoint", "id", "--", "-u"); strings.TrimSpace(r.stdout) != "65532" {
		t.Errorf("runs as %v", r)
	}
	const files = "conv2d.npy"
	t.Run("any user, read-only, no network", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		succeed(t, run(t, "--user", "4321:4322", "--read-only", "--network", "none", "-v", out+":/out"))
		owner(t, filepath.Join(out, files), 4321, 4322)
		sameNumbers(t, out)
	})
	t.Run("folder of a user", func(t *testing.T) {
		out := t.TempDir()
		chown(t, out, 1234)
		succeed(t, run(t, "-v", out+":/out"))
		owner(t, filepath.Join(out, files), 1234, 1234)
	})
	t.Run("folder of a user and root's group", func(t *testing.T) {
		out := t.TempDir()
		if err := os.Chown(out, 1234, 0); err != nil {
			t.Skipf("needs root: %v", err)
		}
		succeed(t, run(t, "-v", out+":/out"))
		owner(t, out, 1234, 0)
		owner(t, filepath.Join(out, files), 1234, 65532)
	})
	t.Run("folder of another user than --user", func(t *testing.T) {
		out := t.TempDir()
		chown(t, out, 1234)
		allow(t, out)
		fail(t, run(t, "--user", "4321", "-v", out+":/out"), 3, "--user 1234:1234")
		empty(t, out)
	})
	t.Run("folder that Docker made", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		succeed(t, run(t, "-v", out+":/out"))
		owner(t, out, 65532, 65532)
	})
	t.Run("root's folder with files", func(t *testing.T) {
		out := t.TempDir()
		allow(t, out)
		if err := os.WriteFile(filepath.Join(out, "diary.txt"), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		owner(t, out, 0, 0)
		fail(t, run(t, "-v", out+":/out"), 3, "--user 0:0")
		owner(t, out, 0, 0)
		succeed(t, run(t, "--user", "0:0", "-v", out+":/out"))
	})
	t.Run("root's folder with another's report.json", func(t *testing.T) {
		out := t.TempDir()
		allow(t, out)
		if err := os.WriteFile(filepath.Join(out, "report.json"), []byte(`{"tests": 3}`), 0o644); err != nil {
			t.Fatal(err)
		}
		fail(t, run(t, "-v", out+":/out"), 3, "--user 0:0")
		owner(t, out, 0, 0)
	})
	t.Run("root's folder with an earlier run's files", func(t *testing.T) {
		out := t.TempDir()
		allow(t, out)
		succeed(t, run(t, "--user", "0:0", "-v", out+":/out"))
		owner(t, filepath.Join(out, files), 0, 0)
		succeed(t, run(t, "-v", out+":/out"))
		owner(t, out, 65532, 65532)
		owner(t, filepath.Join(out, files), 65532, 65532)
	})
	t.Run("mounted read-only", func(t *testing.T) {
		out := t.TempDir()
		fail(t, run(t, "-v", out+":/out:ro"), 3, "read-only file system")
		owner(t, out, 0, 0)
	})
	t.Run("no privileges at all", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		hard := []string{"--cap-drop", "ALL", "--security-opt", "no-new-privileges"}
		fail(t, run(t, append(hard, "-v", out+":/out")...), 3, "--user 0:0")
		succeed(t, run(t, hard...))
	})
}

func empty(t *testing.T, folder string) {
	t.Helper()
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("%s holds %v, %v", folder, entries, err)
	}
}

// A full output folder: exit 3, and nothing is left in it.
func TestFull(t *testing.T) {
	needImage(t)
	r := run(t, "--mount", "type=tmpfs,destination=/out,tmpfs-size=300k", "--entrypoint", "sh", "--", "-c", "cnndemo run; echo $?; ls -A /out")
	if r.stdout != "3\n" || !strings.Contains(r.stderr, "no space left on device") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("%v", r)
	}
}

// Nothing is written but to /out.
func TestWritesOnlyOut(t *testing.T) {
	needImage(t)
	name := "tfcnn-test-" + strconv.Itoa(os.Getpid())
	defer command(t, "rm", "-f", name)
	r := command(t, "run", "--name", name, imageName)
	succeed(t, r)
	if !strings.Contains(r.stdout, "note: no folder is mounted at /out, so that the files go with the container") {
		t.Errorf("%v", r)
	}
	r = command(t, "diff", name)
	for line := range strings.Lines(r.stdout) {
		if path := strings.TrimSpace(line[1:]); path != "/out" && !strings.HasPrefix(path, "/out/") {
			t.Errorf("written: %s", line)
		}
	}
	if !strings.Contains(r.stdout, "A /out/report.json") {
		t.Errorf("%v", r)
	}
}

// long runs the Docker image over images that keep it busy for long, and gives the
// container's name.
func long(t *testing.T, out string) string {
	t.Helper()
	in := t.TempDir()
	allow(t, in)
	image := pngOf(t, 5000, 4000)
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(in, fmt.Sprint(i, ".png")), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	name := fmt.Sprintf("tfcnn-long-%d-%d", os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() { command(t, "rm", "-f", name) })
	succeed(t, command(t, "run", "-d", "--name", name, "-v", in+":/in:ro", "-v", out+":/out", imageName, "run", "/in", "--stride", "1"))
	return name
}

// SIGTERM: ended at once and clean, whenever it comes.
func TestStop(t *testing.T) {
	needImage(t)
	for _, wait := range []time.Duration{0, 100 * time.Millisecond, time.Second, 4 * time.Second} {
		t.Run(wait.String(), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			name := long(t, out)
			time.Sleep(wait)
			status := command(t, "exec", name, "sh", "-c",
				"for p in /proc/[0-9]*; do if grep -q cnndemo $p/comm; then cat $p/status; fi; done").stdout
			start := time.Now()
			command(t, "kill", "--signal", "TERM", name)
			ended := command(t, "wait", name)
			took := time.Since(start)
			// 143 where the library was still being loaded.
			if got := strings.TrimSpace(ended.stdout); got != "130" && got != "143" {
				t.Errorf("exit status %s, want 130 or 143; %s", got, command(t, "logs", name))
			}
			// docker kill -s KILL comes after 10 s; half of that is no pass.
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			empty(t, out)
			// The launcher and cnndemo.
			if n := strings.Count(status, "NoNewPrivs:\t1"); wait > 0 && (n != 2 || strings.Count(status, "CapPrm:\t0000000000000000") != n) {
				t.Errorf("cnndemo has privileges:\n%s", status)
			}
		})
	}
}

// cnndemo gets the container's whole environment, with the variables that the dynamic
// linker takes from a program with capabilities, as the launcher is.
func TestEnvironment(t *testing.T) {
	needImage(t)
	r := run(t, "-e", "LD_DEBUG=libs", "--", "version")
	if r.status != 0 || !strings.Contains(r.stderr, "calling init: /opt/tfcnn/lib/libtensorflow_cc.so.2") {
		t.Errorf("LD_DEBUG does not reach cnndemo: %v", r)
	}
}

// A processor without AVX, which QEMU can be: one line instead of an illegal
// instruction.
func TestNoAVX(t *testing.T) {
	needImage(t)
	qemu, err := exec.LookPath("qemu-x86_64-static")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has no qemu-x86_64-static")
		}
		t.Skip("no qemu-x86_64-static (Debian: qemu-user-static)")
	}
	r := run(t, "-v", qemu+":/qemu:ro", "--entrypoint", "/qemu", "--", "-cpu", "Nehalem", "/usr/local/bin/cnndemo", "run")
	fail(t, r, 3, "no AVX")
}
