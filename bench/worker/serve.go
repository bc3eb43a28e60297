package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tfcnn/graph/tensor"
)

// Runner is a job that is ready to run.
type Runner interface {
	// Run is the call that is measured: input i as a plain array in, the
	// outputs as plain arrays out. It may be called from many goroutines, each
	// with an i of its own.
	Run(i int) (any, error)
	// Numbers turns what Run gave into tensors, outside the measured time.
	Numbers(result any) ([]tensor.Tensor, error)
	Close() error
}

// ErrCannot is wrapped by a Prepare that finds a job which its contestant has
// no means for. It is no failure: the results say so.
var ErrCannot = errors.New("cannot run this")

// Request is one line to a worker.
type Request struct {
	Do string `json:"do"` // prepare, results, calls, callers
	// Folder is the job's, to prepare, or where the results go.
	Folder string `json:"folder,omitempty"`
	// Seconds is how long to go on calling; Warm calls before are not timed.
	Seconds float64 `json:"seconds,omitempty"`
	Least   int     `json:"least,omitempty"` // calls
	Most    int     `json:"most,omitempty"`
	Warm    int     `json:"warm,omitempty"`
	Input   int     `json:"input,omitempty"`   // which input calls take
	Callers int     `json:"callers,omitempty"` // that call at the same time
}

// Reply is the one line that answers a request.
type Reply struct {
	Error  string `json:"error,omitempty"`
	Cannot bool   `json:"cannot,omitempty"` // with Error: it is not made for this
	About  string `json:"about,omitempty"`  // prepare: versions and settings
	// Seconds that each call took; Wall those that all callers together took.
	Seconds []float64 `json:"seconds,omitempty"`
	Wall    float64   `json:"wall,omitempty"`
}

// ResultFile is the name of output k of input i among the results.
func ResultFile(i, k int) string { return fmt.Sprintf("result-%d-%d.npy", i, k) }

// Serve answers requests until in ends.
func Serve(in io.Reader, out io.Writer, prepare func(Job) (runner Runner, about string, err error)) error {
	s := server{prepare: prepare}
	defer func() {
		if s.runner != nil {
			s.runner.Close()
		}
	}()
	lines := bufio.NewScanner(in)
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var request Request
		var reply Reply
		err := json.Unmarshal(lines.Bytes(), &request)
		if err == nil {
			reply, err = s.answer(request)
		}
		if err != nil {
			reply = Reply{Error: err.Error(), Cannot: errors.Is(err, ErrCannot)}
		}
		if err := encoder.Encode(reply); err != nil {
			return err
		}
	}
	return lines.Err()
}

type server struct {
	prepare func(Job) (Runner, string, error)
	job     Job
	runner  Runner
}

func (s *server) answer(r Request) (Reply, error) {
	if s.runner == nil && r.Do != "prepare" {
		return Reply{}, fmt.Errorf("%s: nothing is prepared", r.Do)
	}
	switch r.Do {
	case "prepare":
		job, err := ReadJob(r.Folder)
		if err != nil {
			return Reply{}, err
		}
		runner, about, err := s.prepare(job)
		if err != nil {
			return Reply{}, err
		}
		s.job, s.runner = job, runner
		return Reply{About: about}, nil
	case "results":
		return Reply{}, s.results(r.Folder)
	case "calls":
		return s.calls(r)
	case "callers":
		return s.callers(r)
	}
	return Reply{}, fmt.Errorf("request %q is not known", r.Do)
}

// results runs every input once and writes what comes out.
func (s *server) results(folder string) error {
	for i := range max(s.job.Inputs, len(s.job.Files)) {
		result, err := s.runner.Run(i)
		if err != nil {
			return err
		}
		outputs, err := s.runner.Numbers(result)
		if err != nil {
			return err
		}
		for k, output := range outputs {
			if err := writeNPY(filepath.Join(folder, ResultFile(i, k)), output); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeNPY(path string, t tensor.Tensor) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	if err := t.WriteNPY(w); err != nil {
		return err
	}
	return w.Flush()
}

// calls runs one input again and again.
func (s *server) calls(r Request) (Reply, error) {
	for range r.Warm {
		if _, err := s.runner.Run(r.Input); err != nil {
			return Reply{}, err
		}
	}
	var reply Reply
	begun := time.Now()
	for len(reply.Seconds) < r.Most {
		start := time.Now()
		_, err := s.runner.Run(r.Input)
		end := time.Now()
		if err != nil {
			return Reply{}, err
		}
		reply.Seconds = append(reply.Seconds, end.Sub(start).Seconds())
		if len(reply.Seconds) >= r.Least && end.Sub(begun).Seconds() >= r.Seconds {
			break
		}
	}
	return reply, nil
}

// callers has many goroutines call at once, each with an input of its own.
func (s *server) callers(r Request) (Reply, error) {
	inputs := max(s.job.Inputs, len(s.job.Files))
	seconds, failed := make([][]float64, r.Callers), make([]error, r.Callers)
	var group sync.WaitGroup
	begun := time.Now()
	for c := range r.Callers {
		group.Go(func() {
			for {
				start := time.Now()
				_, err := s.runner.Run(c % inputs)
				end := time.Now()
				if err != nil {
					failed[c] = err
					return
				}
				seconds[c] = append(seconds[c], end.Sub(start).Seconds())
				if end.Sub(begun).Seconds() >= r.Seconds {
					return
				}
			}
		})
	}
	group.Wait()
	reply := Reply{Wall: time.Since(begun).Seconds()}
	for _, list := range seconds {
		reply.Seconds = append(reply.Seconds, list...)
	}
	return reply, errors.Join(failed...)
}
