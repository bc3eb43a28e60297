package tensorflow

import (
	"errors"
	"fmt"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
)

// Executor is the way in which TensorFlow runs the nodes of a graph.
type Executor string

// The executors. Single runs one operation after the other on the calling
// thread and records no nodes; Sequential does so with TensorFlow's usual executor,
// which records nodes. Parallel hands operations that are ready to the inter-op
// threads.
const (
	Single     Executor = "single"
	Parallel   Executor = "parallel"
	Sequential Executor = "sequential"
)

// Options are the options of a session. The zero value works.
type Options struct {
	// Device is "auto" (a GPU where TensorFlow has one, else the CPU), "cpu", "gpu"
	// (the first) or "gpu:N", in upper or lower case. Empty: "auto".
	Device string
	// Executor is Single or Parallel. Empty: Single on the CPU, Parallel on a GPU.
	Executor Executor
	// Threads is the number of threads that share the work of one operation, in a pool of
	// the session's own, which needs session/tuned. 0: the threads of the process.
	Threads int
}

// Settings are Options that were checked. Device is TensorFlow's name of a device
// that is there, as CPU.
type Settings struct {
	Device   string
	Executor Executor
	Threads  int
}

// Resolve checks the options and fills in the device and its executor.
func (o Options) Resolve() (Settings, error) {
	device, err := ChooseDevice(o.Device)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{Device: device, Executor: o.Executor, Threads: o.Threads}
	if s.Executor == "" {
		s.Executor = map[bool]Executor{true: Single, false: Parallel}[s.onCPU()]
	}
	switch {
	case s.Executor != Single && s.Executor != Parallel:
		return s, fmt.Errorf("executor is %s, want %q, %q or nothing", quote.Name(string(s.Executor)), Single, Parallel)
	case s.Threads < 0 || s.Threads > maxThreads:
		return s, fmt.Errorf("got %d threads, want 0 to %d", s.Threads, maxThreads)
	case s.Threads > 0 && !s.onCPU():
		return s, fmt.Errorf("got %d threads on %s, want 0: Threads applies to the CPU only", s.Threads, device)
	case s.Threads > 0 && !Tuned():
		return s, fmt.Errorf("got %d threads, want 0: a pool of a session's own needs the import of tfcnn/session/tuned", s.Threads)
	case s.Threads > 0 && !capi.CanOwnPool():
		return s, errors.New("this libtensorflow cannot give a session threads of its own")
	}
	return s, nil
}

func (s Settings) onCPU() bool { return s.Device == CPU }

// OnOneThread returns the settings of a CPU session for operations without work to
// share, as decoders: they run on the calling thread, where session/tuned allows it.
func OnOneThread() Settings {
	s := Settings{Device: CPU, Executor: Single}
	if ownPools() {
		s.Threads = 1
	}
	return s
}

// Session is a TensorFlow session on a graph. Its methods may be called from many
// goroutines at once; Close must come after all of them.
type Session struct {
	*capi.Session
	session *tf.Session
}

// Open opens a session on a graph, by the options of the process and the settings.
// On the CPU no GPU is touched. The graph must outlive the session.
func Open(graph *tf.Graph, s Settings) (*Session, error) { return open(graph, s, !s.onCPU()) }

func open(graph *tf.Graph, s Settings, withGPU bool) (*Session, error) {
	options, err := sessionOptions(s, withGPU)
	if err != nil {
		return nil, err
	}
	var session *tf.Session
	err = capi.OpenWithPool(s.Threads > 0, func() (err error) {
		session, err = tf.NewSession(graph, options)
		return err
	})
	if err != nil {
		return nil, OneLine(err)
	}
	c, err := capi.Wrap(session, graph)
	if err != nil {
		session.Close()
		return nil, err
	}
	return &Session{c, session}, nil
}

// RunnerOf makes a Runner that feeds some outputs of nodes and fetches others. The
// caller frees it before the session is closed.
func (s *Session) RunnerOf(feeds []tf.Output, fetches ...tf.Output) (*capi.Runner, error) {
	var signature capi.Signature
	for _, output := range feeds {
		feed, err := s.OutputOf(output)
		if err != nil {
			return nil, err
		}
		signature.Feeds = append(signature.Feeds, feed)
	}
	for _, output := range fetches {
		fetch, err := s.OutputOf(output)
		if err != nil {
			return nil, err
		}
		signature.Fetches = append(signature.Fetches, fetch)
	}
	return s.NewRunner(signature)
}

// Close closes the session. The caller frees the graph.
func (s *Session) Close() error {
	if err := s.session.Close(); err != nil {
		return OneLine(err)
	}
	return nil
}

// Finalize returns the graph that was built in a scope, or the one-line error of a node
// that TensorFlow refused.
func Finalize(root *op.Scope) (*tf.Graph, error) {
	graph, err := root.Finalize()
	if err != nil {
		return nil, OneLine(err)
	}
	return graph, nil
}

// OneLine returns an error's first line; the bindings' errors may carry a stack.
func OneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	text, _, _ = strings.Cut(text, " (Stacktrace:")
	return errors.New(text)
}
