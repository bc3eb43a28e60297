//go:build !linux

package limits

const (
	addressSpace = iota
	data
)

func resourceLimit(int) uint64 { return Unlimited }
