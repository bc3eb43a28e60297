package trace

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Primitive is a computation of oneDNN's, from a line that it prints where the
// environment has ONEDNN_VERBOSE=1. The texts are oneDNN's own.
type Primitive struct {
	Kind           string // as "convolution"
	Implementation string // as "brg_conv_fwd:avx2"
	Propagation    string // as "forward_training"
	Memory         string // the types and layouts of the operands
	Attributes     string // what is computed in the same call, as "attr-post-ops:eltwise_relu"
	Auxiliary      string // as "alg:convolution_direct"
	Problem        string // the sizes
}

// Variant returns all but the sizes: computations of one variant run the same code, on
// other sizes.
func (p Primitive) Variant() string {
	var parts, attributes []string
	for attribute := range strings.FieldsSeq(p.Attributes) {
		// The distance of a matrix's rows in memory is a size.
		if name, _, _ := strings.Cut(attribute, ":"); name != "lda" && name != "ldb" && name != "ldc" {
			attributes = append(attributes, attribute)
		}
	}
	for _, part := range []string{p.Kind, p.Implementation, p.Propagation, p.Memory, strings.Join(attributes, " "), p.Auxiliary} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// The words at the beginning of oneDNN's lines, and those of the line that names the
// columns of the others.
const (
	verboseMark     = "onednn_verbose,"
	verboseTemplate = verboseMark + "v1,primitive,info,template:"
	verbosePrefix   = verboseMark + "v1,primitive,"
)

// ParseOneDNN reads the primitives that ran from oneDNN's lines. Other lines are passed
// over. The columns are those of oneDNN's template line; a line of another form is an
// error.
func ParseOneDNN(r io.Reader) ([]Primitive, error) {
	var list []Primitive
	var columns []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if template, is := strings.CutPrefix(line, verboseTemplate); is {
			columns = strings.Split(template, ",")
			continue
		}
		text, is := strings.CutPrefix(line, verbosePrefix)
		fields := strings.Split(text, ",")
		if !is || !strings.HasPrefix(fields[0], "exec") {
			continue
		}
		if columns == nil {
			return nil, fmt.Errorf("trace: oneDNN: no template line before %.200q", line)
		}
		if len(fields) != len(columns) {
			return nil, fmt.Errorf("trace: oneDNN: got %d columns, want %d: %.200q", len(fields), len(columns), line)
		}
		column := func(name string) string {
			if at := slices.Index(columns, name); at >= 0 {
				return fields[at]
			}
			return ""
		}
		list = append(list, Primitive{
			Kind: column("primitive"), Implementation: column("implementation"), Propagation: column("prop_kind"),
			Memory: column("memory_descriptors"), Attributes: column("attributes"), Auxiliary: column("auxiliary"),
			Problem: column("problem_desc"),
		})
		if list[len(list)-1].Kind == "" {
			return nil, fmt.Errorf("trace: oneDNN: the template %q names no primitive", columns)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("trace: oneDNN: %w", err)
	}
	return list, nil
}
