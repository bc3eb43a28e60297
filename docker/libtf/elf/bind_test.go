package elf

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A library whose relocations are bound; another one, before it in the order in
// which the dynamic linker looks, which has some of its names; a program that
// asks both. intruder is loaded before all and has every name.
const (
	boundSource = `
#include <stddef.h>
#define UNIQUE(name) __asm__(".data\n.globl " #name "\n.type " #name ",@gnu_unique_object\n.size " #name ",8\n.balign 8\n" #name ": .quad 7\n.text"); extern long name
int _Zown_function(void) { return 1; }
long _Zown_numbers[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
__attribute__((weak)) int _Zweak_function(void) { return 2; }
int _Zshared_function(void) { return 3; }
__attribute__((weak)) long _Zshared_number = 4;
extern int _Zabsent(void) __attribute__((weak));
int c_function(void) { return 5; }
__thread long _Zthread_number = 6;
UNIQUE(_Zunique_number);
static int fast(void) { return 8; }
static int (*choose(void))(void) { return fast; }
int _Zchosen_function(void) __attribute__((ifunc("choose")));

// R_X86_64_64.
int (*functions[])(void) = {_Zown_function, _Zweak_function, _Zshared_function, c_function, _Zchosen_function, _Zabsent};
void *pointers[] = {_Zown_numbers + 5, &_Zshared_number, &_Zunique_number};

// R_X86_64_GLOB_DAT, and what a thread's memory takes.
void *address(int n) {
	switch (n) {
	case 0: return _Zown_function;
	case 1: return _Zown_numbers + 5;
	case 2: return _Zweak_function;
	case 3: return _Zshared_function;
	case 4: return &_Zshared_number;
	case 5: return c_function;
	case 6: return &_Zthread_number;
	case 7: return &_Zunique_number;
	case 8: return _Zabsent;
	}
	return _Zchosen_function;
}
`
	sharingSource = `
int _Zshared_function(void) { return 30; }
long _Zshared_number = 40;
void *shared_function(void) { return _Zshared_function; }
void *shared_number(void) { return &_Zshared_number; }
`
	intruderSource = `
int _Zown_function(void) { return 100; }
int _Zweak_function(void) { return 200; }
int _Zshared_function(void) { return 300; }
int c_function(void) { return 500; }
`
	askingSource = `
#include <stdio.h>
#include <stdlib.h>
extern int (*functions[])(void);
extern void *pointers[];
void *address(int n), *shared_function(void), *shared_number(void);
int main(void) {
	for (int i = 0; i < 5; i++) printf("%d ", functions[i]());
	for (int i = 0; i < 3; i++) printf("%ld ", *(long *)pointers[i]);
	printf("%d ", functions[5] == NULL);
	int same[] = {
		address(0) == functions[0], address(1) == pointers[0], address(2) == functions[1], address(3) == functions[2],
		address(4) == pointers[1], address(5) == functions[3], address(7) == pointers[2], address(8) == functions[5],
		address(3) == shared_function(), address(4) == shared_number(), address(10) == functions[4],
	};
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++) printf("%d", same[i]);
	printf(" %ld\n", *(long *)address(6));
	return 0;
}
`
)

