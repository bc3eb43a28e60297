package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tfcnn/internal/bounded"
	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// MaxCaseBytes is the most bytes of all case files of one run together. Reading
// a byte of them takes up to 20 bytes of memory.
const MaxCaseBytes = 64 << 20

// File is a case file that was read.
type File struct {
	Path string // as it was opened
	// Name is the shortest end of Path that no other file of a run has: the
	// file's name, with as many folders before it as needed. Together with an
	// operation and a case's name it names one case of the run.
	Name     string
	MadeBy   string        // what wrote the file; a note
	Cases    []Case        // of operations
	Networks []NetworkCase // of whole networks
}

// Read reads one case file, {"made_by": "…", "cases": [ … ]}, strictly; made_by may be
// left out. A case without a name
// is called by its number, "case 1". Two cases of one name and operation are an
// error with both numbers.
func Read(name string, text []byte) (File, error) {
	fail := func(err error) (File, error) { return File{}, fmt.Errorf("proof: case file %s: %w", shown(name), err) }
	fields, err := strict.Object(strict.TrimBOM(text))
	if err != nil {
		return fail(err)
	}
	file := File{Path: name, Name: name}
	numbers := map[CaseKey]int{}
	for _, f := range fields {
		switch f.Name {
		case "made_by":
			if err := decode(f.Value, &file.MadeBy, nil); err != nil {
				return fail(fmt.Errorf("%s: %w", f.Name, err))
			}
			continue
		case "cases":
		default:
			return fail(strict.Unknown("field", f.Name, []string{"cases", "made_by"}))
		}
		var list []json.RawMessage
		if err := json.Unmarshal(f.Value, &list); err != nil {
			return fail(fmt.Errorf("cases: want a list, got %s", strict.Excerpt(f.Value)))
		}
		for i, raw := range list {
			keys, err := file.add(i+1, raw)
			if err != nil {
				return fail(err)
			}
			for _, key := range keys {
				if at := numbers[key]; at > 0 {
					return fail(fmt.Errorf("cases %d and %d are both %s%s, want names that differ", at, i+1, key.Op, quoted(key.Name)))
				}
				numbers[key] = i + 1
			}
		}
	}
	if len(file.Cases)+len(file.Networks) == 0 {
		return fail(errors.New(`no cases, want {"cases": [ … ]}`))
	}
	return file, nil
}

// add reads the case of a number, of an operation or of a network, and returns the keys
// of its outcomes, without a file.
func (f *File) add(number int, raw json.RawMessage) ([]CaseKey, error) {
	fields, err := strict.Object(raw)
	if err != nil {
		return nil, fmt.Errorf("case %d: %w", number, err)
	}
	fail := func(name string, err error) ([]CaseKey, error) {
		return nil, fmt.Errorf("case %d%s: %w", number, quoted(name), err)
	}
	// A failed case repeats under the name that it has here.
	unnamed := fmt.Sprint("case ", number)
	if _, isNetwork := strict.Find(fields, "network"); isNetwork {
		var c NetworkCase
		if err := c.read(raw, fields); err != nil {
			return fail(c.Name, err)
		}
		if c.Name == "" {
			c.Name = unnamed
			if c.json, err = c.MarshalJSON(); err != nil {
				return fail("", err)
			}
		}
		f.Networks = append(f.Networks, c)
		return c.keys(), nil
	}
	var c Case
	if err := c.readOperation(raw, fields); err != nil {
		return fail(c.Name, err)
	}
	if c.Name == "" {
		c.Name = unnamed
		if c.json, err = c.MarshalJSON(); err != nil {
			return fail("", err)
		}
	}
	f.Cases = append(f.Cases, c)
	return []CaseKey{{Op: c.Op.Kind(), Name: c.Name}}, nil
}

// CaseKey names a case of a run: by its file's Name, its operation and its name.
type CaseKey struct{ File, Op, Name string }

func (k CaseKey) String() string {
	return fmt.Sprintf("%s: %s %s", quote.Plain(k.File), quote.Plain(k.Op), quote.Name(k.Name))
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return " " + quote.Name(name)
}

// shown returns a file's name as an error has it.
func shown(name string) string { return quote.Text(quote.Plain(name), 400) }

// CaseFiles are the case files of one run.
type CaseFiles struct {
	files []File
	bytes int64
}

// Add reads a case file, or all files of a folder whose names end in .json, in
// the order of their names. fsys lies in a folder, "" where that has no name.
func (r *CaseFiles) Add(fsys fs.FS, folder, name string) error {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return fmt.Errorf("proof: case files: %w", err)
	}
	names := []string{name}
	if info.IsDir() {
		entries, err := fs.ReadDir(fsys, name)
		if err != nil {
			return fmt.Errorf("proof: case files: %w", err)
		}
		names = nil
		for _, entry := range entries {
			if !entry.IsDir() && strings.HasSuffix(entry.Name(), ".json") {
				names = append(names, path.Join(name, entry.Name()))
			}
		}
		slices.Sort(names)
		if len(names) == 0 {
			return fmt.Errorf("proof: case files: folder %s holds no .json file", shown(name))
		}
	}
	for _, name := range names {
		text, err := bounded.ReadFile(fsys, name, MaxCaseBytes-r.bytes)
		if errors.Is(err, bounded.ErrTooLarge) {
			return fmt.Errorf("proof: case files: %s brings them above %d MiB, the most that is read in all", shown(filepath.Join(folder, name)), MaxCaseBytes>>20)
		}
		if err != nil {
			return fmt.Errorf("proof: case files: %w", err)
		}
		r.bytes += int64(len(text))
		file, err := Read(filepath.Join(folder, name), text)
		if err != nil {
			return err
		}
		r.files = append(r.files, file)
	}
	return nil
}

// Files are the files that were added, each with a Name of its own. A file that
// was added twice is an error.
func (r *CaseFiles) Files() ([]File, error) {
	elements := make([][]string, len(r.files))
	depth := make([]int, len(r.files)) // how many elements of the path are the name
	for i, file := range r.files {
		elements[i] = strings.Split(filepath.ToSlash(filepath.Clean(file.Path)), "/")
		depth[i] = 1
	}
	for {
		alike := map[string][]int{}
		for i, list := range elements {
			name := strings.Join(list[len(list)-depth[i]:], "/")
			r.files[i].Name = name
			// JUnit's class names leave the ending out.
			key := strings.TrimSuffix(name, ".json")
			alike[key] = append(alike[key], i)
		}
		if len(alike) == len(r.files) {
			return r.files, nil
		}
		longer := false
		for _, group := range alike {
			for _, i := range group {
				if len(group) > 1 && depth[i] < len(elements[i]) {
					depth[i]++
					longer = true
				}
			}
		}
		if longer {
			continue
		}
		for i, file := range r.files {
			if group := alike[strings.TrimSuffix(file.Name, ".json")]; len(group) > 1 && group[0] == i {
				return nil, fmt.Errorf("proof: case files: file %d, %s, and file %d, %s, have one name; want each file once", i+1, shown(file.Path), group[1]+1, shown(r.files[group[1]].Path))
			}
		}
	}
}

// ReadAll reads a case file, or those of a folder, as CaseFiles does.
func ReadAll(fsys fs.FS, name string) ([]File, error) {
	var all CaseFiles
	if err := all.Add(fsys, "", name); err != nil {
		return nil, err
	}
	return all.Files()
}
