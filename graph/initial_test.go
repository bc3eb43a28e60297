package graph

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
)

// bits returns a hash of a tensor's bits.
func bits(t tensor.Tensor) string {
	h := fnv.New64a()
	for _, v := range t.Data {
		fmt.Fprintf(h, "%08x", math.Float32bits(v))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// The limits and deviations that Keras's initializers have for filters of
// these shapes: fan_in and fan_out are the last two axes times the taps.
func TestInitializers(t *testing.T) {
	const none = 0.0
	net := Network{
		Input: Input{16, 16, 24},
		Layers: []Layer{
			Conv2D{Name: "conv", Filters: 96, Size: Size{3, 5}, Groups: 2, Padding: Same}, // [3,5,12,96]: 180, 1440
			DepthwiseConv2D{Name: "depthwise", Size: Square(7), Multiplier: 4},            // [7,7,96,4]: 4704, 196
			Conv2DTranspose{Name: "transpose", Filters: 20, Size: Square(3)},              // [3,3,20,384]: 180, 3456
			Flatten{},
			Dense{Name: "dense", Units: 30}, // [2880,30]
		},
	}
	fanIn := map[string]float64{"conv": 180, "depthwise": 4704, "transpose": 180, "dense": 2880}
	fanOut := map[string]float64{"conv": 1440, "depthwise": 196, "transpose": 3456, "dense": 30}
	sd := func(in, out float64) float64 { return math.Sqrt(2 / (in + out)) }
	for _, tt := range []struct {
		Initializer
		limit, deviation func(in, out float64) float64
	}{
		{Initializer{}, func(in, out float64) float64 { return math.Sqrt(6 / (in + out)) }, sd},
		{Initializer{Kind: GlorotUniform}, func(in, out float64) float64 { return math.Sqrt(6 / (in + out)) }, sd},
		{Initializer{Kind: GlorotNormal}, func(in, out float64) float64 { return 2 * sd(in, out) / 0.87962566103423978 }, sd},
		{Initializer{Kind: HeUniform}, func(in, _ float64) float64 { return math.Sqrt(6 / in) }, func(in, _ float64) float64 { return math.Sqrt(2 / in) }},
		{Initializer{Kind: HeNormal}, func(in, _ float64) float64 { return 2 * math.Sqrt(2/in) / 0.87962566103423978 }, func(in, _ float64) float64 { return math.Sqrt(2 / in) }},
		{Initializer{Kind: TruncatedNormal}, func(_, _ float64) float64 { return 0.1 }, func(_, _ float64) float64 { return 0.05 * 0.87962566103423978 }},
		{Initializer{TruncatedNormal, 3}, func(_, _ float64) float64 { return 6 }, func(_, _ float64) float64 { return 3 * 0.87962566103423978 }},
		{Initializer{Kind: Zeros}, func(_, _ float64) float64 { return none }, func(_, _ float64) float64 { return none }},
	} {
		net.Initializer = tt.Initializer
		weights := net.InitialWeights(7)
		for layer := range fanIn {
			filter := weights[layer+"/filter"].Data
			limit, deviation := tt.limit(fanIn[layer], fanOut[layer]), tt.deviation(fanIn[layer], fanOut[layer])
			sum, squares, largest := 0.0, 0.0, 0.0
			for _, v := range filter {
				sum += float64(v)
				squares += float64(v) * float64(v)
				largest = max(largest, math.Abs(float64(v)))
			}
			n := float64(len(filter))
			// Five deviations of what n numbers drawn at random scatter by;
			// the variance of a uniform square is ⁴⁄₅ of its mean's square.
			mean, got := sum/n, math.Sqrt(squares/n)
			if math.Abs(mean) > 5*deviation/math.Sqrt(n) || math.Abs(got-deviation) > 5*deviation/2*math.Sqrt(1/n) {
				t.Errorf("%v %s: mean %v, deviation %v, want 0, %v", tt.Initializer, layer, mean, got, deviation)
			}
			if largest > float64(float32(limit)) || largest < 0.99*limit {
				t.Errorf("%v %s: goes up to %v, want %v", tt.Initializer, layer, largest, limit)
			}
		}
	}
}

// The normal distribution cut off at ±2, by the share of numbers in each
// sixteenth of the way. The shares come from math.Erf.
func TestTruncatedNormal(t *testing.T) {
	net := Network{
		Input:  Input{1, 1, 1000},
		Layers: []Layer{Flatten{}, Dense{Units: 1000, Initializer: Initializer{TruncatedNormal, 1}}},
	}
	const parts = 64
	counts := make([]float64, parts)
	data := net.InitialWeights(3)["dense1/filter"].Data
	for _, v := range data {
		counts[min(parts-1, int((float64(v)+2)/4*parts))]++
	}
	below := func(x float64) float64 { return math.Erf(x / math.Sqrt2) }
	distance := 0.0 // χ² of 63 degrees: 63 ± 11
	for i, got := range counts {
		from, to := float64(i)/parts*4-2, float64(i+1)/parts*4-2
		want := (below(to) - below(from)) / (2 * below(2)) * float64(len(data))
		distance += (got - want) * (got - want) / want
	}
	if distance < 20 || distance > 63+5*11.3 {
		t.Errorf("χ² is %v, want about 63", distance)
	}
}

// below against e^−t in 200 bits, at numbers drawn near it.
func TestBelow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		x := 2 * r.Float64()
		e, term := big.NewFloat(1).SetPrec(200), big.NewFloat(1).SetPrec(200)
		for n := 1; n < 60; n++ {
			term.Mul(term, big.NewFloat(-x))
			term.Quo(term, big.NewFloat(float64(n)))
			e.Add(e, term)
		}
		near, _ := e.Float64()
		for _, u := range []float64{near * (1 - 1e-14), near * (1 + 1e-14), near + (r.Float64()-0.5)/100, r.Float64()} {
			if u < 1 && below(u, x) != (big.NewFloat(u).Cmp(e) < 0) {
				t.Fatalf("below(%v, %v) is %v, e^−t is %v", u, x, below(u, x), e)
			}
		}
	}
	if !below(0, 2) || below(0.9999999999999999, 2) || !below(0.9999999999999999, 0) {
		t.Error("below is wrong at an end")
	}
}

