package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tfcnn/bench/worker"
)

// process is a contestant's worker.
type process struct {
	contestant contestant
	command    *exec.Cmd
	requests   io.WriteCloser
	replies    *bufio.Reader
	log        *tail
	started    time.Time
}

// errCannot says that a contestant has no means for a row.
var errCannot = errors.New("cannot")

// begin starts a worker. It is killed when ctx ends.
func begin(ctx context.Context, c contestant) (*process, error) {
	p := &process{contestant: c, log: &tail{}}
	p.command = exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	p.command.Env = append(os.Environ(), c.env...)
	p.command.Stderr = p.log
	var err error
	if p.requests, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.replies = bufio.NewReader(out)
	p.started = time.Now()
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return p, nil
}

// askTime is the longest that a request may take: a first run with all of
// alexnet's weights as constants takes half a minute.
const askTime = 5 * time.Minute

// ask sends a request and waits for its reply.
func (p *process) ask(r worker.Request) (worker.Reply, error) {
	hung := time.AfterFunc(askTime, func() { p.command.Process.Kill() })
	defer hung.Stop()
	line, err := json.Marshal(r)
	if err != nil {
		return worker.Reply{}, err
	}
	if _, err := p.requests.Write(append(line, '\n')); err != nil {
		return worker.Reply{}, p.died(r, err)
	}
	line, err = p.replies.ReadBytes('\n')
	if err != nil {
		return worker.Reply{}, p.died(r, err)
	}
	var reply worker.Reply
	if err := json.Unmarshal(line, &reply); err != nil {
		return worker.Reply{}, fmt.Errorf("%s: %s: reply %q: %w", p.contestant.name, r.Do, line, err)
	}
	switch {
	case reply.Cannot:
		return worker.Reply{}, fmt.Errorf("%w: %s", errCannot, reply.Error)
	case reply.Error != "":
		return worker.Reply{}, fmt.Errorf("%s: %s: %s", p.contestant.name, r.Do, reply.Error)
	}
	return reply, nil
}

func (p *process) died(r worker.Request, err error) error {
	return fmt.Errorf("%s: %s: the process ended: %w; its last words: %s", p.contestant.name, r.Do, err, p.log)
}

// end ends the worker, first by saying so.
func (p *process) end() error {
	p.resume()
	p.requests.Close()
	done := make(chan error, 1)
	go func() { done <- p.command.Wait() }()
	const patience = 10 * time.Second
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		p.command.Process.Kill()
		<-done
		return nil
	}
}

// pause stops a worker, so that threads that wait by spinning, and garbage
// collectors, take nothing from the one that is measured.
func (p *process) pause() { p.command.Process.Signal(syscall.SIGSTOP) }

func (p *process) resume() { p.command.Process.Signal(syscall.SIGCONT) }

// peak is the most of the worker that lay in RAM since it began. Bytes.
func (p *process) peak() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		value, is := bytes.CutPrefix(line, []byte("VmHWM:"))
		if !is {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(value)), " kB"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: /proc: %q: %w", p.contestant.name, line, err)
		}
		return kilobytes << 10, nil
	}
	return 0, fmt.Errorf("%s: /proc tells no VmHWM", p.contestant.name)
}

// tail keeps the end of what is written to it.
type tail struct {
	sync.Mutex
	text []byte
}

func (t *tail) Write(text []byte) (int, error) {
	const most = 2000
	t.Lock()
	defer t.Unlock()
	t.text = append(t.text, text...)
	if n := len(t.text); n > most {
		t.text = append([]byte(nil), t.text[n-most:]...)
	}
	return len(text), nil
}

func (t *tail) String() string {
	t.Lock()
	defer t.Unlock()
	return strings.TrimSpace(string(t.text))
}
