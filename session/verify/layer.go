package verify

import "tfcnn/graph/tensor"

// layer returns a layer's part of the result.
func (v *verifier) layer(i int, output tensor.Tensor, devices []string, of Verdict) Layer {
	lowered := v.lowered.Layers[i]
	layer := Layer{
		Layer: lowered.Name, Kind: lowered.Kind, From: lowered.From, Output: output.Shape, Devices: devices, Verdict: of,
	}
	for _, x := range output.Data {
		switch {
		case x != x:
			layer.NaN++
		case x-x != 0:
			layer.Infinite++
		}
	}
	if of.Unspecified > 0 {
		for step := lowered.First; step <= lowered.Last && layer.Note == ""; step++ {
			layer.Note = v.lowered.Program.Steps[step].Op.Traits().Unspecified
		}
	}
	return layer
}

// chainsFetch names the run of chains, for a test's fault.
const chainsFetch = "chains"
