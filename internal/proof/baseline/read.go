package baseline

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"tfcnn/graph/tensor"
	"tfcnn/internal/proof"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// Baseline is a baseline that was read.
type Baseline struct {
	Name    string // of the file
	Format  int
	Made    Made
	Records []Record
}

// Open reads a baseline's file. Its errors name the file, in one line.
func Open(name string) (Baseline, error) {
	f, err := os.Open(name)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the name is said once
		}
		return Baseline{}, fmt.Errorf("proof: baseline %s: %w", shown(name), err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > MaxBytes {
		return Baseline{}, fmt.Errorf("proof: baseline %s: %w", name, errTooLarge)
	}
	return Read(name, f)
}

var errTooLarge = fmt.Errorf("it has more than %d MiB, which is no baseline", MaxBytes>>20)

// Read reads a baseline, strictly. Errors are: more than MaxBytes; another format; a
// field that is unknown, missing or there twice; numbers that do not match their sum
// or their shape; two cases of one name; a missing end, and text behind it. Cases
// are read one by one, so that the text of a large baseline is never in memory as a
// whole.
func Read(name string, r io.Reader) (Baseline, error) {
	b := Baseline{Name: name}
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	in := bufio.NewReaderSize(limited, 1<<16)
	if start, _ := in.Peek(3); len(strict.TrimBOM(start)) < len(start) {
		_, _ = in.Discard(len(start))
	}
	decoder := json.NewDecoder(in)
	if err := b.read(decoder); err != nil {
		switch {
		case limited.N == 0:
			err = errTooLarge
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			err = errors.New("the file ends early")
		}
		return Baseline{}, fmt.Errorf("proof: baseline %s: %w", shown(name), err)
	}
	return b, nil
}

func (b *Baseline) read(decoder *json.Decoder) error {
	if err := wantToken(decoder, json.Delim('{'), "an object"); err != nil {
		return err
	}
	// The fields' order is fixed: the format decides how the rest is read, and the
	// machine is of no use behind the cases.
	if err := wantToken(decoder, "format", `the field "format"`); err != nil {
		return err
	}
	var format json.RawMessage
	if err := decoder.Decode(&format); err != nil {
		return strict.Malformed(err)
	}
	var err error
	if b.Format, err = strict.Int(format, 1, Format); err != nil {
		return fmt.Errorf("format is %s, this program reads formats 1 to %d", strict.Excerpt(format), Format)
	}
	if err := wantToken(decoder, "made", `the field "made"`); err != nil {
		return err
	}
	var made json.RawMessage
	if err := decoder.Decode(&made); err != nil {
		return strict.Malformed(err)
	}
	if err := b.Made.read(made); err != nil {
		return fmt.Errorf("made: %w", err)
	}
	if err := wantToken(decoder, "cases", `the field "cases"`); err != nil {
		return err
	}
	if err := wantToken(decoder, json.Delim('['), "a list of cases"); err != nil {
		return err
	}
	read := map[proof.CaseKey]bool{}
	for decoder.More() {
		var line json.RawMessage
		if err := decoder.Decode(&line); err != nil {
			return strict.Malformed(err)
		}
		r, err := readRecord(line)
		key := r.key()
		if b.Format == 1 {
			key.Op = "" // its names differ without
		}
		if err == nil && read[key] {
			err = fmt.Errorf("%s has a case of this name already", shown(r.File))
		}
		if err != nil {
			return fmt.Errorf("case %d%s: %w", len(b.Records)+1, quoted(r.Name), err)
		}
		read[key] = true
		b.Records = append(b.Records, r)
	}
	if err := wantToken(decoder, json.Delim(']'), "the list's end"); err != nil {
		return err
	}
	if err := wantToken(decoder, json.Delim('}'), "the object's end"); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("text follows the object's end")
	}
	return nil
}

func wantToken(decoder *json.Decoder, want json.Token, name string) error {
	got, err := decoder.Token()
	if err != nil {
		return strict.Malformed(err)
	}
	if got != want {
		return fmt.Errorf("want %s, got %s", name, quote.Name(fmt.Sprint(got)))
	}
	return nil
}

