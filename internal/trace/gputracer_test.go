package trace

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
)

// A record of a step on a GPU as TensorFlow 2.21 would write it; there was no
// GPU to have it written by. The executor's entries (StepStatsCollector) have
// nanoseconds since 1970 on "/job:…/device:GPU:0". ConvertGpuXSpaceToStepStats
// in tensorflow/core/profiler/convert/xplane_to_step_stats.cc fills the others:
//   - device: StrCat("/device:GPU:", ordinal, "/stream:", id), the same with
//     "<MemcpyH2D>" for copies, and once more "/stream:all" and "/memcpy";
//     "/stream:" for what is neither, "/sync" for cuStreamSynchronize
//   - SetNodeTimes: all_start_micros since 1970, op_start_rel_micros 0,
//     op_end_rel_micros and all_end_rel_micros the duration, all cut off
//   - scheduled_micros: of the launch, since the trace began (here 990 µs)
//   - node_name: GpuEventStats.tf_op_fullname, which is the executor's
//     annotation, TraceMeOp(name, op) = "name:op" (traceme_encode.h), or the
//     event's name where there is none
//   - timeline_label: kernel name, space, ToXStat(KernelDetails) of
//     cupti_collector.h, or the copy's name, space, "kind_src:… kind_dst:…
//     size:… dest:… async:…" of cupti_collector.cc
const recordedOnGPU = `
step_stats {
  dev_stats { device: "/job:localhost/replica:0/task:0/device:CPU:0"
    node_stats { node_name: "_arg_input_0_1" timeline_label: "_arg_input_0_1 = _Arg()" all_start_nanos: 1000000 op_end_rel_nanos: 1000 all_end_rel_nanos: 2000 }
  }
  dev_stats { device: "/job:localhost/replica:0/task:0/device:GPU:0"
    node_stats { node_name: "conv/Relu" timeline_label: "conv/Relu = _FusedConv2D(edge_3_input, conv/filter)" all_start_nanos: 1010000 op_end_rel_nanos: 9000 all_end_rel_nanos: 10000 }
    node_stats { node_name: "pool" timeline_label: "pool = MaxPool(conv/Relu)" all_start_nanos: 1020500 op_end_rel_nanos: 9000 all_end_rel_nanos: 9500 }
  }
  dev_stats { device: "/device:GPU:0/sync"
    node_stats { node_name: "cuStreamSynchronize" timeline_label: "ThreadId 77" thread_id: 77 all_start_micros: 1031 op_end_rel_micros: 4 all_end_rel_micros: 4 }
  }
  dev_stats { device: "/device:GPU:0/stream:15<MemcpyH2D>"
    node_stats { node_name: "edge_3_input" timeline_label: "MemcpyH2D kind_src:pageable kind_dst:device size:3072 dest:0 async:1" scheduled_micros: 13 thread_id: 77 all_start_micros: 1004 op_end_rel_micros: 3 all_end_rel_micros: 3 }
  }
  dev_stats { device: "/device:GPU:0/memcpy"
    node_stats { node_name: "edge_3_input" timeline_label: "MemcpyH2D kind_src:pageable kind_dst:device size:3072 dest:0 async:1" scheduled_micros: 13 all_start_micros: 1004 op_end_rel_micros: 3 all_end_rel_micros: 3 }
    node_stats { node_name: "MemcpyD2H" timeline_label: "MemcpyD2H kind_src:device kind_dst:pinned size:768 dest:0 async:1" scheduled_micros: 200 all_start_micros: 1200 op_end_rel_micros: 2 all_end_rel_micros: 2 }
  }
  dev_stats { device: "/device:GPU:0/stream:13"
    node_stats { node_name: "conv/Relu:_FusedConv2D" timeline_label: "void cudnn::conv<float, 128>(cudnn::Params) regs:96 static_shared:0 dynamic_shared:0 grid:7,1,1 block:256,1,1 occ_pct:50" scheduled_micros: 22 all_start_micros: 1015 op_end_rel_micros: 100 all_end_rel_micros: 100 }
    node_stats { node_name: "void pool_kernel<float>(Shape)" timeline_label: "void pool_kernel<float>(Shape) regs:16 static_shared:0 dynamic_shared:0 grid:1,1,1 block:64,1,1 occ_pct:100" scheduled_micros: 34 all_start_micros: 1116 op_end_rel_micros: 20 all_end_rel_micros: 20 }
    node_stats { node_name: "late" timeline_label: "late regs:1 static_shared:0" scheduled_micros: 150 all_start_micros: 1150 op_end_rel_micros: 1 all_end_rel_micros: 1 }
    node_stats { node_name: "untold" timeline_label: "untold regs:1 static_shared:0" all_start_micros: 1020 op_end_rel_micros: 0 all_end_rel_micros: 0 }
  }
  dev_stats { device: "/device:GPU:0/stream:all"
    node_stats { node_name: "conv/Relu:_FusedConv2D" timeline_label: "void cudnn::conv<float, 128>(cudnn::Params) regs:96" scheduled_micros: 22 all_start_micros: 1015 op_end_rel_micros: 100 all_end_rel_micros: 100 }
  }
  dev_stats { device: "/device:GPU:0/stream:"
    node_stats { node_name: "conv" timeline_label: "conv" all_start_micros: 1015 op_end_rel_micros: 100 all_end_rel_micros: 100 }
  }
  dev_stats { device: "/device:GPU:0/stream:14<MemcpyD2H>"
    node_stats { node_name: "MemcpyD2H" timeline_label: "MemcpyD2H kind_src:device kind_dst:pinned size:768 dest:0 async:1" scheduled_micros: 200 all_start_micros: 1200 op_end_rel_micros: 2 all_end_rel_micros: 2 }
  }
}`

