package profile

import (
	"cmp"
	"slices"
	"time"

	"tfcnn/graph"
	"tfcnn/graph/plan"
	"tfcnn/internal/trace"
	"tfcnn/session/internal/seam"
)

// profiler sorts records to a network's layers.
type profiler struct {
	graph.Lowered
	plan        plan.Plan
	numberBytes int64 // of the type that the network computes in
	layers      trace.Layers
	// namedAfter are, for each layer, the one that the kernels which computed it are
	// named after, or none.
	namedAfter []int
}

// newProfiler reads from a record, with its graph, which layers TensorFlow has fused.
func newProfiler(lowered graph.Lowered, planned plan.Plan, numberBytes int64, ran trace.Record) profiler {
	p := profiler{Lowered: lowered, plan: planned, numberBytes: numberBytes, layers: seam.Layers(lowered)}
	p.namedAfter = p.findNamedAfter(ran)
	return p
}

// profile sums up the records of runs on a batch of images.
func (p profiler) profile(records []trace.Record, images int) Profile {
	out := Profile{Images: images, Runs: len(records), records: records}
	var traced, steps, covered, beside, before, between, after []time.Duration
	for _, r := range records {
		traced = append(traced, r.Call)
		t := timesOf(r)
		steps, covered = append(steps, t.step), append(covered, t.covered)
		before, between, after = append(before, t.before), append(between, t.between), append(after, t.after)
		sum := time.Duration(0)
		for _, layer := range p.Layers {
			sum += cover(kernels(r, layer.Name))
		}
		beside = append(beside, sum-t.covered)
	}
	out.Traced, out.Step, out.Covered = spread(traced), spread(steps), spread(covered)
	out.SideBySide = spread(beside).Median
	out.Framework = Framework{Before: spread(before).Median, Between: spread(between).Median, After: spread(after).Median}

	for i, layer := range p.Layers {
		l := Layer{Layer: layer.Name, Kind: layer.Kind, Output: slices.Clone(p.Program.Steps[layer.Last].Shape)}
		l.Output[0] = images
		if host := p.namedAfter[i]; host != none {
			fused := p.computedBy(host)
			head := p.head(fused)
			if head == i {
				for _, m := range fused {
					if m != head {
						l.With = append(l.With, p.Layers[m].Name)
					}
				}
				p.measure(&l, fused, p.Layers[host].Name, records, images)
				l.rates(out.Step.Median)
			} else {
				l.In = p.Layers[head].Name
			}
		}
		out.Layers = append(out.Layers, l)
	}
	out.Other = kernelProfiles(records, "")
	out.GPU = gpuProfile(records)
	return out
}

// measure fills in a row for several layers, one of which names their kernels.
func (p profiler) measure(l *Layer, fused []int, host string, records []trace.Record, images int) {
	var times []time.Duration
	var allocated []int64
	for _, r := range records {
		times = append(times, cover(kernels(r, host)))
		bytes := int64(0)
		for _, n := range r.Nodes {
			if n.Layer == host && n.Arithmetic() {
				bytes += n.Allocated()
			}
		}
		allocated = append(allocated, bytes)
	}
	l.Kernels = kernelProfiles(records, host)
	l.Time = spread(times)
	slices.Sort(allocated)
	l.Allocated = allocated[len(allocated)/2]
	for _, m := range fused {
		own := p.plan.Layers[m]
		l.Multiplications += own.Multiplications * int64(images)
		l.FLOPs += (own.Multiplications + own.MACs) * int64(images)
	}
	l.Bytes = p.traffic(fused, images)
}

// rates computes the row's rates.
func (l *Layer) rates(step float64) {
	if step > 0 {
		l.Share = l.Time.Median / step
	}
	if l.Bytes > 0 {
		l.Intensity = float64(l.FLOPs) / float64(l.Bytes)
	}
	if t := l.Time.Median; t > 0 {
		l.GFLOPS = float64(l.FLOPs) / t / 1e9
		l.GBs = float64(l.Bytes) / t / 1e9
	}
}

// kernels returns the nodes of a layer that compute; on a GPU, the kernels that ran for
// them.
func kernels(r trace.Record, layer string) []trace.Node {
	var list []trace.Node
	for _, n := range r.Nodes {
		if n.Layer == layer && n.Computes() {
			list = append(list, n)
		}
	}
	return list
}

// kernelProfiles returns the kernels of a layer ("": of none) with their medians.
func kernelProfiles(records []trace.Record, layer string) []Kernel {
	var list []Kernel
	times := map[Kernel][]time.Duration{}
	for _, r := range records {
		sums := map[Kernel]time.Duration{} // a node may start a kernel more than once
		for _, n := range kernels(r, layer) {
			k := Kernel{Node: n.Name, Op: n.Op}
			if n.Work != nil {
				k.Kernel, k.ByTime = n.Work.Kernel, n.Work.ByTime
			}
			if !slices.Contains(list, k) {
				list = append(list, k)
			}
			sums[k] += time.Duration(n.KernelEnd - n.KernelStart)
		}
		for k, sum := range sums {
			times[k] = append(times[k], sum)
		}
	}
	for i, k := range list {
		list[i].Seconds = spread(times[k]).Median
	}
	return list
}

// cover returns the time in which at least one of the kernels ran.
func cover(nodes []trace.Node) time.Duration {
	sorted := slices.SortedFunc(slices.Values(nodes), func(a, b trace.Node) int { return cmp.Compare(a.KernelStart, b.KernelStart) })
	sum, until := int64(0), int64(0)
	for _, n := range sorted {
		if from := max(n.KernelStart, until); n.KernelEnd > from {
			sum += n.KernelEnd - from
			until = n.KernelEnd
		}
	}
	return time.Duration(sum)
}

// stepTimes are the parts of a step's time; step is the sum of the others.
type stepTimes struct{ step, covered, before, between, after time.Duration }

func timesOf(r trace.Record) stepTimes {
	var layered []trace.Node
	start, end := r.Span()
	for _, n := range r.Nodes {
		if n.Layer != "" && n.Computes() {
			layered = append(layered, n)
		}
	}
	t := stepTimes{step: time.Duration(end - start)}
	if len(layered) == 0 {
		t.before = t.step
		return t
	}
	first, last := layered[0].KernelStart, layered[0].KernelEnd
	for _, n := range layered {
		first, last = min(first, n.KernelStart), max(last, n.KernelEnd)
	}
	t.covered = cover(layered)
	t.before, t.after = time.Duration(first-start), time.Duration(end-last)
	t.between = t.step - t.covered - t.before - t.after
	return t
}
