package capi

/*
#include <malloc.h>
#include <stdlib.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/step_stats_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// MemoryNode is what TensorFlow recorded of a node's memory in one run.
type MemoryNode struct {
	Name   string
	Kind   string   // TensorFlow's op, as "_FusedConv2D"
	Inputs []string // the nodes that it reads, in the graph that ran
	// Start and End are when the node ran, nanoseconds since 1970.
	Start, End int64
	// Changes are what it allocated (and freed, negative) while it ran, in the
	// order of time; what it handed on stays allocated.
	Changes []MemoryChange
	Outputs []Buffer
}

// MemoryChange is one allocation, or with fewer than 0 bytes one release.
type MemoryChange struct {
	Micros    int64 // since 1970
	Bytes     int64
	Allocator string // as "cpu", "mklcpu"
}

// Buffer is the memory of a node's output. Two outputs with one pointer share
// it.
type Buffer struct {
	Slot    int
	Bytes   int64
	Pointer uint64
}

// RunRecorded executes the graph once for the record of each node's memory;
// the results are freed. seen is called when they are there.
func (r *Runner) RunRecorded(seen func(), in []Value) ([]MemoryNode, error) {
	text, err := r.runRecorded(&for_core_protos_go_proto.RunOptions{
		TraceLevel:            for_core_protos_go_proto.RunOptions_FULL_TRACE,
		OutputPartitionGraphs: true,
	}, in, nil)
	if err != nil {
		return nil, err
	}
	seen()
	return memoryNodes(text)
}

// Trim gives memory that C's allocator holds for nothing back to the system.
func Trim() { C.malloc_trim(0) }

// memoryNodes reads a RunMetadata, the nodes in the order in which they began.
func memoryNodes(text []byte) ([]MemoryNode, error) {
	var metadata for_core_protos_go_proto.RunMetadata
	if err := proto.Unmarshal(text, &metadata); err != nil {
		return nil, fmt.Errorf("capi: run metadata: %w", err)
	}
	type graphNode struct {
		kind   string
		inputs []string
	}
	graph := map[string]graphNode{}
	for _, partition := range metadata.GetPartitionGraphs() {
		for _, n := range partition.GetNode() {
			g := graphNode{kind: n.GetOp()}
			for _, input := range n.GetInput() {
				if strings.HasPrefix(input, "^") {
					continue // control
				}
				input, _, _ = strings.Cut(input, ":")
				g.inputs = append(g.inputs, input)
			}
			graph[n.GetName()] = g
		}
	}
	var nodes []MemoryNode
	for _, device := range metadata.GetStepStats().GetDevStats() {
		for _, n := range device.GetNodeStats() {
			known := graph[n.GetNodeName()]
			nodes = append(nodes, MemoryNode{
				Name: n.GetNodeName(), Kind: known.kind, Inputs: known.inputs,
				Start: n.GetAllStartNanos(), End: n.GetAllStartNanos() + n.GetAllEndRelNanos(),
				Changes: changes(n), Outputs: buffers(n),
			})
		}
	}
	slices.SortStableFunc(nodes, func(a, b MemoryNode) int { return int(a.Start - b.Start) })
	return nodes, nil
}

func changes(n *step_stats_go_proto.NodeExecStats) []MemoryChange {
	var list []MemoryChange
	for _, allocator := range n.GetMemory() {
		for _, r := range allocator.GetAllocationRecords() {
			list = append(list, MemoryChange{Micros: r.GetAllocMicros(), Bytes: r.GetAllocBytes(), Allocator: allocator.GetAllocatorName()})
		}
	}
	slices.SortStableFunc(list, func(a, b MemoryChange) int { return int(a.Micros - b.Micros) })
	return list
}

func buffers(n *step_stats_go_proto.NodeExecStats) []Buffer {
	var list []Buffer
	for _, o := range n.GetOutput() {
		memory := o.GetTensorDescription().GetAllocationDescription()
		list = append(list, Buffer{Slot: int(o.GetSlot()), Bytes: max(memory.GetRequestedBytes(), memory.GetAllocatedBytes()), Pointer: memory.GetPtr()})
	}
	return list
}
