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
		byFault := map[string]*Count{}
		for draw := range draws {
			gaussian, err := part.RandomSigns(ctx, ref.Arithmetic{}, seed+uint64(draw), 2)
			if err != nil {
				return nil, err
			}
			exact, err := part.Exact(ctx, ref.Arithmetic{}, seed+uint64(draw), 1)
			if err != nil {
				return nil, err
			}
			onData, err := plantAll(ctx, &gaussian, seed+uint64(draw))
			if err != nil {
				return nil, err
			}
			onProbe, err := plantAll(ctx, &exact, seed+uint64(draw))
			if err != nil {
				return nil, err
			}
			for _, fault := range faults {
				data, applies := onData[fault.name]
				probed, too := onProbe[fault.name]
				if !applies || !too {
					continue
				}
				c := byFault[fault.name]
				if c == nil {
					c = &Count{Network: name, Layers: part.Names(), Terms: part.Terms(), Fault: fault.name}
					byFault[fault.name] = c
				}
				c.Draws++
				byBound, byLevel, byProbe := data.Status == proof.Fail, data.Level > ref.AlarmLevel, probed.Status != proof.Pass
				for _, hit := range []struct {
					count *int
					is    bool
				}{{&c.Bound, byBound}, {&c.Level, byLevel}, {&c.Probe, byProbe}, {&c.Any, byBound || byLevel || byProbe}} {
					if hit.is {
						*hit.count++
					}
				}
			}
		}
		for _, fault := range faults {
			if c := byFault[fault.name]; c != nil {
				counts = append(counts, *c)
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
