package report

import (
	"tfcnn/internal/proof"
	"tfcnn/internal/proof/baseline"
	"tfcnn/internal/proof/certificate"
)

// Run is the report of cnndemo run, report.json.
type Run struct {
	TensorFlow string `json:"tensorflow"`
	Device     string `json:"device"`
	Precision  string `json:"precision"` // how sums are computed: "float32", or what a GPU does
	// Network is what --net names, Weights where its weights come from; empty
	// for the two layers of the other flags.
	Network string `json:"network,omitempty"`
	Weights string `json:"weights,omitempty"`
	OneDNN  *bool  `json:"onednn,omitempty"` // nil where the library cannot tell
	// Options are all flags with the values that they had.
	Options map[string]string `json:"options"`
	// Command repeats the run, as a line for a POSIX shell; Changed are the
	// options in it that differ from their defaults, in its order.
	Command string   `json:"command"`
	Changed []string `json:"changed,omitempty"`
	Status  string   `json:"status"` // pass, precision, overflow possible, fail; "not verified"
	// Sizes has one entry for each size of image.
	Sizes    []Size    `json:"sizes"`
	Refused  []Refused `json:"refused,omitempty"` // images that were not done
	Notes    []string  `json:"notes,omitempty"`
	Seconds  Seconds   `json:"seconds"`
	Complete bool      `json:"complete"` // all images done and no check failed
	Drawing  *Drawing  `json:"-"`        // of the network for the first size, for the page
}

// Size is the result for the images of one size.
type Size struct {
	Height int      `json:"height"`
	Width  int      `json:"width"`
	Images []string `json:"pictures"`
	Ops    []Op     `json:"ops"`
	Files  []File   `json:"files"`
}

// Op is one layer on the images of one size.
type Op struct {
	Layer     string   `json:"layer"`
	Kind      string   `json:"kind"` // conv2d, max_pool, …
	Reads     string   `json:"reads"`
	Maps      []string `json:"maps,omitempty"` // what each output channel is, where that has a name
	Input     []int    `json:"input"`          // [N,H,W,C], or [N,features]
	Output    []int    `json:"output"`
	Size      [2]int   `json:"size"`    // the window: height, width; zeros where the layer has none
	Strides   [2]int   `json:"strides"` // vertical, horizontal
	Dilations [2]int   `json:"dilations"`
	Padding   string   `json:"padding"`
	Padded    [4]int   `json:"padded"` // rows and columns: top, bottom, left, right
	Unread    [2]int   `json:"unread"` // rows, columns
	Colours   bool     `json:"-"`      // the output's three channels are red, green and blue

	Parameters      int64 `json:"parameters"`
	Multiplications int64 `json:"multiplications"` // for one image
	Bytes           int64 `json:"bytes"`           // of the output, float32, all images

	// Device is where TensorFlow ran it, Seconds the time in its kernels;
	// empty and 0 where that is not known.
	Device  string  `json:"device,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`

	Verdict *proof.Verdict `json:"verdict,omitempty"` // nil: not verified
}

// File is a file that was written, its path below the output folder.
type File struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// Refused is an image that was not done, and why.
type Refused struct {
	Image  string `json:"picture"`
	Reason string `json:"reason"`
}

// Verification is the JSON of cnndemo verify.
type Verification struct {
	TensorFlow string               `json:"tensorflow"`
	Device     string               `json:"device"`
	Precision  string               `json:"precision"` // how sums are computed
	Note       string               `json:"note,omitempty"`
	OneDNN     *bool                `json:"onednn,omitempty"` // nil where the library cannot tell
	Command    string               `json:"command"`
	Network    string               `json:"network,omitempty"` // whose layers the outcomes are; empty: cases
	Drawing    *Drawing             `json:"-"`                 // of that network, for the page
	Cases      int                  `json:"cases"`
	Counts     map[proof.Status]int `json:"counts"`
	Outcomes   []proof.Outcome      `json:"outcomes"`
	Against    *baseline.Comparison `json:"against,omitempty"` // nil without a baseline
	Layers     []NetLayer           `json:"-"`                 // of the network, in its order
	Checks     []certificate.Check  `json:"-"`                 // of the network; the outcomes are these too
}

// Seconds are wall-clock times. Verification and writing overlap.
type Seconds struct {
	Decode float64 `json:"decode"`
	Open   float64 `json:"open"` // building the graph, starting the session
	Run    float64 `json:"run"`  // in TensorFlow, first run's optimisation included
	Check  float64 `json:"check"`
	Write  float64 `json:"write"`
	Total  float64 `json:"total"`
}
