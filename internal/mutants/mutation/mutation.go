// Package mutation has the functions that a mutated source file calls at its sites. A
// site computes the same as the source, unless the process was started with the site's
// number. Only files that command mutants writes import the package.
package mutation

import (
	"cmp"
	"os"
	"strconv"
	"syscall"
)

const (
	// Active is the environment variable with the number of the site that is
	// changed in this process.
	Active = "TFCNN_MUTANT"
	// Reached is the environment variable with the name of a file of one byte a
	// site: the process sets the bytes of the sites that it comes to.
	Reached = "TFCNN_MUTANTS_REACHED"
)

var (
	active  = number(os.Getenv(Active))
	reached = open(os.Getenv(Reached))
)

func number(text string) int {
	if text == "" {
		return -1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(Active + ": " + err.Error())
	}
	return n
}

// open maps the file, so that the bytes which were set stay when the process dies.
func open(name string) []byte {
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		panic(Reached + ": " + err.Error())
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		panic(Reached + ": " + err.Error())
	}
	sites, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(Reached + ": " + err.Error())
	}
	return sites
}

// On reports whether a site is the one that is changed.
func On(site int) bool {
	if reached != nil {
		reached[site] = 1
	}
	return site == active
}

// Number is a type of numbers.
type Number interface {
	Integer | ~float32 | ~float64
}

// Integer is a type of whole numbers.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Either returns a, and b where the site is changed.
func Either[T any](site int, a, b T) T {
	if On(site) {
		return b
	}
	return a
}

// Not returns a bool, and its opposite where the site is changed.
func Not[T ~bool](site int, x T) T {
	return x != T(On(site))
}

// And is &&, and || where the site is changed.
func And(site int, x bool, y func() bool) bool {
	if On(site) {
		return x || y()
	}
	return x && y()
}

// Or is ||, and && where the site is changed.
func Or(site int, x bool, y func() bool) bool {
	if On(site) {
		return x && y()
	}
	return x || y()
}

// Add is +: − where the site is changed, and x alone where the next one is.
func Add[T Number](site int, x, y T) T {
	switch {
	case On(site):
		return x - y
	case On(site + 1):
		return x
	}
	return x + y
}

// Sub is −: + where the site is changed, and x alone where the next one is.
func Sub[T Number](site int, x, y T) T {
	switch {
	case On(site):
		return x + y
	case On(site + 1):
		return x
	}
	return x - y
}

// Mul is ×: ÷ where the site is changed, and x alone where the next one is.
func Mul[T Number](site int, x, y T) T {
	switch {
	case On(site):
		return x / y
	case On(site + 1):
		return x
	}
	return x * y
}

// Div is ÷: × where the site is changed, and x alone where the next one is.
func Div[T Number](site int, x, y T) T {
	switch {
	case On(site):
		return x * y
	case On(site + 1):
		return x
	}
	return x / y
}

// Quo is the ÷ of whole numbers: % where the site is changed, and x alone where
// the next one is.
func Quo[T Integer](site int, x, y T) T {
	switch {
	case On(site):
		return x % y
	case On(site + 1):
		return x
	}
	return x / y
}

// Rem is %: ÷ where the site is changed, and x alone where the next one is.
func Rem[T Integer](site int, x, y T) T {
	switch {
	case On(site):
		return x / y
	case On(site + 1):
		return x
	}
	return x % y
}

// Less is <, and <= where the site is changed.
func Less[T cmp.Ordered](site int, x, y T) bool { return x < y || On(site) && x == y }

// LessEqual is <=, and < where the site is changed.
func LessEqual[T cmp.Ordered](site int, x, y T) bool {
	if On(site) {
		return x < y
	}
	return x <= y
}

// Constant returns a number: 1 in place of 0, one more of any other whole number, and
// twice any other.
func Constant[T Number](site int, x T) T {
	if !On(site) {
		return x
	}
	half := 0.5
	if x == 0 || T(half) == 0 {
		return x + 1
	}
	return 2 * x
}

// Min is min, and max where the site is changed.
func Min[T cmp.Ordered](site int, x T, others ...T) T {
	if On(site) {
		return largest(x, others)
	}
	return smallest(x, others)
}

// Max is max, and min where the site is changed.
func Max[T cmp.Ordered](site int, x T, others ...T) T {
	if On(site) {
		return smallest(x, others)
	}
	return largest(x, others)
}

func smallest[T cmp.Ordered](x T, others []T) T {
	for _, y := range others {
		x = min(x, y)
	}
	return x
}

func largest[T cmp.Ordered](x T, others []T) T {
	for _, y := range others {
		x = max(x, y)
	}
	return x
}

// Fewer returns the end of a range over whole numbers, and one less where the site is
// changed.
func Fewer[T Integer](site int, n T) T {
	if On(site) && n > 0 {
		return n - 1
	}
	return n
}

// Err is an error, and none where the site is changed.
func Err(site int, err error) error {
	if On(site) {
		return nil
	}
	return err
}
