package images_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"tfcnn/graph"
	"tfcnn/graph/tensor"
	"tfcnn/session"
	"tfcnn/session/images"
)

// A program that names what is in two photographs. Its network has fresh
// weights, and so no knowledge.
func Example() {
	ctx := context.Background()
	batch, err := images.Read(ctx, []string{"../../testdata/images/china.jpg", "../../testdata/images/flower.jpg"}, images.Options{
		Size:  graph.Square(32),
		Scale: images.ZeroToOne,
	})
	if err != nil {
		log.Fatal(err)
	}
	net := graph.Network{
		Input:  graph.Input{Height: 32, Width: 32, Channels: 3},
		Layers: []graph.Layer{graph.Flatten{}, graph.Dense{Units: 3}, graph.Softmax{}},
	}
	s, err := session.Open(net, net.InitialWeights(1), session.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	output, err := s.Run(ctx, batch)
	if err != nil {
		log.Fatal(err)
	}
	labels, err := images.Labels(strings.NewReader("palace\nflower\ncat\n"))
	if err != nil {
		log.Fatal(err)
	}
	best, err := images.TopK(output, labels, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch.Shape, len(best), len(best[0]))
	// Output: [2 32 32 3] 2 2
}

// A service opens a decoder once. Here it decodes what a request's body may
// hold, into the memory of the image before.
func ExampleDecoder_DecodeOne() {
	d, err := images.Open(images.Options{Size: graph.Square(224), Scale: images.ImageNet})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	body, err := os.ReadFile("../../testdata/images/flower.jpg")
	if err != nil {
		log.Fatal(err)
	}
	var buffer []float32
	for range 2 {
		x, notes, err := d.DecodeOne(body, buffer)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(x.Shape, len(notes))
		buffer = x.Data
	}
	_, _, err = d.DecodeOne(body[:len(body)/2], nil)
	fmt.Println(err)
	// Output:
	// [1 224 224 3] 0
	// [1 224 224 3] 0
	// images: JPEG: broken or truncated file: it has no end marker
}

func ExampleTopK() {
	output := tensor.Tensor{Shape: []int{1, 3}, Data: []float32{0.2, 0.7, 0.1}}
	best, err := images.TopK(output, []string{"cat", "dog", "horse"}, 2)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range best[0] {
		fmt.Println(c.Index, c.Label, c.Score)
	}
	// Output:
	// 1 dog 0.7
	// 0 cat 0.2
}

func ExampleLabels() {
	labels, err := images.Labels(strings.NewReader("tench\ngoldfish\ngreat white shark\n"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(labels), labels[1])
	// Output: 3 goldfish
}
