package nets_test

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tfcnn/graph"
	"tfcnn/graph/nets"
	"tfcnn/graph/tensor"
)

//go:embed *.json
var files embed.FS

// The figures of the networks' publications and of the programs that they are
// taken from: parameters of LeCun and others' LeNet-5 with every map of c3
// reading all maps; of AlexNet with groups; of Keras's VGG16 and MobileNet;
// of torchvision's resnet18. Products are by layer, height × width × filters ×
// products in a sum.
func TestFigures(t *testing.T) {
	for _, tt := range []struct {
		name                         string
		layers                       int
		parameters, statistics, macs int64
	}{
		{"tutorial", 1, 15_200, 0, 225_000_000},
		{"lenet5", 9, 61_706, 0, 28*28*6*25 + 10*10*16*150 + 400*120 + 120*84 + 84*10},
		{
			"alexnet", 17, 60_965_224, 0,
			55*55*96*11*11*3 + 27*27*256*5*5*48 + 13*13*384*3*3*256 + 13*13*384*3*3*192 + 13*13*256*3*3*192 + 9216*4096 + 4096*4096 + 4096*1000,
		},
		{"vgg16", 25, 138_357_544, 0, 15_470_264_320},
		{"resnet18", 51, 11_689_512, 9_600, 1_814_073_344},
		{"mobilenet", 85, 4_253_864 - 21_888, 21_888, 568_740_352},
	} {
		net, err := nets.Load(tt.name)
		if err != nil {
			t.Error(err)
			continue
		}
		plan, err := net.Plan()
		if err != nil {
			t.Error(err)
			continue
		}
		if len(plan.Layers) != tt.layers || plan.Parameters != tt.parameters || plan.Statistics != tt.statistics || plan.MACs() != tt.macs {
			t.Errorf("%s: %d layers, %d parameters, %d statistics, %d MACs, want %d, %d, %d, %d",
				tt.name, len(plan.Layers), plan.Parameters, plan.Statistics, plan.MACs(), tt.layers, tt.parameters, tt.statistics, tt.macs)
		}
	}
	if 28*28*6*25+10*10*16*150+400*120+120*84+84*10 != 416_520 || 55*55*96*11*11*3+27*27*256*5*5*48+13*13*384*3*3*256+13*13*384*3*3*192+13*13*256*3*3*192+9216*4096+4096*4096+4096*1000 != 724_406_816 {
		t.Error("the sums of products are not those published")
	}
}

// The output shapes in the publications' tables, and the shapes of some weights.
func TestShapes(t *testing.T) {
	for name, want := range map[string]string{
		"tutorial": "conv [100,150,200] 15200",
		"lenet5": "c1 [28,28,6] 156, s2 [14,14,6] 0, c3 [10,10,16] 2416, s4 [5,5,16] 0, flatten [400] 0," +
			" c5 [120] 48120, f6 [84] 10164, output [10] 850, softmax [10] 0",
		"alexnet": "conv1 [55,55,96] 34944, norm1 [55,55,96] 0, pool1 [27,27,96] 0, conv2 [27,27,256] 307456, norm2 [27,27,256] 0," +
			" pool2 [13,13,256] 0, conv3 [13,13,384] 885120, conv4 [13,13,384] 663936, conv5 [13,13,256] 442624, pool5 [6,6,256] 0," +
			" flatten [9216] 0, fc6 [4096] 37752832, drop6 [4096] 0, fc7 [4096] 16781312, drop7 [4096] 0, fc8 [1000] 4097000, softmax [1000] 0",
		"vgg16": "block1_conv1 [224,224,64] 1792, block1_conv2 [224,224,64] 36928, block1_pool [112,112,64] 0, block2_conv1 [112,112,128] 73856," +
			" block3_conv1 [56,56,256] 295168, block4_conv1 [28,28,512] 1180160, block5_conv3 [14,14,512] 2359808, block5_pool [7,7,512] 0," +
			" fc1 [4096] 102764544, fc2 [4096] 16781312, fc3 [1000] 4097000",
		"resnet18": "conv1 [112,112,64] 9408, bn1 [112,112,64] 128, maxpool [56,56,64] 0, layer1.1.add [56,56,64] 0, layer2.0.conv1 [28,28,128] 73728," +
			" layer2.0.downsample.0 [28,28,128] 8192, layer2.0.downsample.1 [28,28,128] 256, layer2.0.add [28,28,128] 0, layer3.1.add [14,14,256] 0," +
			" layer4.0.downsample.0 [7,7,512] 131072, layer4.1.conv2 [7,7,512] 2359296, layer4.1.add [7,7,512] 0, avgpool [512] 0, fc [1000] 513000",
		"mobilenet": "conv1 [112,112,32] 864, conv_dw_1 [112,112,32] 288, conv_pw_1 [112,112,64] 2048, conv_dw_2 [56,56,64] 576, conv_dw_4 [28,28,128] 1152," +
			" conv_dw_6 [14,14,256] 2304, conv_pw_11 [14,14,512] 262144, conv_dw_12 [7,7,512] 4608, conv_pw_13 [7,7,1024] 1048576, conv_pw_13_bn [7,7,1024] 2048," +
			" global_average_pooling2d [1024] 0, conv_preds [1000] 1025000, predictions [1000] 0",
	} {
		net, err := nets.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := net.Plan()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(want, ", ") {
			layer, found := plan.Layer(strings.Fields(line)[0])
			if got := fmt.Sprintf("%s %s %d", layer.Name, tensor.FormatShape(layer.Output), layer.Parameters); !found || got != line {
				t.Errorf("%s: got %s, want %s", name, got, line)
			}
		}
	}
}

