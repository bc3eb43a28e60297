package jpeg

// table is a Huffman table as a file defines it, B.2.4.2.
type table struct {
	defined bool
	counts  [17]int // codes of each length
	values  [256]byte
}

// readTables reads a segment of Huffman tables. Whether codes make sense is
// looked at where a scan uses them, as libjpeg does: a table that no scan uses
// may be anything.
func (p *parser) readTables(body []byte) error {
	for len(body) > 16 {
		var t table
		total := 0
		for length := 1; length <= 16; length++ {
			t.counts[length] = int(body[length])
			total += t.counts[length]
		}
		index := body[0]
		body = body[17:]
		if total > 256 || total > len(body) {
			return errHeader
		}
		copy(t.values[:], body[:total])
		body = body[total:]
		t.defined = true
		switch {
		case index < 4:
			p.dc[index] = t
		case index >= 0x10 && index < 0x14:
			p.ac[index-0x10] = t
		default:
			return errHeader
		}
	}
	if len(body) > 0 {
		return errHeader
	}
	return nil
}

// lookBits is how many bits of the data are looked up at once. Few codes are
// longer.
const lookBits = 10

// codes decode a Huffman table, by the first lookBits bits.
type codes struct {
	// symbols holds a code's length above its value; 0: the code is longer,
	// or there is none.
	symbols [1 << lookBits]uint16
	// steps holds, for blocks of sequential files, how far a code and the bits
	// that follow it go: coefficients above bits; 0 as above.
	steps    [1 << lookBits]uint16
	greatest [17]int32 // code of each length; −1: none
	offset   [17]int32 // from a code to its value
	values   *[256]byte
}

// endOfBlock is a step past all coefficients.
const endOfBlock = 128

// build makes a table ready, C.2, and reports whether its codes are possible.
// No code is all ones.
func (t *table) build(c *codes) bool {
	*c = codes{values: &t.values}
	code, index := 0, 0
	for length := 1; length <= 16; length++ {
		c.greatest[length] = -1
		if t.counts[length] > 0 {
			c.offset[length] = int32(index - code)
			for range t.counts[length] {
				if length <= lookBits {
					c.fill(code, length, t.values[index])
				}
				code, index = code+1, index+1
			}
			if code >= 1<<length {
				return false
			}
			c.greatest[length] = int32(code - 1)
		}
		code <<= 1
	}
	return true
}

// fill enters a short code under all bits that begin with it.
func (c *codes) fill(code, length int, value byte) {
	from, to := code<<(lookBits-length), (code+1)<<(lookBits-length)
	if to > len(c.symbols) { // more codes than there can be
		return
	}
	for i := from; i < to; i++ {
		c.symbols[i] = uint16(length)<<8 | uint16(value)
		c.steps[i] = step(length, value)
	}
}

// step is what an AC code of a sequential scan moves on, F.2.2.2: run and size
// are in its value.
func step(length int, value byte) uint16 {
	run, size := int(value>>4), int(value&15)
	coefficients := run + 1
	if size == 0 && run < 15 {
		coefficients = endOfBlock
	}
	return uint16(coefficients)<<8 | uint16(length+size)
}

// find finds a code by the next 16 bits, bit by bit, F.2.2.3.
func (c *codes) find(bits uint64) (value byte, length int, found bool) {
	for length = 1; length <= 16; length++ {
		if code := int32(bits >> (16 - length)); code <= c.greatest[length] {
			return c.values[code+c.offset[length]], length, true
		}
	}
	return 0, 0, false
}

// validDC reports whether a table's values are sizes of DC differences.
func (t *table) validDC() bool {
	total := 0
	for _, n := range t.counts {
		total += n
	}
	for _, value := range t.values[:total] {
		if value > 15 {
			return false
		}
	}
	return true
}
