package main

import "fmt"

// target is something that the project has set out to reach, and what came of
// it, worked out from the figures.
type target struct {
	Row     string  `json:"row"`
	Text    string  `json:"text"`
	Against string  `json:"against"` // contestant, or limit
	Value   float64 `json:"value"`
	// Limit is what Value must be at most or, with AtLeast, at least.
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least"`
	// Open says why there is no Value.
	Open string `json:"open,omitempty"`
}

// reached reports whether the value meets the limit.
func (t target) reached() bool {
	if t.Open != "" {
		return false
	}
	if t.AtLeast {
		return t.Value >= t.Limit
	}
	return t.Value <= t.Limit
}

// The targets beside those that hold for every row.
const (
	overBindings  = 1.05 // of the bare bindings' best
	poolOfPeers   = 0.7  // of the best peer's time
	ofProductRate = 0.8
	ofPythonCall  = 0.35
	ofPythonStart = 0.1
)

// targetsOf works out every target that the rows tell of.
func targetsOf(rows []measured) []target {
	var list []target
	for _, m := range rows {
		list = append(list, m.against("no peer is faster", peer, 1))
	}
	for _, m := range rows {
		list = append(list, m.against("at most 5 % over the bare bindings' best", from(bindings), overBindings))
	}
	for _, m := range rows {
		switch m.Row {
		case "max_pool":
			list = append(list, m.against("at most 0.7 of the best peer's time", peer, poolOfPeers))
		case "maps200":
			list = append(list, m.ofProduct("at least 80 % of the product's rate", ofProductRate))
		case "overhead":
			list = append(list, m.against("at most 0.35 of Python TensorFlow's time", from(python), ofPythonCall))
		case "start":
			list = append(list, m.against("at most 0.1 of Python TensorFlow's time", from(python), ofPythonStart))
		}
	}
	return list
}

// own is our figure: that of the default options. For a crowd it is the better
// of joining images and not.
func (m measured) own() (figure, bool) {
	if m.How == crowd {
		return m.fastest(from(ours))
	}
	return m.find(ourName)
}

// against sets our time against that of the fastest of some contestants.
func (m measured) against(text string, whom func(figure) bool, most float64) target {
	t := target{Row: m.Row, Text: text, Limit: most}
	own, found := m.own()
	if !found {
		t.Open = "ours was not measured"
		return t
	}
	best, found := m.fastest(whom)
	if !found {
		t.Open = "none of them was measured"
		return t
	}
	t.Against = best.Name
	t.Value = quantile(ratios(own.Rounds, best.Rounds), 0.5)
	return t
}

// ofProduct sets our rate against the machine's.
func (m measured) ofProduct(text string, atLeast float64) target {
	t := target{Row: m.Row, Text: text, Limit: atLeast, AtLeast: true, Against: limitsName}
	own, found := m.own()
	if !found || m.Limits.Product.Median == 0 {
		t.Open = "ours was not measured"
		return t
	}
	t.Value = m.Work.FLOPs / own.perCall() / m.Limits.Product.Median
	return t
}

// failures lists what went wrong: processes that died, results that differ.
func failures(rows []measured) []string {
	var list []string
	for _, m := range rows {
		for _, f := range m.Contestants {
			if f.Failed != "" {
				list = append(list, fmt.Sprintf("%s: %s", m.Row, f.Failed))
			}
		}
	}
	return list
}