func TestParseOfGPU(t *testing.T) {
	record, err := Parse(metadata(t, recordedOnGPU), Layers{})
	if err != nil {
		t.Fatal(err)
	}
	got := record.Nodes
	host := func(name, op, device string, start, kernel, end int64) Node {
		return Node{Name: name, Op: op, Device: device, Ready: start, Start: start, KernelStart: start, KernelEnd: kernel, End: end}
	}
	on := func(name, op, stream string, start, end int64, w Work) Node {
		r := host(name, op, "/device:GPU:0/stream:"+stream, start, end, end)
		r.Work = &w
		return r
	}
	want := []Node{
		host("_arg_input_0_1", "_Arg", "/device:CPU:0", 1000000, 1001000, 1002000),
		on("edge_3_input", "", "15", 1004000, 1007000, Work{Kernel: "MemcpyH2D", Copy: HostToDevice, Bytes: 3072, launched: 13000}),
		host("conv/Relu", "_FusedConv2D", "/device:GPU:0", 1010000, 1019000, 1020000),
		on("conv/Relu", "_FusedConv2D", "13", 1015000, 1115000, Work{Kernel: "void cudnn::conv<float, 128>(cudnn::Params)", launched: 22000}),
		on("", "", "13", 1020000, 1020000, Work{Kernel: "untold"}), // when it was launched is not told
		host("pool", "MaxPool", "/device:GPU:0", 1020500, 1029500, 1030000),
		// Launched 34 µs after 991, the latest beginning at which the first copy
		// starts no earlier than it is launched: within pool's launch, though
		// that was over when the kernel began.
		on("pool", "MaxPool", "13", 1116000, 1136000, Work{Kernel: "void pool_kernel<float>(Shape)", ByTime: true, launched: 34000}),
		on("", "", "13", 1150000, 1151000, Work{Kernel: "late", launched: 150000}), // no node was being launched
		on("", "", "14", 1200000, 1202000, Work{Kernel: "MemcpyD2H", Copy: DeviceToHost, Bytes: 768, Pinned: true, launched: 200000}),
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d: %+v", len(got), len(want), got)
	}
	slices.SortStableFunc(got, func(a, b Node) int { return cmp.Compare(a.Start, b.Start) })
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%d: got  %+v %+v\nwant %+v %+v", i, got[i], got[i].Work, want[i], want[i].Work)
		}
	}
}

func TestStream(t *testing.T) {
	for device, want := range map[string]string{
		"/device:GPU:0/stream:13": "/device:GPU:0/stream:13", "/device:GPU:1/stream:7<MemcpyD2D>": "/device:GPU:1/stream:7",
		"/device:GPU:0/stream:all": "", "/device:GPU:0/stream:": "", "/device:GPU:0/memcpy": "", "/device:GPU:0": "", "/device:CPU:0": "",
	} {
		if got, is := streamName(device); got != want || is != (want != "") {
			t.Errorf("%s: got %q, %t", device, got, is)
		}
	}
}
