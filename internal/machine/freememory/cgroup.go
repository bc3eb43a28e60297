package freememory

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// version is one of the two versions of cgroups.
type version struct {
	// controller is the name in version 1's lines of /proc/self/cgroup and in its
	// mounts' options; empty for version 2.
	controller, filesystem string
	bounds                 []bound
	// cache are the lines of memory.stat that count page cache: of the cgroup and
	// all below it.
	cache []string
	// inherited is the line of memory.stat that has the least limit of the cgroup
	// and all above it, those outside a container too; "" where there is none.
	inherited string
}

// bound is a pair of files.
type bound struct{ limit, usage string }

var versions = []version{
	{
		controller: "memory", filesystem: "cgroup",
		bounds: []bound{
			{"memory.limit_in_bytes", "memory.usage_in_bytes"},
			{"memory.memsw.limit_in_bytes", "memory.memsw.usage_in_bytes"}, // with swap
		},
		cache:     []string{"total_inactive_file", "total_active_file"},
		inherited: "hierarchical_memory_limit",
	},
	{
		filesystem: "cgroup2",
		// Past memory.high the kernel slows the processes down until they stand.
		bounds: []bound{{"memory.max", "memory.current"}, {"memory.high", "memory.current"}},
		cache:  []string{"inactive_file", "active_file"},
	},
}

// cgroups returns the free memory under each memory limit of the process's cgroups.
func (s System) cgroups() []Memory {
	own, err := s.read("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	mounts, err := s.read("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var list []Memory
	for _, v := range versions {
		path, found := v.path(own)
		if !found {
			continue
		}
		for _, m := range v.mounts(mounts) {
			folder := m.folder(path)
			if inherited, found := s.fields(folder + "/memory.stat")[v.inherited]; found {
				list = append(list, s.left(v, folder, v.bounds[0], inherited)...)
			}
			for {
				for _, b := range v.bounds {
					if limit, found := s.number(folder + "/" + b.limit); found {
						list = append(list, s.left(v, folder, b, limit)...)
					}
				}
				if folder == m.point || folder == filepath.Dir(folder) {
					break
				}
				folder = filepath.Dir(folder)
			}
		}
	}
	return list
}

// left returns the free memory under a limit: the limit minus the usage.
func (s System) left(v version, folder string, b bound, limit int64) []Memory {
	usage, found := s.number(folder + "/" + b.usage)
	if !found {
		return nil
	}
	stat := s.fields(folder + "/memory.stat")
	var cache int64
	for _, line := range v.cache {
		cache += stat[line]
	}
	return []Memory{{
		limit - max(0, usage-cache),
		fmt.Sprintf("cgroup limit of %d MiB (%s)", limit>>20, filepath.Join(folder, b.limit)),
	}}
}

// number reads a file of one number; found is false for the value that means no limit
// too.
func (s System) number(path string) (n int64, found bool) {
	text, err := s.read(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	const none = math.MaxInt64 >> 10 // version 1 writes 2^63 less a page
	return n, err == nil && n >= 0 && n < none
}

// path returns the process's cgroup in the hierarchy, from /proc/self/cgroup.
func (v version) path(own []byte) (path string, found bool) {
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if v.controller == "" && parts[0] == "0" && parts[1] == "" ||
			v.controller != "" && slices.Contains(strings.Split(parts[1], ","), v.controller) {
			return parts[2], true
		}
	}
	return "", false
}

// mount is a mounted hierarchy: point is the folder of the cgroup root.
type mount struct{ root, point string }

// mounts returns the hierarchy's mounts from /proc/self/mountinfo, see proc(5).
func (v version) mounts(text []byte) []mount {
	var list []mount
	for line := range strings.Lines(string(text)) {
		before, after, found := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 3 || right[0] != v.filesystem {
			continue
		}
		if v.controller == "" || slices.Contains(strings.Split(right[2], ","), v.controller) {
			list = append(list, mount{unescape.Replace(left[3]), filepath.Clean(unescape.Replace(left[4]))})
		}
	}
	return list
}

// unescape replaces the escapes that the kernel writes in mountinfo for spaces, tabs,
// line breaks and backslashes.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// folder returns the folder of a cgroup in a mount. In a container the path can lie
// outside the mount: the mount begins at the container's own cgroup while the path is
// the host's, or the reverse. The mount point is then the nearest cgroup that the
// process can read.
func (m mount) folder(path string) string {
	below, err := filepath.Rel(m.root, path)
	if err != nil || below == ".." || strings.HasPrefix(below, "../") {
		return m.point
	}
	return filepath.Join(m.point, below)
}
