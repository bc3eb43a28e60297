package draw

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"tfcnn/internal/proof"
	"tfcnn/internal/strict"
)

// job asks a worker to run a case: the case that it has, or the one that it draws.
type job struct {
	ID     int      `json:"id"`
	Seed   uint64   `json:"seed"`
	Number int      `json:"number"`
	Ops    []string `json:"ops,omitempty"`
	Case   *Case    `json:"case,omitempty"`
	// Network, where it is not nil, is run instead of a case.
	Network *Network `json:"network,omitempty"`
}

func (j job) theCase() Case {
	if j.Case != nil {
		return *j.Case
	}
	return Draw(j.Seed, j.Number, j.Ops)
}

// run does the job.
func (j job) run(ctx context.Context, backend proof.Backend) (answer, error) {
	if j.Network != nil {
		return j.Network.answer(ctx, backend.(NetworkBackend)) // check has seen that it is one
	}
	o, err := j.theCase().Run(ctx, backend)
	o.Release()
	return answer{Outcome: o, Cause: o.Cause}, err
}

func (j job) check(backend proof.Backend) error {
	if j.Network != nil {
		if _, runs := backend.(NetworkBackend); !runs {
			return errors.New("got a network, and the backend runs operations alone")
		}
		return j.Network.check()
	}
	for _, op := range j.Ops {
		if known := proof.Operations(); !slices.Contains(known, op) {
			return strict.Unknown("op", op, known)
		}
	}
	return nil
}

// answer is a worker's answer to a job.
type answer struct {
	ID      int           `json:"id"`
	Outcome proof.Outcome `json:"outcome"`
	Cause   proof.Cause   `json:"cause,omitempty"`  // Outcome's, which its JSON has not
	Network NetworkResult `json:"network,omitzero"` // of a job with a network
}

// Serve is the worker's side: it reads jobs, a line each, runs them beside each
// other, and writes an answer to each. It ends with the input.
func Serve(ctx context.Context, in io.Reader, out io.Writer, backend proof.Backend) error {
	var (
		running sync.WaitGroup
		writing sync.Mutex
		failed  error
	)
	fail := func(err error) {
		writing.Lock()
		defer writing.Unlock()
		failed = errors.Join(failed, err)
	}
	lines := json.NewDecoder(bufio.NewReaderSize(in, 1<<16))
	encoder := json.NewEncoder(out)
	for ctx.Err() == nil {
		var j job
		if err := lines.Decode(&j); err != nil {
			if err != io.EOF {
				fail(fmt.Errorf("proof: worker: job: %w", err))
			}
			break
		}
		if err := j.check(backend); err != nil {
			fail(fmt.Errorf("proof: worker: job %d: %w", j.ID, err))
			break
		}
		running.Go(func() {
			a, err := j.run(ctx, backend)
			a.ID = j.ID
			writing.Lock()
			defer writing.Unlock()
			if err == nil {
				err = encoder.Encode(a)
			}
			failed = errors.Join(failed, err)
		})
	}
	running.Wait()
	return failed
}

// The protocol's file descriptors in a worker. Standard output is not for it:
// libraries print there.
const (
	jobsDescriptor    = 3
	answersDescriptor = 4
)

// Protocol opens the file descriptors on which a Watch speaks to its worker. A
// process that no Watch started is an error.
func Protocol() (jobs io.ReadCloser, answers io.WriteCloser, err error) {
	var files [2]*os.File
	for i, descriptor := range []uintptr{jobsDescriptor, answersDescriptor} {
		file := os.NewFile(descriptor, fmt.Sprint("file descriptor ", descriptor))
		if file == nil {
			return nil, nil, fmt.Errorf("proof: worker: file descriptor %d is not open", descriptor)
		}
		if info, err := file.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
			return nil, nil, fmt.Errorf("proof: worker: file descriptor %d is no pipe: only another process starts a worker", descriptor)
		}
		files[i] = file
	}
	return files[0], files[1], nil
}

// mostAnswer is the most bytes of a worker's answer. A case has some thousands.
const mostAnswer = 64 << 20

// Watch runs cases in a worker process and starts another where one dies. Its
// methods may be called from many goroutines.
type Watch struct {
	// Command returns the worker's command, which calls Serve on the files that
	// Protocol opens.
	Command func() *exec.Cmd
	// Limit is the time after which a case without an answer counts as hanging.
	Limit time.Duration

	mu     sync.Mutex
	worker *worker
	next   int
	killed bool
	// Deaths counts the workers that died.
	Deaths int
}

// errDied is wrapped by the error of a case whose worker ended before the case did.
var errDied = errors.New("the process died")

// ErrKilled is wrapped by the error of a run whose worker the system killed in a
// case that ran alone: it says nothing about the case.
var ErrKilled = errors.New("the system killed the process, as it does where memory runs out")

// worker is a process that runs.
type worker struct {
	command *exec.Cmd
	jobs    io.WriteCloser
	writing sync.Mutex
	mu      sync.Mutex
	waiting map[int]chan answer
	ended   chan struct{}
	cause   error // of the end
	garbage bool  // cause is an answer that cannot be read, no death
	hung    bool
	stopped bool // by this process
}

// stop ends the process.
func (p *worker) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.command.Process.Kill()
}

