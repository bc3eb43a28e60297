package jpeg_test

import (
	"testing"

	"tfcnn/internal/decode/jpeg"
	"tfcnn/testdata"
)

func BenchmarkWalk(b *testing.B) {
	file, err := testdata.Files.ReadFile("images/china.jpg")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if err := jpeg.Walk(file); err != nil {
			b.Fatal(err)
		}
	}
}
