package libtf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Interrupted while pip downloads, while files are taken out, and while it
// waits for another.
func TestInterrupted(t *testing.T) {
	t.Run("download", func(t *testing.T) {
		f := newFixture(t, fakeWheel(t, 10), `exec sleep 600`)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			waitFor(t, os.Getenv("FAKE_PIP_STARTED"))
			cancel()
		}()
		if _, err := Install(ctx, f.options()); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted, nothing was installed") {
			t.Error(err)
		}
		untouched(t, f.prefix, "nothing")
	})
	t.Run("extraction", func(t *testing.T) {
		f := newFixture(t, fakeWheel(t, 1<<20), goodPip)
		ctx, cancel := context.WithCancel(t.Context())
		o := f.options()
		o.Progress = func(_ string, done, _ int64) {
			if done > 2000 { // of a file, with others there
				cancel()
			}
		}
		if _, err := Install(ctx, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		untouched(t, f.prefix, "nothing")
	})
	t.Run("waiting", func(t *testing.T) {
		f := newFixture(t, fakeWheel(t, 10), goodPip)
		release, err := acquire(t.Context(), f.prefix, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		o := f.options()
		o.Log = writerFunc(func(p []byte) {
			if strings.Contains(string(p), "another installer is at work in "+f.prefix) {
				cancel()
			}
		})
		if _, err := Install(ctx, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		release(true)
		untouched(t, f.prefix, "nothing")
	})
}

type writerFunc func(p []byte)

func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// TestMain lets the test binary be an installer of its own, to be killed and
// to be run twice. With LIBTF_TEST_STOP it makes that file in the middle of the
// extraction and stands still; with LIBTF_TEST_KILL it is killed after so many
// files were put in their places.
func TestMain(m *testing.M) {
	if prefix := os.Getenv("LIBTF_TEST_INSTALL"); prefix != "" {
		variants, err := ParseManifest(strings.NewReader(os.Getenv("LIBTF_TEST_MANIFEST")))
		if err == nil {
			o := Options{Prefix: prefix, Manifest: variants, Variant: variants[0].Name, hasAVX: func() bool { return true }}
			if marker := os.Getenv("LIBTF_TEST_STOP"); marker != "" {
				o.Progress = func(_ string, done, total int64) {
					if done > total/2 {
						os.WriteFile(marker, nil, 0o644)
						time.Sleep(time.Hour)
					}
				}
			}
			if n, err := strconv.Atoi(os.Getenv("LIBTF_TEST_KILL")); err == nil {
				o.placed = func(string) {
					if n--; n == 0 {
						syscall.Kill(os.Getpid(), syscall.SIGKILL)
						time.Sleep(time.Hour)
					}
				}
			}
			var changed bool
			changed, err = Install(context.Background(), o)
			fmt.Print(changed)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func (f *fixture) process() *exec.Cmd {
	v := f.variant
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIBTF_TEST_INSTALL="+f.prefix, "LIBTF_TEST_MANIFEST="+fmt.Sprintln(
		v.Name, v.Requirement, v.Python, v.ABI, v.Platform, v.Wheel, v.SHA256, v.Bytes, v.Installed, v.Status))
	return cmd
}

// Killed in the middle: what is left is hidden, counts for nothing, and is
// gone after the next run. pip ends with the installer.
func TestKilled(t *testing.T) {
	for name, pip := range map[string]string{
		"download":   `cp "$WHEEL" "$dest/half"; echo $$ > "$PIP_PID"; echo > "$STOPPED"; exec sleep 600`,
		"extraction": goodPip,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, fakeWheel(t, 1<<20), pip)
			marker := filepath.Join(f.dir, "stopped")
			t.Setenv("STOPPED", marker)
			t.Setenv("PIP_PID", filepath.Join(f.dir, "pid"))
			cmd := f.process()
			cmd.Env = append(cmd.Env, "LIBTF_TEST_STOP="+marker)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, marker)
			cmd.Process.Kill()
			cmd.Wait()
			if pid, err := os.ReadFile(filepath.Join(f.dir, "pid")); err == nil {
				ends(t, strings.TrimSpace(string(pid)))
			} else if name == "download" {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(f.prefix, stagingName)); err != nil {
				t.Errorf("it was not in the middle: %v", err)
			}
			if found, err := Inspect(f.prefix); err == nil || Installed(f.prefix, f.variant, false) {
				t.Errorf("half an installation counts as one: %+v", found)
			}
			f.setPip(t, goodPip)
			f.install(t)
			noHidden(t, f.prefix)
		})
	}
}

// ends fails unless the process is soon gone (or a zombie, where nobody
// collects it).
func ends(t *testing.T, pid string) {
	t.Helper()
	for range 5000 {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if _, state, _ := strings.Cut(string(text), ") "); err != nil || strings.HasPrefix(state, "Z") {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Errorf("process %s outlives the installer", pid)
}

// Killed between files of the last step, of a first installation and of an
// upgrade: nothing counts as installed before the stamp is there, and the next
// run completes it.
func TestKilledWhilePlacing(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), goodPip)
	last := len(wheelFiles) + 2 // with the linker script and the stamp
	for _, n := range []int{1, 2, 3, last / 2, last - 1, last} {
		for _, upgrade := range []bool{false, true} {
			if upgrade {
				f.pin(t, fakeWheel(t, 10+n))
			} else if err := os.RemoveAll(f.prefix); err != nil {
				t.Fatal(err)
			}
			cmd := f.process()
			cmd.Env = append(cmd.Env, "LIBTF_TEST_KILL="+strconv.Itoa(n))
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("after file %d it was not killed: %v", n, err)
			}
			found, err := Inspect(f.prefix)
			if whole := n == last; (err == nil) != whole || Installed(f.prefix, f.variant, false) != whole {
				t.Errorf("killed after file %d of %d, upgrade %v: %+v, %v", n, last, upgrade, found, err)
			}
			if _, err := Install(t.Context(), f.options()); err != nil {
				t.Errorf("after file %d: %v", n, err)
			}
			noHidden(t, f.prefix)
		}
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
}

// Two at once: one installs, the other waits and finds it done.
func TestTwoAtOnce(t *testing.T) {
	f := newFixture(t, fakeWheel(t, 10), `sleep 0.3; `+goodPip)
	var outputs [2]bytes.Buffer
	var processes [2]*exec.Cmd
	for i := range processes {
		processes[i] = f.process()
		processes[i].Stdout = &outputs[i]
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range processes {
		if err := processes[i].Wait(); err != nil {
			t.Errorf("%d: %v %s", i, err, outputs[i].String())
		}
	}
	got := []string{outputs[0].String(), outputs[1].String()}
	slices.Sort(got)
	if !slices.Equal(got, []string{"false", "true"}) {
		t.Errorf("changed: %v, want one true", got)
	}
	if err := Verify(f.prefix); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(f.dir, "started")); string(text) != "started\n" {
		t.Errorf("pip ran not once: %q, %v", text, err)
	}
}

// The lock's file goes with each release: no two may hold a lock, the one of
// the old file and the other of the new.
func TestLock(t *testing.T) {
	defer func(d time.Duration) { lockRetry = d }(lockRetry)
	lockRetry = time.Microsecond
	prefix := filepath.Join(t.TempDir(), "a", "b")
	var holders, most atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				release, err := acquire(t.Context(), prefix, io.Discard)
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n > 1 {
					most.Store(n)
				}
				time.Sleep(50 * time.Microsecond)
				holders.Add(-1)
				release(i%2 == 0)
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > 1 {
		t.Errorf("%d held the lock at once", n)
	}
}