// killed reports whether the system ended a process by SIGKILL.
func killed(err error) bool {
	var exited *exec.ExitError
	if !errors.As(err, &exited) {
		return false
	}
	status, known := exited.Sys().(syscall.WaitStatus)
	return known && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (w *Watch) start() (_ *worker, err error) {
	var pipes [4]*os.File // the worker's ends are the first and the last
	defer func() {
		for i, file := range pipes {
			if file != nil && (err != nil || i%3 == 0) {
				file.Close()
			}
		}
	}()
	for i := 0; i < len(pipes); i += 2 {
		if pipes[i], pipes[i+1], err = os.Pipe(); err != nil {
			return nil, fmt.Errorf("proof: worker: %w", err)
		}
	}
	c := w.Command()
	c.ExtraFiles = []*os.File{pipes[0], pipes[3]} // jobsDescriptor, answersDescriptor
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("proof: worker: %w", err)
	}
	p := &worker{command: c, jobs: pipes[1], waiting: map[int]chan answer{}, ended: make(chan struct{})}
	go p.listen(pipes[2])
	return p, nil
}

// listen hands answers to the waiting runs until the process ends. A text that is no
// answer ends the process.
func (p *worker) listen(answers io.ReadCloser) {
	limited := &io.LimitedReader{R: answers}
	decoder := json.NewDecoder(bufio.NewReaderSize(limited, 1<<16))
	var garbage error
	for garbage == nil {
		limited.N = mostAnswer
		var a answer
		err := decoder.Decode(&a)
		if limited.N == 0 {
			garbage = fmt.Errorf("proof: worker: answer has more than %d MiB", mostAnswer>>20)
			break
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
			break // the process ended
		}
		if err != nil {
			garbage = fmt.Errorf("proof: worker: answer: %w", strict.Malformed(err))
			break
		}
		p.mu.Lock()
		waiting := p.waiting[a.ID]
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		if waiting == nil {
			garbage = fmt.Errorf("proof: worker: answer to job %d, which is not open", a.ID)
			break
		}
		a.Outcome.Cause = a.Cause
		waiting <- a
	}
	if garbage != nil {
		p.stop()
	}
	answers.Close()
	err := p.command.Wait()
	p.jobs.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case garbage != nil:
		p.cause, p.garbage = garbage, true
	case err == nil:
		p.cause = errors.New("exit status 0")
	default:
		p.cause = err
	}
	close(p.ended)
}

// current returns the worker that runs, or a new one.
func (w *Watch) current() (*worker, int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed {
		return nil, 0, context.Canceled
	}
	w.next++
	if w.worker != nil {
		select {
		case <-w.worker.ended:
			w.Deaths++
			w.worker = nil
		default:
			return w.worker, w.next, nil
		}
	}
	var err error
	w.worker, err = w.start()
	return w.worker, w.next, err
}

// run has a worker run a case.
func (w *Watch) run(ctx context.Context, j job) (proof.Outcome, error) {
	a, err := w.do(ctx, j)
	return a.Outcome, err
}

// do has a worker do a job.
func (w *Watch) do(ctx context.Context, j job) (answer, error) {
	p, id, err := w.current()
	if err != nil {
		return answer{}, err
	}
	j.ID = id
	text, err := json.Marshal(j)
	if err != nil {
		return answer{}, fmt.Errorf("proof: worker: %w", err)
	}
	waiting := make(chan answer, 1)
	p.mu.Lock()
	p.waiting[id] = waiting
	p.mu.Unlock()
	// A worker that does not read its jobs is one that hangs.
	timeout := time.AfterFunc(w.Limit, func() {
		p.mu.Lock()
		p.hung = true
		p.mu.Unlock()
		p.stop()
	})
	defer timeout.Stop()
	defer context.AfterFunc(ctx, p.stop)()
	p.writing.Lock()
	_, err = p.jobs.Write(append(text, '\n'))
	p.writing.Unlock()
	if err != nil {
		// The process has ended, or will be found to have.
		p.command.Process.Kill()
	}
	select {
	case a := <-waiting:
		return a, nil
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case <-p.ended:
	}
	select {
	case a := <-waiting: // the job ended before the process
		return a, nil
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case p.garbage:
		return answer{}, p.cause
	case p.hung:
		return answer{}, fmt.Errorf("%w: nothing came of it within %v", errDied, w.Limit)
	case !p.stopped && killed(p.cause):
		return answer{}, ErrKilled
	}
	return answer{}, fmt.Errorf("%w: %v", errDied, p.cause)
}

// Kill ends the worker at once, in the middle of its cases. No other is started:
// cases that run now, or are run later, end with an error.
func (w *Watch) Kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killed = true
	if w.worker != nil {
		w.worker.stop()
	}
}

// Close ends the worker.
func (w *Watch) Close() {
	w.mu.Lock()
	p := w.worker
	w.worker = nil
	w.mu.Unlock()
	if p == nil {
		return
	}
	p.jobs.Close()
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second):
		p.stop()
		<-p.ended
	}
}

// Run runs one case in a worker. The worker's death is an outcome. The error is of a
// worker that cannot be started, or ctx's.
func (w *Watch) Run(ctx context.Context, c Case) (proof.Outcome, error) {
	o, err := w.run(ctx, job{Case: &c})
	if errors.Is(err, errDied) {
		return proof.Failed(c, proof.ProcessCause, err)
	}
	return o, err
}

// sameFailure reports whether two outcomes fail in one way: by death, a number
// outside, an error, a refusal too many or too few.
func sameFailure(a, b proof.Outcome) bool { return a.Status == b.Status && a.Cause == b.Cause }
