package main

import (
	"fmt"
	"maps"
	"math"
	"os/exec"
	"slices"
	"strings"

	"edge/estimate"
)

// page is what docs/bench/cycles.md is written from.
type page struct {
	plans map[string]map[way]plan // by network
	costs map[string]cost         // by board and layer
	fits  map[string]map[string]fit
}

// total returns what a network costs as edge runs it.
func (p *page) total(b board, network string, threads int) total {
	return p.as(b, network, way{b.Panel, threads, true})
}

func (p *page) as(b board, network string, w way) total {
	return p.plans[network][w].sum(b, p.costs, p.fits)
}

func (p *page) write() {
	commit, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output() // outside a repository it stays unsaid
	fmt.Print(`# Estimated cycles on Arm

Made by ` + "`go run ./tools/cycles`" + `, which says how; kernels of commit ` + strings.TrimSpace(string(commit)) + `. Convolutions, fully connected layers and additions,
without pooling, softmax and the camera; one thread, if it isn't said. No board has confirmed any of it: [boards/](boards/README.md) says how you can.

## Whole networks

Computing: if every load hits the first-level cache. Moving: streaming what doesn't fit into a cache, by the sizes of each step
and what is known of the boards (below). An A53 is taken to do one after the other, A72 and A76 both at once. Wide layers are
fused as edge fuses them on Arm ([README](README.md#fused-layers)).

`)
	fmt.Print("| network | MMAC |")
	for _, b := range boards {
		fmt.Printf(" %s (%s), %.1f GHz: computing, Mcycles | moving | ms |", b.Board, b.Name[7:], float64(b.MHz)/1e3)
	}
	fmt.Println("\n| --- | ---: |" + strings.Repeat(" ---: | ---: | ---: |", len(boards)))
	for _, n := range networks() {
		fmt.Printf("| %s | %.1f |", n.name, float64(p.total(boards[0], n.name, 1).macs)/1e6)
		for _, b := range boards {
			t := p.total(b, n.name, 1)
			fmt.Printf(" %.2f | %.2f | %.2f |", t.cycles/1e6, t.moving/1e6, t.ms(b))
		}
		fmt.Println()
	}
	p.writeThreads()
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
			t := p.total(b, n.name, 1)
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
		of := p.fits[b.Name]
		for _, key := range slices.Sorted(maps.Keys(of)) {
			fmt.Printf("| %s | %s | %d | %.0f | %.0f |\n", b.Name[7:], key, of[key].layers, 100*of[key].mean, 100*of[key].most)
		}
		most := 0.0
		for _, n := range networks() {
			t := p.total(b, n.name, 1)
			most = max(most, math.Abs(t.formula/t.together-1))
		}
		fmt.Printf("| %s | whole networks | %d | | %.0f |\n", b.Name[7:], len(networks()), 100*most)
	}
	p.writeErrors()
	for _, n := range networks() {
		if !strings.Contains(n.name, "int8") {
			continue
		}
		fmt.Printf("\n## %s\n\n| layer | size | channels | kMAC |", n.name)
		for _, b := range boards {
			fmt.Printf(" %s: instructions | cycles | MAC/cycle | waits | moving |", b.Name[7:])
		}
		fmt.Print("\n|" + strings.Repeat(" --- |", 4+5*len(boards)) + "\n")
		plans := p.plans[n.name]
		steps := plans[way{boards[0].Panel, 1, true}].steps // the same ones on all boards
		for i, s := range steps {
			for k, l := range s.layers {
				fmt.Printf("| %s | %d×%d | %d→%d | %d |", l.words(), l.size, l.size, l.in, l.out, l.macs()/1000)
				for _, b := range boards {
					c, moving := p.costs[b.Name+l.String()], "↑"
					if k == 0 {
						own := plans[way{b.Panel, 1, true}]
						moving = fmt.Sprintf("%.0f", b.Memory(own.steps[i].Step, own.resident))
					}
					fmt.Printf(" %.0f | %.0f | %.1f | %.0f %% | %s |", c.instructions, c.cycles, float64(l.macs())/c.cycles,
						100*(c.dependency+c.load+c.port)/c.cycles, moving)
				}
				fmt.Println()
			}
		}
	}
}

