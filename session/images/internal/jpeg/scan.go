package jpeg

import "tfcnn/session/images/internal/fault"

// scan is what a start-of-scan segment says, B.2.3.
type scan struct {
	parts       []part
	first, last int // spectral selection
	high, low   int // successive approximation
	// mcus are the minimum coded units, each of blocks in the order of parts.
	mcus   int
	blocks int // of one MCU
}

// part is one component's share of a scan.
type part struct {
	index  int // of the component
	dc, ac int // numbers of tables
	perMCU int // blocks
}

// mostBlocks is the most blocks that an MCU has, B.2.3.
const mostBlocks = 10

// readScan reads a start-of-scan segment, and walks its scan where strict.
func (p *parser) readScan(body []byte) error {
	if len(p.Components) == 0 {
		return errHeader
	}
	if p.Scans++; p.Scans > maxScans {
		return fault.TooLarge("JPEG of more scans than its coefficients have bits")
	}
	s, err := p.scanOf(body)
	if err != nil {
		return err
	}
	if p.Scans == 1 {
		if err := p.colours(); err != nil {
			return err
		}
		p.multiScan = p.Progressive || len(s.parts) < len(p.Components)
	} else if !p.multiScan {
		return broken("more scans than the one that holds all components")
	}
	p.CodedBlocks += int64(s.mcus) * int64(s.blocks)
	if err := p.progress(s); err != nil {
		return err
	}
	if !p.strict {
		return nil
	}
	return p.walkScan(s)
}

// scanOf finds the scan's components in libjpeg's way: of several with the
// same identifier each is taken in its turn.
func (p *parser) scanOf(body []byte) (scan, error) {
	if len(body) < 1 {
		return scan{}, errHeader
	}
	count := int(body[0])
	if count < 1 || count > 4 || len(body) != 4+2*count {
		return scan{}, errHeader
	}
	var s scan
	var taken [4]bool // by place in the scan, as libjpeg has it
	for i := range count {
		id, tables := body[1+2*i], body[2+2*i]
		found := -1
		for c := range p.Components {
			if p.Components[c].id == id && !taken[c] {
				found = c
				break
			}
		}
		for _, before := range s.parts {
			if before.index == found {
				found = -1
			}
		}
		if found < 0 {
			return scan{}, broken("scan %d names component %d, which the frame does not have left", p.Scans, id)
		}
		if q := p.Components[found].quantizer; int(q) >= len(p.quantizer) || !p.quantizer[q] {
			return scan{}, broken("scan %d has component %d, whose quantization table %d is missing", p.Scans, found+1, q)
		}
		taken[i] = true
		s.parts = append(s.parts, part{index: found, dc: int(tables >> 4), ac: int(tables & 15)})
	}
	end := body[1+2*count:]
	s.first, s.last, s.high, s.low = int(end[0]), int(end[1]), int(end[2]>>4), int(end[2]&15)
	return s, p.size(&s)
}

// size finds the blocks of a scan: a scan of one component has those that hold
// samples, one of several is padded to whole MCUs, A.2.
func (p *parser) size(s *scan) error {
	if len(s.parts) == 1 {
		c := p.Components[s.parts[0].index]
		s.parts[0].perMCU, s.blocks, s.mcus = 1, 1, c.blocksWide*c.blocksHigh
		return nil
	}
	horizontal, vertical := p.mostSampling()
	s.mcus = divideUp(p.Width, horizontal*8) * divideUp(p.Height, vertical*8)
	for i := range s.parts {
		c := p.Components[s.parts[i].index]
		s.parts[i].perMCU = c.horizontal * c.vertical
		s.blocks += s.parts[i].perMCU
	}
	if s.blocks > mostBlocks {
		return broken("scan %d has %d blocks in a unit, at most %d are permitted", p.Scans, s.blocks, mostBlocks)
	}
	return nil
}

// colours refuses files whose colours libjpeg guesses.
func (p *parser) colours() error {
	components := len(p.Components)
	if components == 4 && !p.Adobe {
		// Adobe's files hold CMYK inverted. Viewers take all to be so,
		// TensorFlow none that lack the mark.
		return fault.Unsupported("JPEG in CMYK without Adobe's mark: it does not say whether its inks are inverted")
	}
	if !p.strict || !p.Adobe {
		return nil
	}
	if components == 3 && !p.jfif && p.transform > 1 || components == 4 && p.transform != 0 && p.transform != 2 {
		return broken("Adobe's segment says colour transform %d, which is not known for %d components", p.transform, components)
	}
	return nil
}

// progress notes what a scan codes, and refuses, where strict, one that does
// not follow from those before it.
func (p *parser) progress(s scan) error {
	if !p.Progressive {
		if p.strict && (s.first != 0 || s.last != 63 || s.high != 0 || s.low != 0) {
			return broken("scan %d of a sequential file codes coefficients %d to %d, bits %d to %d", p.Scans, s.first, s.last, s.high, s.low)
		}
		for _, of := range s.parts {
			p.Components[of.index].coded = true
		}
		return nil
	}
	dc := s.first == 0
	if dc && s.last != 0 || !dc && (s.first > s.last || s.last > 63 || len(s.parts) > 1) ||
		s.high != 0 && s.low != s.high-1 || s.low > 13 {
		return broken("scan %d codes coefficients %d to %d, bits %d to %d, of %d components at once", p.Scans, s.first, s.last, s.high, s.low, len(s.parts))
	}
	for _, of := range s.parts {
		c := &p.Components[of.index]
		if !dc && c.precision[0] < 0 && p.strict {
			return broken("scan %d codes component %d before its first coefficient is there", p.Scans, of.index+1)
		}
		for k := s.first; k <= s.last; k++ {
			if p.strict && s.high != max(0, int(c.precision[k])) {
				return broken("scan %d refines bit %d of coefficient %d of component %d, want bit %d", p.Scans, s.high, k, of.index+1, max(0, c.precision[k]))
			}
			c.precision[k] = int8(s.low)
		}
		c.coded = c.coded || dc
		c.refined = c.refined || !dc && s.high > 0
	}
	return nil
}

// complete looks, at the end of the file, for what no scan has coded.
func (p *parser) complete() error {
	for i := range p.Components {
		c := &p.Components[i]
		if !c.coded && p.strict {
			return broken("no scan has component %d", i+1)
		}
		for _, bit := range c.precision {
			p.Coarse = p.Coarse || p.Progressive && bit != 0
		}
	}
	return nil
}
