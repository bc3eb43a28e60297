package sessiontest_test

import (
	"fmt"
	"strings"
	"testing"

	"tfcnn/graph"
	"tfcnn/session"
	"tfcnn/session/sessiontest"
)

// recorder is a test that only notes what it is told.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, a ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, a...))
}

func TestNoLeaks(t *testing.T) {
	net := graph.Network{Input: graph.Input{Height: 2, Width: 2, Channels: 1}, Layers: []graph.Layer{graph.MaxPool{Size: graph.Square(2)}}}
	for _, closes := range []bool{true, false} {
		r := &recorder{TB: t}
		sessiontest.NoLeaks(r)
		s, err := session.Open(net, nil, session.Options{Device: "cpu"})
		if err != nil {
			t.Fatal(err)
		}
		if closes {
			s.Close()
		}
		r.cleanups[0]()
		s.Close()
		switch {
		case closes && len(r.errors) > 0:
			t.Errorf("closed: %q", r.errors)
		case !closes && (len(r.errors) != 1 || !strings.Contains(r.errors[0], "sessiontest: session of 1 layers opened at ") || !strings.Contains(r.errors[0], "sessiontest_test.go:")):
			t.Errorf("not closed: %q", r.errors)
		}
	}
}

func TestMain(m *testing.M) {
	if code := sessiontest.Main(m); code != 0 {
		panic(code)
	}
}

type tests int

func (t tests) Run() int { return int(t) }

func TestMainReports(t *testing.T) {
	if code := sessiontest.Main(tests(0)); code != 0 {
		t.Errorf("nothing open: %d", code)
	}
	s, err := session.Open(graph.Network{Input: graph.Input{Height: 1, Width: 1, Channels: 1}, Layers: []graph.Layer{graph.ReLU{}}}, nil, session.Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	if code := sessiontest.Main(tests(0)); code != 1 {
		t.Errorf("a session open: %d", code)
	}
	if code := sessiontest.Main(tests(2)); code != 2 {
		t.Errorf("tests that fail: %d", code)
	}
	s.Close()
}
