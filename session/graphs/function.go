package graphs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"tfcnn/graph/tensor"
	"tfcnn/internal/capi"
	"tfcnn/internal/quote"
	"tfcnn/internal/tensorflow"
	"tfcnn/session"
	"tfcnn/session/internal/calls"
)

// Signature names what a run feeds and fetches: outputs of nodes of the graph that
// the session was opened on.
type Signature struct {
	// Feeds are outputs whose values come with each run, as those of placeholders.
	Feeds map[string]tf.Output
	// Fetches are outputs whose values a run returns.
	Fetches map[string]tf.Output
	// Targets are nodes that a run computes, though it fetches none of their outputs,
	// as the assignment of a variable.
	Targets []*tf.Operation
	// Bytes is the memory that a run takes beside what it feeds and fetches, as the
	// caller knows it. It counts in the Limit, and a run for which the process has not
	// that much memory is refused with session.ErrMemory.
	Bytes int64
}

// Function is a Signature of a session. Several goroutines may use it at once. It is
// freed with its session: a program makes each of its functions once.
type Function struct {
	core           *core
	session        *Session // is not garbage while its functions are in use
	signature      capi.Signature
	runner         *capi.Runner
	feeds, fetches []endpoint
	unknown        bool // a feed's shape is unknown in part
	text           string
	bytes          int64
	shapes         inferred
	scratch        sync.Pool // of *values
}

// values are those of one run.
type values struct{ in, out []capi.Value }

// Function prepares runs of a signature. It compiles nothing: the first run of a
// function takes longer than later ones.
func (s *Session) Function(g Signature) (_ *Function, err error) {
	defer recovered("function", &err)
	if s == nil || s.core == nil {
		return nil, fmt.Errorf("graphs: function: %w", session.ErrClosed)
	}
	f, err := s.function(g)
	if err != nil {
		return nil, fmt.Errorf("graphs: function: %w", err)
	}
	f.session = s
	return f, nil
}

func (c *core) function(g Signature) (*Function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.session == nil || c.canceled.Load():
		return nil, session.ErrClosed
	case len(g.Fetches)+len(g.Targets) == 0:
		return nil, errors.New("got no fetch and no target, want at least one of them")
	case g.Bytes < 0:
		return nil, fmt.Errorf("got %d bytes a run, want 0 or more", g.Bytes)
	}
	f := &Function{core: c, bytes: g.Bytes}
	signature := capi.Signature{Keeps: true}
	fed := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(g.Feeds)) {
		p, output, err := c.endpoint("feed", name, g.Feeds[name])
		if err != nil {
			return nil, err
		}
		node := fmt.Sprintf("%s:%d", p.node, p.at)
		if other, twice := fed[node]; twice {
			return nil, fmt.Errorf("feeds %s and %s are both output %s, want one feed for it", quote.Name(other), quote.Name(name), quote.Name(node))
		}
		fed[node] = name
		// Shapes that TensorFlow has inferred from the value of a constant, or of another
		// node that is fed now, are not those of the fed value.
		f.unknown = f.unknown || p.shape == nil || slices.Contains(p.shape, -1) || !strings.HasPrefix(p.operation, "Placeholder")
		f.feeds = append(f.feeds, p)
		signature.Feeds = append(signature.Feeds, output)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Fetches)) {
		p, output, err := c.endpoint("fetch", name, g.Fetches[name])
		if err != nil {
			return nil, err
		}
		if feed, is := fed[fmt.Sprintf("%s:%d", p.node, p.at)]; is {
			return nil, fmt.Errorf("fetch %s is feed %s, which TensorFlow does not fetch", quote.Name(name), quote.Name(feed))
		}
		f.fetches = append(f.fetches, p)
		signature.Fetches = append(signature.Fetches, output)
	}
	for i, node := range g.Targets {
		target, err := c.target(node)
		if err != nil {
			return nil, fmt.Errorf("target %d: %w", i, err)
		}
		signature.Targets = append(signature.Targets, target)
	}
	var err error
	f.signature = signature
	if f.runner, err = c.session.NewRunner(signature); err != nil {
		return nil, err
	}
	for _, p := range f.fetches {
		f.shapes.static = append(f.shapes.static, p.shape)
	}
	f.text = describe(f.feeds, f.fetches, g.Targets)
	f.scratch.New = func() any {
		return &values{make([]capi.Value, len(f.feeds)), make([]capi.Value, len(f.fetches))}
	}
	c.runners = append(c.runners, f.runner)
	return f, nil
}