// The features for which the architectures are known.
func TestFeatures(t *testing.T) {
	load := func(name string) map[string]graph.Layer {
		net, err := nets.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := net.Plan()
		if err != nil {
			t.Fatal(err)
		}
		layers := map[string]graph.Layer{}
		for i, l := range plan.Layers {
			layers[l.Name] = net.Layers[i]
		}
		return layers
	}
	alexnet, resnet, mobilenet := load("alexnet"), load("resnet18"), load("mobilenet")
	for _, tt := range []struct{ got, want graph.Layer }{
		{alexnet["norm2"], graph.LRN{Name: "norm2", DepthRadius: 2, Bias: 2, Alpha: 1e-4, Beta: 0.75}},
		{alexnet["pool1"], graph.MaxPool{Name: "pool1", Size: graph.Square(3), Strides: graph.Square(2)}},
		{alexnet["conv4"], graph.Conv2D{Name: "conv4", Filters: 384, Size: graph.Square(3), Padding: graph.Explicit(1, 1, 1, 1), Groups: 2, Activation: graph.ReLUActivation}},
		{alexnet["drop7"], graph.Dropout{Name: "drop7", Rate: 0.5}},
		{resnet["conv1"], graph.Conv2D{Name: "conv1", Filters: 64, Size: graph.Square(7), Strides: graph.Square(2), Padding: graph.Explicit(3, 3, 3, 3), NoBias: true}},
		{resnet["maxpool"], graph.MaxPool{Name: "maxpool", Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Explicit(1, 1, 1, 1)}},
		{resnet["layer3.0.bn2"], graph.BatchNorm{Name: "layer3.0.bn2", Epsilon: 1e-5}},
		{mobilenet["conv_dw_2"], graph.DepthwiseConv2D{Name: "conv_dw_2", Size: graph.Square(3), Strides: graph.Square(2), Padding: graph.Explicit(0, 1, 0, 1), NoBias: true}},
		{mobilenet["conv_dw_3"], graph.DepthwiseConv2D{Name: "conv_dw_3", Size: graph.Square(3), Padding: graph.Same, NoBias: true}},
		{mobilenet["conv_pw_1_relu"], graph.ReLU6{Name: "conv_pw_1_relu"}},
	} {
		if tt.got != tt.want {
			t.Errorf("got %+v, want %+v", tt.got, tt.want)
		}
	}
	for name, from := range map[string][]string{
		"layer1.0.add": {"layer1.0.bn2", "maxpool"}, "layer2.1.add": {"layer2.1.bn2", "layer2.0.add"},
		"layer4.0.add": {"layer4.0.bn2", "layer4.0.downsample.1"},
	} {
		if got := resnet[name].(graph.Add); !slices.Equal(got.From, from) || got.Activation != graph.ReLUActivation {
			t.Errorf("%s is %+v, want the sum of %v", name, got, from)
		}
	}
	if from := resnet["layer4.0.downsample.0"].(graph.Conv2D).From; from != "layer3.1.add" {
		t.Errorf("layer4.0.downsample.0 reads %q", from)
	}
}

// Each file has the format of WriteNetwork, and the schema accepts it.
func TestFiles(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(graph.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("network.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema := compiler.MustCompile("network.schema.json")
	entries, err := files.ReadDir(".")
	if err != nil || len(entries) != len(nets.Names()) {
		t.Fatalf("%d files, %d names, %v", len(entries), len(nets.Names()), err)
	}
	for _, name := range nets.Names() {
		net, err := nets.Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		var written bytes.Buffer
		if err := graph.WriteNetwork(&written, net); err != nil {
			t.Error(err)
		}
		file, err := files.ReadFile(name + ".json")
		if err != nil || !bytes.Equal(file, written.Bytes()) {
			t.Errorf("%s.json is not as it is written: %v", name, err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Error(err)
		}
		if d := nets.Description(name); d == "" || strings.Contains(d, "\n") {
			t.Errorf("%s is described as %q", name, d)
		}
	}
	if _, err := nets.Load("lenet"); err == nil || err.Error() != `nets: network "lenet" is not known here, the nearest is "lenet5"` {
		t.Error(err)
	}
	if nets.Description("lenet") != "" {
		t.Error("an unknown network is described")
	}
}

func Example() {
	net, err := nets.Load("lenet5")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := net.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(nets.Names())
	fmt.Println(plan.Parameters, plan.MACs())
	// Output:
	// [tutorial lenet5 alexnet vgg16 resnet18 mobilenet]
	// 61706 416520
}
