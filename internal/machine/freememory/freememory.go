// Package freememory reads how much memory this process can still get. It needs
// neither cgo nor libtensorflow.
//
//	free, known := freememory.This().Memory()
//	// free.Bytes, and free.Source: which limit is the least
package freememory

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// System is the source of the limits. Tests replace the root folder.
type System struct {
	Root string // "", or the folder that stands for /
	// Resource returns the soft limit of one of Linux's resources (getrlimit), or
	// Unlimited.
	Resource func(resource int) uint64
}

// Unlimited is the value of a resource that has no limit.
const Unlimited = math.MaxUint64

// This returns the system that the process runs on.
func This() System { return System{Resource: resourceLimit} }

// Memory is the amount of memory that the process can still get, and the limit that
// decides it.
type Memory struct {
	Bytes  int64
	Source string // as "cgroup limit of 300 MiB (/sys/fs/cgroup/memory.max)"
}

// Memory returns the least of these: MemAvailable of
// /proc/meminfo; the limits of its memory cgroup and of all cgroups above it that
// the process can see, version 1 and 2, less their usage, of which the page cache
// is not counted as the kernel takes it back; RLIMIT_AS less the address space
// that is mapped; RLIMIT_DATA less the private memory that is mapped; and, where
// vm.overcommit_memory is 2, CommitLimit less what is committed. known is false
// where none of them can be read.
func (s System) Memory() (least Memory, known bool) {
	for _, m := range append(s.cgroups(), append(s.resources(), s.machine()...)...) {
		m.Bytes = max(0, m.Bytes)
		if !known || m.Bytes < least.Bytes {
			least, known = m, true
		}
	}
	return least, known
}

// machine returns the free memory of the whole machine.
func (s System) machine() []Memory {
	info := s.fields("/proc/meminfo")
	var list []Memory
	if available, found := info["MemAvailable:"]; found {
		list = append(list, Memory{available << 10, "the machine's memory (MemAvailable)"})
	}
	limit, found := info["CommitLimit:"]
	committed, foundToo := info["Committed_AS:"]
	if mode, err := s.read("/proc/sys/vm/overcommit_memory"); err == nil && string(bytes.TrimSpace(mode)) == "2" && found && foundToo {
		list = append(list, Memory{(limit - committed) << 10, "the machine's CommitLimit, as vm.overcommit_memory is 2"})
	}
	return list
}

// resources returns the free memory under each resource limit of the process.
func (s System) resources() []Memory {
	if s.Resource == nil {
		return nil
	}
	var list []Memory
	var status map[string]int64
	for _, r := range []struct {
		resource    int
		used, named string
	}{
		{addressSpace, "VmSize:", "address space (RLIMIT_AS, ulimit -v)"},
		{data, "VmData:", "data (RLIMIT_DATA, ulimit -d)"},
	} {
		limit := s.Resource(r.resource)
		if limit > math.MaxInt64 {
			continue
		}
		if status == nil {
			status = s.fields("/proc/self/status")
		}
		if used, found := status[r.used]; found {
			list = append(list, Memory{int64(limit) - used<<10, fmt.Sprintf("limit of %d MiB for %s", limit>>20, r.named)})
		}
	}
	return list
}

func (s System) read(path string) ([]byte, error) { return os.ReadFile(filepath.Join(s.Root, path)) }

// fields reads a file of lines "name number", with or without a unit behind.
func (s System) fields(path string) map[string]int64 {
	text, err := s.read(path)
	if err != nil {
		return nil
	}
	list := map[string]int64{}
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(string(words[1]), 10, 64); err == nil && n >= 0 && n < math.MaxInt64>>10 {
			list[string(words[0])] = n
		}
	}
	return list
}
