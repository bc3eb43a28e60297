package elf

import (
	"cmp"
	"debug/elf"
	"errors"
	"slices"
)

// TensorFlow's libraries are linked without -Bsymbolic: where one of them holds
// a pointer to a symbol of its own, in a table of virtual functions or in the
// global offset table, the dynamic linker looks that symbol up by name when a
// program starts, in case another library has one of the same name. There are
// 286,000 such pointers; looking them up is a third of a start, and with the
// wheel's long names more than half. BindOwn does beforehand what -Bsymbolic
// would have done, for the symbols that no other library has or wants: their
// relocations become relative ones, which add the library's address and ask for
// no name. Calls go through tables of their own (DT_JMPREL), are looked up when
// they are first made, and stay as they are.

const relocationSize = 24 // of Elf64_Rela

type relocation struct {
	offset, info uint64
	addend       int64
}

func (r relocation) kind() elf.R_X86_64 { return elf.R_X86_64(r.info & 0xffffffff) }

// BindOwn changes the library's relocations in place and says how many became
// relative. Those of the symbols of which keep says yes stay, and so does a
// library for another processor than x86-64.
func BindOwn(library []byte, keep func(name string) bool) (bound int, err error) {
	defer recoverDamage(&err)
	s, err := openShared(library)
	if err != nil || s.file.Machine != elf.EM_X86_64 {
		return 0, err
	}
	table, err := s.relocations()
	if err != nil {
		return 0, err
	}
	own, err := s.bindable(keep)
	if err != nil {
		return 0, err
	}
	var relative, others []relocation
	for entry := table; len(entry) >= relocationSize; entry = entry[relocationSize:] {
		r := relocation{order.Uint64(entry), order.Uint64(entry[8:]), int64(order.Uint64(entry[16:]))}
		symbol := r.info >> 32
		switch kind := r.kind(); {
		case kind == elf.R_X86_64_RELATIVE:
		case own[symbol] && (kind == elf.R_X86_64_64 || kind == elf.R_X86_64_GLOB_DAT && r.addend == 0):
			value := order.Uint64(s.table[symbol*symbolSize+8:])
			r.info, r.addend = uint64(elf.R_X86_64_RELATIVE), r.addend+int64(value)
			bound++
		default:
			others = append(others, r)
			continue
		}
		relative = append(relative, r)
	}
	// The dynamic linker takes DT_RELACOUNT relative ones from the front in a
	// short loop, page after page. The others keep their order, which has those
	// of one symbol side by side: it remembers what it has looked up last.
	slices.SortStableFunc(relative, func(a, b relocation) int { return cmp.Compare(a.offset, b.offset) })
	for i, r := range slices.Concat(relative, others) {
		entry := table[i*relocationSize:]
		order.PutUint64(entry, r.offset)
		order.PutUint64(entry[8:], r.info)
		order.PutUint64(entry[16:], uint64(r.addend))
	}
	return bound, s.eachDynamic(func(tag elf.DynTag, value []byte) error {
		if tag == elf.DT_RELACOUNT {
			order.PutUint64(value, uint64(len(relative)))
		}
		return nil
	})
}

// relocations is the table of DT_RELA, to be changed in place.
func (s *shared) relocations() ([]byte, error) {
	var at, size uint64
	if err := s.eachDynamic(func(tag elf.DynTag, value []byte) error {
		switch tag {
		case elf.DT_RELA:
			at = order.Uint64(value)
		case elf.DT_RELASZ:
			size = order.Uint64(value)
		}
		return nil
	}); err != nil || size == 0 {
		return nil, err
	}
	for _, section := range s.file.Sections {
		if section.Type == elf.SHT_RELA && section.Addr == at && section.Size == size {
			return s.view(section)
		}
	}
	return nil, errors.New("has relocations in no section")
}

// bindable says of each symbol whether it is the library's own and has one
// address, settled when the library was linked. So a function that is chosen at
// run time (STT_GNU_IFUNC), a place in a thread's memory and an absolute number
// are left, and what is to be one in the whole process (STB_GNU_UNIQUE).
func (s *shared) bindable(keep func(name string) bool) ([]bool, error) {
	own := make([]bool, len(s.table)/symbolSize)
	for i := range own {
		entry := s.table[i*symbolSize:]
		name, err := s.name(order.Uint32(entry))
		if err != nil {
			return nil, err
		}
		kind, scope := elf.ST_TYPE(entry[4]), elf.ST_BIND(entry[4])
		own[i] = s.own(i, name, keep) && order.Uint16(entry[6:]) < uint16(elf.SHN_LORESERVE) &&
			(kind == elf.STT_NOTYPE || kind == elf.STT_OBJECT || kind == elf.STT_FUNC) &&
			(scope == elf.STB_GLOBAL || scope == elf.STB_WEAK)
	}
	return own, nil
}

// eachDynamic visits the entries of the dynamic section.
func (s *shared) eachDynamic(visit func(tag elf.DynTag, value []byte) error) error {
	for _, section := range s.file.Sections {
		if section.Type != elf.SHT_DYNAMIC {
			continue
		}
		entries, err := s.view(section)
		if err != nil {
			return err
		}
		for ; len(entries) >= 16; entries = entries[16:] {
			if err := visit(elf.DynTag(order.Uint64(entries)), entries[8:16]); err != nil {
				return err
			}
		}
	}
	return nil
}