// describe names a function's feeds, fetches and targets, for errors.
func describe(feeds, fetches []endpoint, targets []*tf.Operation) string {
	var texts []string
	list := func(what string, names []string) {
		if len(names) > 0 {
			texts = append(texts, what+" "+quote.Names(names))
		}
	}
	of := func(endpoints []endpoint) (names []string) {
		for _, p := range endpoints {
			names = append(names, p.name)
		}
		return names
	}
	list("fetching", of(fetches))
	var names []string
	for _, target := range targets {
		names = append(names, target.Name())
	}
	list("with target", names)
	list("feeding", of(feeds))
	return strings.Join(texts, " ")
}

// Run computes the fetches, by name, from tensors for the feeds, by name. Feeds and
// fetches must be of TensorFlow's type float. The tensors must not be written to
// before Run returns.
//
// A ctx that is done before the run starts prevents it. One that ends while the
// run waits or TensorFlow computes makes Run return its error at once, but the
// computation goes on, as that of session.Session.Run: it counts in the
// Limit until it ends, and what it does to variables is done. The feeds are copied, as a variable
// or a queue may keep them.
func (f *Function) Run(ctx context.Context, feeds map[string]tensor.Tensor) (map[string]tensor.Tensor, error) {
	results, err := run(f, ctx, feeds, tensorValue)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]tensor.Tensor, len(results))
	for name, result := range results {
		tensors[name] = capi.Value(result).Tensor()
	}
	return tensors, nil
}

// RunValues is Run for feeds and fetches of any of Value's types.
func (f *Function) RunValues(ctx context.Context, feeds map[string]Value) (map[string]Value, error) {
	return run(f, ctx, feeds, anyValue)
}

// RunInto is Run with the results written to tensors of the caller's, one for each
// fetch, each of just its result's shape. After an error the tensors hold what they held.
func (f *Function) RunInto(ctx context.Context, into, feeds map[string]tensor.Tensor) error {
	return f.call(ctx, func(v *values) error {
		if err := bind(f, v, feeds, tensorValue); err != nil {
			return err
		}
		return f.into(ctx, v, into)
	})
}

func tensorValue(p endpoint, t tensor.Tensor) (Value, error) {
	if p.kind != tf.Float {
		return Value{}, fmt.Errorf("is of type %s, want float, or RunValues", typeName(p.kind))
	}
	return Tensor(t), nil
}

func anyValue(_ endpoint, v Value) (Value, error) { return v, nil }

// run makes a run that returns its results.
func run[T any](f *Function, ctx context.Context, feeds map[string]T, value func(endpoint, T) (Value, error)) (map[string]Value, error) {
	var results map[string]Value
	err := f.call(ctx, func(v *values) error {
		if err := bind(f, v, feeds, value); err != nil {
			return err
		}
		for _, p := range f.fetches {
			var none T
			if _, err := value(p, none); err != nil {
				return fmt.Errorf("fetch %s %w", quote.Name(p.name), err)
			}
		}
		shapes, err := f.infer(ctx, v.in)
		if err != nil {
			return err
		}
		if err := f.compute(ctx, v, shapes, false); err != nil {
			return err
		}
		results = make(map[string]Value, len(f.fetches))
		for i, p := range f.fetches {
			results[p.name] = Value(v.out[i])
		}
		return nil
	})
	return results, err
}

// call is what the calls have in common: it counts, and names the call in its error.
func (f *Function) call(ctx context.Context, do func(*values) error) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("graphs: run: %w", calls.ErrNoContext)
	case f == nil || f.core == nil:
		return fmt.Errorf("graphs: run: %w", session.ErrClosed)
	}
	begun := time.Now()
	v := f.scratch.Get().(*values)
	err := do(v)
	clear(v.in)
	clear(v.out)
	f.scratch.Put(v)
	if err = f.core.calls.Count(ctx, begun, calls.NoImages, err); err != nil {
		return fmt.Errorf("graphs: run %s: %w", f.text, err)
	}
	return nil
}

