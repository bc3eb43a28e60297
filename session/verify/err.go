package verify

import (
	"fmt"

	"tfcnn/internal/quote"
)

// Err returns nil where every layer, chain and run was compared with the reference and
// none failed. Otherwise the error names the first that failed, with its worst number;
// where none failed, the first that was not held, whose verdict proves nothing, or whose
// precision is less than float32's.
func (v Result) Err() error {
	for _, status := range []Status{Fail, NotHeld, Nothing, Precision} {
		for _, layer := range v.Layers {
			if layer.Verdict.Status == status {
				return fmt.Errorf("verify: %s %s: %v", layer.Kind, quote.Name(layer.Layer), layer.Verdict)
			}
		}
		for _, chain := range v.Chains {
			if chain.Verdict.Status == status {
				return fmt.Errorf("verify: layers [%s] run as one: %v", quote.Names(chain.Layers), chain.Verdict)
			}
		}
		for _, run := range v.Runs {
			if run.Verdict.Status == status {
				return fmt.Errorf("verify: %s of %d images returned [%s] (%s): %v", run.Call, run.Images, quote.Names(run.Outputs), run.Session, run.Verdict)
			}
		}
		for _, probe := range v.Probes {
			if probe.Verdict.Status == status {
				return fmt.Errorf("verify: probe of layers [%s] by %s numbers, batches of %d (%s): %v", quote.Names(probe.Layers), probe.Kind, probe.Images, probe.Session, probe.Verdict)
			}
		}
	}
	return nil
}
