package jpeg

import (
	"encoding/binary"
	"math/bits"

	"tfcnn/session/images/internal/fault"
)

// Walk reads all of a file, its entropy-coded data too, and returns an error
// where something is missing, unknown or left over. It allocates 8 bytes for
// each block of a progressive file's components, if their AC coefficients are
// refined, and else next to nothing.
func Walk(file []byte) error {
	first := parser{file: file}
	if err := first.parse(); err != nil {
		return err
	}
	p := parser{file: file, strict: true, refines: make([]bool, len(first.Components))}
	if !first.Progressive {
		p.dc, p.ac = standardTables()
	}
	for i, c := range first.Components {
		p.refines[i] = c.refined
	}
	return p.parse()
}

// walker walks one scan.
type walker struct {
	*parser
	scan
	bitReader
}

// walkScan walks the data of a scan from p.at on, up to the marker after it.
func (p *parser) walkScan(s scan) error {
	w := walker{parser: p, scan: s, bitReader: bitReader{data: p.file, at: p.at}}
	if err := w.prepare(); err != nil {
		return err
	}
	walk := w.sequential
	switch dc := s.first == 0; {
	case !p.Progressive:
	case dc && s.high == 0:
		walk = w.firstDC
	case dc:
		walk = w.refineDC
	case s.high == 0:
		walk = w.firstAC
	default:
		walk = w.refineAC
	}
	interval := p.interval
	if interval == 0 {
		interval = s.mcus
	}
	for from := 0; from < s.mcus; from += interval {
		if from > 0 {
			if err := w.restart(from/interval - 1); err != nil {
				return err
			}
		}
		if err := walk(from, min(from+interval, s.mcus)); err != nil {
			return err
		}
		if w.count < 0 {
			return errEnds
		}
		if w.leftOver() {
			return w.fails("bytes are left over before a marker")
		}
	}
	p.at = w.bitReader.at
	return nil
}

var errEnds = fault.Damaged("JPEG: broken or truncated file: its data end before the image does")

// What fails is called with.
const (
	unknownCode = "unknown Huffman code"
	pastLast    = "coefficient past the last"
	pastBlocks  = "run of ended blocks goes past the last block"
	overfull    = "Huffman table has more codes than there can be"
)

// fails is an error in a scan.
func (w *walker) fails(what string) error {
	if w.count < 0 {
		return errEnds
	}
	return broken("scan %d, before byte %d: %s", w.Scans, w.bitReader.at, what)
}

// prepare makes the tables that a scan uses.
func (w *walker) prepare() error {
	for _, of := range w.parts {
		if !w.Progressive || w.first == 0 && w.high == 0 {
			if of.dc > 3 || !w.dc[of.dc].defined || !w.dc[of.dc].validDC() {
				return w.fails("Huffman table for first coefficients is missing or broken")
			}
			if !w.dc[of.dc].build(&w.dcCodes[of.dc]) {
				return w.fails(overfull)
			}
		}
		if !w.Progressive || w.first > 0 {
			if of.ac > 3 || !w.ac[of.ac].defined {
				return w.fails("Huffman table is missing")
			}
			if !w.ac[of.ac].build(&w.acCodes[of.ac]) {
				return w.fails(overfull)
			}
		}
	}
	return nil
}

// restart reads the marker before all intervals but the first, F.2.1.3.1.
func (w *walker) restart(number int) error {
	r := &w.bitReader
	for r.at < len(r.data) && r.data[r.at] == 0xff {
		r.at++
	}
	if r.at == len(r.data) {
		return errNoEnd
	}
	if got, want := r.data[r.at], byte(markerRST0+number&7); got != want {
		return w.fails("restart marker is missing or wrong")
	}
	w.bitReader = bitReader{data: r.data, at: r.at + 1}
	return nil
}

// sequential walks MCUs of a sequential scan, F.2.2: of the coefficients only
// the number of their bits is read.
func (w *walker) sequential(from, to int) error {
	var unit [mostBlocks]struct{ dc, ac *codes }
	blocks := unit[:0]
	for _, of := range w.parts {
		for range of.perMCU {
			blocks = append(blocks, struct{ dc, ac *codes }{&w.dcCodes[of.dc], &w.acCodes[of.ac]})
		}
	}
	for range to - from {
		for _, block := range blocks {
			size, found := w.symbol(block.dc)
			if !found {
				return w.fails(unknownCode)
			}
			w.take(int(size))
			k, found := w.block(block.ac)
			switch {
			case w.count < 0:
				return errEnds
			case !found:
				return w.fails(unknownCode)
			case k > 64 && k < endOfBlock:
				return w.fails(pastLast)
			}
		}
	}
	return nil
}

