// Example has something for every rule. Its test prints what each mutant gives.
package main

import (
	"errors"
	"fmt"
)

type axis struct{ before, after int }

type pair struct{ h, w axis }

const limit = 10

var start = 2

func add(a, b int) int { return a + b }

func reach(p pair, size [2]int) int { return p.h.before*size[0] - p.w.after/3 }

func between(x, low, high float64) bool { return low <= x && x < high || x == limit }

func clip(x float64) float64 { return min(max(x, 0.5), limit) }

func check(n int) error {
	if n > limit {
		return errors.New("too large")
	}
	return nil
}

func place(row, column, width int) int { return row*width + column }

func sum(list []int) (total int, err error) {
	for i := range len(list) {
		if list[i] < 0 {
			continue
		}
		total += list[i]
	}
	return total, check(total)
}

func sign(x int, up bool) int {
	switch {
	case !up:
		return -x
	case x%2 == 1:
		return 1
	}
	return x
}

func half(x float64) float64 { return x / 2 }

// name makes a text: nothing in it is changed.
func name(n int) string { return fmt.Sprint(n + 1) }

func main() {
	fmt.Print(add(start, 3), " ", reach(pair{axis{7, 1}, axis{2, 9}}, [2]int{4, 5}))
	fmt.Print(" ", between(1, 1, 2), between(2, 1, 2), between(10, 1, 2), between(0, 1, 2))
	fmt.Print(" ", clip(-3), clip(3), clip(30), " ", place(2, 1, 5))
	fmt.Print(" ", sign(4, true), sign(5, true), sign(6, false), " ", half(3), " ", name(1))
	fmt.Print(" ", fmt.Sprint(sum([]int{1, -2, 4})), " ", fmt.Sprint(sum([]int{5, 6})), "\n")
}
