// Package mutants breaks the reference, the windows and the lowering on
// purpose, one line at a time, and sees that the suite notices: a test that has
// never failed proves nothing. It has no code but its test, which `make mutants`
// runs.
package mutants