func TestBindOwn(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to make a library with")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"bound": boundSource, "sharing": sharingSource, "intruder": intruderSource, "asking": askingSource} {
		write(t, filepath.Join(dir, name+".c"), text)
	}
	run := func(environment, name string, arguments ...string) string {
		t.Helper()
		cmd := exec.Command(name, arguments...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), environment)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	for _, name := range []string{"bound", "sharing", "intruder"} {
		run("", gcc, "-shared", "-fPIC", "-Wl,--hash-style=gnu,-soname,lib"+name+".so", "-o", "lib"+name+".so", name+".c")
	}
	program := filepath.Join(dir, "asking")
	run("", gcc, "-fPIE", "-pie", "-o", "asking", "asking.c", "libsharing.so", "libbound.so", "-Wl,-rpath,"+dir)
	const preload = "LD_PRELOAD=./libintruder.so"
	check := func(when, alone, intruded string) {
		t.Helper()
		for _, now := range []string{"LD_BIND_NOW=", "LD_BIND_NOW=1"} {
			if got := run(now, program); got != alone {
				t.Errorf("%s: got %q, want %q (%s)", when, got, alone, now)
			}
		}
		if got := run(preload, program); got != intruded {
			t.Errorf("%s, with an intruder: got %q, want %q", when, got, intruded)
		}
	}
	alone := "1 2 30 5 8 5 40 7 1 11111111111 6\n"
	check("before", alone, "100 200 300 500 8 5 40 7 1 11111111111 6\n")

	library := filepath.Join(dir, "libbound.so")
	before, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]bool{}
	libc := strings.TrimSpace(run("", gcc, "-print-file-name=libc.so.6"))
	for _, path := range []string{filepath.Join(dir, "libsharing.so"), libc} {
		names, err := Symbols(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			others[name] = true
		}
	}
	keep := func(name string) bool { return others[name] || !strings.HasPrefix(name, "_Z") }
	after := bytes.Clone(before)
	bound, err := BindOwn(after, keep)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(library, after, 0o644); err != nil {
		t.Fatal(err)
	}
	// The intruder comes too late for what is bound, and for nothing else.
	check("after", alone, "1 2 300 500 8 5 40 7 1 11111111111 6\n")
	compareRelocations(t, before, after, bound, "_Zown_function", "_Zown_numbers", "_Zweak_function")

	// Again: nothing is left to be bound. Another processor's is left alone.
	again := bytes.Clone(after)
	if bound, err := BindOwn(again, keep); err != nil || bound != 0 || !bytes.Equal(again, after) {
		t.Errorf("again: %d relocations were bound, %v", bound, err)
	}
	const machineAt = 0x12
	other := bytes.Clone(before)
	order.PutUint16(other[machineAt:], uint16(elf.EM_AARCH64))
	same := bytes.Clone(other)
	if bound, err := BindOwn(same, keep); err != nil || bound != 0 || !bytes.Equal(same, other) {
		t.Errorf("arm64: %d relocations were bound, %v", bound, err)
	}
	// What linkers do not write today: an absolute number that is found by name,
	// and a symbol that says it is a number where a thread's memory is meant.
	for _, tt := range []struct {
		symbol string
		change func(entry []byte)
		lost   int
	}{
		{"_Zweak_function", func(entry []byte) { order.PutUint16(entry[6:], uint16(elf.SHN_ABS)) }, 2},
		{"_Zthread_number", func(entry []byte) { entry[4] = elf.ST_INFO(elf.STB_GLOBAL, elf.STT_OBJECT) }, 0},
	} {
		odd := bytes.Clone(before)
		s, err := openShared(odd)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(symbols(t, before), func(s elf.Symbol) bool { return s.Name == tt.symbol })
		tt.change(s.table[(i+1)*symbolSize:])
		if got, err := BindOwn(odd, keep); err != nil || got != bound-tt.lost {
			t.Errorf("odd %s: %d relocations were bound, %v; want %d", tt.symbol, got, err, bound-tt.lost)
		}
	}
	for _, damaged := range [][]byte{{}, before[:3000], before[:len(before)/2], bytes.Replace(before, []byte("\x7fELF\x02"), []byte("\x7fELF\x01"), 1)} {
		if _, err := BindOwn(bytes.Clone(damaged), keep); err == nil {
			t.Errorf("%d bytes of a library were taken for a whole one", len(damaged))
		}
	}
}

// compareRelocations holds the relocations to what they were, but for those of
// the symbols named, of which each has both kinds.
func compareRelocations(t *testing.T, before, after []byte, bound int, names ...string) {
	t.Helper()
	old, oldCount := relocationsOf(t, before)
	list, count := relocationsOf(t, after)
	if len(old) != len(list) || oldCount+bound != count {
		t.Fatalf("%d relocations, %d of them relative, became %d and %d; %d were bound", len(old), oldCount, len(list), count, bound)
	}
	isRelative := func(r relocation) bool { return r.kind() == elf.R_X86_64_RELATIVE }
	if i := slices.IndexFunc(list, func(r relocation) bool { return !isRelative(r) }); i != count {
		t.Errorf("%d relative relocations come first, DT_RELACOUNT is %d", i, count)
	}
	if !slices.IsSortedFunc(list[:count], func(a, b relocation) int { return cmp.Compare(a.offset, b.offset) }) {
		t.Error("the relative relocations are not in the order of their offsets")
	}
	byOffset := map[uint64]relocation{}
	for _, r := range list {
		byOffset[r.offset] = r
	}
	symbols := symbols(t, before)
	var left []relocation
	found := map[string]int{}
	for _, r := range old {
		symbol := elf.Symbol{}
		if i := r.info >> 32; i > 0 {
			symbol = symbols[i-1]
		}
		want := r
		if slices.Contains(names, symbol.Name) {
			found[fmt.Sprint(symbol.Name, " ", r.kind())]++
			want = relocation{r.offset, uint64(elf.R_X86_64_RELATIVE), int64(symbol.Value) + r.addend}
		} else if !isRelative(r) {
			left = append(left, r)
		}
		if got := byOffset[r.offset]; got != want {
			t.Errorf("%s: %+v became %+v, want %+v", symbol.Name, r, got, want)
		}
	}
	if !slices.Equal(list[count:], left) {
		t.Errorf("what was left came into another order: %+v, want %+v", list[count:], left)
	}
	if len(found) != 2*len(names) {
		t.Errorf("bound: %v; want both kinds of %v", found, names)
	}
}

// relocationsOf reads DT_RELA, and how many of them are said to be relative.
func relocationsOf(t *testing.T, library []byte) (list []relocation, relative int) {
	t.Helper()
	s, err := openShared(library)
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.relocations()
	if err != nil {
		t.Fatal(err)
	}
	for ; len(table) > 0; table = table[relocationSize:] {
		list = append(list, relocation{order.Uint64(table), order.Uint64(table[8:]), int64(order.Uint64(table[16:]))})
	}
	counts, err := s.file.DynValue(elf.DT_RELACOUNT)
	if err != nil || len(counts) != 1 {
		t.Fatal(counts, err)
	}
	return list, int(counts[0])
}
