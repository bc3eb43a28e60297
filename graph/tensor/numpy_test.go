package tensor_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tfcnn/graph/tensor"
)

// NumPy reads the files of this package, and this package reads NumPy's: each header
// of the table, and numbers of every type and order.
func TestNPYAgainstNumPy(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import numpy").Run()
	}
	if err != nil {
		t.Skip("no NumPy on this machine; TestNPYHeaders, TestNPYNumbers and TestNPYGolden hold its answers")
	}
	dir := t.TempDir()
	x, _ := tensor.New(2, 3, 1, 5)
	for i := range x.Data {
		x.Data[i] = float32(i) / 8
	}
	var ours bytes.Buffer
	if err := x.WriteNPY(&ours); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ours.npy", ours.Bytes())
	for i, tt := range headers {
		write(fmt.Sprintf("header%02d.npy", i), []byte(npy(tt.version, tt.text, numbersOf(tt.shape))))
	}
	script := `
import glob, json, warnings
import numpy as np
warnings.simplefilter("ignore")
x = np.load("ours.npy")
assert x.shape == (2, 3, 1, 5) and x.dtype == np.float32, (x.shape, x.dtype)
assert (x.ravel() == np.arange(30, dtype=np.float32) / 8).all()
verdicts = []
for name in sorted(glob.glob("header*.npy")):
    try:
        y = np.load(name)
        verdicts.append(list(y.shape))
    except Exception as e:
        verdicts.append(None)
rng = np.random.default_rng(1)
number = 0
def save(y):
    global number
    np.save("y%03d.npy" % number, y)
    with np.errstate(all="ignore"):
        np.ascontiguousarray(y.astype(np.float32)).tofile("y%03d.want" % number)
    number += 1
for code in ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]:
    for order in "<>":
        size = int(code[1])
        raw = rng.integers(0, 2 if code == "b1" else 256, 4096 * size, dtype=np.uint8).tobytes()
        y = np.frombuffer(raw, order + code)
        if code[0] in "iu":  # near the points halfway between two float32 numbers
            info = np.iinfo(code)
            near = [s * (2 ** e + 2 ** max(e - 24, 0) * k + d) for e in range(8 * size) for k in (1, 2, 3) for d in (-1, 0, 1) for s in (1, -1)]
            y = np.concatenate([y, np.array([n for n in near if info.min <= n <= info.max], order + code)]).astype(order + code)
        if code == "f2":
            y = np.arange(65536, dtype=np.uint16).view("<f2").astype(order + code)
        if code == "f8":  # in float32's range, and halfway between its numbers
            bits = rng.integers(0, 2 ** 32, 4096, dtype=np.uint32).view(np.float32)
            bits = bits[np.isfinite(bits) & (abs(bits) < 1e38)].astype(np.float64)
            half = bits + np.spacing(bits.astype(np.float32)).astype(np.float64) / 2
            y = np.concatenate([bits, half, np.nextafter(half, 0), np.nextafter(half, np.inf), [np.inf, -np.inf, np.nan, 2.0 ** -150, 1e-300]]).astype(order + code)
        save(y)
        save(np.asfortranarray(y[:360].reshape(5, 8, 9)))
        save(y[:360].reshape(24, 15).T)
        save(y[:360].reshape(1, 1, 24, 15).transpose(0, 1, 3, 2))
        save(y[:360].reshape(4, 5, 3, 6).transpose(2, 3, 1, 0))
print(json.dumps(verdicts))
`
	cmd := exec.Command(python, "-c", script)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts [][]int
	if err := json.Unmarshal(out, &verdicts); err != nil || len(verdicts) != len(headers) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, tt := range headers {
		if got := tensor.FormatShape(verdicts[i]); verdicts[i] == nil != (tt.shape == "") || verdicts[i] != nil && got != tt.shape {
			t.Errorf("version %d, %.90q: NumPy has %s, the table %q", tt.version, tt.text, got, tt.shape)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "y*.npy"))
	if err != nil || len(files) != 12*2*5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(strings.TrimSuffix(name, "npy") + "want")
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.ReadNPY(bytes.NewReader(data))
		if err != nil || len(raw) != 4*len(got.Data) {
			t.Errorf("%.80q: %v, %d numbers, want %d", data[10:], err, len(got.Data), len(raw)/4)
			continue
		}
		for i, x := range got.Data {
			want := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
			if math.Float32bits(x) != math.Float32bits(want) && (x == x || want == want) {
				t.Errorf("%.80q: number %d is %x, NumPy has %x", data[10:], i, x, want)
				break
			}
		}
	}
}
