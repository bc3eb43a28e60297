package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// try runs a command line in this process.
func try(t *testing.T, arguments ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = execute(t.Context(), arguments, &out, &err)
	return status, out.String(), err.String()
}

// foreign are words of the libraries' own messages.
var foreign = regexp.MustCompile(`(?i)strconv|pflag|cobra|pars(e|ing)|invalid|accepts|requires|arg\(s\)|shorthand`)

// isRefused checks a command line that is wrong: status 2, one line that says
// what was got and wanted, and a hint that names the command.
func isRefused(t *testing.T, command, text string, arguments ...string) {
	t.Helper()
	status, stdout, stderr := try(t, arguments...)
	prefix, hint := "cnndemo: ", "hint: cnndemo --help"
	if command != "" {
		prefix, hint = "cnndemo: "+command+": ", "hint: cnndemo "+command+" --help"
	}
	lines := strings.Split(stderr, "\n")
	if status != exitUsage || stdout != "" || len(lines) != 3 || !strings.HasPrefix(lines[0], prefix+text) || lines[1] != hint || foreign.MatchString(stderr) {
		t.Errorf("%q: status %d, %q, stdout %q; want status 2, %q … and %q", arguments, status, stderr, stdout, prefix+text, hint)
	}
	if strings.ContainsFunc(stderr, func(r rune) bool { return r != '\n' && !printable(r) }) {
		t.Errorf("%q: %q cannot be printed", arguments, stderr)
	}
}

// allCommands are a command and all below it.
func allCommands(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, child := range c.Commands() {
		list = append(list, allCommands(child)...)
	}
	return list
}

// Every flag of every command refuses what it does not take, in this program's
// own words.
func TestFlagValues(t *testing.T) {
	wrong := []string{"x", "", "-1", "NaN", "Inf", "1e99", "0x", "99999999999999999999", "1,2", "3xx3", "\x1b[31m\n\xff", strings.Repeat("7", 5000)}
	flags := 0
	for _, c := range allCommands(newRoot()) {
		name := strings.TrimPrefix(c.CommandPath(), "cnndemo ")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || !c.HasParent() {
				return
			}
			flags++
			values := wrong
			switch f.Value.Type() {
			case "FILE", "FOLDER", "FILE|FOLDER", "NET":
				values = []string{""}
			case "LAYER,LAYER":
				values = []string{"", "a,", "a b", "\x1b[31m\n\xff"}
			case "string", "int", "uint64", "stringArray", "stringSlice", "float64":
				t.Errorf("%s --%s has no rule", name, f.Name)
			}
			for _, value := range values {
				isRefused(t, name, "--"+f.Name+": got \"", append(strings.Fields(name), "--"+f.Name+"="+value)...)
			}
			if f.Value.Type() != "bool" {
				isRefused(t, name, "--"+f.Name+": got no value, want ", append(strings.Fields(name), "--"+f.Name)...)
			}
		})
	}
	if flags < 50 {
		t.Errorf("%d flags were tried", flags)
	}
}

// Every command's help has an example and lists the exit statuses.
func TestHelp(t *testing.T) {
	root := newRoot()
	for _, c := range allCommands(root) {
		if c.Hidden {
			continue
		}
		arguments := strings.Fields(c.CommandPath())[1:]
		status, help, stderr := try(t, append(arguments, "--help")...)
		if status != 0 || stderr != "" {
			t.Errorf("%v: status %d, %q", arguments, status, stderr)
		}
		for _, want := range []string{"Examples:\n  ", "Exit status:\n  0    done\n", "\n  2    wrong usage", "\n  3    ", "\n  130  interrupted, by SIGINT or SIGTERM\n"} {
			if !strings.Contains(help, want) {
				t.Errorf("%v: the help lacks %q", arguments, want)
			}
		}
		takesImages := strings.Contains(c.Use, "images") || c.Name() == "verify" // its --net does
		if takesImages != regexp.MustCompile(`\n  1    [^\n]*image cannot be used`).MatchString(help) && c != root {
			t.Errorf("%v: takes images %v, which its exit statuses do not tell", arguments, takesImages)
		}
		_, again, _ := try(t, append([]string{"help"}, arguments...)...)
		if again != help {
			t.Errorf("help %v prints something else", arguments)
		}
	}
}

