package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edge/engine"
	"edge/model"
)

// What a file may say is more than what honest files say: scales, zero points and shifts that no converter would choose
// are read, if they pass Check. They give the same bytes, too, in every set and on every machine.

// runSets runs a file with all sets, complains if they differ, and returns what came out; nil if it can't be run.
func runSets(t *testing.T, file []byte) (outputs []byte) {
	g, err := model.ReadTFLite(file)
	if err != nil {
		return nil
	}
	for _, set := range sets() {
		net, err := engine.Compile(g, engine.Options{Kernels: set, Threads: 2})
		if errors.Is(err, engine.ErrFloat) || errors.Is(err, engine.ErrMemory) {
			return nil
		}
		if err != nil {
			t.Fatalf("%s: it passes Check, but: %v", set.Name, err)
		}
		macs := 0
		for _, s := range net.Steps() {
			macs += s.MACs
		}
		if arena, _, _ := net.Memory(); arena > 1<<20 || macs > 1<<21 {
			net.Close()
			return nil // it would take long, and has no more to show than a small one
		}
		got := runNoise(net)
		net.Close()
		if outputs == nil {
			outputs = got
		}
		if !bytes.Equal(got, outputs) {
			t.Fatalf("%s: %x, %s: %x", set.Name, got, sets()[0].Name, outputs)
		}
	}
	return outputs
}

// runNoise runs a network on two inputs of noise.
func runNoise(net *engine.Net) (outputs []byte) {
	rng := rand.New(rand.NewPCG(4, 2))
	for range 2 {
		for _, in := range net.Inputs() {
			for i := range in.Data {
				in.Data[i] = byte(rng.Uint32())
				if in.Type == model.Float32 && i%4 == 3 { // NaNs, infinities and very large numbers are rare
					in.Data[i] = 0x3c + in.Data[i]&0x83
				}
			}
		}
		net.Run()
		for _, out := range net.Outputs() {
			outputs = append(outputs, out.Data...)
		}
	}
	return outputs
}

// FuzzCompile: whatever passes Check compiles, if it isn't float or too large, and all sets agree about it. Nothing in a
// file leads to a panic, or to much memory.
func FuzzCompile(f *testing.F) {
	for i, file := range goldenFiles(f) {
		if i%5 == 0 {
			f.Add(readFile(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { runSets(t, data) })
}

func goldenFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(goldens, "*.tflite"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens in %s (%v)", goldens, err)
	}
	return files
}

// mutants has, for each golden file, a sum over what its mutants gave where the goldens were made: the same on every
// machine (`make test-arm64` runs this, too).
const mutants = "testdata/mutants.txt"

func TestMutants(t *testing.T) {
	const each = 60
	var lines []string
	accepted := 0
	for _, file := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".tflite")
		good, sum := readFile(t, file), fnv.New64a()
		rng := rand.New(rand.NewPCG(uint64(len(good)), 9))
		for i := range each {
			b := slices.Clone(good)
			for range 1 + i%4 {
				at := rng.IntN(len(b))
				switch rng.IntN(3) {
				case 0:
					b[at] ^= 1 << rng.IntN(8)
				case 1:
					b[at] = byte(rng.Uint32())
				default:
					b[at] += byte(rng.IntN(9) - 4)
				}
			}
			outputs := runSets(t, b)
			if t.Failed() {
				t.Fatalf("%s, mutant %d", name, i)
			}
			if outputs != nil {
				accepted++
			}
			fmt.Fprintf(sum, "%d %x\n", i, outputs)
		}
		lines = append(lines, fmt.Sprintf("%s %016x\n", name, sum.Sum64()))
	}
	t.Logf("%d of %d mutants ran", accepted, each*len(lines))
	if *update {
		if err := os.WriteFile(mutants, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.SplitAfter(string(readFile(t, mutants)), "\n")
	for i, line := range lines {
		if i >= len(want) || want[i] != line {
			t.Fatalf("%s: the mutants give something else than where the sums were made", strings.Fields(line)[0])
		}
	}
}
