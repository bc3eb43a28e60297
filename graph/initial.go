package graph

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"tfcnn/graph/tensor"
	"tfcnn/internal/ir"
)

// InitialWeights draws fresh weights: filters as the layer's or the network's
// Initializer says, biases, offsets and means zero, scales and variances one.
// A weight depends on the seed, on its own name and shape and on its
// initializer alone, not on the layers around it. The same seed gives the same
// bits on every run, machine and number of cores: they are drawn with ChaCha8
// (C2SP's chacha8rand) and with IEEE 754's own operations. A network that Lower
// refuses has no weights: nil.
func (n Network) InitialWeights(seed uint64) Weights {
	lowered, err := Lower(n)
	if err != nil {
		return nil
	}
	weights := Weights{}
	var chunks []chunk
	for _, step := range lowered.Program.Steps {
		for _, w := range step.Weights {
			t := tensor.Tensor{Shape: slices.Clone(w.Shape), Data: make([]float32, elements(w.Shape))}
			weights[w.Name] = t
			d := lowered.fresh[w.Name].distribution(w)
			for i, data := range slices.Collect(slices.Chunk(t.Data, chunkSize)) {
				chunks = append(chunks, chunk{d, w.Name, i, data})
			}
		}
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(chunks) {
					return
				}
				chunks[i].fill(seed)
			}
		})
	}
	all.Wait()
	return weights
}

// fresh is the way in which a weight is drawn.
type fresh struct {
	initializer Initializer
	constant    bool
	value       float32 // of a constant
}

// distribution is the constant shift, plus a uniform distribution from −width to
// width, or a normal distribution of the deviation width, cut off at twice that.
type distribution struct {
	shift  float32
	width  float64
	normal bool
}

// cut is the standard deviation of the standard normal distribution after it
// is cut off at ±2. Keras has the same digits.
const cut = 0.87962566103423978

// distribution returns TensorFlow's and Keras's distribution of the name.
// VarianceScaling's fans come from the shape, of a depthwise or a transposed filter,
// too.
func (f fresh) distribution(w ir.Weight) distribution {
	if f.constant {
		return distribution{shift: f.value}
	}
	in, out := fans(w.Shape)
	switch kind := f.initializer.Kind; kind {
	case Zeros:
		return distribution{}
	case GlorotNormal:
		return distribution{width: math.Sqrt(2/(in+out)) / cut, normal: true}
	case HeUniform:
		return distribution{width: math.Sqrt(6 / in)}
	case HeNormal:
		return distribution{width: math.Sqrt(2/in) / cut, normal: true}
	case TruncatedNormal:
		if f.initializer.Deviation == 0 {
			return distribution{width: 0.05, normal: true}
		}
		return distribution{width: f.initializer.Deviation, normal: true}
	default:
		return distribution{width: math.Sqrt(6 / (in + out))}
	}
}

// fans returns Keras's compute_fans: the last two axes of a filter, each times
// the taps.
func fans(shape []int) (in, out float64) {
	n := len(shape)
	taps := elements(shape[:n-2])
	return float64(taps * int64(shape[n-2])), float64(taps * int64(shape[n-1]))
}

// chunkSize is the number of numbers that are drawn from one stream. The bits depend
// on it.
const chunkSize = 1 << 16

// chunk is a part of a tensor with a stream of its own.
type chunk struct {
	distribution
	name  string
	index int
	data  []float32
}

func (c chunk) fill(seed uint64) {
	if c.width == 0 {
		for i := range c.data {
			c.data[i] = c.shift
		}
		return
	}
	var key []byte
	key = binary.LittleEndian.AppendUint64(key, seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(c.index))
	random := rand.NewChaCha8(sha256.Sum256(append(key, c.name...)))
	if c.normal {
		for i := range c.data {
			c.data[i] = float32(truncated(random) * c.width)
		}
		return
	}
	for i := range c.data {
		x := float64(int64(random.Uint64())>>11) * 0x1p-52 // −1 up to 1
		c.data[i] = float32(x * c.width)
	}
}

// truncated draws from the standard normal distribution cut off at ±2, by rejection:
// it draws x uniformly and accepts x where another number, u from 0 to 1, is below
// e^(−x²/2). The first bits of u decide most cases.
func truncated(random *rand.ChaCha8) float64 {
	strips := squeeze()
	for {
		word := random.Uint64()
		m := int64(word) >> 11
		x := float64(m) * 0x1p-51
		coarse := word & (1<<coarseBits - 1)
		s := strips[(m^m>>63)>>(52-stripBits)]
		switch {
		case coarse < s.accept:
			return x
		case coarse >= s.reject:
			continue
		}
		u := float64(coarse<<(53-coarseBits)|random.Uint64()>>(11+coarseBits)) * 0x1p-53
		if below(u, x*x/2) {
			return x
		}
	}
}

// A strip is a part of 0 … 2, in which |x| lies. Where the first bits of u are below
// accept, every x of the strip is accepted, from reject on none.
type strip struct{ accept, reject uint64 }

const (
	coarseBits = 11 // the bits of a word beside the 53 of x
	stripBits  = 8
)

// squeeze is the table of the squeeze step of rejection sampling. Without it, with two
// calls of below for each x, the bits are the same and drawing takes 2.4 times as
// long. The bits depend on the strips, as only undecided cases draw a second word.
var squeeze = sync.OnceValue(func() *[1 << stripBits]strip {
	const steps = 1 << coarseBits
	var strips [1 << stripBits]strip
	// count returns the number of steps that lie below e^(−x²/2) as a whole.
	count := func(x float64) uint64 {
		return uint64(sort.Search(steps, func(n int) bool { return !below(float64(n+1)/steps, x*x/2) }))
	}
	for i := range strips {
		near, far := float64(i)*2/float64(len(strips)), float64(i+1)*2/float64(len(strips))
		strips[i] = strip{accept: count(far), reject: count(near) + 1}
	}
	return &strips
})

// below reports whether u is below e^−t, for t from 0 to 2. The sums of the series
// 1 − t + t²/2 − … lie above and below e^−t in turn, so that a few terms decide most
// cases. There is no math.Exp, whose bits differ between machines, and each product
// is rounded before it is added (Go's explicit conversions), so that no machine fuses
// the two.
func below(u, t float64) bool {
	sum, term := 1.0, 1.0
	for n := 1.0; n < 30; n += 2 {
		term = float64(term * t / n)
		sum -= term
		if u < sum {
			return true
		}
		term = float64(term * t / (n + 1))
		sum += term
		if u >= sum {
			return false
		}
	}
	return u < sum
}
