package ir

// Pad is TensorFlow's Pad: rows and columns of zeros on the sides. Operand:
// input [N,H,W,C].
type Pad struct{ Top, Bottom, Left, Right int }

// Kind returns "pad".
func (Pad) Kind() string { return "pad" }

func (p *Pad) attributes() []Attribute {
	return []Attribute{{Name: "padding", Value: (*Sides)(p)}}
}

// Traits returns the traits of a copy among zeros.
func (Pad) Traits() Traits {
	return Traits{Family: Reshaping, Operands: OneInput, Output: NewBuffer, Saved: SavesNothing, Reads: SamePosition, Linear: true, FusableAhead: true}
}

// Shape returns [N, Top+H+Bottom, Left+W+Right, C].
func (p Pad) Shape(operands ...[]int) ([]int, error) {
	if err := operandCount(operands, 1, 1, "one input"); err != nil {
		return nil, err
	}
	input := operands[0]
	if err := checkInput(input); err != nil {
		return nil, err
	}
	sides := Padding{Kind: Explicit, Top: p.Top, Bottom: p.Bottom, Left: p.Left, Right: p.Right}
	if err := sides.check(); err != nil {
		return nil, err
	}
	output := []int{input[0], p.Top + input[1] + p.Bottom, p.Left + input[2] + p.Right, input[3]}
	return output, CheckElements("output", output)
}

// Multiplications returns 0.
func (Pad) Multiplications(...[]int) int64 { return 0 }
