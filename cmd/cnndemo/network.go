package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/internal/bounded"
	"tfcnn/internal/strict"
)

// foundNetwork is a network that a command was given.
type foundNetwork struct {
	name        string // as reports call it: the ready name, or the file's
	description string // of a ready one
	network     graph.Network
}

// findNetwork takes the name of a ready network or the path of a JSON file. A
// ready name wins over a file of that name; ./name is the file. The network
// has been checked.
func findNetwork(argument string) (foundNetwork, error) {
	if slices.Contains(nets.Names(), argument) {
		n, err := nets.Load(argument)
		return foundNetwork{argument, nets.Description(argument), n}, err
	}
	text, err := readNetworkFile(argument)
	switch {
	case errors.Is(err, fs.ErrNotExist) && filepath.Ext(argument) == "" && !strings.ContainsRune(argument, filepath.Separator):
		return foundNetwork{}, fmt.Errorf("network %q is not known, the nearest is %q; want one of %s, or a JSON file", argument, strict.Nearest(argument, nets.Names()), strings.Join(nets.Names(), ", "))
	case err != nil:
		return foundNetwork{}, fmt.Errorf("network: %w", err)
	}
	n, err := graph.ReadNetwork(argument, text)
	return foundNetwork{name: strings.TrimSuffix(filepath.Base(argument), ".json"), network: n}, err
}

// maxNetworkFile is far more than a network's JSON takes: what is larger is
// something else, and is not read into memory.
const maxNetworkFile = 16 << 20

func readNetworkFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := bounded.Read(file, path, maxNetworkFile)
	if errors.Is(err, bounded.ErrTooLarge) {
		err = fmt.Errorf("%s has more than %d MiB, which is no network", path, maxNetworkFile>>20)
	}
	return text, err
}

// completeNetwork gives the shell the ready networks' names, and lets it offer
// files.
func completeNetwork(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nets.Names(), cobra.ShellCompDirectiveDefault
}
