package verdict

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
)

// The statuses from good to bad: of two the later one is the worse, and the first two
// are OK.
func TestStatuses(t *testing.T) {
	order := []Status{Pass, Overflow, Precision, Nothing, NotHeld, Fail}
	if !slices.Equal(Statuses, order) {
		t.Errorf("statuses %q, want %q", Statuses, order)
	}
	for i, a := range order {
		for k, b := range order {
			if want := order[max(i, k)]; a.Worse(b) != want {
				t.Errorf("the worse of %q and %q is %q, want %q", a, b, a.Worse(b), want)
			}
		}
		if a.OK() != (i < 2) || (Verdict{Status: a}).OK() != (i < 2) {
			t.Errorf("%q: OK %v", a, a.OK())
		}
	}
}

// Each exception takes from the numbers that were compared.
func TestCompared(t *testing.T) {
	v := Verdict{Elements: 1000, Exact: 7, Outside: 3, NaN: 1, Overflowed: 20, Unspecified: 300, Unbounded: 400}
	if got := v.Compared(); got != 279 {
		t.Errorf("%d numbers were compared, want 279", got)
	}
}

// Every bucket begins where the one before ends, and has the shares between.
func TestBuckets(t *testing.T) {
	ends := []float64{0, 0x1p-12, 0x1p-11, 0x1p-10, 0x1p-9, 0x1p-8, 0x1p-7, 0x1p-6, 0x1p-5, 0x1p-4, 0x1p-3, 0x1p-2, 0x1p-1, 1, math.Inf(1)}
	if len(ends) != HistogramBuckets {
		t.Fatalf("%d buckets, want %d", HistogramBuckets, len(ends))
	}
	for k, want := range ends {
		low, high := BucketEnds(k)
		below := 0.0
		if k > 0 {
			below = ends[k-1]
		}
		if low != below || high != want {
			t.Errorf("bucket %d goes from %v to %v, want %v to %v", k, low, high, below, want)
		}
		for share, bucket := range map[float64]int{high: k, math.Nextafter(low, 2): max(k, 1), math.Nextafter(high, 0): k} {
			if math.IsInf(share, 0) || k == 0 && share > 0 {
				continue
			}
			if got := Bucket(share, 1); got != bucket {
				t.Errorf("share %v is in bucket %d, want %d", share, got, bucket)
			}
		}
	}
	for _, tt := range []struct {
		err, bound float64
		want       int
	}{
		{0, 0, 0}, {1, 0, 14}, {1, math.Inf(1), 1}, {math.SmallestNonzeroFloat64, 1e300, 1}, {math.Inf(1), 1, 14}, {6, 8, 13}, {2, 8, 11}, {3, 2, 14},
	} {
		if got := Bucket(tt.err, tt.bound); got != tt.want {
			t.Errorf("error %v of bound %v: bucket %d, want %d", tt.err, tt.bound, got, tt.want)
		}
	}
}

// Merging adds every count, and takes the worse status with the figures of its number; a
// part without a compared number says nothing of another one with some.
func TestMergedStatuses(t *testing.T) {
	compared := func(s Status, share float64) Verdict {
		return Verdict{Status: s, Elements: 10, Share: share, MaxError: share, Worst: []int{1, 1}}
	}
	void := func(s Status) Verdict { return Verdict{Status: s, Elements: 10, Unspecified: 10} }
	for _, tt := range []struct {
		name        string
		first, next Verdict
		status      Status
		share       float64
		worst       []int
	}{
		{"the larger share", compared(Pass, 0.25), compared(Pass, 0.5), Pass, 0.5, []int{4, 1}},
		{"the first of equal shares", compared(Pass, 0.5), compared(Pass, 0.5), Pass, 0.5, []int{1, 1}},
		{"the worse status", compared(Overflow, 0.25), compared(Pass, 0.5), Overflow, 0.25, []int{1, 1}},
		{"a later worse status", compared(Pass, 0.5), compared(NotHeld, 0.25), NotHeld, 0.25, []int{4, 1}},
		{"nothing, then numbers", void(Nothing), compared(Pass, 0.5), Pass, 0.5, []int{4, 1}},
		{"numbers, then nothing", compared(Pass, 0.5), void(Nothing), Pass, 0.5, []int{1, 1}},
		{"one axis", Verdict{Status: Pass, Elements: 1}, Verdict{Status: Pass, Elements: 1, Share: 1, Worst: []int{2}}, Pass, 1, []int{5}},
		{"nothing, then one number", void(Nothing), Verdict{Status: Pass, Elements: 1, Share: 1, Worst: []int{2}}, Pass, 1, []int{5}},
		{"one number, then nothing", Verdict{Status: Pass, Elements: 1, Share: 1, Worst: []int{2}}, void(Nothing), Pass, 1, []int{2}},
		{"nothing twice", void(Nothing), void(Nothing), Nothing, 0, nil},
		{"nothing, then no numbers", void(Nothing), Verdict{Status: Pass}, Nothing, 0, nil},
		{"no numbers, then nothing", Verdict{Status: Pass}, void(Nothing), Nothing, 0, nil},
		{"nothing, then a failure", void(Nothing), compared(Fail, 2), Fail, 2, []int{4, 1}},
		{"a failure, then nothing", compared(Fail, 2), void(Nothing), Fail, 2, []int{1, 1}},
	} {
		got := tt.first.Merge(tt.next, 3)
		if got.Status != tt.status || got.Share != tt.share || !slices.Equal(got.Worst, tt.worst) {
			t.Errorf("%s: %s, share %v at %v; want %s, %v at %v", tt.name, got.Status, got.Share, got.Worst, tt.status, tt.share, tt.worst)
		}
	}
	a := Verdict{Status: Pass, Elements: 1, Outside: 2, Exact: 4, Overflowed: 8, Unspecified: 16, NaN: 32, Unbounded: 64, Level: 0.5}
	b := Verdict{Status: Pass, Elements: 100, Outside: 200, Exact: 400, Overflowed: 800, Unspecified: 1600, NaN: 3200, Unbounded: 6400, Level: 0.25}
	want := Verdict{Status: Pass, Elements: 101, Outside: 202, Exact: 404, Overflowed: 808, Unspecified: 1616, NaN: 3232, Unbounded: 6464, Level: 0.5}
	for _, got := range []Verdict{a.Merge(b, 0), b.Merge(a, 0)} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v, want\n%+v", got, want)
		}
	}
	one, other := make([]int, HistogramBuckets), make([]int, HistogramBuckets)
	one[0], one[14], other[0], other[13] = 1, 2, 4, 8
	sum := slices.Clone(one)
	sum[0], sum[13] = 5, 8
	for name, tt := range map[string][3][]int{
		"both": {one, other, sum}, "the first": {one, nil, one}, "the second": {nil, other, other}, "neither": {},
	} {
		got := Verdict{Histogram: tt[0]}.Merge(Verdict{Histogram: tt[1]}, 0).Histogram
		if !slices.Equal(got, tt[2]) || (got == nil) != (tt[2] == nil) {
			t.Errorf("histograms of %s: %v, want %v", name, got, tt[2])
		}
	}
}

