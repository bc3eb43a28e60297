package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// libtensorflow_cc.so.2 exports everything that it is made of: 436,000
// symbols, whose C++ names take 82 MB of its 583. All but a few are used by
// the library itself alone, where any name serves. ShortenNames gives those
// names of a few letters and cuts the table of names out of the file. Code,
// data, addresses and relocations stay as they are, byte for byte.
//
// The names lie in a segment's middle. What comes after them keeps its address
// (the file gets shorter, the address space a hole), so that the segment
// becomes two. The program header that this takes is PT_PHDR's, which only
// executables need, or else that of a note, as the build id is.

const pageSize = 0x1000

// shared is a shared library that is being edited.
type shared struct {
	data []byte
	file *elf.File

	symbols, names, hash *elf.Section
	table                []byte // .dynsym
	bloom, chain         []byte // views of .gnu.hash
	buckets, first       uint32 // hashed symbols begin at first
	shift                uint32
}

var order = binary.LittleEndian

const symbolSize = 24 // of Elf64_Sym

// ShortenNames gives new names to the dynamic symbols that a library defines
// and of which keep says no. The result takes the library's place in memory.
func ShortenNames(library []byte, keep func(name string) bool) (_ []byte, err error) {
	defer recoverDamage(&err)
	s, err := openShared(library)
	if err != nil {
		return nil, err
	}
	names := newNames()
	short, err := s.shortNames(keep)
	if err != nil {
		return nil, err
	}
	for i := range len(s.table) / symbolSize {
		entry := s.table[i*symbolSize:]
		name, renamed := short[i]
		if !renamed {
			if name, err = s.name(order.Uint32(entry)); err != nil {
				return nil, err
			}
		}
		order.PutUint32(entry, names.add(name))
		if i >= int(s.first) {
			s.enter(i, name)
		}
	}
	if err := s.renameElsewhere(names); err != nil {
		return nil, err
	}
	return s.cut(names.text)
}

// recoverDamage makes an error of an offset that leads nowhere.
func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("is damaged: %v", p)
	}
}

// openDynamic opens a shared library or a program with its dynamic symbols and
// their names; they are nil where it has none.
func openDynamic(data []byte) (*shared, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if file.Class != elf.ELFCLASS64 || file.Data != elf.ELFDATA2LSB || file.Type != elf.ET_DYN && file.Type != elf.ET_EXEC {
		return nil, errors.New("is no 64-bit little-endian shared library or program")
	}
	s := &shared{data: data, file: file, symbols: file.SectionByType(elf.SHT_DYNSYM)}
	if s.symbols == nil {
		return s, nil
	}
	if int(s.symbols.Link) >= len(file.Sections) {
		return nil, errors.New("has dynamic symbols without names")
	}
	s.names = file.Sections[s.symbols.Link]
	s.table, err = s.view(s.symbols)
	return s, err
}

// openShared opens a shared library with its hash table too.
func openShared(data []byte) (*shared, error) {
	s, err := openDynamic(data)
	if err != nil {
		return nil, err
	}
	if s.file.Type != elf.ET_DYN {
		return nil, errors.New("is no shared library")
	}
	if s.hash = s.file.SectionByType(elf.SHT_GNU_HASH); s.symbols == nil || s.hash == nil {
		return nil, errors.New("has no dynamic symbols or no GNU hash table")
	}
	hash, err := s.view(s.hash)
	if err != nil {
		return nil, err
	}
	if len(hash) < 16 {
		return nil, errors.New("has a GNU hash table cut short")
	}
	s.buckets, s.first, s.shift = order.Uint32(hash), order.Uint32(hash[4:]), order.Uint32(hash[12:])
	words := int(order.Uint32(hash[8:]))
	at := 16 + 8*words + 4*int(s.buckets)
	hashed := len(s.table)/symbolSize - int(s.first)
	if words == 0 || s.buckets == 0 || hashed < 0 || len(hash) < at+4*hashed {
		return nil, errors.New("has a GNU hash table cut short")
	}
	s.bloom, s.chain = hash[16:16+8*words], hash[at:]
	return s, nil
}

