// Package nets loads well-known networks by name: LeNet-5, AlexNet, VGG-16 and others.
//
//	net, err := nets.Load("lenet5")
//	plan, err := net.Plan()
//
// Each network is a JSON file of this folder; package graph describes the format.
// docs/map.md maps the packages of this module.
package nets

import (
	"embed"
	"fmt"

	"tfcnn/graph"
	"tfcnn/internal/strict"
)

//go:embed *.json
var files embed.FS

// descriptions has a line for each network, in the order of Names.
var descriptions = []struct{ name, text string }{
	{"tutorial", "one layer of 200 maps over images of 150×100, the example of how much a convolution costs"},
	{"lenet5", "LeCun and others 1998, with dense layers in place of the sparse ones: tanh, average pools"},
	{"alexnet", "Krizhevsky, Sutskever and Hinton 2012: two groups, response normalisation, overlapping pools"},
	{"vgg16", "Simonyan and Zisserman 2014, configuration D: 3×3 convolutions only"},
	{"resnet18", "He and others 2015, as in torchvision: residual blocks, batch norms, explicit padding"},
	{"mobilenet", "Howard and others 2017, version 1, 1.0, as in Keras: depthwise and pointwise convolutions"},
}

// Names returns the names of the networks, by the year of their publication.
func Names() []string {
	var names []string
	for _, d := range descriptions {
		names = append(names, d.name)
	}
	return names
}

// Description returns one line about a network, or "" where the name is none of Names.
func Description(name string) string {
	for _, d := range descriptions {
		if d.name == name {
			return d.text
		}
	}
	return ""
}

// Load returns a network by name, in upper or lower case. The caller owns the value.
// The error of an unknown name has the nearest name.
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