func TestCommandLines(t *testing.T) {
	for _, tt := range []struct {
		line, command, text string
	}{
		{"rum", "", `unknown command "rum", the nearest is run; want one of `},
		{"zzzzzzzzz", "", `unknown command "zzzzzzzzz"; want one of completion, devices, `},
		{"help runn", "help", `unknown command "runn", the nearest is run; want one of `},
		{"help run now", "help", `got the argument "now", cnndemo run has no commands`},
		{"help verify net now", "help", `got the argument "now", cnndemo verify net has no commands`},
		{"--verbose", "", "unknown flag: --verbose"},
		{"run -q", "run", "unknown flag: -q"},
		{"run --strid 2", "run", "unknown flag: --strid, the nearest is --stride"},
		{"run --=2", "run", `got "--=2", want --FLAG or --FLAG=VALUE`},
		{"plan", "plan", "got no argument, want one network"},
		{"plan a b", "plan", "got 2 arguments, want one network"},
		{"draw", "draw", "got no argument, want one network"},
		{"profile", "profile", "got no argument, want a network"},
		{"nets a b c", "nets", "got 3 arguments, want at most one network"},
		{"nets lenet5 --schema", "nets", "got --schema with a network or --json, want --schema alone"},
		{"nets lenet5 --json", "nets", "--json is for the list"},
		{"devices now", "devices", `got the argument "now", want none`},
		{"doctor now", "doctor", `got the argument "now", want none`},
		{"version now", "version", `got the argument "now", want none`},
		{"completion", "completion", "got no argument, want one shell: bash, "},
		{"completion tcsh", "completion", `got the argument "tcsh", want bash, `},
		{"verify a.png", "verify", `got the argument "a.png", want one of the commands cases, net, random, or none`},
		{"verify net", "verify net", "got no argument, want a network"},
		{"verify net lenet5 --op conv2d", "verify net", "unknown flag: --op"},
		{"verify random", "verify random", "got no argument, want how many cases: a whole number of 1 or more"},
		{"verify random 0", "verify random", `got the argument "0", want a whole number of 1 or more`},
		{"verify random 1 2", "verify random", "got 2 arguments, want how many cases"},
		{"verify cases --equal-bits", "verify cases", "--equal-bits wants --against beside it"},
		{"help verify nets", "help", `unknown command "nets", the nearest is net; want one of cases, net, random`},
		{"run --net lenet5 --stride 2", "run", "got --net and --stride, want one of them"},
		{"run --weights x", "run", "--weights wants --net beside it"},
		{"run --seed 3", "run", "--seed wants --net beside it"},
		{"run --stride 2147483648", "run", `--stride: got "2147483648", want N or HxW, each 1 to 2147483647`},
		{"run --stride 9223372036854775808", "run", `--stride: got "9223372036854775808", want N or HxW, each 1 to 2147483647`},
		{"verify --net lenet5 --random 1", "verify", "got --net and --random, want one of them"},
		{"verify --random 1 --against x", "verify", "got --random and --against, want one of them"},
		{"verify --weights x", "verify", "--weights wants --net beside it"},
		{"verify --op conv2d", "verify", "--op wants --random beside it"},
		{"verify --equal-bits", "verify", "--equal-bits wants --against beside it"},
		{"run --resize-method area", "run", "--resize-method wants --resize beside it"},
		{"plan lenet5 --optimizer adam", "plan", "--optimizer wants --training beside it"},
		{"plan lenet5 --memory 8", "plan", `--memory: got "8", want a size with its unit, as 8GiB or 500MB`},
		{"plan lenet5 --memory 0GiB", "plan", `--memory: got "0GiB", want a size with its unit`},
		{"plan lenet5 --memory 99EiB", "plan", `--memory: got "99EiB", want a size with its unit`},
	} {
		isRefused(t, tt.command, tt.text, strings.Fields(tt.line)...)
	}
}

// Names of a list are read in capitals or not.
func TestCase(t *testing.T) {
	image := filepath.Join(t.TempDir(), "a.png")
	if err := writeImage(image, 16, 16); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"nets LeNet5", "draw RESNET18",
		"plan Tutorial --dtype Float16 --training --optimizer Adam --memory 8gib",
		"run IMAGE --filter Sobel-X --padding SAME --pool AVG --pool-padding Valid --resize 8X8 --resize-method Nearest --background FFffFF --device CPU --out OUT",
		"completion BASH",
	} {
		arguments := strings.Fields(strings.NewReplacer("IMAGE", image, "OUT", t.TempDir()).Replace(line))
		if status, _, stderr := try(t, arguments...); status != 0 {
			t.Errorf("%s: status %d, %s", line, status, stderr)
		}
	}
}

// An image that cannot be used has one exit status, whatever runs over it.
func TestBadImageStatus(t *testing.T) {
	folder, empty := t.TempDir(), t.TempDir()
	text, cut, none := filepath.Join(folder, "text.png"), filepath.Join(folder, "cut.png"), filepath.Join(folder, "none.png")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeImage(cut, 40, 40); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(cut, 100); err != nil {
		t.Fatal(err)
	}
	for _, image := range []string{text, cut, none, empty} {
		for _, arguments := range [][]string{
			{"run", "--out", filepath.Join(folder, "out"), image}, {"verify", "--net", "lenet5", image}, {"profile", "lenet5", image},
		} {
			status, _, stderr := try(t, arguments...)
			if status != exitCheck || !strings.Contains(stderr, filepath.Base(image)+": ") {
				t.Errorf("%v: status %d, %s", arguments, status, stderr)
			}
		}
	}
}
