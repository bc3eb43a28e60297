package machine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tfcnn/docker/libtf"
)

func (m Machine) goToolchain(ctx context.Context) Fact {
	f := Fact{Name: "Go", Needed: true, Fix: "install Go " + m.goWanted() + " or newer, and put it on PATH"}
	version, err := m.Output(ctx, "go", "env", "GOVERSION")
	if err != nil {
		f.Value = "not found"
		return f
	}
	f.Value = strings.TrimPrefix(version, "go")
	if f.Found = !older(f.Value, m.goWanted()); f.Found {
		f.Fix = ""
	}
	return f
}

// goWanted returns the version in go.mod.
func (m Machine) goWanted() string {
	text, err := os.ReadFile(filepath.Join(m.Project, "go.mod"))
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if version, found := strings.CutPrefix(strings.TrimSpace(line), "go "); found {
				return version
			}
		}
	}
	return "1.26"
}

// older compares dotted versions number by number.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range y {
		n := 0
		if i < len(x) {
			// 27rc1 counts as 27.
			digits := strings.IndexFunc(x[i]+".", func(r rune) bool { return r < '0' || r > '9' })
			n, _ = strconv.Atoi(x[i][:digits])
		}
		if want, _ := strconv.Atoi(y[i]); n != want {
			return n < want
		}
	}
	return false
}

// compiler looks for cgo's C compiler, and for the C library's headers, which Debian
// has in another package.
func (m Machine) compiler(ctx context.Context) Fact {
	f := Fact{Name: "C compiler", Needed: true, Fix: "install a C compiler for cgo (Debian: apt-get install gcc libc6-dev), or name yours in CC"}
	cc := m.Getenv("CC")
	if cc == "" {
		cc, _ = m.Output(ctx, "go", "env", "CC")
	}
	words := strings.Fields(cc) // as "ccache gcc"
	if len(words) == 0 {
		words = []string{"gcc"}
	}
	run := func(arguments ...string) (string, error) {
		return m.Output(ctx, words[0], append(words[1:len(words):len(words)], arguments...)...)
	}
	version, err := run("--version")
	if err != nil {
		f.Value = strings.Join(words, " ") + " not found"
		return f
	}
	f.Value, _, _ = strings.Cut(version, "\n")
	if _, err := run("-E", "-x", "c", "-include", "stdlib.h", "/dev/null"); err != nil {
		f.Value += ", without the C library's headers"
		f.Fix = "install the headers (Debian: apt-get install libc6-dev)"
		return f
	}
	f.Found, f.Fix = true, ""
	return f
}

func (m Machine) make(ctx context.Context) Fact {
	out, err := m.Output(ctx, "make", "--version")
	if err != nil {
		return Fact{Name: "make", Needed: true, Value: "not found", Fix: "install make (Debian: apt-get install make)"}
	}
	first, _, _ := strings.Cut(out, "\n")
	return Fact{Name: "make", Needed: true, Found: true, Value: first}
}

// pip looks for pip, which is needed only to fetch libtensorflow.
func (m Machine) pip(ctx context.Context) Fact {
	f := Fact{Name: "pip", Value: "not found", Needed: !m.libtensorflow().Found}
	for _, c := range libtf.PipCommands(m.Getenv("PYTHON")) {
		if out, err := m.Output(ctx, c[0], append(c[1:], "--version")...); err == nil {
			f.Found = true
			f.Value, _, _ = strings.Cut(out, " from ")
			f.Value += " (" + strings.Join(c, " ") + ")"
			return f
		}
	}
	f.Fix = "install pip to fetch libtensorflow (Debian: apt-get install python3-pip)"
	return f
}

// strip looks for strip, which is needed only to install libtensorflow for x86-64. It
// comes with gcc's binutils.
func (m Machine) strip(ctx context.Context) Fact {
	f := Fact{Name: "strip", Value: "not found", Needed: m.Arch == "amd64" && !m.libtensorflow().Found}
	if out, err := m.Output(ctx, "strip", "--version"); err == nil {
		f.Found = true
		f.Value, _, _ = strings.Cut(out, "\n")
		return f
	}
	f.Fix = "install strip for libtensorflow to be small (Debian: apt-get install binutils), or keep it as it comes: `make libtensorflow SYMBOLS=1`"
	return f
}

// prefix returns the folder in which make would find libtensorflow, and its content.
func (m Machine) prefix() (string, libtf.Found, error) {
	candidates := []string{m.Root + "/usr/local"}
	if m.Project != "" {
		candidates = []string{filepath.Join(m.Project, ".libtensorflow"), candidates[0]}
	}
	if own := m.Getenv("LIBTENSORFLOW"); own != "" {
		if absolute, err := filepath.Abs(own); err == nil {
			own = absolute
		}
		candidates = []string{own}
	}
	var first error
	for _, folder := range candidates {
		found, err := libtf.Inspect(folder)
		if err == nil {
			return folder, found, nil
		}
		if first == nil {
			first = err
		}
	}
	return candidates[0], libtf.Found{}, first
}

func (m Machine) libtensorflow() Fact {
	f := Fact{Name: "libtensorflow", Needed: true}
	folder, found, err := m.prefix()
	if err != nil {
		f.Value = err.Error()
		var missing *libtf.EnvironmentError
		if errors.As(err, &missing) {
			f.Value = missing.Reason()
		}
		f.Fix = "run `make libtensorflow`, or set LIBTENSORFLOW to a prefix that has it"
		if m.Getenv("LIBTENSORFLOW") != "" {
			f.Fix = "set LIBTENSORFLOW to a prefix that has it, or unset it and run `make libtensorflow`"
		}
		return f
	}
	f.Found, f.Value = true, found.Version
	if found.Variant != "" {
		f.Value += " (" + found.Variant + ")"
	}
	f.Value += " in " + folder
	if len(found.Outside) > 0 {
		f.Value += ", whose run path leads outside it (" + found.Outside[0] + ")"
	}
	return f
}

// goEnvironment reports whether plain go commands find libtensorflow.
func (m Machine) goEnvironment(ctx context.Context) Fact {
	f := Fact{Name: "go build", Value: "plain go commands do not find libtensorflow", Fix: "for plain go commands and editors: `make go-env` (make's own targets need nothing)"}
	folder, _, err := m.prefix()
	if err != nil {
		return f
	}
	compile, _ := m.Output(ctx, "go", "env", "CGO_CFLAGS")
	link, _ := m.Output(ctx, "go", "env", "CGO_LDFLAGS")
	switch {
	case names(compile, "-I"+folder+"/include") && names(link, "-L"+folder+"/lib"):
		f.Found, f.Value, f.Fix = true, "CGO_CFLAGS and CGO_LDFLAGS name "+folder, ""
	case folder == m.Root+"/usr/local":
		f.Found, f.Value, f.Fix = true, "the compiler looks in "+folder+" by itself", ""
	}
	return f
}

// names reports whether the flags, some of them quoted, include flag.
func names(flags, flag string) bool {
	for {
		_, after, found := strings.Cut(flags, flag)
		if !found {
			return false
		}
		if after == "" || strings.ContainsRune(" \t'\"", rune(after[0])) {
			return true
		}
		flags = after
	}
}
