package sanitizers

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// check is a way to build and run tests. TensorFlow itself is built without any of
// them: AddressSanitizer sees only its allocations, frees and copies.
type check struct {
	name  string
	flags []string
	env   []string
}

var (
	plain    = check{"tests alone", nil, nil} // with GODEBUG=cgocheck=1, which is Go's default
	cgocheck = check{"cgocheck2", nil, []string{"GOEXPERIMENT=cgocheck2"}}
	checkptr = check{"checkptr", []string{"-gcflags=all=-d=checkptr"}, nil}
	race     = check{"race detector", []string{"-race"}, nil}
	stress   = check{"GC stress", nil, []string{"GOGC=1", "GODEBUG=clobberfree=1"}}
	marks    = check{"GC's marks", nil, []string{"GOGC=10", "GODEBUG=gccheckmark=1"}}
	address  = check{"AddressSanitizer", []string{"-asan"}, []string{"ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:quarantine_size_mb=16"}}
)

// suite is some tests of a package.
type suite struct{ folder, run, skip string }

var (
	// Tests of sessions that take minutes, count allocations or measure seconds are
	// left out.
	calls    = suite{"./internal/capi", ".", "^$"}
	sessions = suite{"./session", ".", "Functions|Random|CaseFiles|OneDNN|Softmax|Normalisations|Resize|Fuzz|Ready|NoMemory|AllocatesNothing|LimitedRuns"}
	graphs   = suite{"./session/graphs", ".", "MemoryIsFlat|AllAbandoned"}
	soak     = suite{"./bench/soak", "^TestSoak$", "^$"}
	failures = suite{"./internal/capi", "^TestFailuresFree$", "^$"}
)

// Everything passes under every check.
func TestChecks(t *testing.T) {
	skipUnlessHostile(t)
	root := root(t)
	for _, c := range []check{plain, cgocheck, checkptr, race, stress, marks, address} {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range []suite{calls, sessions, graphs, soak} {
				t.Run(filepath.Base(s.folder), func(t *testing.T) {
					start := time.Now()
					output, err := s.under(t, c, root)
					if err != nil {
						t.Fatalf("%v\n%s", err, end(output))
					}
					t.Logf("passed, with the build %.0f s", time.Since(start).Seconds())
				})
			}
		})
	}
}

// fault replaces a text that occurs once in a file.
type fault struct{ what, file, old, new string }

