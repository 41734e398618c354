package main

import (
	"math"
	"testing"
)

// TestWaits gives the model of the A53 loops whose cycles can be counted by hand, each of which waits for one thing.
func TestWaits(t *testing.T) {
	const (
		add   = "v0.4s, v0.4s, v1.4s"
		short = "v0.2s, v0.2s, v1.2s"
	)
	for _, c := range []struct {
		what  string
		block []instruction
		want  cost
	}{
		{"two additions of 64 bits that don't depend on each other", []instruction{{"add", "w0, w1, w2"}, {"add", "w3, w4, w5"}}, cost{cycles: 1}},
		{"an addition that needs its own result, three cycles later", []instruction{{"add", short}}, cost{cycles: 3, dependency: 2.5}},
		{"two vectors of 128 bits in one vector unit", []instruction{{"and", "v2.16b, v3.16b, v4.16b"}, {"and", "v5.16b, v6.16b, v7.16b"}}, cost{cycles: 2, port: 1}},
		{"a load, used at once, whose address depends on it", []instruction{{"ldr", "x0, [x0]"}}, cost{cycles: 3, load: 2.5}},
		{"a load of 128 bits in a pipe of 64", []instruction{{"ldr", "q0, [x1]"}}, cost{cycles: 2, port: 1.5}},
		{"a multiply-add forwards into the next one's sum", []instruction{{"smlal", "v0.4s, v1.4h, v2.4h"}}, cost{cycles: 1, dependency: 0.5}},
	} {
		got := costA53(c.block)
		if math.Abs(got.cycles-c.want.cycles) > 0.05 || math.Abs(got.dependency-c.want.dependency) > 0.05 ||
			math.Abs(got.load-c.want.load) > 0.05 || math.Abs(got.port-c.want.port) > 0.05 {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
		used := got.cycles - got.dependency - got.load - got.port
		if math.Abs(used-float64(len(c.block))/2) > 0.05 {
			t.Errorf("%s: %v cycles' slots are used by %d instructions", c.what, used, len(c.block))
		}
	}
	if wide := costA53([]instruction{{"add", add}}); wide.cycles != 3 {
		t.Errorf("128 bits: %+v", wide)
	}
}

// TestFit finds coefficients again, leaves out a feature that can't be told from another, and makes none negative.
func TestFit(t *testing.T) {
	rows := [][]float64{{10, 1, 5}, {20, 3, 5}, {40, 2, 5}, {15, 8, 5}}
	var cycles []float64
	for _, r := range rows {
		cycles = append(cycles, 2*r[0]+7*r[1]+3*r[2])
	}
	f := fitTo(rows, cycles)
	for i, want := range []float64{2, 7, 3} {
		if math.Abs(f.coefficients[i]-want) > 1e-6 {
			t.Errorf("%v", f.coefficients)
		}
	}
	if f.most > 1e-6 || f.layers != 4 {
		t.Errorf("%+v", f)
	}
	double := fitTo([][]float64{{1, 2}, {2, 4}, {3, 6}}, []float64{5, 10, 15})
	if double.most > 1e-6 || double.coefficients[0] != 0 && double.coefficients[1] != 0 {
		t.Errorf("%+v", double)
	}
	falling := fitTo([][]float64{{1, 1}, {1, 10}, {1, 100}}, []float64{10, 9, 8})
	if falling.coefficients[0] < 0 || falling.coefficients[1] != 0 {
		t.Errorf("%+v", falling)
	}
}

func TestLayerNames(t *testing.T) {
	for _, n := range networks() {
		for _, l := range n.layers {
			if back, err := parseLayer(l.String()); err != nil || back != l {
				t.Errorf("%v is read as %+v, %v", l, back, err)
			}
		}
	}
	for _, bad := range []string{"", "stem", "stem,1,2,3,4,relu,s8", "stem,1,2,3,x,relu,s8,3"} {
		if l, err := parseLayer(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, l)
		}
	}
}

// TestPlans: the engine's steps are the networks' layers, fused ones too, and by any number of threads.
func TestPlans(t *testing.T) {
	for _, n := range []network{networks()[0], networks()[3]} {
		plans, err := n.plans()
		if err != nil {
			t.Fatal(err)
		}
		if len(plans) != 2*2*mostThreads { // panels of 4 and 8, fused or not
			t.Errorf("%s: %d plans", n.name, len(plans))
		}
		for w, p := range plans {
			for _, s := range p.steps {
				if len(s.layers) > 1 != (s.Between > 0) || len(s.layers) > 1 && !w.fused || s.Threads != w.threads || s.Share < 1/float64(w.threads) || s.Share > 1 {
					t.Errorf("%s, %+v: %+v", n.name, w, s)
				}
			}
		}
	}
	n := networks()[0]
	n.layers = n.layers[1:]
	if _, err := n.plans(); err == nil {
		t.Error("a layer that isn't the network's own is found in it")
	}
}
