package main

import (
	"fmt"
	"maps"
	"math"
	"os/exec"
	"slices"
	"strings"
)

// total is what a network costs on a core.
type total struct {
	cost
	macs             int
	moving, together float64 // cycles
	formula          float64 // cycles by the formulas
}

// resident is about how many bytes an inference goes through: the weights, and the activations that are alive at once.
func (n network) resident() int {
	weights, live := 0, 0
	for _, l := range n.layers {
		e := l.layer()
		if l.kind != "depthwise" && l.kind != "add" {
			weights += l.in * l.out
		}
		live = max(live, e.InPixels*e.In+l.size*l.size*l.out)
	}
	return weights + live
}

func sum(b board, n network, costs map[string]cost, fits map[string]map[string]fit) total {
	var t total
	resident := n.resident()
	for _, l := range n.layers {
		c := costs[b.Name+l.String()]
		t.add(c, 1)
		t.macs += l.macs()
		e := l.layer()
		moving := b.Memory(alone(e), resident)
		key, features := e.Features()
		t.moving += moving
		t.together += b.Together(c.cycles, moving)
		t.formula += b.Together(fits[b.Name][key].of(features), moving)
	}
	return t
}

func write(costs map[string]cost, fits map[string]map[string]fit) {
	commit, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output() // outside a repository it stays unsaid
	fmt.Print(`# Estimated cycles on Arm

Made by ` + "`go run ./tools/cycles`" + `, which says how; kernels of commit ` + strings.TrimSpace(string(commit)) + `. One thread; convolutions, fully connected layers and additions,
without pooling, softmax and the camera. No board has confirmed any of it: [boards/](boards/README.md) says how you can.

## Whole networks

Computing: if every load hits the first-level cache. Moving: streaming what doesn't fit into a cache, by the sizes of each step
and what is known of the boards (below). An A53 is taken to do one after the other, A72 and A76 both at once.

`)
	fmt.Print("| network | MMAC |")
	for _, b := range boards {
		fmt.Printf(" %s (%s), %.1f GHz: computing, Mcycles | moving | ms |", b.Board, b.Name[7:], float64(b.MHz)/1e3)
	}
	fmt.Println("\n| --- | ---: |" + strings.Repeat(" ---: | ---: | ---: |", len(boards)))
	for _, n := range networks() {
		fmt.Printf("| %s | %.1f |", n.name, float64(sum(boards[0], n, costs, fits).macs)/1e6)
		for _, b := range boards {
			t := sum(b, n, costs, fits)
			fmt.Printf(" %.2f | %.2f | %.2f |", t.cycles/1e6, t.moving/1e6, t.together/float64(b.MHz)/1e3)
		}
		fmt.Println()
	}
	fmt.Print(`
## What the cycles are spent on

Per cent of computing and moving together: issue slots that are used; that wait for the result of another instruction
(dependency), of a load that hits the first-level cache (load), for the vector or load pipes (port); moving. llvm-mca doesn't tell
waits for loads from other dependencies, and out of order they overlap: there the shares are of a block by itself.

`)
	fmt.Print("| network |")
	for _, b := range boards {
		fmt.Printf(" %s: Minstructions | used | dependency | load | port | moving |", b.Name[7:])
	}
	fmt.Println("\n| --- |" + strings.Repeat(" ---: | ---: | ---: | ---: | ---: | ---: |", len(boards)))
	for _, n := range networks() {
		fmt.Printf("| %s |", n.name)
		for _, b := range boards {
			t := sum(b, n, costs, fits)
			whole := (t.cycles + t.moving) / 100
			load := "–"
			if b.mca == "" {
				load = fmt.Sprintf("%.0f", t.load/whole)
			}
			fmt.Printf(" %.1f | %.0f | %.0f | %s | %.0f | %.0f |", t.instructions/1e6, (t.cycles-t.dependency-t.load-t.port)/whole,
				t.dependency/whole, load, t.port/whole, t.moving/whole)
		}
		fmt.Println()
	}
	fmt.Println("\n## What is known of the caches\n\n| core | board | first level | second | third | stream of the second | of memory | from |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
	for _, b := range boards {
		third := "–"
		if b.L3 > 0 {
			third = fmt.Sprintf("%d KB", b.L3>>10)
		}
		fmt.Printf("| %s | %s | %d KB | %d KB | %s | %g bytes a cycle | %g GB/s | %s |\n", b.Name[7:], b.Board, b.L1>>10, b.L2>>10, third,
			b.L2Stream, b.MemoryGBs, b.StreamsMeasured)
	}
	fmt.Println(`
## The formulas

` + "`edge bench --profile`" + ` on a board prints an estimate beside each step's time, by a formula for each kind of step
([estimate/](../../estimate/estimate.go)). How far the formulas are from the simulation that they were fitted to, in per cent, over all
layers of a kind, and over whole networks:

| core | kind | layers | mean | most |
| --- | --- | ---: | ---: | ---: |`)
	for _, b := range boards {
		of := fits[b.Name]
		for _, key := range slices.Sorted(maps.Keys(of)) {
			fmt.Printf("| %s | %s | %d | %.0f | %.0f |\n", b.Name[7:], key, of[key].layers, 100*of[key].mean, 100*of[key].most)
		}
		most := 0.0
		for _, n := range networks() {
			t := sum(b, n, costs, fits)
			most = max(most, math.Abs(t.formula/t.together-1))
		}
		fmt.Printf("| %s | whole networks | %d | | %.0f |\n", b.Name[7:], len(networks()), 100*most)
	}
	writeErrors(costs, fits)
	for _, n := range networks() {
		if !strings.Contains(n.name, "int8") {
			continue
		}
		fmt.Printf("\n## %s\n\n| layer | size | channels | kMAC |", n.name)
		for _, b := range boards {
			fmt.Printf(" %s: instructions | cycles | MAC/cycle | waits | moving |", b.Name[7:])
		}
		fmt.Print("\n|" + strings.Repeat(" --- |", 4+5*len(boards)) + "\n")
		for _, l := range n.layers {
			kind := l.kind
			if l.window > 3 {
				kind += fmt.Sprintf(" %d×%d", l.window, l.window)
			}
			if l.stride > 1 {
				kind += fmt.Sprintf(" /%d", l.stride)
			}
			fmt.Printf("| %s | %d×%d | %d→%d | %d |", kind, l.size, l.size, l.in, l.out, l.macs()/1000)
			for _, b := range boards {
				c := costs[b.Name+l.String()]
				moving := b.Memory(alone(l.layer()), n.resident())
				fmt.Printf(" %.0f | %.0f | %.1f | %.0f %% | %.0f |", c.instructions, c.cycles, float64(l.macs())/c.cycles,
					100*(c.dependency+c.load+c.port)/c.cycles, moving)
			}
			fmt.Println()
		}
	}
}

// others are XNNPACK's own instructions under the same model: of ai-edge-litert 2.3.0's aarch64 wheel, int8 networks,
// counted by plugin/program.c and priced by -program. The simulator is gem5 24.0, run by others on the same kernels
// (HPI for the A53, the guide's widths and latencies for the A72). The README's figures are of 2022, four threads.
var others = []struct {
	network, like     string // like: one of ours with the same shapes
	board             int
	computing         float64 // Mcycles
	simulator, readme float64 // Mcycles, 0 if it wasn't run; ms
}{
	{"V1 1.0/224 int8", "V1 1.0/224 u8", 0, 193.8, 0, 46},
	{"V2 1.0/224 int8", "V2 1.0/224 int8", 0, 118.0, 130.6, 30},
	{"V1 1.0/224 int8", "V1 1.0/224 u8", 1, 90.6, 0, 24},
	{"V2 1.0/224 int8", "V2 1.0/224 int8", 1, 62.9, 58.1, 17},
}

// ncnn is what its benchmark/README.md says of V1 1.0 int8, in ms by one thread: Pi 3 B+ at 1.4 GHz, Pi 4 at 1.8 GHz.
var ncnn = []struct{ ms, ghz float64 }{{181.3, 1.4}, {84.7, 1.8}}

// writeErrors holds the model against what is known of boards.
func writeErrors(costs map[string]cost, fits map[string]map[string]fit) {
	fmt.Println(`
## How far off

Nobody has run our kernels on a board, so the model's error on them isn't known. But it prices any program's instructions: here are
XNNPACK's, whose figures on boards are published (its README, February 2022: 32-bit Raspbian on the Pi 3+, 64 bits on the Pi 4, four
threads, an older XNNPACK than the one priced), and which were run in a cycle-level simulator (gem5 24.0). "Over four" is a quarter
of one thread's time; four cores behind one cache and one memory never manage that.

| XNNPACK | core | computing, Mcycles | moving | together | simulator | error | one thread, ms | over four | README | error |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`)
	named := map[string]network{}
	for _, n := range networks() {
		named[n.name] = n
	}
	for _, o := range others {
		b := boards[o.board]
		moving := sum(b, named[o.like], costs, fits).moving / 1e6
		together := b.Together(o.computing, moving)
		ms := together / float64(b.MHz) * 1e3
		simulator, off := "–", "–"
		if o.simulator > 0 {
			simulator, off = fmt.Sprintf("%.1f", o.simulator), fmt.Sprintf("%+.0f %%", 100*(together/o.simulator-1))
		}
		fmt.Printf("| %s | %s, %s | %.1f | %.1f | %.1f | %s | %s | %.1f | %.1f | %.0f | %+.0f %% |\n", o.network, b.Name[7:], b.Board,
			o.computing, moving, together, simulator, off, ms, ms/4, o.readme, 100*(ms/4/o.readme-1))
	}
	fmt.Println(`
So: within a tenth of the simulator; a fifth to two fifths below the boards, most on the Pi 4. What four threads lose to each other is in
that, and it can't be told from what the model misses: that takes one-thread figures, which XNNPACK doesn't publish. Trust ratios
of similar kernels; don't trust milliseconds by more than that.

An earlier edition, without moving, said 93.2 Mcycles for our V2 int8 on the A53, and the simulator 113.5 (−18 %) for the kernels of
that day; with what moving takes by today's model it would have said 101.6 (−10 %).

ncnn publishes V1 1.0 int8 with one thread, by kernels of its own; even if our estimates were as far off as those above, ours would be the
faster:

| board | ncnn, ms | our estimate at that clock | ratio |
| --- | ---: | ---: | ---: |`)
	for i, peer := range ncnn {
		ms := sum(boards[i], named["V1 1.0/224 u8"], costs, fits).together / peer.ghz / 1e6
		fmt.Printf("| %s, %.1f GHz | %.1f | %.1f | %.2f |\n", boards[i].Board, peer.ghz, peer.ms, ms, peer.ms/ms)
	}
}