// The JSON form of a number is a number, or one of three words in upper or lower case.
func TestNumbersInJSON(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		number float64
		text   string
		json   string
	}{
		{1.5, "1.5", "1.5"},
		{0, "0", "0"},
		{-1e-40, "-1e-40", "-1e-40"},
		{1e21, "1e+21", "1e+21"},
		{math.MaxFloat64, "1.7976931348623157e+308", "1.7976931348623157e+308"},
		{nan, "NaN", `"NaN"`},
		{inf, "Inf", `"Inf"`},
		{-inf, "-Inf", `"-Inf"`},
	} {
		n := Number(tt.number)
		written, err := json.Marshal(n)
		if err != nil || string(written) != tt.json || n.String() != tt.text {
			t.Errorf("%v: %s as a text, %s as JSON, %v", tt.number, n, written, err)
		}
		var read Number
		if err := json.Unmarshal(written, &read); err != nil || read != n && n == n || (n != n) != (read != read) {
			t.Errorf("%s is read as %v, %v", written, read, err)
		}
	}
	for text, want := range map[string]float64{`"inf"`: inf, `"-INF"`: -inf, `"nan"`: nan, `"-inf"`: -inf, "12e1": 120} {
		var read Number
		if err := json.Unmarshal([]byte(text), &read); err != nil || float64(read) != want && want == want || (want != want) != (read != read) {
			t.Errorf("%s is read as %v, %v; want %v", text, read, err, want)
		}
	}
	for text, quoted := range map[string]string{`"one"`: `"one"`, "1e999": "1e999", "-1e999": "-1e999", "true": "true", `"1"`: `"1"`, "[1]": "[1]", `""`: `""`} {
		n := Number(7)
		err := n.UnmarshalJSON([]byte(text))
		want := quoted + ` is no number, want a number, "NaN", "Inf" or "-Inf"`
		if err == nil || err.Error() != want || n != 7 {
			t.Errorf("%s: got %v, %v; want %s", text, n, err, want)
		}
	}
}

// A verdict's line says each figure that matters, by status.
func TestWording(t *testing.T) {
	for want, v := range map[string]Verdict{
		"fail: output is [4], want [2,2]":                                                                          {Status: Fail, Note: "output is [4], want [2,2]"},
		"fail: 3 of 9 numbers outside: at [0,2] got NaN, want 2":                                                   {Status: Fail, Elements: 9, Outside: 3, Worst: []int{0, 2}, Got: Number(math.NaN()), Want: 2},
		"fail: 3 of 9 numbers outside: at [0,2] got 1, want Inf":                                                   {Status: Fail, Elements: 9, Outside: 3, Worst: []int{0, 2}, Got: 1, Want: Number(math.Inf(1))},
		"fail: 1 of 9 numbers outside: at [1,0] got 1.5, want 1 ± 0.125, error 0.5":                                {Status: Fail, Elements: 9, Outside: 1, Worst: []int{1, 0}, Got: 1.5, Want: 1, Bound: 0.125, MaxError: 0.5},
		"not held: no bound is known for 2 of 9 numbers":                                                           {Status: NotHeld, Elements: 9, Unbounded: 2, Unspecified: 5},
		"not held: 5 of 9 numbers are unspecified (55.6 %), at most 2 % may be":                                    {Status: NotHeld, Elements: 9, Unspecified: 5},
		"pass: the output has no numbers":                                                                          {Status: Pass},
		"proves nothing: of 9 numbers none was compared; 9 NaN on both sides":                                      {Status: Nothing, Elements: 9, NaN: 9, Exact: 9},
		"pass: all 9 numbers exact; 1 NaN on both sides":                                                           {Status: Pass, Elements: 9, Exact: 9, NaN: 1},
		"overflow possible: largest error 0.5 is 0.25 of its bound; 1 not finite, where partial sums may overflow": {Status: Overflow, Elements: 9, MaxError: 0.5, Share: 0.25, Overflowed: 1},
	} {
		if got := v.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
