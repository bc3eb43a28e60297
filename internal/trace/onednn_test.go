package trace

import (
	"slices"
	"strings"
	"testing"
)

// What oneDNN 3.7.3 prints, in TensorFlow 2.21.
const oneDNNLines = `onednn_verbose,v1,info,oneDNN v3.7.3 (commit N/A)
onednn_verbose,v1,info,cpu,isa:Intel AVX2
onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,memory_descriptors,attributes,auxiliary,problem_desc,exec_time
onednn_verbose,v1,graph,info,template:operation,engine,partition_id,partition_kind,op_names,data_formats,logical_tensors,fpmath_mode,implementation,backend,exec_time
onednn_verbose,v1,primitive,create:cache_miss,cpu,reorder,jit:uni,undef,src:f32::blocked:cdba::f0 dst:f32::blocked:Acdb24a::f0,,,96x3x11x11,0.5
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:cdba::f0 dst:f32::blocked:Acdb24a::f0,,,96x3x11x11,0.562012
a line of the program's own
onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx2,forward_training,src:f32::blocked:acdb::f0 wei:f32:a:blocked:Acdb32a::f0 bia:undef::undef::: dst:f32::blocked:acdb::f0,attr-scratchpad:user attr-post-ops:binary_sub:f32:2+eltwise_relu,alg:convolution_direct,mb2_ic3oc96_ih227oh55kh11sh4dh0ph0_iw227ow55kw11sw4dw0pw0,17.2852
onednn_verbose,v1,primitive,exec,cpu,gemm_api,,undef,src_f32::blocked:ab:f0 wei_f32::blocked:ab:f0 dst_f32::blocked:ab:f0,ldb:120 ,,336x96:96x96,11.7458
`

func TestParseOneDNN(t *testing.T) {
	got, err := ParseOneDNN(strings.NewReader(oneDNNLines))
	if err != nil {
		t.Fatal(err)
	}
	want := []Primitive{
		{Kind: "reorder", Implementation: "jit:uni", Propagation: "undef", Memory: "src:f32::blocked:cdba::f0 dst:f32::blocked:Acdb24a::f0", Problem: "96x3x11x11"},
		{
			"convolution", "brg_conv_fwd:avx2", "forward_training",
			"src:f32::blocked:acdb::f0 wei:f32:a:blocked:Acdb32a::f0 bia:undef::undef::: dst:f32::blocked:acdb::f0",
			"attr-scratchpad:user attr-post-ops:binary_sub:f32:2+eltwise_relu", "alg:convolution_direct",
			"mb2_ic3oc96_ih227oh55kh11sh4dh0ph0_iw227ow55kw11sw4dw0pw0",
		},
		{Kind: "gemm_api", Propagation: "undef", Memory: "src_f32::blocked:ab:f0 wei_f32::blocked:ab:f0 dst_f32::blocked:ab:f0", Attributes: "ldb:120 ", Problem: "336x96:96x96"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	other := got[1]
	other.Problem = "mb1"
	if other.Variant() != got[1].Variant() {
		t.Errorf("other sizes are another variant: %s", other.Variant())
	}
	if text := got[2].Variant(); text != "gemm_api, undef, "+got[2].Memory {
		t.Error(text)
	}
	if text := got[1].Variant(); text != "convolution, brg_conv_fwd:avx2, forward_training, "+got[1].Memory+", "+got[1].Attributes+", alg:convolution_direct" {
		t.Error(text)
	}
	variants := map[string]bool{}
	for _, changed := range []func(*Primitive){
		func(p *Primitive) { p.Kind = "x" }, func(p *Primitive) { p.Implementation = "x" }, func(p *Primitive) { p.Propagation = "x" },
		func(p *Primitive) { p.Memory = "x" }, func(p *Primitive) { p.Attributes = "x" }, func(p *Primitive) { p.Auxiliary = "x" },
	} {
		p := got[1]
		changed(&p)
		variants[p.Variant()] = true
	}
	if len(variants) != 6 || variants[got[1].Variant()] {
		t.Errorf("variants are not told apart: %v", variants)
	}
}

func TestParseOneDNNRefuses(t *testing.T) {
	template := "onednn_verbose,v1,primitive,info,template:operation,engine,primitive\n"
	for text, want := range map[string]string{
		"onednn_verbose,v1,primitive,exec,cpu,reorder\n":                                     "no template line before",
		template + "onednn_verbose,v1,primitive,exec,cpu\n":                                  "got 2 columns, want 3",
		template + "onednn_verbose,v1,primitive,exec,cpu,reorder,jit\n":                      "got 4 columns, want 3",
		strings.Replace(template, "primitive\n", "kind\n", 1) + verbosePrefix + "exec,cpu,x": "names no primitive",
		strings.Repeat("x", 1<<21):                                                           "token too long",
	} {
		if _, err := ParseOneDNN(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: got %v, want %s", text, err, want)
		}
	}
}
