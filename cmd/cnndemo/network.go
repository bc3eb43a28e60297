package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// foundNetwork is a network that a command was given.
type foundNetwork struct {
	name        string // as reports call it: the ready name, or the file's
	description string // of a ready one
	network     graph.Network
}

// findNetwork takes the name of a ready network, in capitals or not, or the path
// of a JSON file. A ready name wins over a file of that name; ./name is the
// file. The network has been checked.
func findNetwork(argument string) (foundNetwork, error) { return readNetwork(argument, false) }

// readNetwork is findNetwork. Where free is true it takes a network of free height
// and width, too, which is checked when it has a size.
func readNetwork(argument string, free bool) (foundNetwork, error) {
	if name := strings.ToLower(argument); slices.Contains(nets.Names(), name) {
		n, err := nets.Load(name)
		return foundNetwork{name, nets.Description(name), n}, err
	}
	text, err := readInput(argument, maxNetworkFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && filepath.Ext(argument) == "" && !strings.ContainsRune(argument, filepath.Separator):
		return foundNetwork{}, fmt.Errorf("network %s is not known, the nearest is %q; want one of %s, or a JSON file", quote.Name(argument), strict.Nearest(argument, nets.Names()), strings.Join(nets.Names(), ", "))
	case err != nil:
		return foundNetwork{}, fmt.Errorf("network: %w", err)
	}
	n, err := graph.ReadNetwork(argument, text)
	if err != nil && free {
		var unchecked graph.Network
		if unchecked.UnmarshalJSON(text) == nil && unchecked.FreeSize() {
			n, err = unchecked, nil
		}
	}
	return foundNetwork{name: strings.TrimSuffix(filepath.Base(argument), ".json"), network: n}, err
}

// completeNetwork gives the shell the ready networks' names, and lets it offer
// files.
func completeNetwork(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nets.Names(), cobra.ShellCompDirectiveDefault
}
