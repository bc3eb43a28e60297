package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tfcnn/graph"
	"tfcnn/internal/parent"
	"tfcnn/internal/tensorflow"
	"tfcnn/session/profile"
)

const oneDNNVariable = "TF_ENABLE_ONEDNN_OPTS"

// measureNetwork measures in processes of its own, of which TensorFlow and
// Linux count the memory, with oneDNN off and on.
func measureNetwork(c *cobra.Command, net graph.Network, forecast graph.Memory) ([]profile.Measurement, error) {
	if forecast.Refused != "" {
		return nil, exitErrorf(exitUsage, "plan: --measure: TensorFlow's kernels do not take this batch: %s", forecast.Refused)
	}
	if err := tensorflow.CheckMemory(networkBytes(forecast.Inference)); err != nil {
		return nil, exitErrorf(exitEnvironment, "plan: --measure: %w", err)
	}
	settings := []string{"0", "1"}
	if set, found := os.LookupEnv(oneDNNVariable); found {
		settings = []string{set}
	}
	bar := newProgress(c.ErrOrStderr(), "measurements")
	defer bar.finish()
	var list []profile.Measurement
	for i, oneDNN := range settings {
		m, err := measureProcess(c, net, forecast.Workload.Batch, oneDNNVariable+"="+oneDNN)
		if err != nil {
			return nil, err
		}
		if m.OneDNN != nil && *m.OneDNN {
			without, err := measureProcess(c, net, forecast.Workload.Batch, oneDNNVariable+"="+oneDNN, profile.NoPool+"=1")
			if err != nil {
				return nil, err
			}
			m.SetPool(without)
		}
		list = append(list, m)
		bar.show(i+1, len(settings))
	}
	return list, nil
}

// measurementAnswer is the answer of the process that measures: a measurement, or
// an error.
type measurementAnswer struct {
	Measurement *profile.Measurement `json:"measurement,omitempty"`
	Error       string               `json:"error,omitempty"`
}

// measureProcess starts this program once more, which measures a network that
// it reads from stdin.
func measureProcess(c *cobra.Command, net graph.Network, batch int, environment ...string) (profile.Measurement, error) {
	var m profile.Measurement
	text, err := json.Marshal(net)
	if err != nil {
		return m, exitErrorf(exitUsage, "plan: --measure: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return m, exitErrorf(exitEnvironment, "plan: --measure: %w", err)
	}
	answers, end, err := os.Pipe()
	if err != nil {
		return m, exitErrorf(exitEnvironment, "plan: --measure: %w", err)
	}
	defer answers.Close()
	var answer measurementAnswer
	var stderr bytes.Buffer
	child := exec.CommandContext(c.Context(), program, "plan", "--measure-here", "--batch", strconv.Itoa(batch))
	child.Args[0] = c.Root().Name()
	// Libraries print to standard output, oneDNN with ONEDNN_VERBOSE: the
	// measurement has a file descriptor of its own.
	child.Stdin, child.Stdout, child.Stderr = bytes.NewReader(text), os.Stderr, &stderr
	child.ExtraFiles = []*os.File{end} // measurementDescriptor
	child.Env = append(append(os.Environ(), parent.Off), environment...)
	err = child.Start()
	end.Close()
	if err == nil {
		finished := unfinished.begin(func() { child.Process.Kill() })
		_ = json.NewDecoder(answers).Decode(&answer) // a child that ends early answers nothing, and Wait tells why
		err = child.Wait()
		finished()
	}
	if err != nil {
		if child.ProcessState != nil && child.ProcessState.ExitCode() == exitInterrupted {
			// A terminal signals the whole group: this process's own signal is
			// on its way.
			select {
			case <-c.Context().Done():
			case <-time.After(returnLimit):
			}
		}
		if c.Context().Err() != nil {
			return m, c.Context().Err()
		}
		status := exitCheck
		if child.ProcessState != nil && child.ProcessState.ExitCode() == exitEnvironment {
			status = exitEnvironment
		}
		reason := answer.Error
		if reason == "" {
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			reason = lines[len(lines)-1]
		}
		return m, exitErrorf(status, "plan: --measure: with %s, the process that measures ended with %v: %s", environment[0], err, reason)
	}
	if answer.Measurement == nil {
		return m, exitErrorf(exitCheck, "plan: --measure: the process that measures wrote no measurement")
	}
	return *answer.Measurement, nil
}

// measurementDescriptor is the file descriptor that measureHere writes to.
const measurementDescriptor = 3

// measureHere is the process that measures. measureProcess starts it and reads
// the measurement from the pipe at measurementDescriptor.
func measureHere(c *cobra.Command, batch int) error {
	answers := os.NewFile(measurementDescriptor, "measurement")
	if info, err := answers.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return exitErrorf(exitUsage, "plan: --measure-here: file descriptor %d is no pipe: only plan --measure starts this process", measurementDescriptor)
	}
	m, err := readAndMeasure(c, batch)
	answer := measurementAnswer{Measurement: &m}
	if err != nil {
		answer = measurementAnswer{Error: err.Error()}
		err = exitErrorf(exitCheck, "plan: %w", err)
	}
	return cmp.Or(err, json.NewEncoder(answers).Encode(answer))
}

// readAndMeasure measures the network on stdin.
func readAndMeasure(c *cobra.Command, batch int) (profile.Measurement, error) {
	text, err := io.ReadAll(c.InOrStdin())
	if err != nil {
		return profile.Measurement{}, err
	}
	net, err := graph.ReadNetwork("from stdin", text)
	if err != nil {
		return profile.Measurement{}, err
	}
	return profile.Measure(c.Context(), net, batch)
}
