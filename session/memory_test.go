package session_test

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/session"
)

// What runs allocate is freed when they end, and not by the garbage collector.
func TestMemoryIsFlat(t *testing.T) {
	net := graph.Network{
		Input:  graph.Input{Height: 128, Width: 128, Channels: 8},
		Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2), Strides: graph.Square(1)}},
	}
	s, _ := open(t, net)
	batch := batchOf(net, 2, 1)
	run := func(n int) {
		for range n {
			if _, err := s.Run(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
	}
	run(50)
	before := rssMiB(t)
	const runs = 500 // each holds a feed of 1 MiB and a result of 1 MiB
	run(runs)
	if grown := rssMiB(t) - before; grown > runs/2 {
		t.Errorf("%d runs grew the process by %d MiB; feeds or results alone are %d MiB", runs, grown, runs)
	}
}

// Sessions, graphs and weights are freed by Close. malloc keeps freed memory
// in an arena a thread, which takes a hundred sessions to level off; in a
// process with one arena a leak shows at once.
func TestCloseFrees(t *testing.T) {
	if os.Getenv("TFCNN_CHILD") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "TestCloseFrees", "-test.v")
		cmd.Env = append(os.Environ(), "TFCNN_CHILD=memory", "MALLOC_ARENA_MAX=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	net := graph.Network{
		Input:  graph.Input{Height: 8, Width: 8, Channels: 64},
		Layers: []graph.Layer{graph.Conv2D{Filters: 512, Size: graph.Square(7)}},
	}
	const weightsMiB = 6 // 7·7·64·512 numbers
	weights := net.InitialWeights(1)
	cycle := func(n int) {
		for range n {
			s, err := session.Open(net, weights, session.Options{Device: "cpu"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Run(t.Context(), batchOf(net, 1, 1)); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		debug.FreeOSMemory()
	}
	cycle(10)
	before := rssMiB(t)
	const cycles = 25
	cycle(cycles)
	if grown := rssMiB(t) - before; grown > cycles*weightsMiB/2 {
		t.Errorf("%d sessions grew the process by %d MiB; their weights are %d MiB", cycles, grown, cycles*weightsMiB)
	}
}

func rssMiB(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc to read the resident size from")
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib := 0
			for _, digit := range fields[1] {
				kib = kib*10 + int(digit-'0')
			}
			return kib / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
