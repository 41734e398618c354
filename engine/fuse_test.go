package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"edge/engine"
	"edge/kernels"
	"edge/mobilenet"
)

func isFused(s engine.StepInfo) bool { return len(s.Layers) > 1 }

// TestFusedGoldens fuses what is too small to be fused otherwise, and what a set wouldn't fuse: the bytes are the same.
func TestFusedGoldens(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldens, "*.tflite"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens in %s (%v)", goldens, err)
	}
	kinds := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".tflite")
		g := readGraph(t, file)
		var inputs [][]byte
		for i := range g.Inputs {
			inputs = append(inputs, readFile(t, fmt.Sprintf("%s.in%d", name, i)))
		}
		want := readFile(t, name+".out")
		for _, set := range sets() {
			for threads := 1; threads <= 4; threads++ {
				net, err := engine.CompileFused(g, engine.Options{Kernels: set, Threads: threads}, 1)
				if err != nil {
					t.Fatal(err)
				}
				fused := false
				for _, s := range net.Steps() {
					if isFused(s) {
						fused, kinds[s.String()] = true, true
					}
				}
				if fused {
					if different, first := runNet(t, net, inputs, want); different > 0 {
						t.Errorf("%s, %s, %d threads: %d of %d bytes differ, the first is %d",
							filepath.Base(name), set.Name, threads, different, len(want), first)
					}
					if n := testing.AllocsPerRun(5, net.Run); n != 0 {
						t.Errorf("%s, %s, %d threads: %v allocations a run", filepath.Base(name), set.Name, threads, n)
					}
				}
				net.Close()
			}
		}
	}
	if len(kinds) < 5 {
		t.Errorf("only these were fused: %v", kinds)
	}
	for kind := range kinds {
		t.Log(kind)
	}
}

// TestFusedShares: four threads share V2's wide layers evenly, in bands that are smaller for it, and one has as large ones as fit.
func TestFusedShares(t *testing.T) {
	plan, err := mobilenet.V2(1, 224, 10)
	if err != nil {
		t.Fatal(err)
	}
	graph := plan.Graph(1)
	between := map[int][]int{}
	for _, threads := range []int{1, 4} {
		net, err := engine.CompileFused(graph, engine.Options{Kernels: kernels.Generic(), Threads: threads}, kernels.ArmFuseFrom)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range net.Steps() {
			if isFused(s) {
				between[threads] = append(between[threads], s.Between)
				if s.Share != 1/float64(threads) {
					t.Errorf("%v by %d threads: one gets %v", s, threads, s.Share)
				}
			}
		}
		net.Close()
	}
	if len(between[1]) < 4 || len(between[1]) != len(between[4]) {
		t.Errorf("%v", between)
	}
	for i, one := range between[1] {
		if one < 64<<10 || one > 128<<10 || between[4][i] < 16<<10 || between[4][i] > one {
			t.Errorf("%d bytes lie between the layers by one thread, %d by each of four", one, between[4][i])
		}
	}
}

// TestFusedModels: on whole networks, fused and unfused steps give the same bytes, in rows by any number of threads, and
// V2's arena gets three times smaller.
func TestFusedModels(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(sharedModels, "mobilenet_v*.tflite"))
	if len(files) == 0 {
		t.Skip("../shared/models isn't there")
	}
	for _, file := range files {
		g := readGraph(t, file)
		for _, set := range kernels.Available()[1:] {
			plain, err := engine.CompileFused(g, engine.Options{Kernels: set, Threads: 1}, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := runNoise(plain)
			whole, _, _ := plain.Memory()
			for threads := 1; threads <= 4; threads++ {
				for _, fuseFrom := range []int{64 << 10, 256 << 10} {
					net, err := engine.CompileFused(g, engine.Options{Kernels: set, Threads: threads}, fuseFrom)
					if err != nil {
						t.Fatal(err)
					}
					if got := runNoise(net); string(got) != string(want) {
						t.Errorf("%s, %s, %d threads, from %d bytes: fused steps give other bytes",
							filepath.Base(file), set.Name, threads, fuseFrom)
					}
					if arena, _, _ := net.Memory(); strings.Contains(file, "v2_1.0_224") && 3*arena > whole {
						t.Errorf("%s: the arena has %d bytes, without fusing %d", filepath.Base(file), arena, whole)
					}
					net.Close()
				}
			}
			plain.Close()
		}
	}
}