// words says what a layer is, in the tables.
func (l layer) words() string {
	kind := l.kind
	if l.window > 3 {
		kind += fmt.Sprintf(" %d×%d", l.window, l.window)
	}
	if l.stride > 1 {
		kind += fmt.Sprintf(" /%d", l.stride)
	}
	return kind
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

// published are figures of boards in milliseconds by one and by four threads, 0 if there is none: of ncnn's
// benchmark/README.md (2022 and 2023; its edition of 2019 for the RK3399) and of XNNPACK's README (as above).
var published = []struct {
	board         string
	core          int // of boards
	mhz           int
	who           string
	network, like string // like: one of ours with the same shapes
	one, four     float64
}{
	{"Zero 2 W", 0, 1000, "ncnn, 32 bits", "V1 1.0/224 int8", "V1 1.0/224 u8", 286.6, 90.8},
	{"Pi 3 B+", 0, 1400, "ncnn", "V1 1.0/224 int8", "V1 1.0/224 u8", 181.3, 66.9},
	{"RK3399", 0, 1500, "ncnn, 2019", "V1 1.0/224 int8", "V1 1.0/224 u8", 221.1, 63.3},
	{"Pi 4", 1, 1800, "ncnn", "V1 1.0/224 int8", "V1 1.0/224 u8", 84.7, 34.2},
	{"RK3399", 1, 1800, "ncnn, 2019", "V1 1.0/224 int8", "V1 1.0/224 u8", 105.9, 0},
	{"Pi 3 B+", 0, 1400, "XNNPACK, 32 bits", "V1 1.0/224 int8", "V1 1.0/224 u8", 0, 46},
	{"Pi 3 B+", 0, 1400, "XNNPACK, 32 bits", "V2 1.0/224 int8", "V2 1.0/224 int8", 0, 30},
	{"Pi 4", 1, 1500, "XNNPACK", "V1 1.0/224 int8", "V1 1.0/224 u8", 0, 24},
	{"Pi 4", 1, 1500, "XNNPACK", "V2 1.0/224 int8", "V2 1.0/224 int8", 0, 17},
}

// at is a board at another clock.
func (b board) at(mhz int) board {
	core := *b.Core
	core.MHz = mhz
	b.Core = &core
	return b
}

// writeErrors holds the model against what is known of boards.
func (p *page) writeErrors() {
	fmt.Println(`
## How far off

Nobody has run our kernels on a board, so the model's error on them isn't known. But it prices any program's instructions: here are
XNNPACK's, whose figures on boards are published (its README, February 2022: 32-bit Raspbian on the Pi 3+, 64 bits on the Pi 4, four
threads, an older XNNPACK than the one priced), and which were run in a cycle-level simulator (gem5 24.0). Four threads are taken
to compute a quarter each, and to move what ours would without fusing.

| XNNPACK | core | computing, Mcycles | moving | together | simulator | error | one thread, ms | by four | README | error |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`)
	for _, o := range others {
		b := boards[o.board]
		moving := func(threads int) float64 { return p.as(b, o.like, way{b.Panel, threads, false}).moving / 1e6 }
		together := b.Together(o.computing, moving(1))
		four := b.Together(o.computing/4, moving(4)) / float64(b.MHz) * 1e3
		simulator, off := "–", "–"
		if o.simulator > 0 {
			simulator, off = fmt.Sprintf("%.1f", o.simulator), fmt.Sprintf("%+.0f %%", 100*(together/o.simulator-1))
		}
		fmt.Printf("| %s | %s, %s | %.1f | %.1f | %.1f | %s | %s | %.1f | %.1f | %.0f | %+.0f %% |\n", o.network, b.Name[7:], b.Board,
			o.computing, moving(1), together, simulator, off, together/float64(b.MHz)*1e3, four, o.readme, 100*(four/o.readme-1))
	}
	fmt.Println(`
So: within a tenth of the simulator, and below the boards, most on the Pi 4. What of that the model misses, and what is lost by an
operating system and by clocks that fall, can't be told: that takes one-thread figures, which XNNPACK doesn't publish. Trust ratios
of similar kernels; don't trust milliseconds by more than that.

An earlier edition, without moving, said 93.2 Mcycles for our V2 int8 on the A53, and the simulator 113.5 (−18 %) for the kernels of
that day; with what moving took by the model after it, without fusing, it would have said 101.6 (−10 %).

Published figures beside our estimates at the same clock. They are of other kernels, so a ratio is how much faster ours should be,
times what the model errs: a factor of 1.6 in the worst row above, so a ratio below that would say nothing. "Faster by" is how many
times faster four threads are than one.

| board | network | who | one thread, ms | ours | ratio | four threads, ms | ours | ratio | faster by | ours |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`)
	for _, o := range published {
		b := boards[o.core].at(o.mhz)
		one, four := p.total(b, o.like, 1).ms(b), p.total(b, o.like, mostThreads).ms(b)
		pair := func(theirs, ours float64) string {
			if theirs == 0 {
				return fmt.Sprintf("– | %.1f | –", ours)
			}
			return fmt.Sprintf("%.1f | %.1f | %.2f", theirs, ours, theirs/ours)
		}
		faster := "–"
		if o.one > 0 && o.four > 0 {
			faster = fmt.Sprintf("%.2f", o.one/o.four)
		}
		fmt.Printf("| %s, %s %.1f GHz | %s | %s | %s | %s | %s | %.2f |\n", o.board, b.Name[7:], float64(o.mhz)/1e3, o.network, o.who,
			pair(o.one, one), pair(o.four, four), faster, one/four)
	}
}

// writeThreads says how many times faster several threads are than one, and what keeps them from being more.
func (p *page) writeThreads() {
	fmt.Printf(`
## Several threads

How many times faster than one thread, by the same model: the busiest thread computes its share as the engine deals out a step's
chunks (7 rows are 2, 2, 2 and 1). Four threads share memory, which gives all together what it gives one, and the last cache, which
gives them what it gives two (assumed); each reads all weights of a layer. The A76's second level is each core's own. After each step
they meet, for %.0f µs (0.7 were measured on x86; estimate/memory.go says more).

"At worst": if the last cache gave four threads only what it gives one. "Even": if every thread had the same to compute.
"Apart": if each had caches and memory of its own, too, so that only meetings are left. Four first-level caches hold more than one:
that is why a figure may be above 4. "Not fused": if every layer was a step.

| network | core | 1 thread, ms | 2 | 3 | 4 | 4 threads, ms | 4, at worst | 4, even | 4, apart | not fused: 1 thread, ms | 4 | 4 threads, ms |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`, estimate.Meeting*1e3)
	const wanted = 3.2
	var below []string
	for _, n := range networks() {
		for _, b := range boards {
			ms := func(w way) float64 { return p.as(b, n.name, w).ms(b) }
			one, four := ms(way{b.Panel, 1, true}), ms(way{b.Panel, mostThreads, true})
			plainOne, plainFour := ms(way{b.Panel, 1, false}), ms(way{b.Panel, mostThreads, false})
			own := p.plans[n.name][way{b.Panel, mostThreads, true}]
			even := own.even().sum(b, p.costs, p.fits).ms(b)
			core := *b.Core
			core.Shared = 1
			worst := p.as(board{Core: &core}, n.name, way{b.Panel, mostThreads, true}).ms(b)
			meetings := float64(len(own.steps)) * estimate.Meeting
			if one/four < wanted {
				below = append(below, fmt.Sprintf("%s on the %s (%.2f)", n.name, b.Name[7:], one/four))
			}
			fmt.Printf("| %s | %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", n.name, b.Name[7:], one,
				one/ms(way{b.Panel, 2, true}), one/ms(way{b.Panel, 3, true}), one/four, four, one/worst, one/even, one/(one/mostThreads+meetings),
				plainOne, plainOne/plainFour, plainFour)
		}
	}
	except := "everywhere"
	if below != nil {
		except = "except " + strings.Join(below, ", ")
	}
	fmt.Printf(`
So four threads should be at least %.1f times as fast as one %s.

Small networks lose most to meetings, which take the same time on every core. The rest is lost to depthwise layers of 14 and 7 rows,
which threads share by the row ("even" is what sharing by columns or channels, too, would bring), and to weights, which come from
memory once, but which every core reads. Fusing gains most on the A53, which waits for what it moves. Boards may lose more: ncnn's
four threads are 2.5 to 3.5 times as fast as one (below), by kernels that move more.
`, wanted, except)
}
