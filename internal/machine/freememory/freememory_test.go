package freememory

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mebibyte = 1 << 20

// files are a system's, by path.
type files map[string]string

const (
	machine8GiB = "MemTotal:       16384000 kB\nMemFree:         1000000 kB\nMemAvailable:    8388608 kB\nCommitLimit:     2097152 kB\nCommitted_AS:    1048576 kB\n"

	mountsV1 = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 master:1 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`
	mountV2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
)

// cgroup1 and cgroup2 are a cgroup's files: limit, usage, and of that cache.
func cgroup1(limit string, usage, cache int64) files {
	return files{
		"memory.limit_in_bytes": limit, "memory.usage_in_bytes": fmt.Sprintln(usage),
		"memory.stat": fmt.Sprintf("cache 0\ninactive_file 0\nactive_file 0\ntotal_inactive_file %d\ntotal_active_file %d\n", cache/2, cache-cache/2),
	}
}

func cgroup2(limit string, usage, cache int64) files {
	return files{
		"memory.max": limit, "memory.high": "max\n", "memory.current": fmt.Sprintln(usage),
		"memory.stat": fmt.Sprintf("anon 0\nfile %d\ninactive_file %d\nactive_file %d\n", cache, cache/2, cache-cache/2),
	}
}

// at puts files into a folder.
func (f files) at(folder string, more files) files {
	for name, text := range more {
		f[folder+"/"+name] = text
	}
	return f
}

func TestMemory(t *testing.T) {
	const none = "9223372036854771712\n" // version 1's
	for _, tt := range []struct {
		name   string
		files  files
		limits map[int]uint64
		want   int64 // MiB; -1: not known
		source string
	}{
		{"nothing to read", files{}, nil, -1, ""},
		{"a machine alone", files{"/proc/meminfo": machine8GiB}, nil, 8192, "MemAvailable"},
		{"overcommit forbidden", files{"/proc/meminfo": machine8GiB, "/proc/sys/vm/overcommit_memory": "2\n"}, nil, 1024, "CommitLimit"},
		{"overcommit by heuristic", files{"/proc/meminfo": machine8GiB, "/proc/sys/vm/overcommit_memory": "0\n"}, nil, 8192, "MemAvailable"},
		{
			"garbage",
			files{"/proc/meminfo": "MemAvailable: lots kB\nMemAvailable:\n\x00", "/proc/self/cgroup": "::\n4\n0:\n", "/proc/self/mountinfo": "1 2 3\n - - -\n1 2 3 4 / - cgroup2\n", "/proc/self/status": "VmSize"},
			map[int]uint64{addressSpace: 1 << 30},
			-1, "",
		},
		{
			"version 1",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountsV1, "/proc/self/cgroup": "9:cpu,cpuacct:/\n4:memory:/a\n0::/\n"}.
				at("/sys/fs/cgroup/memory", cgroup1(none, 7<<30, 0)).
				at("/sys/fs/cgroup/memory/a", cgroup1("314572800\n", 200*mebibyte, 50*mebibyte)),
			nil, 150, "cgroup limit of 300 MiB (/sys/fs/cgroup/memory/a/memory.limit_in_bytes)",
		},
		{
			"version 1, memory and swap",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountsV1, "/proc/self/cgroup": "4:memory:/a\n"}.
				at("/sys/fs/cgroup/memory/a", cgroup1("314572800\n", 100*mebibyte, 0)).
				at("/sys/fs/cgroup/memory/a", files{"memory.memsw.limit_in_bytes": "314572800\n", "memory.memsw.usage_in_bytes": "262144000\n"}),
			nil, 50, "memory.memsw.limit_in_bytes",
		},
		{
			// Docker without a cgroup namespace: the host's path, mounted from there on.
			"version 1, container",
			files{
				"/proc/meminfo": machine8GiB, "/proc/self/cgroup": "4:memory:/docker/0123\n",
				"/proc/self/mountinfo": "35 31 0:32 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			}.at("/sys/fs/cgroup/memory", cgroup1("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/sys/fs/cgroup/memory/memory.limit_in_bytes",
		},
		{
			"version 1, nested in a container",
			files{
				"/proc/meminfo": machine8GiB, "/proc/self/cgroup": "4:memory:/docker/0123/job\n",
				"/proc/self/mountinfo": "35 31 0:32 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			}.at("/sys/fs/cgroup/memory", cgroup1(none, 0, 0)).at("/sys/fs/cgroup/memory/job", cgroup1("104857600\n", 10*mebibyte, 0)),
			nil, 90, "/sys/fs/cgroup/memory/job/memory.limit_in_bytes",
		},
		{
			// The limit of a cgroup that cannot be seen from inside.
			"version 1, limited from outside",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountsV1, "/proc/self/cgroup": "4:memory:/\n"}.
				at("/sys/fs/cgroup/memory", cgroup1(none, 100*mebibyte, 0)).
				at("/sys/fs/cgroup/memory", files{"memory.stat": "total_inactive_file 0\nhierarchical_memory_limit 419430400\n"}),
			nil, 300, "cgroup limit of 400 MiB",
		},
		{
			"version 2",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/system.slice/x.service\n"}.
				at("/sys/fs/cgroup/system.slice/x.service", cgroup2("314572800\n", 200*mebibyte, 50*mebibyte)).
				at("/sys/fs/cgroup/system.slice", cgroup2("max\n", 6<<30, 0)),
			nil, 150, "/sys/fs/cgroup/system.slice/x.service/memory.max",
		},
		{
			"version 2, throttled",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/a\n"}.
				at("/sys/fs/cgroup/a", cgroup2("max\n", 200*mebibyte, 0)).
				at("/sys/fs/cgroup/a", files{"memory.high": "262144000\n"}),
			nil, 50, "memory.high",
		},
		{
			"version 2, the limit above",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/a/b/c\n"}.
				at("/sys/fs/cgroup/a/b/c", cgroup2("1073741824\n", 100*mebibyte, 0)).
				at("/sys/fs/cgroup/a/b", cgroup2("max\n", 500*mebibyte, 0)).
				at("/sys/fs/cgroup/a", cgroup2("629145600\n", 560*mebibyte, 0)), // its other children count
			nil, 40, "/sys/fs/cgroup/a/memory.max",
		},
		{
			"version 2, container with a namespace",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/\n"}.
				at("/sys/fs/cgroup", cgroup2("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/sys/fs/cgroup/memory.max",
		},
		{
			"version 2, a path that is not mounted",
			files{
				"/proc/meminfo": machine8GiB, "/proc/self/cgroup": "0::/../other\n",
				"/proc/self/mountinfo": "41 31 0:38 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			}.at("/sys/fs/cgroup", cgroup2("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/sys/fs/cgroup/memory.max",
		},
		{
			"version 2, mounted from outside the namespace",
			files{
				"/proc/meminfo": machine8GiB, "/proc/self/cgroup": "0::/\n",
				"/proc/self/mountinfo": "41 31 0:38 /../../x /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			}.at("/sys/fs/cgroup", cgroup2("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/sys/fs/cgroup/memory.max",
		},
		{
			"hybrid: version 2 without its memory controller",
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountsV1, "/proc/self/cgroup": "4:memory:/a\n0::/b\n", "/sys/fs/cgroup/unified/b/cgroup.procs": "1\n"}.
				at("/sys/fs/cgroup/memory/a", cgroup1("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/sys/fs/cgroup/memory/a/",
		},
		{
			"a mount point with a space",
			files{
				"/proc/meminfo": machine8GiB, "/proc/self/cgroup": "0::/a\n",
				"/proc/self/mountinfo": `41 31 0:38 / /my\040cgroups rw - cgroup2 cgroup2 rw` + "\n",
			}.at("/my cgroups/a", cgroup2("314572800\n", 100*mebibyte, 0)),
			nil, 200, "/my cgroups/a/memory.max",
		},
		{
			"limit passed", // as it may be lowered
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/a\n"}.
				at("/sys/fs/cgroup/a", cgroup2("104857600\n", 200*mebibyte, 0)),
			nil, 0, "memory.max",
		},
		{
			"more cache than usage", // the two are not read at one moment
			files{"/proc/meminfo": machine8GiB, "/proc/self/mountinfo": mountV2, "/proc/self/cgroup": "0::/a\n"}.
				at("/sys/fs/cgroup/a", cgroup2("104857600\n", 20*mebibyte, 30*mebibyte)),
			nil, 100, "memory.max",
		},
		{
			"address space",
			files{"/proc/meminfo": machine8GiB, "/proc/self/status": "Name:\tx\nVmSize:\t 1048576 kB\nVmData:\t 1000 kB\n"},
			map[int]uint64{addressSpace: 1500 * mebibyte},
			476, "1500 MiB for address space",
		},
		{
			"data",
			files{"/proc/meminfo": machine8GiB, "/proc/self/status": "VmSize:\t 1048576 kB\nVmData:\t 102400 kB\n"},
			map[int]uint64{addressSpace: 9000 * mebibyte, data: 300 * mebibyte},
			200, "300 MiB for data",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range tt.files {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			resource := func(r int) uint64 {
				if n, set := tt.limits[r]; set {
					return n
				}
				return Unlimited
			}
			got, known := System{Root: root, Resource: resource}.Memory()
			if known != (tt.want >= 0) || known && (got.Bytes != tt.want*mebibyte || !strings.Contains(got.Source, tt.source)) {
				t.Errorf("got %d MiB (%+v, known: %v), want %d by %q", got.Bytes/mebibyte, got, known, tt.want, tt.source)
			}
		})
	}
}

// The process's own limits, as the kernel tells them.
func TestThis(t *testing.T) {
	free, known := This().Memory()
	if !known {
		t.Skip("the system tells nothing")
	}
	if free.Bytes <= 0 || free.Bytes > math.MaxInt64>>20 {
		t.Errorf("%+v", free)
	}
}
