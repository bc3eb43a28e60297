package ref

import (
	"math"
	"slices"
)

// Function is an elementary function and the largest errors of TensorFlow's kernels
// for it.
//
// ULPs and Absolute are the largest errors that cmd/sweep found (claim 14: Elementary
// functions) over all 2³² float32 numbers, oneDNN off and on; and in one call with a
// convolution or matrix product, where oneDNN has functions of its own, over all numbers
// from −32 to −2⁻⁶ and a part of the others. ULPs are units in the last place of a result
// of 2⁻¹²⁵ or more. Absolute applies to x below 0 of the two functions that have no
// relative accuracy there, as they compute eˣ − 1 from a rounded eˣ. Smaller results
// were within 2⁻¹²⁵ of the exact value, many of them flushed to zero; subnormal
// numbers may be read as zero.
type Function struct {
	Name     string
	ULPs     float64
	Absolute float64 // 0: accuracy is relative everywhere
	Largest  float64 // the largest |x| with these errors; 0: any
	Value    func(x float64) float64
}

// Relative reports whether the error at x is ULPs; otherwise it is Absolute.
func (f Function) Relative(x float64) bool { return x >= 0 || f.Name != "elu" && f.Name != "selu" }

// margin is the factor by which an error may be larger on another processor, for whose
// instructions TensorFlow has other code.
const margin = 2

// functions is the one table of measured errors: libtensorflow 2.21.0 on an AMD
// EPYC with AVX2 and without AVX-512, 2026-11-24.
var functions = []Function{
	{Name: "exp", ULPs: 1.311, Value: math.Exp},
	{Name: "log", ULPs: 3.472, Value: math.Log},
	{Name: "rsqrt", ULPs: 2.032, Value: func(x float64) float64 { return 1 / math.Sqrt(x) }},
	{Name: "reciprocal", ULPs: 2.716, Largest: 0x1p100, Value: func(x float64) float64 { return 1 / x }},
	{Name: "tanh", ULPs: 6.141, Value: math.Tanh},
	{Name: "sigmoid", ULPs: 6.58, Value: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
	{Name: "elu", ULPs: 0, Absolute: 1.121e-7, Value: elu},
	{Name: "selu", ULPs: 1.056, Absolute: 1.585e-7, Value: selu},
}

// function returns a line of the table.
func function(name string) Function {
	i := slices.IndexFunc(functions, func(f Function) bool { return f.Name == name })
	return functions[i]
}

// Functions returns the table.
func Functions() []Function { return slices.Clone(functions) }

func elu(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.Expm1(x)
}

// The constants of Klambauer and others, Self-Normalizing Neural Networks.
const (
	seluScale = 1.0507009873554804934193349852946
	seluAlpha = 1.6732632423543772848170429916717
)

func selu(x float64) float64 {
	if x > 0 {
		return seluScale * x
	}
	return seluScale * seluAlpha * math.Expm1(x)
}

// Spacing returns the distance between float32 numbers at x: a unit in the last place.
func Spacing(x float64) float64 {
	if x == 0 {
		return 0x1p-149
	}
	_, exponent := math.Frexp(min(math.Abs(x), math.MaxFloat32))
	return math.Ldexp(1, max(exponent-24, -149))
}
