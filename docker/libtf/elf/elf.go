// Package elf reads and edits ELF shared libraries as TensorFlow's wheels have
// them: 64-bit, little-endian. It binds a library's own symbols (BindOwn),
// shortens their names (ShortenNames) and changes run paths (SetRunPath), each in
// memory, and reads run paths and symbols of files.
//
//	library, err := os.ReadFile("libtensorflow_cc.so.2")
//	bound, err := elf.BindOwn(library, keep) // how many references it settled
//	fmt.Println(bound)
//	library, err = elf.ShortenNames(library, keep)
//
// A library that is damaged is an error. An error's text continues the library's
// name, as "has no dynamic symbols".
package elf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strings"
)

// RunPath returns the entries of the run path (DT_RUNPATH, then DT_RPATH) of the
// program or library in a file. A file that is not ELF, as a linker script, has no
// entries.
func RunPath(file string) ([]string, error) {
	library, err := elf.Open(file)
	if damaged := (*elf.FormatError)(nil); errors.As(err, &damaged) || errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer library.Close()
	var entries []string
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, err := library.DynString(tag)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			entries = append(entries, strings.Split(path, ":")...)
		}
	}
	return entries, nil
}

// Needed returns the names of the libraries that the program or library in a file
// is linked with.
func Needed(file string) ([]string, error) {
	program, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	return program.ImportedLibraries()
}

// Symbols returns the names of a library's dynamic symbols.
func Symbols(file string) ([]string, error) {
	library, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer library.Close()
	symbols, err := library.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(symbols))
	for i, s := range symbols {
		names[i] = s.Name
	}
	return names, nil
}

// SetRunPath writes edit's run path over that of a library or a program, in place:
// no byte moves. A run path longer than the old one is an error. SetRunPath reports
// whether the library changed; a library without a run path does not.
func SetRunPath(library []byte, edit func(old string) string) (changed bool, err error) {
	defer recoverDamage(&err)
	s, err := openDynamic(library)
	if err != nil || s.names == nil {
		return false, err
	}
	text, err := s.view(s.names)
	if err != nil {
		return false, err
	}
	err = s.eachDynamic(func(tag elf.DynTag, value []byte) error {
		if tag != elf.DT_RUNPATH && tag != elf.DT_RPATH {
			return nil
		}
		at := order.Uint32(value)
		old, err := s.name(at)
		if err != nil {
			return err
		}
		edited := edit(old)
		if edited == old {
			return nil
		}
		if len(edited) > len(old) {
			return fmt.Errorf("has the run path %q, too short for %q", old, edited)
		}
		if err := s.readBy(at, len(old)); err != nil {
			return err
		}
		room := text[at:][:len(old)]
		clear(room[copy(room, edited):])
		changed = true
		return nil
	})
	return changed, err
}

// readBy refuses to let the name at an offset be changed where another
// reference reads it too: linkers let a name that ends another one share its
// bytes.
func (s *shared) readBy(at uint32, length int) error {
	text, err := s.view(s.names)
	if err != nil {
		return err
	}
	first, end := bytes.LastIndexByte(text[:at], 0)+1, int(at)+length
	readers := 0
	count := func(word []byte) error {
		if name := int(order.Uint32(word)); first <= name && name < end {
			readers++
		}
		return nil
	}
	if err := s.eachName(count); err != nil {
		return err
	}
	for entry := s.table; len(entry) >= symbolSize; entry = entry[symbolSize:] {
		if err := count(entry); err != nil {
			return err
		}
	}
	if readers != 1 {
		return fmt.Errorf("has a run path whose text %d references read, want 1", readers)
	}
	return nil
}
