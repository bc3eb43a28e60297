package main

import (
	"slices"
	"testing"

	"tfcnn/graph"
)

// Drawn images have numbers of all sizes from 0 to 255, other ones in each image and for
// each seed. A batch of zeros would hide most faults of a network.
func TestDrawnBatch(t *testing.T) {
	in := graph.Input{Height: 20, Width: 30, Channels: 4}
	x := drawnBatch(in, 3, 7)
	if !slices.Equal(x.Shape, []int{3, 20, 30, 4}) || x.Check() != nil {
		t.Fatalf("shape %v, %v", x.Shape, x.Check())
	}
	var tenths [10]int
	sum := 0.0
	for _, v := range x.Data {
		if v < 0 || v >= 255 {
			t.Fatalf("%v lies outside 0 to 255", v)
		}
		tenths[int(v/25.5)]++
		sum += float64(v)
	}
	for i, n := range tenths {
		if n < len(x.Data)/20 || n > len(x.Data)/5 {
			t.Errorf("%d of %d numbers lie between %v and %v", n, len(x.Data), 25.5*float64(i), 25.5*float64(i+1))
		}
	}
	if mean := sum / float64(len(x.Data)); mean < 120 || mean > 135 {
		t.Errorf("the mean is %v", mean)
	}
	each := len(x.Data) / 3
	if slices.Equal(x.Data[:each], x.Data[each:2*each]) {
		t.Error("two images are equal")
	}
	if !slices.Equal(x.Data, drawnBatch(in, 3, 7).Data) || slices.Equal(x.Data, drawnBatch(in, 3, 8).Data) {
		t.Error("the numbers do not depend on the seed alone")
	}
}