// block reads a block's AC coefficients, and returns the number of the last
// and one, or endOfBlock and more. The reader's fields are kept in registers.
func (r *bitReader) block(c *codes) (k int, found bool) {
	data, at, next, count := r.data, r.at, r.bits, r.count
	for k = 1; k < 64; {
		if count < 32 {
			if at+8 <= len(data) {
				eight := binary.BigEndian.Uint64(data[at:])
				if plain(eight) {
					next |= eight >> (uint(count) & 63)
					at += (63 - count) >> 3
					count |= 56
					goto filled
				}
			}
			r.at, r.bits, r.count = at, next, count
			r.fill()
			at, next, count = r.at, r.bits, r.count
		}
	filled:
		move := int(c.steps[next>>(64-lookBits)])
		if move == 0 {
			value, length, found := c.find(next >> 48)
			if !found {
				r.at, r.bits, r.count = at, next, count-length
				return k, false
			}
			move = int(step(length, value))
		}
		next <<= uint(move) & 63
		count -= move & 63
		k += move >> 8
	}
	r.at, r.bits, r.count = at, next, count
	return k, true
}

// firstDC walks the first scan of DC coefficients, G.1.2.1.
func (w *walker) firstDC(from, to int) error {
	for range to - from {
		for _, of := range w.parts {
			for range of.perMCU {
				size, found := w.symbol(&w.dcCodes[of.dc])
				if !found {
					return w.fails(unknownCode)
				}
				w.take(int(size))
				if w.count < 0 {
					return errEnds
				}
			}
		}
	}
	return nil
}

// refineDC walks a later scan of DC coefficients: a bit a block.
func (w *walker) refineDC(from, to int) error {
	w.skip((to - from) * w.blocks)
	return nil
}

// firstAC walks the first scan of a band of AC coefficients, G.1.2.2.
func (w *walker) firstAC(from, to int) error {
	c := &w.acCodes[w.parts[0].ac]
	nonzero := w.nonzeroOf(w.parts[0].index)
	run := 0 // blocks that have no more coefficients
	for block := from; block < to; block++ {
		if run > 0 {
			done := min(run, to-block)
			run, block = run-done, block+done-1
			continue
		}
		for k := w.first; k <= w.last; k++ {
			value, found := w.symbol(c)
			if !found {
				return w.fails(unknownCode)
			}
			zeros, size := int(value>>4), int(value&15)
			if size == 0 && zeros < 15 {
				run = 1<<zeros + w.take(zeros) - 1
				break
			}
			if k += zeros; k > w.last {
				return w.fails(pastLast)
			}
			if size == 0 {
				continue
			}
			if v := w.take(size); nonzero != nil {
				setBit(&nonzero[block], k, int16(extend(v, size)<<w.low) != 0)
			}
		}
		if w.count < 0 {
			return errEnds
		}
	}
	if run > 0 {
		return w.fails(pastBlocks)
	}
	return nil
}

// extend is a coefficient by its bits, F.2.2.1.
func extend(v, size int) int {
	if v < 1<<(size-1) {
		return v - 1<<size + 1
	}
	return v
}

func setBit(word *uint64, k int, set bool) {
	if *word &^= 1 << k; set {
		*word |= 1 << k
	}
}

// nonzeroOf is where the coefficients that are not zero are noted of a
// component whose AC coefficients are refined: a bit for each that has some
// follows in every refinement.
func (w *walker) nonzeroOf(component int) []uint64 {
	c := &w.Components[component]
	if w.refines[component] && c.nonzero == nil {
		c.nonzero = make([]uint64, c.blocksWide*c.blocksHigh)
	}
	return c.nonzero
}

// refineAC walks a later scan of a band of AC coefficients, G.1.2.3.
func (w *walker) refineAC(from, to int) error {
	c := &w.acCodes[w.parts[0].ac]
	all := w.nonzeroOf(w.parts[0].index)
	band := ^uint64(0) >> (63 - w.last) // up to the last
	run := 0
	for block := from; block < to; block++ {
		nonzero := all[block]
		k := w.first
		for run == 0 && k <= w.last {
			value, found := w.symbol(c)
			if !found {
				return w.fails(unknownCode)
			}
			zeros, size := int(value>>4), int(value&15)
			if size > 1 {
				return w.fails("refined coefficient has more than one bit")
			}
			if size == 0 && zeros < 15 {
				run = 1<<zeros + w.take(zeros)
				break
			}
			w.take(size)
			// The place is the zero coefficient after so many.
			free := ^nonzero & band >> k << k
			for ; zeros > 0; zeros-- {
				free &= free - 1
			}
			if free == 0 {
				return w.fails(pastLast)
			}
			position := bits.TrailingZeros64(free)
			w.skip(bits.OnesCount64(nonzero & (1<<position - 1) >> k))
			nonzero |= uint64(size) << position
			k = position + 1
		}
		if run > 0 {
			w.skip(bits.OnesCount64(nonzero & band >> k))
			run--
		}
		if w.count < 0 {
			return errEnds
		}
		all[block] = nonzero
	}
	if run > 0 {
		return w.fails(pastBlocks)
	}
	return nil
}
