package main

import (
	"math"
	"slices"
)

// spread is a median and the quartiles beside it.
type spread struct {
	Median float64 `json:"median"`
	Lower  float64 `json:"lower"` // quartile
	Upper  float64 `json:"upper"` // quartile
	N      int     `json:"n"`
}

// spreadOf is zero for an empty list.
func spreadOf(values []float64) spread {
	return spread{
		Median: quantile(values, 0.5), Lower: quantile(values, 0.25), Upper: quantile(values, 0.75),
		N: len(values),
	}
}

// spreadOfRounds is that of single calls, each round counted alike however many
// calls it had: a round that was disturbed has few, and would go under.
func spreadOfRounds(rounds [][]float64) spread {
	const parts = 100
	var even []float64
	n := 0
	for _, calls := range rounds {
		n += len(calls)
		if len(calls) == 0 {
			continue
		}
		for i := range parts {
			even = append(even, quantile(calls, (float64(i)+0.5)/parts))
		}
	}
	s := spreadOf(even)
	s.N = n
	return s
}

// quantile is the value below which a share q of the values lies, between
// neighbours in proportion (the definition of NumPy, and R's type 7). It is 0
// for an empty list.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(math.Floor(at))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// ratios sets two contestants' rounds against each other, each round against
// the same round: what changes on the machine from one round to the next is in
// both. Lists of unequal length are cut to the shorter.
func ratios(of, to []float64) []float64 {
	n := min(len(of), len(to))
	list := make([]float64, 0, n)
	for i := range n {
		if to[i] > 0 {
			list = append(list, of[i]/to[i])
		}
	}
	return list
}