// view is a section's bytes in the file, to be changed in place.
func (s *shared) view(section *elf.Section) ([]byte, error) {
	end := section.Offset + section.FileSize
	if end < section.Offset || end > uint64(len(s.data)) {
		return nil, fmt.Errorf("section %s lies outside the file", section.Name)
	}
	return s.data[section.Offset:end], nil
}

// name reads the table of names as it was.
func (s *shared) name(at uint32) (string, error) {
	text, err := s.view(s.names)
	if err != nil {
		return "", err
	}
	if uint64(at) >= uint64(len(text)) {
		return "", errors.New("a name lies outside the table of names")
	}
	end := bytes.IndexByte(text[at:], 0)
	if end < 0 {
		return "", errors.New("the table of names is cut short")
	}
	return string(text[at : int(at)+end]), nil
}

// own reports whether a symbol is one that others can find here, and need not.
func (s *shared) own(symbol int, name string, keep func(string) bool) bool {
	defined := order.Uint16(s.table[symbol*symbolSize+6:]) != uint16(elf.SHN_UNDEF)
	return defined && symbol >= int(s.first) && !keep(name)
}

// shortNames chooses the new names, by symbol number. The hash table has
// symbols of one bucket side by side, so that a new name must fall in the old
// one's bucket; then no symbol moves, and no relocation either.
func (s *shared) shortNames(keep func(string) bool) (map[int]string, error) {
	wanted := map[uint32][]int{} // symbols by bucket
	taken := map[string]bool{}
	left := 0
	for i := range len(s.table) / symbolSize {
		entry := s.table[i*symbolSize:]
		name, err := s.name(order.Uint32(entry))
		if err != nil {
			return nil, err
		}
		if !s.own(i, name, keep) {
			taken[name] = true
			continue
		}
		bucket := gnuHash(name) % s.buckets
		wanted[bucket] = append(wanted[bucket], i)
		left++
	}
	short := make(map[int]string, left)
	// No C or C++ name begins with a tilde.
	for n := uint64(0); left > 0; n++ {
		name := "~" + letters(n)
		bucket := gnuHash(name) % s.buckets
		list := wanted[bucket]
		if len(list) == 0 || taken[name] {
			continue
		}
		short[list[0]], wanted[bucket] = name, list[1:]
		left--
	}
	clear(s.bloom)
	return short, nil
}

// letters writes a number with 62 digits.
func letters(n uint64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var text []byte
	for ; n > 0 || text == nil; n /= 62 {
		text = append(text, digits[n%62])
	}
	return string(text)
}

// gnuHash is the hash of .gnu.hash.
func gnuHash(name string) uint32 {
	h := uint32(5381)
	for i := range len(name) {
		h = h*33 + uint32(name[i])
	}
	return h
}

// enter puts a symbol's name into the hash table; its position is settled. The
// lowest bit says that a bucket ends.
func (s *shared) enter(symbol int, name string) {
	h := gnuHash(name)
	chain := s.chain[4*(symbol-int(s.first)):]
	order.PutUint32(chain, h&^1|order.Uint32(chain)&1)
	word := s.bloom[8*(h/64%uint32(len(s.bloom)/8)):]
	order.PutUint64(word, order.Uint64(word)|1<<(h%64)|1<<(h>>s.shift%64))
}

// table of names that is being written.
type nameTable struct {
	text []byte
	at   map[string]uint32
}

func newNames() *nameTable {
	return &nameTable{text: []byte{0}, at: map[string]uint32{"": 0}}
}

func (t *nameTable) add(name string) uint32 {
	at, found := t.at[name]
	if !found {
		at = uint32(len(t.text))
		t.at[name] = at
		t.text = append(append(t.text, name...), 0)
	}
	return at
}
