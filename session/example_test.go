package session_test

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/metrics"
)

func Example() {
	net, err := nets.Load("lenet5") // or graph.Network{…}, graph.ReadNetwork
	if err != nil {
		log.Fatal(err)
	}
	session.OnLeak(func(l session.Leak) { log.Print(l) }) // sessions that were not closed
	s, err := session.Open(net, net.InitialWeights(1), session.Options{
		WarmUp:   []int{1, 8},                                           // no later run is a first run
		Limit:    session.NewLimit(8, 512<<20),                          // runs and bytes in flight
		Batching: session.Batching{Size: 8, Wait: 2 * time.Millisecond}, // small calls share runs
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close() // waits for runs, and frees TensorFlow's memory
	counters := metrics.NewSessions()
	counters.Add("digits", s)
	prometheus.MustRegister(counters)

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	images := tensor.MustNew(2, 32, 32, 1) // [N,H,W,C]; package images reads files
	classes, err := s.Run(ctx, images)     // [N,10], of the last layer
	var refused *session.BatchError
	switch {
	case errors.As(err, &refused): // the caller's fault
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, session.ErrMemory): // try later
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(classes.Shape, s.Stats().Images)
	// Output: [2 10] 2
}

// The package comment shows the program of Example.
func TestPackageComment(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "session.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for line := range strings.Lines(file.Doc.Text()) {
		if strings.HasPrefix(line, "\t") || len(shown) > 0 && line == "\n" {
			shown = append(shown, line)
		} else if len(shown) > 0 {
			break
		}
	}
	text, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\t// Output:")
	if got := strings.TrimSpace(strings.Join(shown, "")); got == "" || got != strings.TrimSpace(body) {
		t.Errorf("the package comment shows\n%s\nExample is\n%s", got, body)
	}
}

// The mean of each 2×2 window of one 4×4 image, and the largest number of
// each, from one run.
func ExampleSession_RunOutputs() {
	net := graph.Network{
		Input: graph.Input{Height: 4, Width: 4, Channels: 1},
		Layers: []graph.Layer{
			graph.AvgPool{Size: graph.Square(2)},
			graph.MaxPool{From: graph.InputName, Size: graph.Square(2)},
		},
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	image := tensor.Tensor{Shape: []int{1, 4, 4, 1}, Data: []float32{
		1, 2, 3, 4,
		5, 6, 7, 8,
		0, 0, 1, 1,
		0, 4, 1, 1,
	}}
	out, err := s.RunOutputs(context.Background(), image, "avg_pool1", "max_pool1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out[0].Shape, out[0].Data)
	fmt.Println(out[1].Shape, out[1].Data)
	// Output:
	// [1 2 2 1] [3.5 5.5 1 1]
	// [1 2 2 1] [6 8 4 1]
}
