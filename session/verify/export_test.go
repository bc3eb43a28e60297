package verify

// KernelsOf is kernels, for the tests.
var KernelsOf = kernels
