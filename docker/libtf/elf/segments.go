package elf

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
)

// renameElsewhere changes the references to the table of names that are not
// symbols'.
func (s *shared) renameElsewhere(names *nameTable) error {
	return s.eachName(func(word []byte) error {
		name, err := s.name(order.Uint32(word))
		if err == nil {
			order.PutUint32(word, names.add(name))
		}
		return err
	})
}

// eachName visits the references to the table of names that are not symbols':
// libraries needed, run path, versions.
func (s *shared) eachName(visit func(word []byte) error) error {
	for _, section := range s.file.Sections {
		if !slices.Contains([]elf.SectionType{elf.SHT_DYNAMIC, elf.SHT_GNU_VERDEF, elf.SHT_GNU_VERNEED}, section.Type) {
			continue
		}
		text, err := s.view(section)
		if err != nil {
			return err
		}
		switch section.Type {
		case elf.SHT_DYNAMIC:
			for ; len(text) >= 16; text = text[16:] {
				switch elf.DynTag(order.Uint64(text)) {
				case elf.DT_NEEDED, elf.DT_SONAME, elf.DT_RPATH, elf.DT_RUNPATH:
					err = visit(text[8:])
				case elf.DT_STRSZ:
					// Set in cut, when all names are known.
				case elf.DT_AUXILIARY, elf.DT_FILTER, elf.DT_CONFIG, elf.DT_DEPAUDIT, elf.DT_AUDIT:
					err = errors.New("has a dynamic entry with a name that is not known here")
				}
				if err != nil {
					return err
				}
			}
		case elf.SHT_GNU_VERDEF:
			err = eachLinked(text, int(section.Info), 16, func(entry []byte) error {
				return eachLinked(entry[order.Uint32(entry[12:]):], int(order.Uint16(entry[6:])), 4, visit)
			})
		case elf.SHT_GNU_VERNEED:
			err = eachLinked(text, int(section.Info), 12, func(entry []byte) error {
				if err := visit(entry[4:]); err != nil {
					return err
				}
				return eachLinked(entry[order.Uint32(entry[8:]):], int(order.Uint16(entry[2:])), 12, func(aux []byte) error {
					return visit(aux[8:])
				})
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachLinked walks n entries, each of which tells, at link, how far the next
// one is.
func eachLinked(entries []byte, n, link int, visit func(entry []byte) error) error {
	for ; n > 0; n-- {
		if len(entries) < link+4 {
			return errors.New("has a table of versions cut short")
		}
		if err := visit(entries); err != nil {
			return err
		}
		next := order.Uint32(entries[link:])
		if uint64(next) > uint64(len(entries)) {
			return errors.New("has a table of versions cut short")
		}
		entries = entries[next:]
	}
	return nil
}

// Of Elf64_Ehdr and Elf64_Phdr and Elf64_Shdr.
const (
	headersAt, sectionsAt             = 0x20, 0x28
	headerSize, sectionSize           = 56, 64
	headerCountAt, sectionCountAt     = 0x38, 0x3c
	offsetAt, addressAt, physicalAt   = 0x08, 0x10, 0x18
	fileSizeAt, memorySizeAt, alignAt = 0x20, 0x28, 0x30
	sectionOffsetAt, sectionBytesAt   = 0x18, 0x20
)

// cut writes the new table of names over the old one and takes the pages that
// are left free out of the file.
func (s *shared) cut(names []byte) ([]byte, error) {
	begin, old := s.names.Offset, s.names.FileSize
	if uint64(len(names)) > old {
		return nil, errors.New("the new names are longer than the old ones")
	}
	region := s.data[begin : begin+old]
	clear(region[copy(region, names):])
	from := (begin + uint64(len(names)) + pageSize - 1) / pageSize * pageSize
	to := (begin + old) / pageSize * pageSize
	if err := s.setNamesSize(uint64(len(names))); err != nil {
		return nil, err
	}
	if to <= from {
		return s.data, nil
	}
	if err := s.splitSegment(from, to); err != nil {
		return nil, err
	}
	shift := func(word []byte) error {
		switch offset := order.Uint64(word); {
		case offset >= to:
			order.PutUint64(word, offset-(to-from))
		case offset > from:
			return errors.New("something lies where the old names end")
		}
		return nil
	}
	sections := order.Uint64(s.data[sectionsAt:])
	for i := range uint64(order.Uint16(s.data[sectionCountAt:])) {
		if err := shift(s.data[sections+i*sectionSize+sectionOffsetAt:]); err != nil {
			return nil, err
		}
	}
	if err := shift(s.data[sectionsAt:]); err != nil {
		return nil, err
	}
	return append(s.data[:from], s.data[to:]...), nil
}

// setNamesSize enters the table's new size.
func (s *shared) setNamesSize(size uint64) error {
	for i, section := range s.file.Sections {
		if section == s.names {
			at := order.Uint64(s.data[sectionsAt:]) + uint64(i)*sectionSize
			order.PutUint64(s.data[at+sectionBytesAt:], size)
		}
	}
	return s.eachDynamic(func(tag elf.DynTag, value []byte) error {
		if tag == elf.DT_STRSZ {
			order.PutUint64(value, size)
		}
		return nil
	})
}

// splitSegment makes two of the segment that holds the pages from … to of the
// file, and moves the others' offsets.
func (s *shared) splitSegment(from, to uint64) error {
	at := order.Uint64(s.data[headersAt:])
	count := uint64(order.Uint16(s.data[headerCountAt:]))
	table := s.data[at : at+count*headerSize]
	var headers [][]byte
	split, replaced := false, false
	for ; len(table) > 0; table = table[headerSize:] {
		h := slices.Clone(table[:headerSize])
		kind := elf.ProgType(order.Uint32(h))
		offset, size := order.Uint64(h[offsetAt:]), order.Uint64(h[fileSizeAt:])
		switch {
		case !replaced && (kind == elf.PT_PHDR || kind == elf.PT_NOTE):
			replaced = true
			continue
		case offset >= to:
			order.PutUint64(h[offsetAt:], offset-(to-from))
		case kind == elf.PT_LOAD && offset <= from && to <= offset+size:
			if order.Uint64(h[memorySizeAt:]) != size || (order.Uint64(h[addressAt:])-offset)%pageSize != 0 || order.Uint64(h[alignAt:]) > pageSize {
				return errors.New("the segment of the names has memory beyond the file, or is not aligned to pages of 4 KiB")
			}
			second := slices.Clone(h)
			for _, field := range []int{fileSizeAt, memorySizeAt} {
				order.PutUint64(h[field:], from-offset)
				order.PutUint64(second[field:], offset+size-to)
			}
			for _, field := range []int{addressAt, physicalAt} {
				order.PutUint64(second[field:], order.Uint64(second[field:])+to-offset)
			}
			order.PutUint64(second[offsetAt:], from)
			headers = append(headers, h)
			h, split = second, true
		case offset+size > from && offset < to:
			return fmt.Errorf("segment of kind %v lies where the old names end", kind)
		}
		headers = append(headers, h)
	}
	if !split || !replaced {
		return errors.New("has no segment to split, or no program header to spare")
	}
	copy(s.data[at:], slices.Concat(headers...))
	return nil
}