// read wants all of Made's fields, and no others.
func (m *Made) read(text []byte) error {
	return readFields(text, []target{
		{"tensorflow", &m.TensorFlow, true},
		{"device", &m.Device, true},
		{"onednn", &m.OneDNN, true},
		{"processor", &m.Processor, true},
		{"features", &m.Features, true},
		{"threads", &m.Threads, true},
		{"date", &m.Date, true},
	})
}

func readRecord(text []byte) (Record, error) {
	var r Record
	var shape *[]int
	var bits, sum, refusal *string
	err := readFields(text, []target{
		{"file", &r.File, true},
		{"name", &r.Name, true},
		{"op", &r.Op, true},
		{"case", &r.Case, true},
		{"status", &r.Status, true},
		{"shape", &shape, false},
		{"bits", &bits, false},
		{"sha256", &sum, false},
		{"refusal", &refusal, false},
	})
	if err != nil {
		return r, err
	}
	if !sha256Text(r.Case) {
		return r, fmt.Errorf("case: %s is no sha256", quote.Name(r.Case))
	}
	status, err := strict.Choice("status", string(r.Status), statusNames())
	if err != nil {
		return r, err
	}
	r.Status = proof.Status(status)
	if refusal != nil {
		if shape != nil || bits != nil || sum != nil || *refusal == "" {
			return r, errors.New(`field "refusal" wants a text, and no output beside it`)
		}
		r.Refusal = *refusal
		return r, nil
	}
	if shape == nil || bits == nil || sum == nil {
		return r, errors.New(`want "shape", "bits" and "sha256", or "refusal"`)
	}
	r.Shape = *shape
	n, err := tensor.Elements(r.Shape)
	if err != nil {
		return r, fmt.Errorf("shape: %w", err)
	}
	if r.bits, err = base64.StdEncoding.Strict().DecodeString(*bits); err != nil {
		return r, fmt.Errorf("bits: %w", err)
	}
	if got := digestOf(r.bits); got != *sum {
		return r, fmt.Errorf("bits have the sha256 %s, want %s: the numbers were changed or damaged", got, quote.Text(*sum, 80))
	}
	if len(r.bits)%4 != 0 || len(r.bits)/4 != n {
		return r, fmt.Errorf("bits are %d bytes, want 4 for each of the %d numbers of shape %s", len(r.bits), n, tensor.FormatShape(r.Shape))
	}
	return r, nil
}

func statusNames() (names []string) {
	for _, s := range proof.Statuses {
		names = append(names, string(s))
	}
	return names
}

// target is a field and a pointer to its value.
type target struct {
	name   string
	into   any
	needed bool
}

// readFields reads an object. An unknown field, a field that is null and a missing
// field that is needed are errors.
func readFields(text []byte, targets []target) error {
	fields, err := strict.Object(text)
	if err != nil {
		return err
	}
	known := make([]string, len(targets))
	for i, t := range targets {
		known[i] = t.name
	}
	for _, f := range fields {
		i := slices.Index(known, f.Name)
		if i < 0 {
			return strict.Unknown("field", f.Name, known)
		}
		switch into := targets[i].into.(type) {
		case *int:
			*into, err = strict.Int(f.Value, math.MinInt, math.MaxInt)
		case **[]int:
			*into = new([]int)
			**into, err = strict.Ints(f.Value, math.MinInt, math.MaxInt)
		default:
			err = json.Unmarshal(f.Value, into)
		}
		if err != nil || bytes.Equal(f.Value, []byte("null")) {
			return fmt.Errorf("%s: cannot be %s", f.Name, strict.Excerpt(f.Value))
		}
	}
	for _, t := range targets {
		if _, there := strict.Find(fields, t.name); t.needed && !there {
			return fmt.Errorf("field %q is missing", t.name)
		}
	}
	return nil
}

func sha256Text(text string) bool {
	if len(text) != 64 {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// shown returns a file's name as an error has it.
func shown(name string) string { return quote.Text(quote.Plain(name), 400) }

// quoted returns a case's name for an error, after a space; "" for no name.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return " " + quote.Name(name)
}
