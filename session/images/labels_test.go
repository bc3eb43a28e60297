package images_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
	"tfcnn/session/images"
)

func TestLabels(t *testing.T) {
	for text, want := range map[string][]string{
		"cat\ndog\n":                  {"cat", "dog"},
		"\ufeffcat\r\n dog, wild\r\n": {"cat", "dog, wild"},
		"tench\n\n\n":                 {"tench"},
		"é":                           {"é"},
	} {
		if got, err := images.Labels(strings.NewReader(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                       "images: labels: no lines",
		"\n\n":                   "images: labels: no lines",
		"cat\n\n \ndog\n":        "images: labels: line 2 is empty",
		"cat\nd\xffg\n":          "images: labels: line 2 is not UTF-8",
		strings.Repeat("x", 1e5): "images: labels: bufio.Scanner: token too long",
		"\ncat\n":                "images: labels: line 1 is empty",
	} {
		if _, err := images.Labels(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
}

func TestTopK(t *testing.T) {
	inf := float32(math.Inf(1))
	x := tensor.Tensor{Shape: []int{3, 1, 1, 4}, Data: []float32{
		1, 3, 2, 3,
		0, float32(math.Copysign(0, -1)), 0, 0,
		-inf, -1, inf, -2,
	}}
	// tf.math.top_k's documentation: of two equal elements the lower index comes first.
	for k, want := range map[int][][]int{
		1: {{1}, {0}, {2}},
		3: {{1, 3, 2}, {0, 1, 2}, {2, 1, 3}},
		4: {{1, 3, 2, 0}, {0, 1, 2, 3}, {2, 1, 3, 0}},
	} {
		best, err := images.TopK(x, []string{"a", "b", "c", "d"}, k)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]int
		for i, row := range best {
			var indices []int
			for _, c := range row {
				indices = append(indices, c.Index)
				if c.Label != string(rune('a'+c.Index)) || c.Score != x.Data[4*i+c.Index] {
					t.Errorf("image %d: %+v", i, c)
				}
			}
			got = append(got, indices)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("k = %d: got %v, want %v", k, got, want)
		}
	}
	if best, err := images.TopK(x, nil, 1); err != nil || best[2][0] != (images.Class{Index: 2, Score: inf}) {
		t.Errorf("without labels: %v, %v", best, err)
	}
	nan := tensor.Tensor{Shape: []int{2, 2}, Data: []float32{1, 2, 3, float32(math.NaN())}}
	for _, tt := range []struct {
		x      tensor.Tensor
		labels []string
		k      int
		want   string
	}{
		{x, nil, 0, "images: top 0: output has 4 classes, want 1 to 4"},
		{x, nil, 5, "images: top 5: output has 4 classes, want 1 to 4"},
		{x, []string{"a"}, 1, "images: top 1: got 1 labels, output has 4 classes"},
		{nan, nil, 1, "images: top 1: image 2: class 1 is NaN"},
		{tensor.Tensor{Shape: []int{4}, Data: x.Data[:4]}, nil, 1, "images: top 1: output has shape [4], want [images, classes]"},
		{tensor.Tensor{Shape: []int{1, 3, 1, 4}, Data: x.Data}, nil, 1, "images: top 1: output has shape [1,3,1,4], want [images, classes]"},
		{tensor.Tensor{Shape: []int{2, 4}, Data: x.Data}, nil, 1, "images: top 1: tensor: shape [2,4]: got 12 numbers, want 8"},
	} {
		if _, err := images.TopK(tt.x, tt.labels, tt.k); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
