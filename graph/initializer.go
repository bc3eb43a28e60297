package graph

import (
	"fmt"

	"tfcnn/internal/quote"
)

// Initializer is the distribution of a fresh filter. The zero value means the
// network's, and for a network Glorot's uniform distribution.
type Initializer struct {
	Kind InitializerKind `net:",required"`
	// Deviation is the standard deviation of TruncatedNormal before it is cut
	// off. Default 0.05.
	Deviation float64
}

// InitializerKind is a distribution.
type InitializerKind string

// The distributions, as TensorFlow and Keras define them. fan_in and fan_out
// are the last two axes of the filter, each times its taps: of a Conv2D,
// [h,w,C/groups,filters], h·w·C/groups and h·w·filters; of a DepthwiseConv2D,
// [h,w,C,multiplier], h·w·C and h·w·multiplier; of a Conv2DTranspose,
// [h,w,filters/groups,C], h·w·filters/groups and h·w·C; of a Dense, [F,units],
// F and units. The normal distributions are cut off at two deviations. Those of
// Glorot and He are wider before the cut, so that they have the named deviation after
// it; TruncatedNormal has 0.88 of its Deviation after the cut.
const (
	Zeros           InitializerKind = "zeros"
	GlorotUniform   InitializerKind = "glorot_uniform"   // ±√(6/(fan_in+fan_out)), Glorot and Bengio 2010
	GlorotNormal    InitializerKind = "glorot_normal"    // deviation √(2/(fan_in+fan_out))
	HeUniform       InitializerKind = "he_uniform"       // ±√(6/fan_in), He and others 2015
	HeNormal        InitializerKind = "he_normal"        // deviation √(2/fan_in)
	TruncatedNormal InitializerKind = "truncated_normal" // Deviation, cut off at twice that
)

func (i Initializer) check() error {
	switch i.Kind {
	case TruncatedNormal:
		if !(i.Deviation >= 0 && i.Deviation <= 1e30) {
			return fmt.Errorf("initializer's deviation is %v, want a number above 0", i.Deviation)
		}
		return nil
	case "", Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal:
		if i.Deviation != 0 {
			return fmt.Errorf("initializer %s has a deviation, which %q alone has", quote.Name(string(i.Kind)), string(TruncatedNormal))
		}
		return nil
	}
	return fmt.Errorf("initializer %s is not known, want %q, %q, %q, %q, %q or %q", quote.Name(string(i.Kind)), Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal, TruncatedNormal)
}
