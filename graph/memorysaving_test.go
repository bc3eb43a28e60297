package graph_test

import (
	"fmt"
	"testing"

	"tfcnn/graph"
)

func TestMemorySavings(t *testing.T) {
	conv := func(name string, filters int) graph.Conv2D {
		return graph.Conv2D{Name: name, Filters: filters, Size: graph.Square(1), NoBias: true}
	}
	for _, tt := range []struct {
		name string
		net  graph.Network
		work graph.Workload
		want []string
	}{
		{
			// Numbers: 15,200 + N·(45,000 + 3,000,000), of 4 bytes.
			"tutorial", load(t, "tutorial"),
			graph.Workload{Batch: 100},
			[]string{
				"smaller batch: 50 images in place of 100 images: 1218060800 609060800",
				`larger stride: conv2d "conv" strides by 2×2 in place of 1×1: 1218060800 318060800`,
				"fewer layers: no layer can be left out so that less is needed: 1218060800 -",
				"16-bit floats: 2 bytes a number in place of 4: 1218060800 609030400",
				"more devices: 2, each with all weights and 50 images: 1218060800 609060800",
			},
		},
		{
			// 16 + 48 numbers, and a's 3 and b's 3·2: 4·(9 + 16 + 48 + 32). The
			// largest is a: without it b has 2 weights, and 16 + 32.
			"one image of 16 bits",
			graph.Network{Input: graph.Input{Height: 4, Width: 4, Channels: 1}, Layers: []graph.Layer{conv("a", 3), conv("b", 2)}},
			graph.Workload{DType: graph.BFloat16},
			[]string{
				"smaller batch: a batch of 1 image cannot be split: 210 -",
				`larger stride: conv2d "a" strides by 2×2 in place of 1×1: 210 90`, // 9 + 16 + 12 + 8
				`fewer layers: without conv2d "a": 210 100`,                        // 2 + 16 + 32
				"16-bit floats: numbers have 16 bits already: 210 -",
				"more devices: a batch of 1 image cannot be split: 210 -",
			},
		},
		{
			// Numbers: weights 3 + 3 + 6, each image 4, a and b 12 + 12.
			"what does not hold together, or does not help, is not proposed",
			graph.Network{Input: graph.Input{Height: 2, Width: 2, Channels: 1}, Layers: []graph.Layer{
				conv("a", 3),
				graph.Conv2D{Name: "b", From: graph.InputName, Filters: 3, Size: graph.Square(1), NoBias: true},
				graph.Add{Name: "sum", From: []string{"a", "b"}},
				conv("", 2),
			}},
			graph.Workload{Batch: 3},
			[]string{
				"smaller batch: 2 images in place of 3 images: 384 272",
				// Of the last, where 12 + 8 are live, none is needed.
				"larger stride: no layer can stride further so that less is needed: 384 -",
				// Without a or b the channels do not meet. Without the sum the last
				// reads a, and nobody b.
				`fewer layers: without add "sum": 384 336`,
				"16-bit floats: 2 bytes a number in place of 4: 384 192",
				"more devices: 2, each with all weights and 2 images: 384 272",
			},
		},
	} {
		list, err := tt.net.MemorySavings(tt.work)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range list {
			after := "-"
			if r.Possible {
				after = fmt.Sprint(r.After)
			}
			if got := fmt.Sprintf("%s: %s: %d %s", r.Name, r.What, r.Before, after); got != tt.want[i] {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want[i])
			}
		}
	}
}

func TestLargestBatch(t *testing.T) {
	tutorial := load(t, "tutorial")
	for _, tt := range []struct {
		memory int64
		want   string
	}{
		// 60,800 bytes, and 12,180,000 an image.
		{60_800 + 12_180_000 - 1, "{12240799 0 0 memory: one image needs 12240800 bytes}"},
		{60_800 + 12_180_000, "{12240800 1 12240800 memory}"},
		{8 << 30, "{8589934592 705 8586960800 memory}"},
		// 2³¹ − 1 numbers, 3,000,000 an image: 715.
		{1 << 40, `{1099511627776 715 8708760800 TensorFlow's kernels: conv2d "conv": output [716,100,150,200] has more than 2147483647 elements, which TensorFlow's kernels do not index}`},
	} {
		got, err := tutorial.LargestBatch(graph.Workload{Batch: 7}, tt.memory)
		if fmt.Sprint(got) != tt.want || err != nil {
			t.Errorf("got %v, want %s, %v", got, tt.want, err)
		}
	}
	if _, err := tutorial.LargestBatch(graph.Workload{}, 0); err == nil {
		t.Error("no memory: no error")
	}
}
