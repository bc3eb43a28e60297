package main

import (
	"fmt"
	"strings"
)

// The rules by which code is changed.
const (
	arithmeticRule = "arithmetic" // + for −, × for ÷, ÷ for %, and the reverse; x for −x
	operandRule    = "operand"    // x for x + y, x − y, …
	comparisonRule = "comparison" // < for <=, == for !=, and the reverse
	logicRule      = "logic"      // && for ||, and the reverse
	conditionRule  = "condition"  // a condition's opposite
	constantRule   = "constant"   // 1 for 0, n + 1 for n, 2x for x; true for false
	extremeRule    = "extreme"    // min for max, and the reverse
	indexRule      = "index"      // x[1] for x[0]
	reversedRule   = "reversed"   // size − 1 − i for i in (… × size + i)
	fieldRule      = "field"      // the struct's next field of that type
	argumentsRule  = "arguments"  // f(b, a) for f(a, b)
	callRule       = "call"       // x for f(x)
	lastRule       = "last"       // range n − 1 for range n
	statementRule  = "statement"  // an assignment, a call, a break or a continue less
	errorRule      = "error"      // nil for an error that is returned
)

var rules = []string{
	arithmeticRule, operandRule, comparisonRule, logicRule, conditionRule, constantRule, extremeRule, indexRule,
	reversedRule, fieldRule, argumentsRule, callRule, lastRule, statementRule, errorRule,
}

// site is a part of the source that a rule changes: one mutant. A process gets its
// number in the list of all sites.
type site struct {
	folder, function, rule, text string
	count                        int // among those with the same text, from 1
}

// String returns the site's name. It stays where other code is added, moved or removed.
func (s site) String() string {
	name := fmt.Sprintf("%s %s: %s: %s", s.folder, s.function, s.rule, s.text)
	if s.count > 1 {
		name += fmt.Sprintf(" #%d", s.count)
	}
	return name
}

// sites collects the mutants of all files.
type sites struct {
	list   []site
	counts map[site]int
}

func (s *sites) add(folder, function, rule, text string) int {
	one := site{folder: folder, function: function, rule: rule, text: strings.Join(strings.Fields(text), " ")}
	if s.counts == nil {
		s.counts = map[site]int{}
	}
	s.counts[one]++
	one.count = s.counts[one]
	s.list = append(s.list, one)
	return len(s.list) - 1
}
