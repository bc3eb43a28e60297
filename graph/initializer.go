package graph

import "fmt"

// Initializer is how a fresh filter is drawn. The zero value leaves it to the
// network, and a network's to Glorot's uniform distribution.
type Initializer struct {
	Kind InitializerKind `net:",required"`
	// Deviation is the standard deviation of TruncatedNormal. Default 0.05.
	Deviation float64
}

// InitializerKind is a distribution.
type InitializerKind string

// The distributions. fan_in is the number of products in each sum, fan_out
// that of the sums that each input is part of. All are Keras's, but that a
// depthwise filter's fan_in is its taps alone. Normal ones are cut off at two
// deviations, and made wider so that the deviation is as named after that.
const (
	Zeros           InitializerKind = "zeros"
	GlorotUniform   InitializerKind = "glorot_uniform"   // ±√(6/(fan_in+fan_out)), Glorot and Bengio 2010
	GlorotNormal    InitializerKind = "glorot_normal"    // deviation √(2/(fan_in+fan_out))
	HeUniform       InitializerKind = "he_uniform"       // ±√(6/fan_in), He and others 2015
	HeNormal        InitializerKind = "he_normal"        // deviation √(2/fan_in)
	TruncatedNormal InitializerKind = "truncated_normal" // Deviation, cut off at twice that
)

// fresh is how a weight begins.
type fresh struct {
	initializer   Initializer
	fanIn, fanOut int
	constant      bool
	value         float32 // of a constant
}

func (i Initializer) check() error {
	switch i.Kind {
	case TruncatedNormal:
		if !(i.Deviation >= 0 && i.Deviation <= 1e30) {
			return fmt.Errorf("initializer's deviation is %v, want a number above 0", i.Deviation)
		}
		return nil
	case "", Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal:
		if i.Deviation != 0 {
			return fmt.Errorf("initializer %q has a deviation, which %q alone has", string(i.Kind), string(TruncatedNormal))
		}
		return nil
	}
	return fmt.Errorf("initializer %q is not known, want %q, %q, %q, %q, %q or %q", string(i.Kind), Zeros, GlorotUniform, GlorotNormal, HeUniform, HeNormal, TruncatedNormal)
}
