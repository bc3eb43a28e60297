package main

import (
	"path/filepath"
)

// contestant is a system that runs the rows, in a process of its own for each.
type contestant struct {
	name  string
	title string
	// side says whose it is: targets set ours against peers, Python's among
	// them, and the bare bindings.
	side    side
	command []string
	env     []string
	// joins says that it joins single images, which only a crowd sends.
	joins bool
	// trusts says that it does not look for damage in JPEG files, which only a
	// row of files has.
	trusts bool
}

// takesPart reports whether a contestant is measured in a row.
func (c contestant) takesPart(r row) bool {
	return (!c.joins || r.how == crowd) && (!c.trusts || r.how == files) && (c.side != aside || c.name == plainName || r.both)
}

type side string

const (
	ours     side = "ours"
	bindings side = "bindings"
	python   side = "python" // TensorFlow
	other    side = "other"
	aside    side = "aside" // measured to compare, in no target
)

// ourName is the contestant that all others are compared with.
const ourName = "tfcnn"

// plainName is the same program without session/tuned, in every row.
const plainName = "tfcnn-plain"

// limitsName is the worker that measures what the machine can do.
const limitsName = "limits"

// tools are the programs that contestants are started with, and what all of
// TensorFlow's get into their environment.
type tools struct {
	ours     string // bench/ours
	plain    string // the same, built with -tags plain
	gorgonia string // bench/gorgonia
	python   string // with bench/requirements.txt
	peers    string // the folder bench/peers
	oneDNN   string // TF_ENABLE_ONEDNN_OPTS; "" leaves it to TensorFlow
}

// tensorFlow is the environment of a contestant that runs TensorFlow.
func (t tools) tensorFlow(oneDNN string) []string {
	env := []string{"TF_CPP_MIN_LOG_LEVEL=3"}
	if oneDNN != "" {
		env = append(env, "TF_ENABLE_ONEDNN_OPTS="+oneDNN)
	}
	return env
}

func (t tools) contestants() []contestant {
	env := t.tensorFlow(t.oneDNN)
	script := func(name, title string, s side) contestant {
		return contestant{
			name: name, title: title, side: s,
			command: []string{t.python, filepath.Join(t.peers, "worker.py"), name}, env: env,
		}
	}
	ofOurs := func(name, title string, s side) contestant {
		return contestant{name: name, title: title, side: s, command: []string{t.ours, name}, env: env}
	}
	joining := ofOurs("tfcnn-batching", "this project, single images joined (Options.Batching)", ours)
	joining.joins = true
	trusting := ofOurs("tfcnn-trusted", "this project, JPEG files trusted: no look for damage (images.Options.Trusted)", ours)
	trusting.trusts = true
	oursWithout := contestant{
		name: "tfcnn-no-onednn", title: "this project, TF_ENABLE_ONEDNN_OPTS=0", side: aside,
		command: []string{t.ours, ourName}, env: t.tensorFlow("0"),
	}
	pythonWithout := script("tf-no-onednn", "Python TensorFlow, Session.make_callable, TF_ENABLE_ONEDNN_OPTS=0", aside)
	pythonWithout.command[2], pythonWithout.env = "tf-callable", t.tensorFlow("0")
	return []contestant{
		ofOurs(ourName, "this project, session.RunInto, or RunOutputsInto where there are two outputs", ours),
		ofOurs("tfcnn-run", "this project, session.Run, which makes a new array", ours),
		joining,
		trusting,
		ofOurs("bindings", "the Go bindings as their documentation uses them: NewTensor and Value on nested slices, finalizers", bindings),
		ofOurs("bindings-best", "the Go bindings at their best: the same graph, flat numbers, tensors freed at once", bindings),
		ofOurs("bindings-single", "the same with the single-threaded executor", bindings),
		script("tf-session", "Python TensorFlow, tf.compat.v1.Session.run on a graph of constants", python),
		script("tf-callable", "Python TensorFlow, the same through Session.make_callable", python),
		script("tf-function", "Python TensorFlow, tf.function with an input signature, then numpy()", python),
		script("keras", "Keras, Model.predict", python),
		script("onnxruntime", "ONNX Runtime, default threads, all graph optimizations, channels first", other),
		script("torch", "PyTorch, inference_mode, channels first", other),
		script("torch-channels-last", "PyTorch, inference_mode, channels last", other),
		{
			name: "gorgonia", title: "gorgonia, a tape machine", side: other, command: []string{t.gorgonia},
			env: []string{"ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH=go1.26"},
		},
		{
			name: plainName, title: "this project without the import of session/tuned", side: aside,
			command: []string{t.plain, ourName}, env: env,
		},
		oursWithout,
		pythonWithout,
	}
}

// limits is the worker beside the contestants; nil for rows of a device, whose
// limits cnndemo profile tells.
func (t tools) limits(device string) *contestant {
	if device != "" {
		return nil
	}
	return &contestant{name: limitsName, command: []string{t.ours, limitsName}, env: t.tensorFlow(t.oneDNN)}
}
