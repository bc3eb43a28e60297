// Package worker is the side of a contestant in bench: a process that reads
// requests, one JSON object a line, from standard input, runs a job many times,
// and answers with how long each call took. bench starts one such process for
// each contestant and row; those in Python speak the same lines.
package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
)

// Job is what all contestants run for one row of the results. It lies in a
// folder as job.json, with the other files beside it.
type Job struct {
	Row string `json:"row"`
	// Device is "gpu" or "cpu" in rows of networks on a device, else "": the
	// contestant's default. Compute is the type of the arithmetic, "" for
	// float32; TF32 lets a GPU round the factors of float32 to 11 bits.
	Device  string `json:"device,omitempty"`
	Compute string `json:"compute,omitempty"`
	TF32    bool   `json:"tf32,omitempty"`
	// Batch is the number of images of one call. InputFile holds the images
	// of all the calls, Inputs times Batch of them; call i takes the i-th part.
	Batch     int    `json:"batch"`
	Inputs    int    `json:"inputs"`
	InputFile string `json:"input_file"`
	// Files are JPEG files, one a call, which take the place of InputFile.
	Files       []string `json:"files,omitempty"`
	NetworkFile string   `json:"network_file"`
	WeightsFile string   `json:"weights_file"`
	// Steps is the network, lowered, for those who cannot read NetworkFile.
	Steps []Step `json:"steps"`
	// Outputs are indices into Steps; OutputLayers their layers' names.
	Outputs      []int    `json:"outputs"`
	OutputLayers []string `json:"output_layers"`
	// CopyBytes is what the machine's limit is asked for: a copy that reads and
	// writes as many bytes, together, as the row does.
	CopyBytes int64 `json:"copy_bytes"`

	folder string
}

// Step is an ir.Step with its attributes spelt out. Sizes are of one image.
type Step struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Inputs  []int    `json:"inputs"` // indices of earlier steps; -1 is the input
	Weights []string `json:"weights,omitempty"`
	Input   []int    `json:"input"`  // of the first input
	Output  []int    `json:"output"` // [H,W,C] or [features]

	Size      [2]int `json:"size"` // of a window
	Strides   [2]int `json:"strides"`
	Dilations [2]int `json:"dilations"`
	Groups    int    `json:"groups"`
	// Padding is SAME, VALID or EXPLICIT; Pad what that comes to: rows at the
	// top and the bottom, columns at the left and the right.
	Padding string `json:"padding,omitempty"`
	Pad     [4]int `json:"pad"`

	Epsilon float32 `json:"epsilon,omitempty"` // batch_norm
	Radius  int     `json:"radius,omitempty"`  // lrn
	Bias    float32 `json:"bias,omitempty"`
	Alpha   float32 `json:"alpha,omitempty"`
	Beta    float32 `json:"beta,omitempty"`
}

// jobFile is the job's own file in its folder.
const jobFile = "job.json"

// Write puts job.json into a folder.
func (j Job) Write(folder string) error {
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, jobFile), text, 0o644)
}

// ReadJob reads job.json of a folder.
func ReadJob(folder string) (Job, error) {
	text, err := os.ReadFile(filepath.Join(folder, jobFile))
	if err != nil {
		return Job{}, err
	}
	j := Job{folder: folder}
	if err := json.Unmarshal(text, &j); err != nil {
		return Job{}, fmt.Errorf("%s: %w", jobFile, err)
	}
	return j, nil
}

// Network reads the job's network.
func (j Job) Network() (graph.Network, error) {
	text, err := os.ReadFile(filepath.Join(j.folder, j.NetworkFile))
	if err != nil {
		return graph.Network{}, err
	}
	return graph.ReadNetwork(j.NetworkFile, text)
}

// Weights reads the job's weights.
func (j Job) Weights() (w graph.Weights, err error) {
	file, err := os.Open(filepath.Join(j.folder, j.WeightsFile))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == emptyArchive { // a network of pools has none
		return graph.Weights{}, nil
	}
	return graph.ReadNPZ(file, info.Size())
}

// emptyArchive is the length of a zip archive without files.
const emptyArchive = 22

// Images reads the input of each call, [Batch,H,W,C].
func (j Job) Images() ([]tensor.Tensor, error) {
	file, err := os.Open(filepath.Join(j.folder, j.InputFile))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all, err := tensor.ReadNPY(file)
	if err != nil {
		return nil, err
	}
	if want := j.Batch * j.Inputs; len(all.Shape) != 4 || all.Shape[0] != want {
		return nil, fmt.Errorf("%s is %s, want %d images", j.InputFile, tensor.FormatShape(all.Shape), want)
	}
	list := make([]tensor.Tensor, j.Inputs)
	one := len(all.Data) / j.Inputs
	for i := range list {
		list[i].Shape = append([]int{j.Batch}, all.Shape[1:]...)
		list[i].Data = all.Data[i*one : (i+1)*one : (i+1)*one]
	}
	return list, nil
}

// ProductSize is the number of rows and of columns of the matrices whose
// product is the machine's limit for arithmetic.
const ProductSize = 2048