// bind checks the feeds, and enters them into a run's values.
func bind[T any](f *Function, v *values, feeds map[string]T, value func(endpoint, T) (Value, error)) error {
	for i, p := range f.feeds {
		given, there := feeds[p.name]
		if !there {
			return fmt.Errorf("feed %s is missing", quote.Name(p.name))
		}
		x, err := value(p, given)
		if err == nil {
			err = p.takes(x)
		}
		if err != nil {
			return fmt.Errorf("feed %s %w", quote.Name(p.name), err)
		}
		v.in[i] = capi.Value(x)
	}
	if len(feeds) > len(f.feeds) {
		for _, name := range slices.Sorted(maps.Keys(feeds)) {
			if !slices.ContainsFunc(f.feeds, func(p endpoint) bool { return p.name == name }) {
				return fmt.Errorf("feed %s is not in the signature", quote.Name(name))
			}
		}
	}
	return nil
}

// into makes a run whose results go into tensors of the caller's.
func (f *Function) into(ctx context.Context, v *values, into map[string]tensor.Tensor) error {
	shapes, err := f.infer(ctx, v.in)
	if err != nil {
		return err
	}
	if len(into) != len(f.fetches) {
		return fmt.Errorf("got %d tensors for results, want %d", len(into), len(f.fetches))
	}
	borrowed := false
	shapes = slices.Clone(shapes) // which other runs read, too
	for i, p := range f.fetches {
		t, there := into[p.name]
		if !there {
			return fmt.Errorf("tensor for the result of fetch %s is missing", quote.Name(p.name))
		}
		x, err := tensorValue(p, t)
		if err == nil {
			err = endpoint{kind: p.kind, shape: shapes[i]}.takes(x)
		}
		if err != nil {
			return fmt.Errorf("destination of fetch %s %w", quote.Name(p.name), err)
		}
		if len(x.Data) == 0 { // TensorFlow's result has no memory to go into, and must be empty
			shapes[i] = t.Shape
			continue
		}
		v.out[i] = capi.Value(x)
		borrowed = true
	}
	return f.compute(ctx, v, shapes, borrowed)
}

// compute makes a run that was checked, when the limit lets it. borrowed is true
// where the results have the caller's memory.
func (f *Function) compute(ctx context.Context, v *values, shapes [][]int, borrowed bool) error {
	done := ctx.Done()
	if f.core.calls.Abandoned() >= mostRuns {
		return ErrAbandoned
	}
	bytes := f.need(v, shapes)
	if err := tensorflow.CheckMemoryCached(bytes); err != nil {
		return err
	}
	a, err := f.core.calls.Enter(ctx, calls.NoImages, bytes)
	if err != nil {
		return err
	}
	left := false // then the run leaves when it ends
	defer func() {
		if !left {
			f.core.calls.Leave(a)
		}
	}()
	if left, _, err = f.core.calls.Run(done, calls.Request{Runner: f.runner, Borrowed: borrowed, Admission: a}, v.in, v.out); left {
		return calls.Ended(ctx)
	}
	if err != nil {
		return f.core.explain(err)
	}
	for i := range v.out {
		if err := fits(f.fetches[i], shapes[i], &v.out[i]); err != nil {
			return err
		}
	}
	return nil
}

// need is the bytes of a run, as far as they are known before it.
func (f *Function) need(v *values, shapes [][]int) int64 {
	bytes := f.bytes
	add := func(more int64) {
		if bytes += more; bytes < 0 {
			bytes = math.MaxInt64
		}
	}
	for _, x := range v.in {
		add(int64(len(x.Data)))
	}
	for i, p := range f.fetches {
		if n, err := tensor.Elements(shapes[i]); err == nil && shapes[i] != nil {
			add(calls.Times(int64(n), int64(sizes[p.kind])))
		}
	}
	return bytes
}
