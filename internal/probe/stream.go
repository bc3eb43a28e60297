package probe

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// stream is a source of random numbers.
type stream struct {
	*rand.PCG
	normal *rand.Rand
}

// fill sets each number of x to what number returns for its index. Numbers are drawn on
// all cores; each run of them has a stream of its own, so that equal seeds give equal
// numbers.
func (d *drawing) fill(x []float32, number func(r *stream, i int) float64) {
	const run = 1 << 16
	var (
		next  atomic.Int64
		group sync.WaitGroup
	)
	d.filled++
	for range min(runtime.GOMAXPROCS(0), (len(x)+run-1)/run) {
		group.Go(func() {
			for {
				first := int(next.Add(1)-1) * run
				if first >= len(x) {
					return
				}
				source := rand.NewPCG(d.seed, d.filled<<32|uint64(first/run))
				r := &stream{source, rand.New(source)}
				for i := first; i < min(len(x), first+run); i++ {
					x[i] = float32(number(r, i))
				}
			}
		})
	}
	group.Wait()
}

// whole returns a whole number from 1 to n, or one of the negatives.
func (r *stream) whole(n int) float64 {
	bits := r.Uint64()
	v := float64(1 + bits>>33*uint64(n)>>31)
	if bits&1 == 1 {
		return -v
	}
	return v
}

// large returns an odd number of 12 bits up to most, or its negative.
func (r *stream) large(most int) float64 {
	v := r.whole((most-leastLarge)/2 + 1)
	if v < 0 {
		return 2*v + 2 - leastLarge
	}
	return 2*v - 2 + leastLarge
}

// happens reports whether an event of a probability happens.
func (r *stream) happens(probability float64) bool {
	return probability > 0 && float64(r.Uint64()>>11)*0x1p-53 < probability
}
