package machine

import (
	"slices"
	"strings"
)

// The prefixes, in Linux's spelling, of the processor features by which TensorFlow,
// oneDNN and Eigen choose their kernels.
var (
	featuresOfX86 = []string{"sse4_", "avx", "fma", "f16c", "amx"}
	featuresOfARM = []string{"asimd", "bf16", "i8mm", "sve", "sme"}
)

// Processor returns the processor's model and those of its features that choose
// kernels, from /proc/cpuinfo; "" and none where that has none.
func (m Machine) Processor() (model string, features []string) {
	model = m.procField("cpuinfo", "model name")
	features = matching(m.procField("cpuinfo", "flags"), featuresOfX86)
	if len(features) == 0 {
		features = matching(m.procField("cpuinfo", "Features"), featuresOfARM)
	}
	return model, features
}

// matching lists the words that begin with one of the prefixes.
func matching(text string, prefixes []string) []string {
	var list []string
	for _, word := range strings.Fields(text) {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(word, prefix) }) {
			list = append(list, word)
		}
	}
	return list
}