// Every fault is reported by its checks, with the text that it lists. Without
// TFCNN_HOSTILE the test only looks for the texts that the faults replace.
func TestFaults(t *testing.T) {
	root := root(t)
	for _, tt := range []struct {
		fault
		suite
		checks []check
		says   string // what the output of each check must match
	}{
		{
			fault{"a C array is forgotten", "internal/capi/runner.go", "\tfree(r->operations);\n", ""},
			calls,
			[]check{address},
			`LeakSanitizer: detected memory leaks`,
		},
		{
			fault{"feeds are forgotten", "internal/capi/runner.go", "\t\tTF_DeleteTensor(f->fed[i]);\n", ""},
			failures,
			[]check{plain, address},
			`FAIL: TestFailuresFree`,
		},
		{
			fault{"results are forgotten", "internal/capi/runner.go", "\t\tif (f->fetched[i]) TF_DeleteTensor(f->fetched[i]);\n", ""},
			failures,
			[]check{plain, address},
			`FAIL: TestFailuresFree`,
		},
		{
			fault{"a session's graph is forgotten", "internal/capi/graph.go", "\t\tC.TF_DeleteGraph((*C.TF_Graph)(c))\n", ""},
			suite{"./session", "TestCloseFrees", "^$"},
			[]check{plain},
			`FAIL: TestCloseFrees`,
		},
		{
			fault{"the definition of a copied graph is forgotten", "internal/capi/copy.go", "\tdefer C.TF_DeleteBuffer(definition)\n", ""},
			graphs,
			[]check{address},
			`LeakSanitizer: detected memory leaks`,
		},
		{
			fault{"a part of the inferred nodes is forgotten", "internal/capi/infer.go", "\t\tdefer C.TF_DeleteBuffer(part)\n", ""},
			graphs,
			[]check{address},
			`LeakSanitizer: detected memory leaks`,
		},
		{
			fault{"a fed string is freed under its run", "internal/capi/runner.go", "\t\tf->fed[i] = string_tensor(data, bytes);\n", "\t\tf->fed[i] = string_tensor(data, bytes);\n\t\tTF_DeleteTensor(f->fed[i]);\n"},
			graphs,
			[]check{address},
			`ERROR: AddressSanitizer`,
		},
		{
			fault{"a run is freed twice", "internal/capi/runner.go", "\tC.frame_end(r.c, f)\n", "\tC.frame_end(r.c, f)\n\tC.frame_end(r.c, f)\n"},
			calls,
			[]check{address},
			`AddressSanitizer: (heap-use-after-free|attempting double-free)`,
		},
		{
			fault{"a native tensor is freed under its runs", "internal/capi/runner.go", "C.runner_constant(r.c, C.int(i), constant.Tensor.c)", "C.runner_constant(r.c, C.int(i), constant.Tensor.c)\n\t\tC.TF_DeleteTensor(constant.Tensor.c)"},
			calls,
			[]check{address},
			`ERROR: AddressSanitizer`,
		},
		{
			fault{"written past a tensor", "internal/capi/value.go", "C.memcpy(C.TF_TensorData(c), unsafe.Pointer(&raw[0]), C.size_t(len(raw)))", "C.memcpy(C.TF_TensorData(c), unsafe.Pointer(&raw[0]), C.size_t(len(raw)+128))"},
			calls,
			[]check{address},
			`AddressSanitizer: (use-after-poison|heap-buffer-overflow)`,
		},
		{
			fault{"read past a result", "internal/capi/value.go", "C.TF_TensorData(t), C.size_t(n))", "C.TF_TensorData(t), C.size_t(n+128))"},
			calls,
			[]check{address},
			`AddressSanitizer: heap-buffer-overflow`,
		},
		{
			fault{"a slice that is too long", "internal/capi/half.go", "4*len(t.Data)), nil", "1<<20*len(t.Data))[:4*len(t.Data)], nil"},
			sessions,
			[]check{checkptr, race},
			`checkptr: `,
		},
		{
			fault{"a Go pointer to a Go pointer", "internal/capi/runner.go", "unsafe.Pointer(unsafe.SliceData(in.Data)), C.size_t", "unsafe.Pointer(&struct{ n *int }{new(int)}), C.size_t"},
			soak,
			[]check{plain},
			`cgo (function|argument) has Go pointer to unpinned Go pointer`,
		},
		{
			fault{"a Go pointer in C's memory", "internal/capi/buffer.go", "\t\tb.capacity = bytes\n", "\t\tb.capacity = bytes\n\t\t*(*unsafe.Pointer)(b.data) = unsafe.Pointer(b)\n"},
			soak,
			[]check{cgocheck},
			`unpinned Go pointer (stored|written)? ?(in|to|into) non-Go memory|Go pointer`,
		},
		{
			fault{
				"a feed that Go's collector frees", "internal/capi/value.go",
				"c := C.TF_AllocateTensor(C.TF_DataType(dtype), &dims[0], C.int(len(t.Shape)), C.size_t(len(raw)))",
				"raw = append(make([]byte, 0, max(len(raw), 1<<16)), raw...)\n\tc := C.TF_NewTensor(C.TF_DataType(dtype), &dims[0], C.int(len(t.Shape)), unsafe.Pointer(unsafe.SliceData(raw)), C.size_t(len(raw)), (*[0]byte)(C.TF_DataTypeSize), nil)",
			},
			suite{"./session", "^TestOptionsAgree$", "^$"},
			[]check{stress},
			`--- FAIL: `,
		},
		{
			fault{"a run that was left writes to its caller's memory", "session/internal/calls/workers.go", "\t\tw.out, err = w.results.like(out)\n", "\t\tw.out = out\n"},
			soak,
			[]check{plain},
			`was written to|other bits|outside`,
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			overlay := tt.overlay(t, root)
			skipUnlessHostile(t)
			for _, c := range tt.checks {
				output, err := tt.under(t, c, root, "-overlay="+overlay)
				found := regexp.MustCompile(tt.says).FindString(output)
				switch {
				case err == nil:
					t.Errorf("%s does not notice", c.name)
				case found == "":
					t.Errorf("%s does not say %s: %v\n%s", c.name, tt.says, err, end(output))
				default:
					t.Logf("%s says %q", c.name, found)
				}
			}
		})
	}
}

func skipUnlessHostile(t *testing.T) {
	t.Helper()
	if os.Getenv("TFCNN_HOSTILE") == "" {
		t.Skip("make hostile runs it")
	}
}

func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// under runs the suite under a check, with more arguments of go test.
func (s suite) under(t *testing.T, c check, root string, more ...string) (string, error) {
	t.Helper()
	arguments := slices.Concat([]string{"test", "-count=1", "-timeout=9m", "-run", s.run, "-skip", s.skip}, c.flags, more)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(arguments, s.folder)...)
	cmd.Dir = root
	cmd.Env = slices.Concat(os.Environ(), []string{"TFCNN_HOSTILE="}, c.env)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return output.String(), err
}

// overlay returns a file that puts the fault in place of the text, for go build.
func (f fault) overlay(t *testing.T, root string) string {
	t.Helper()
	original := filepath.Join(root, f.file)
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), f.old); n != 1 {
		t.Fatalf("%s has %q %d times, want once", f.file, f.old, n)
	}
	folder := t.TempDir()
	broken, overlay := filepath.Join(folder, "broken.go"), filepath.Join(folder, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{broken: strings.Replace(string(text), f.old, f.new, 1), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// end returns the last bytes of an output.
func end(output string) string { return output[max(0, len(output)-3000):] }
