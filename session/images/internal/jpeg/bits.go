package jpeg

import "encoding/binary"

// bitReader reads the bits of entropy-coded data, and stops before a marker.
type bitReader struct {
	data  []byte
	at    int    // the next byte; before a marker: its first 0xff
	bits  uint64 // the next bits, from the top
	count int    // of bits; below 0: more were taken than there are
	ended bool   // data end, or a marker follows
}

// fill loads bytes until there are more than 56 bits, or the data end. Zeros
// follow then.
func (r *bitReader) fill() {
	for r.count <= 56 && !r.ended {
		if r.at+8 <= len(r.data) {
			next := binary.BigEndian.Uint64(r.data[r.at:])
			if plain(next) {
				r.bits |= next >> (uint(r.count) & 63)
				r.at += (63 - r.count) >> 3
				r.count |= 56
				return
			}
		}
		r.loadByte()
	}
}

// plain reports whether none of eight bytes is 0xff.
func plain(eight uint64) bool {
	return (^eight-0x0101010101010101)&eight&0x8080808080808080 == 0
}

// loadByte loads a byte. 0xff is followed by a zero; several before it are one,
// as libjpeg has it.
func (r *bitReader) loadByte() {
	if r.at == len(r.data) {
		r.ended = true
		return
	}
	b := r.data[r.at]
	if b == 0xff {
		next := r.at + 1
		for next < len(r.data) && r.data[next] == 0xff {
			next++
		}
		if next == len(r.data) || r.data[next] != 0 {
			r.ended = true
			return
		}
		r.at = next
	}
	r.at++
	r.bits |= uint64(b) << (uint(56-r.count) & 63)
	r.count += 8
}

// need fills where less than n bits are left, at most 32.
func (r *bitReader) need(n int) {
	if r.count < n {
		r.fill()
	}
}

// take takes n bits, at most 16, of those that need has seen to.
func (r *bitReader) take(n int) int {
	v := int(r.bits >> 1 >> (63 - uint(n)&63))
	r.bits <<= uint(n) & 63
	r.count -= n
	return v
}

// skip takes any number of bits.
func (r *bitReader) skip(n int) {
	for n > 0 {
		r.need(1)
		if r.count <= 0 { // ended
			r.count -= n
			return
		}
		some := min(n, r.count)
		r.bits = r.bits << (uint(some-1) & 63) << 1
		r.count -= some
		n -= some
	}
}

// symbol reads a Huffman code. Enough bits are there for it and 16 more.
func (r *bitReader) symbol(c *codes) (value byte, found bool) {
	r.need(32)
	if entry := c.symbols[r.bits>>(64-lookBits)]; entry != 0 {
		r.bits <<= uint(entry>>8) & 63
		r.count -= int(entry >> 8)
		return byte(entry), true
	}
	value, length, found := c.find(r.bits >> 48)
	r.bits <<= uint(length) & 63
	r.count -= length
	return value, found
}

// leftOver reports whether a whole byte is left before the next marker. The
// last bits of a byte are padding.
func (r *bitReader) leftOver() bool {
	r.fill()
	return r.count >= 8
}
