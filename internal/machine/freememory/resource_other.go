//go:build !linux

package freememory

const (
	addressSpace = iota
	data
)

func resourceLimit(int) uint64 { return Unlimited }
