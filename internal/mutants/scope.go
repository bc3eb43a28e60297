package main

// area is a package whose code is mutated. With importing set it is those of the
// package's files that import that package.
type area struct{ folder, importing string }

// areas are the reference, the operations, the lowering from a network to TensorFlow's
// nodes, and the comparison of TensorFlow with the reference.
var areas = []area{
	{folder: "internal/ir"},
	{folder: "internal/ref"},
	{folder: "internal/proof", importing: "internal/ref"},
	{folder: "graph/verdict"},
	{folder: "graph", importing: "internal/ir"},
	{folder: "graph/plan", importing: "internal/ir"},
	{folder: "graph/node"},
	{folder: "session/verify"},
}

// suite is tests of one package. run and skip are as go test's.
type suite struct{ name, folder, run, skip string }

// suites are in the order in which a mutant runs them: the first suite that fails
// catches it. Known answers are compared with the reference without libtensorflow.
var suites = []suite{
	{name: "operations", folder: "internal/ir"},
	{name: "figures", folder: "graph/verdict"},
	{name: "known answers", folder: "internal/proof", run: "^TestKnown(Answers|Networks.*)$"},
	{name: "verdicts", folder: "internal/proof", skip: "^Test(Known.*|BoundsAreKept)$"},
	{name: "bounds", folder: "internal/proof", run: "^TestBoundsAreKept$"},
	{name: "reference", folder: "internal/ref", skip: "^Test(LevelsOfFloat32Sums|LevelsNoticeRoundedFactors|TailOfLevels)$"}, // which take long
	{name: "probes", folder: "internal/probe"},
	{name: "unspecified numbers", folder: "internal/proof/draw", run: "^TestUnspecifiedNumbersAreRare$"},
	{name: "networks", folder: "graph", skip: "^Test(NothingIsFused|NPZWithNumPy|JSONRandom|Linear.*|Bounded.*)$"},
	{name: "plans", folder: "graph/plan", skip: "^TestLinear.*$"},
	{name: "nodes", folder: "graph/node"},
	{name: "case files", folder: "session", run: "^Test(Network)?CaseFiles$"},
	{name: "verify", folder: "session/verify", skip: "^TestKernels$"},
	{name: "layers", folder: "session", run: "^Test(NetworkAgainstReference|DepthwiseBlock|JoinedLayers)$"},
	{name: "random operations", folder: "session", run: "^TestRandomOperations$"},
}