// The first bits of u decide as all bits would.
func TestSqueeze(t *testing.T) {
	decided := 0.0
	for i, s := range squeeze() {
		near, far := float64(i)/128, float64(i+1)/128
		decided += (float64(s.accept) + 2048 - float64(s.reject)) / 2048 / 256
		if s.accept > 0 && !below(float64(s.accept)/2048, far*far/2) {
			t.Errorf("strip %d: %d of 2048 are accepted, e^−t is %v", i, s.accept, math.Exp(-far*far/2))
		}
		if s.reject < 2048 && below(float64(s.reject)/2048, near*near/2) {
			t.Errorf("strip %d: %d of 2048 and more are rejected, e^−t is %v", i, s.reject, math.Exp(-near*near/2))
		}
	}
	if decided < 0.99 {
		t.Errorf("only %v of all cases are decided", decided)
	}
}

// The bits are a promise: the same on every run, machine and number of cores.
func TestInitialBits(t *testing.T) {
	net := Network{
		Input: Input{8, 8, 64},
		Layers: []Layer{
			Conv2D{Name: "c", Filters: 400, Size: Square(3), Initializer: Initializer{Kind: HeNormal}},
			BatchNorm{Name: "b"},
			Flatten{},
			Dense{Name: "d", Units: 3, Initializer: Initializer{TruncatedNormal, 0.01}},
			Dense{Name: "e", Units: 5},
		},
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(cores)
		weights := net.InitialWeights(1)
		if err := weights.Check(net); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"c/filter": "8a213fb629bad02a", "d/filter": "ec2f385759e94581", "e/filter": "7e567bb58e71bf3e",
		} {
			if got := bits(weights[name]); got != want {
				t.Errorf("%d cores: %s hashes to %s, want %s", cores, name, got, want)
			}
		}
	}
	for name, want := range map[string]float32{"c/bias": 0, "b/scale": 1, "b/offset": 0, "b/mean": 0, "b/variance": 1} {
		for i, v := range net.InitialWeights(1)[name].Data {
			if v != want {
				t.Fatalf("%s begins with %v at %d, want %v", name, v, i, want)
			}
		}
	}
	// Neither the layers around nor the seed's neighbours make a difference,
	// or fail to.
	alone := Network{Input: Input{3, 3, 64}, Layers: net.Layers[:1]}
	if got, want := bits(alone.InitialWeights(1)["c/filter"]), bits(net.InitialWeights(1)["c/filter"]); got != want {
		t.Errorf("c/filter alone hashes to %s, among other layers to %s", got, want)
	}
	if bits(net.InitialWeights(2)["c/filter"]) == bits(net.InitialWeights(1)["c/filter"]) {
		t.Error("seeds 1 and 2 draw the same")
	}
	// Each chunk of a tensor is drawn from a stream of its own.
	filter := net.InitialWeights(1)["c/filter"].Data
	if filter[0] == filter[chunkSize] || filter[1] == filter[chunkSize+1] {
		t.Error("two chunks begin alike")
	}
	other := net
	other.Layers = append([]Layer{}, net.Layers...)
	other.Layers[0] = Conv2D{Name: "c2", Filters: 400, Size: Square(3), Initializer: Initializer{Kind: HeNormal}}
	if bits(other.InitialWeights(1)["c2/filter"]) == bits(net.InitialWeights(1)["c/filter"]) {
		t.Error("layers of two names draw the same")
	}
}

func BenchmarkInitialWeights(b *testing.B) {
	for _, kind := range []InitializerKind{GlorotUniform, HeNormal} {
		b.Run(string(kind), func(b *testing.B) {
			net := Network{
				Input:       Input{1, 1, 9216},
				Layers:      []Layer{Flatten{}, Dense{Units: 4096}},
				Initializer: Initializer{Kind: kind},
			}
			for b.Loop() {
				net.InitialWeights(1)
			}
			b.ReportMetric(9216*4096/1e6*float64(b.N)/b.Elapsed().Seconds(), "million/s")
		})
	}
}

// No product is fused with a sum on a processor that can do so: its bits
// would be others. The compiler's own listing for arm64 is looked through.
func TestNothingIsFused(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for arm64")
	}
	build := exec.Command("go", "build", "-gcflags=-S", ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	listing, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, listing)
	}
	found := false
	for line := range strings.Lines(string(listing)) {
		if !strings.Contains(line, "initial.go:") {
			continue
		}
		found = found || strings.Contains(line, "FMULD")
		if fused.MatchString(line) {
			t.Errorf("fused: %s", line)
		}
	}
	if !found {
		t.Error("the listing shows no product of initial.go")
	}
}

var fused = regexp.MustCompile(`\bFN?M(ADD|SUB)[DS]\b`)
