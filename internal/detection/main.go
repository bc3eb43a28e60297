// Program detection plants faults into kernels of real sizes and counts how often each is
// noticed: by the bound and the level on Gaussian data, and by an exact probe. Operand
// faults run in TensorFlow, with changed weights, images or attributes; output faults change
// the numbers that TensorFlow gave. docs/detection.md has its tables.
//
//	make detection
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
	"tfcnn/internal/probe"
	"tfcnn/internal/proof"
	"tfcnn/internal/ref"
	"tfcnn/session"
	_ "tfcnn/session/tuned"
)

func main() {
	names := flag.String("nets", "alexnet,resnet18,mobilenet", "ready networks")
	draws := flag.Int("draws", 3, "draws of weights, images and places of faults for each part")
	seed := flag.Uint64("seed", 1, "seed of the first draw")
	asJSON := flag.Bool("json", false, "print the counts as JSON")
	flag.Parse()
	if err := run(context.Background(), strings.Split(*names, ","), *draws, *seed, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "detection:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, draws int, seed uint64, asJSON bool) error {
	var all []Count
	for _, name := range names {
		net, err := nets.Load(name)
		if err != nil {
			return err
		}
		counts, err := detect(ctx, name, net, draws, seed)
		if err != nil {
			return err
		}
		all = append(all, counts...)
	}
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(all)
	}
	return table(os.Stdout, all)
}

// Count is how often a fault in a part of a network was noticed.
type Count struct {
	Network string   `json:"network"`
	Layers  []string `json:"layers"`
	Terms   int      `json:"terms"` // of a sum of the part's first filter; 0: no filter
	Fault   string   `json:"fault"`
	Draws   int      `json:"draws"`
	// Bound and Level count draws of Gaussian data, Probe exact probes, Any draws in which
	// one of the three noticed the fault.
	Bound int `json:"bound"`
	Level int `json:"level"`
	Probe int `json:"probe"`
	Any   int `json:"any"`
}

// add counts a draw, from the verdicts on Gaussian data and of the exact probe.
func (c *Count) add(data, probed proof.Verdict) {
	bound, level, exact := data.Status == proof.Fail, data.Level > ref.AlarmLevel, probed.Status != proof.Pass
	c.Draws++
	for _, by := range []struct {
		count   *int
		noticed bool
	}{{&c.Bound, bound}, {&c.Level, level}, {&c.Probe, exact}, {&c.Any, bound || level || exact}} {
		if by.noticed {
			*by.count++
		}
	}
}

// detect counts for each part and each fault that applies to it.
func detect(ctx context.Context, name string, net graph.Network, draws int, seed uint64) ([]Count, error) {
	lowered, err := graph.Lower(net)
	if err != nil {
		return nil, err
	}
	n := proof.Network{Lowered: lowered}
	ends, _ := n.ChainSteps()
	var counts []Count
	for _, part := range probe.Parts(net, lowered, ends) {
		fmt.Fprintln(os.Stderr, name, strings.Join(part.Names(), " "))
		byOutput := map[string]map[string]*Count{}
		var names []string // of outputs
		for draw := range draws {
			on := seed + uint64(draw)
			gaussian, err := part.RandomSigns(ctx, ref.Arithmetic{}, on, 2)
			if err != nil {
				return nil, err
			}
			exact, err := part.Exact(ctx, ref.Arithmetic{}, on, 1)
			if err != nil {
				return nil, err
			}
			for i, output := range exact.Outputs {
				onData, err := plantAll(ctx, &gaussian, gaussian.Outputs[i], on)
				if err != nil {
					return nil, err
				}
				onProbe, err := plantAll(ctx, &exact, output, on)
				if err != nil {
					return nil, err
				}
				if byOutput[output.Name()] == nil {
					byOutput[output.Name()] = map[string]*Count{}
					names = append(names, output.Name())
				}
				for _, fault := range faults {
					data, applies := onData[fault.name]
					probed, too := onProbe[fault.name]
					if !applies || !too {
						continue
					}
					c := byOutput[output.Name()][fault.name]
					if c == nil {
						c = &Count{Network: name, Layers: output.Layers, Terms: part.Terms(), Fault: fault.name}
						byOutput[output.Name()][fault.name] = c
					}
					c.add(data, probed)
				}
			}
		}
		for _, output := range names {
			for _, fault := range faults {
				if c := byOutput[output][fault.name]; c != nil {
					counts = append(counts, *c)
				}
			}
		}
	}
	return counts, nil
}

// tensorFlow computes a network as a program does.
func tensorFlow(ctx context.Context, net graph.Network, weights graph.Weights, images tensor.Tensor) (out tensor.Tensor, err error) {
	s, err := session.Open(net, weights, session.Options{Device: "cpu"})
	if err != nil {
		return out, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	return s.Run(ctx, images)
}
