// Command host embeds package session, as somebody else's program does, and
// prints what that has changed of its process. With -tags tuned it imports package
// session/tuned, too.
package main

/*
#cgo LDFLAGS: -ldl -lpthread
#include <stdlib.h>

extern char** environ;
extern int host_calls[5];
extern const char* host_names[5];
int host_arenas(int threads);

static char* variable(int i) { return environ ? environ[i] : NULL; }
*/
import "C"

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
)

// found is what the program prints.
type found struct {
	Started     []string       // by the kernel: the environment
	Before      []string       // C's environment when main starts
	After       []string       // and at the end
	Calls       map[string]int // of functions that change the process
	Answers     map[string]string
	Arenas      int // of malloc, 32 threads having used it
	Changed     []string
	Ended       int // threads of those that were there before
	OneDNN      bool
	OwnThreads  string // the error of a session with threads of its own
	GoVariables []string
}

func main() {
	var f found
	text, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		log.Fatal(err)
	}
	f.Started = slices.DeleteFunc(strings.Split(string(text), "\x00"), func(s string) bool { return s == "" })
	f.Before = variables()
	f.Arenas = int(C.host_arenas(32))
	threads := idle(12)
	before := settings()

	net := graph.Network{
		Input:  graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}},
	}
	s, err := session.Open(net, nil, session.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for n := 1; n <= 600; n++ { // with threads ended, twice
		x, err := tensor.New(n, 4, 4, 1)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := s.Run(context.Background(), x); err != nil {
			log.Fatal(err)
		}
		if n%256 == 0 {
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	if own, err := session.Open(net, nil, session.Options{Device: "cpu", Threads: 2}); err != nil {
		f.OwnThreads = err.Error()
	} else if err := own.Close(); err != nil {
		log.Fatal(err)
	}
	f.OneDNN, _ = tensorflow.OneDNNInUse()

	for now := settings(); len(now) > 0; now = now[1:] {
		if !slices.Contains(before, now[0]) {
			f.Changed = append(f.Changed, now[0])
		}
	}
	time.Sleep(100 * time.Millisecond) // for threads to end that are told to
	left := tasks()
	for _, id := range threads {
		if !slices.Contains(left, id) {
			f.Ended++
		}
	}
	f.After, f.GoVariables = variables(), os.Environ()
	f.Answers = map[string]string{}
	for _, name := range []string{"TF_ENABLE_ONEDNN_OPTS", "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "TF_ENABLE_WINOGRAD_NONFUSED", "HOME", "TFCNN_NONE"} {
		text := C.CString(name)
		if value := C.getenv(text); value != nil {
			f.Answers[name] = C.GoString(value)
		}
		C.free(unsafe.Pointer(text))
	}
	f.Calls = map[string]int{}
	for i, name := range C.host_names {
		if n := int(C.host_calls[i]); n > 0 {
			f.Calls[C.GoString(name)] = n
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		log.Fatal(err)
	}
}

// variables is C's environment.
func variables() []string {
	var list []string
	for i := 0; ; i++ {
		v := C.variable(C.int(i))
		if v == nil {
			return list
		}
		list = append(list, C.GoString(v))
	}
}

// idle starts threads, which then have nothing to do, and lists all.
func idle(n int) []string {
	var group sync.WaitGroup
	var met sync.WaitGroup
	met.Add(n)
	for range n {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			met.Done()
			met.Wait()
		})
	}
	group.Wait()
	return tasks()
}

func tasks() []string {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		log.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// settings are those of the process that Go and the kernel tell.
func settings() []string {
	var list []string
	for _, file := range []string{"/proc/self/limits", "/proc/self/status"} {
		text, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, _, _ := strings.Cut(line, ":")
			if file == "/proc/self/limits" || slices.Contains([]string{"Umask", "SigBlk", "SigIgn", "SigCgt", "Seccomp", "NoNewPrivs", "CapEff", "Cpus_allowed"}, name) {
				list = append(list, strings.TrimSpace(line))
			}
		}
	}
	folder, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	state, err := json.Marshal(map[string]any{
		"folder": folder, "GOMAXPROCS": runtime.GOMAXPROCS(0), "GC": percent, "memory limit": debug.SetMemoryLimit(-1),
	})
	if err != nil {
		log.Fatal(err)
	}
	return append(list, string(state))
}
