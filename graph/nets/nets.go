// Package nets holds networks that the field knows by name, ready to load.
// Each is a JSON file of this folder.
//
//	net, err := nets.Load("lenet5")
//	plan, err := net.Plan()
package nets

import (
	"embed"
	"fmt"

	"tfcnn/graph"
	"tfcnn/internal/strict"
)

//go:embed *.json
var files embed.FS

// descriptions are of one line each, in the order of Names.
var descriptions = []struct{ name, text string }{
	{"tutorial", "one layer of 200 maps over pictures of 150×100, the example of how much a convolution costs"},
	{"lenet5", "LeCun and others 1998, with dense layers in place of the sparse ones: tanh, average pools"},
	{"alexnet", "Krizhevsky, Sutskever and Hinton 2012: two groups, response normalisation, overlapping pools"},
	{"vgg16", "Simonyan and Zisserman 2014, configuration D: 3×3 convolutions only"},
	{"resnet18", "He and others 2015, as in torchvision: residual blocks, batch norms, explicit padding"},
	{"mobilenet", "Howard and others 2017, version 1, 1.0, as in Keras: depthwise and pointwise convolutions"},
}

// Names lists the networks, from the smallest idea to the latest.
func Names() []string {
	var names []string
	for _, d := range descriptions {
		names = append(names, d.name)
	}
	return names
}

// Description says in one line what a network is; "" where the name is none of
// Names.
func Description(name string) string {
	for _, d := range descriptions {
		if d.name == name {
			return d.text
		}
	}
	return ""
}

// Load gives a network by name, whatever the case of its letters. The value is
// the caller's own. An unknown name is an error that names the nearest.
func Load(name string) (graph.Network, error) {
	name, err := strict.Choice("network", name, Names())
	if err != nil {
		return graph.Network{}, fmt.Errorf("nets: %w", err)
	}
	text, err := files.ReadFile(name + ".json")
	if err != nil {
		return graph.Network{}, fmt.Errorf("nets: %w", err)
	}
	return graph.ReadNetwork(name+".json", text)
}
