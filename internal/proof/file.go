package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"tfcnn/internal/quote"
	"tfcnn/internal/strict"
)

// File is a case file that was read.
type File struct {
	Name  string
	Cases []Case
}

// Read reads one case file, {"cases": [ … ]}, strictly. Cases without a name
// are called after their place, from 1.
func Read(name string, text []byte) (File, error) {
	fail := func(err error) (File, error) { return File{}, fmt.Errorf("proof: case file %s: %w", shown(name), err) }
	fields, err := strict.Object(strict.TrimBOM(text))
	if err != nil {
		return fail(err)
	}
	file := File{Name: name}
	for _, f := range fields {
		if f.Name != "cases" {
			return fail(strict.Unknown("field", f.Name, []string{"cases"}))
		}
		var list []json.RawMessage
		if err := json.Unmarshal(f.Value, &list); err != nil {
			return fail(fmt.Errorf("cases: want a list, got %s", strict.Excerpt(f.Value)))
		}
		for i, raw := range list {
			var c Case
			if err := c.UnmarshalJSON(raw); err != nil {
				return fail(fmt.Errorf("case %d%s: %w", i+1, quoted(c.Name), err))
			}
			if c.Name == "" {
				c.Name = fmt.Sprint("case ", i+1)
			}
			file.Cases = append(file.Cases, c)
		}
	}
	if len(file.Cases) == 0 {
		return fail(errors.New(`no cases, want {"cases": [ … ]}`))
	}
	return file, nil
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return " " + quote.Name(name)
}

// shown is a file's name as an error has it.
func shown(name string) string { return quote.Text(quote.Plain(name), 400) }

// ReadAll reads a case file, or all files of a folder whose names end in
// .json, in the order of their names.
func ReadAll(fsys fs.FS, name string) ([]File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("proof: case files: %w", err)
	}
	names := []string{name}
	if info.IsDir() {
		entries, err := fs.ReadDir(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("proof: case files: %w", err)
		}
		names = nil
		for _, entry := range entries {
			if !entry.IsDir() && strings.HasSuffix(entry.Name(), ".json") {
				names = append(names, path.Join(name, entry.Name()))
			}
		}
		slices.Sort(names)
		if len(names) == 0 {
			return nil, fmt.Errorf("proof: case files: folder %s holds no .json file", shown(name))
		}
	}
	var files []File
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("proof: case files: %w", err)
		}
		file, err := Read(name, text)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}
