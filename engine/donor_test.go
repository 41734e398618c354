package engine_test

import (
	"slices"
	"testing"

	"edge/engine"
	"edge/model"
)

// TestDonor compiles networks with another's packed layers, which that may have in fused steps or for other threads: they give
// the same bytes, also when the donor is closed.
func TestDonor(t *testing.T) {
	for _, g := range smallGraphs() {
		for _, set := range sets() {
			o := engine.Options{Kernels: set, Threads: 1}
			plain, err := engine.CompileFused(g, o, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := runNoise(plain)
			_, _, most := plain.Memory()
			for _, fuseFrom := range []int{0, 1} {
				donor, err := engine.CompileFused(g, o, fuseFrom)
				if err != nil {
					t.Fatal(err)
				}
				again := slices.Clone(g.Tensors) // only what the tensors hold is to be the same
				shared := *g
				shared.Tensors = again
				for _, threads := range []int{1, 3} {
					net, err := engine.CompileFused(&shared, engine.Options{
						Kernels: set, Threads: threads, Donor: engine.Donor{Net: donor, Graph: g},
					}, 1-fuseFrom)
					if err != nil {
						t.Fatal(err)
					}
					donor.Close()
					if got := runNoise(net); string(got) != string(want) {
						t.Errorf("%s, %s, %d threads, donor fused from %d bytes: other bytes than without a donor", g.Name, set.Name, threads, fuseFrom)
					}
					if _, _, weights := net.Memory(); weights > most {
						t.Errorf("%s, %s: %d bytes of packed weights with a donor, %d without", g.Name, set.Name, weights, most)
					}
					net.Close()
				}
			}
			plain.Close()
		}
	}
}

// TestDonorGivesAll: a network like its donor packs nothing; one in which a layer differs packs that.
func TestDonorGivesAll(t *testing.T) {
	g := graphNamed(t, "s8-network")
	donor, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, all := donor.Memory()
	compile := func(change func(g *model.Graph)) (weights int, bytes []byte) {
		t.Helper()
		other := *g
		other.Tensors, other.Nodes = slices.Clone(g.Tensors), slices.Clone(g.Nodes)
		change(&other)
		net, err := engine.Compile(&other, engine.Options{Donor: engine.Donor{Net: donor, Graph: g}})
		if err != nil {
			t.Fatal(err)
		}
		alone, err := engine.Compile(&other, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if bytes = runNoise(net); string(bytes) != string(runNoise(alone)) {
			t.Error("other bytes than without a donor")
		}
		_, _, weights = net.Memory()
		return weights, bytes
	}
	weights, same := compile(func(*model.Graph) {})
	if weights != 0 || all == 0 {
		t.Errorf("%d of %d bytes of weights were packed again", weights, all)
	}
	at := slices.IndexFunc(g.Nodes, func(n model.Node) bool { _, ok := n.Op.(model.Conv2D); return ok })
	for name, change := range map[string]func(g *model.Graph){
		"weights": func(g *model.Graph) {
			w := &g.Tensors[g.Nodes[at].Inputs[1]]
			w.Data = slices.Clone(w.Data)
			for i := range w.Data {
				w.Data[i] ^= 0x11
			}
		},
		"bias": func(g *model.Graph) {
			b := &g.Tensors[g.Nodes[at].Inputs[2]]
			b.Data = slices.Clone(b.Data)
			b.Data[1] ^= 0x7f
		},
		"quantization": func(g *model.Graph) {
			w := &g.Tensors[g.Nodes[at].Outputs[0]]
			w.Quant = []model.Quant{{Scale: w.Quant[0].Scale * 0.5, ZeroPoint: w.Quant[0].ZeroPoint}}
		},
		"activation": func(g *model.Graph) {
			op := g.Nodes[at].Op.(model.Conv2D)
			op.Activation = model.Relu6 - op.Activation
			g.Nodes[at].Op = op
		},
	} {
		if weights, bytes := compile(change); weights == 0 || weights >= all || string(bytes) == string(same) {
			t.Errorf("other %s: %d of %d bytes of weights were packed; the output differs: %t", name, weights, all, string(bytes) != string(same))
		}
	}
}
