package images

import (
	"fmt"

	"tfcnn/graph/tensor"
)

// Channels says which channels the numbers of an image have, and in which order.
type Channels int

// The values of Channels.
const (
	RGB  Channels = iota
	BGR           // blue first, as networks have it that were trained with Caffe or OpenCV
	Gray          // one channel: the brightness 0.299 R + 0.587 G + 0.114 B (Recommendation ITU-R BT.601, as in JPEG)
)

func (c Channels) count() int {
	if c == Gray {
		return 1
	}
	return 3
}

// of turns an RGB image into these channels, in the memory of the image.
func (c Channels) of(x tensor.Tensor) tensor.Tensor {
	data := x.Data
	switch c {
	case BGR:
		for i := 0; i < len(data); i += 3 {
			data[i], data[i+2] = data[i+2], data[i]
		}
	case Gray:
		for i := range len(data) / 3 {
			data[i] = 0.299*data[3*i] + 0.587*data[3*i+1] + 0.114*data[3*i+2]
		}
		x.Data, x.Shape[3] = data[:len(data)/3], 1
	}
	return x
}

// Scale maps each number x from 0 to 255 to (x/Divisor − Mean)/Std. Every
// step is rounded to float32, as NumPy rounds it. Mean and Std have a number for
// each channel, in the order of Options.Channels; Gray has the first. Zeros in
// Divisor and Std stand for 1.
type Scale struct {
	Divisor   float32
	Mean, Std [3]float32
}

// Scales of well-known networks.
var (
	// ZeroToOne gives numbers from 0 to 1: x/255.
	ZeroToOne = Scale{Divisor: 255}
	// PlusMinusOne gives numbers from −1 to 1: x/127.5 − 1, as Keras'
	// preprocess_input for MobileNet, Inception and Xception (mode "tf").
	PlusMinusOne = Scale{Divisor: 127.5, Mean: [3]float32{1, 1, 1}}
	// ImageNet has the means and deviations of ImageNet's RGB channels: torchvision's
	// Normalize, and Keras' preprocess_input for DenseNet (mode "torch").
	ImageNet = Scale{Divisor: 255, Mean: [3]float32{0.485, 0.456, 0.406}, Std: [3]float32{0.229, 0.224, 0.225}}
	// ImageNetBGR has the means of ImageNet's BGR channels: Keras' preprocess_input
	// for VGG and ResNet (mode "caffe"). It goes with Options.Channels BGR.
	ImageNetBGR = Scale{Mean: [3]float32{103.939, 116.779, 123.68}}
)

func (s Scale) check() error {
	for _, v := range append([]float32{s.Divisor}, append(s.Mean[:], s.Std[:]...)...) {
		if v-v != 0 {
			return fmt.Errorf("images: Scale has %v, want finite numbers", v)
		}
	}
	return nil
}

// apply scales an image in its own memory.
func (s Scale) apply(x tensor.Tensor) {
	if s == (Scale{}) {
		return
	}
	if s.Divisor == 0 {
		s.Divisor = 1
	}
	channels := x.Shape[3]
	for c := range channels {
		if s.Std[c] == 0 {
			s.Std[c] = 1
		}
		for i := c; i < len(x.Data); i += channels {
			x.Data[i] = (x.Data[i]/s.Divisor - s.Mean[c]) / s.Std[c]
		}
	}
}
