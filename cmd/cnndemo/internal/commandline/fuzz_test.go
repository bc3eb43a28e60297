package commandline

import (
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"tfcnn/graph"
	"tfcnn/internal/hostile"
)

// FuzzFlags: a value that a flag takes is written as one that it takes again,
// to the same end.
func FuzzFlags(f *testing.F) {
	for _, text := range []string{"3", "3x5", "SAME", "valid", "1,0,2,3", "ffffff", "#00Ff7f", "x", "1,2,3", "03x+5", "99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, pair := range [][2]pflag.Value{
			{new(Size), new(Size)},
			{(*Padding)(&graph.Padding{}), (*Padding)(&graph.Padding{})},
			{new(Colour), new(Colour)},
		} {
			if err := hostile.Read(t, "want ", len(text), hostile.Limits{}, func() error { return pair[0].Set(text) }); err != nil {
				continue
			}
			if err := pair[1].Set(pair[0].String()); err != nil || !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%s %q is written %q, which is %v, %v", pair[0].Type(), text, pair[0], pair[1], err)
			}
		}
	})
}
