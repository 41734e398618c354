// Command cycles estimates how long the kernels take on boards that nobody here has. QEMU counts how often each
// instruction of a layer is executed; a model of the processor says how long a run of instructions that are executed
// together takes: llvm-mca's for Cortex-A72 and Neoverse-N1 (which is a Cortex-A76 as far as this matters), a simple
// one of our own for the Cortex-A53. Caches are taken to be perfect, so these are lower bounds.
//
//	gcc -O2 -shared -fPIC -o /tmp/counts.so tools/cycles/plugin/counts.c
//	go run ./tools/cycles -plugin /tmp/counts.so -mca llvm-mca-19 > docs/bench/cycles.md
//
// It needs qemu-user, aarch64-linux-gnu-objdump and llvm-mca 17 or later.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"edge/kernels"
)

func main() {
	log.SetFlags(0)
	run := flag.String("run", "", "run this `layer`, instead of estimating")
	set := flag.String("set", "", "by this kernel set")
	times := flag.Int("times", 0, "so often")
	plugin := flag.String("plugin", "", "the compiled plugin/counts.c")
	mca := flag.String("mca", "llvm-mca", "llvm-mca")
	flag.Parse()
	if *run != "" {
		l, err := parseLayer(*run)
		if err != nil {
			log.Fatal(err)
		}
		f := l.prepare(kernels.ByName(*set))
		for range *times {
			f()
		}
		return
	}
	dir, err := os.MkdirTemp("", "cycles")
	if err != nil {
		log.Fatal(err)
	}
	e := &estimator{plugin: *plugin, mca: *mca, dir: dir, program: filepath.Join(dir, "cycles")}
	e.known = map[string]float64{}
	err = e.report()
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// A board is a processor, as QEMU and llvm-mca call it.
type board struct {
	name, qemu, set string
	mca             string // "": our own model
	ghz             float64
}

var boards = []board{
	{"Pi 3 (A53)", "cortex-a53", "neon", "", 1.4},
	{"Pi 4 (A72)", "cortex-a72", "neon", "cortex-a72", 1.5},
	{"Pi 5 (A76)", "cortex-a76", "neon-dot", "neoverse-n1", 2.4},
}

type estimator struct {
	plugin, mca, dir, program string
	code                      map[uint64]instruction
	counted                   map[string][]count
	known                     map[string]float64 // cycles of a block, by board and text
}

type count struct{ address, times uint64 }

// estimate is what a layer costs.
type estimate struct{ instructions, cycles float64 }

func (e *estimator) report() error {
	build := exec.Command("go", "build", "-o", e.program, "edge/tools/cycles")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building for arm64: %w\n%s", err, out)
	}
	if err := e.disassemble(); err != nil {
		return err
	}
	e.counted = map[string][]count{}
	costs := map[string]estimate{}
	for _, b := range boards {
		for _, n := range networks() {
			for _, l := range n.layers {
				key := b.name + l.String()
				if _, ok := costs[key]; ok {
					continue
				}
				cost, err := e.layer(b, l)
				if err != nil {
					return fmt.Errorf("%s, %v: %w", b.name, l, err)
				}
				costs[key] = cost
			}
			log.Printf("%s: %s", b.name, n.name)
		}
	}
	write(costs)
	return nil
}

// disassemble reads the kernels' instructions. What the Go runtime does beside them isn't the layer's.
func (e *estimator) disassemble() error {
	text, err := exec.Command("aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", e.program).Output()
	if err != nil {
		return fmt.Errorf("objdump: %w", err)
	}
	e.code = map[uint64]instruction{}
	line := regexp.MustCompile(`(?m)^[0-9a-f]+ <(.*)>:$|^ +([0-9a-f]+):\t(\S+)[ \t]*([^\n]*)`)
	ours := false
	for _, m := range line.FindAllSubmatch(text, -1) {
		if function := string(m[1]); function != "" {
			ours = strings.HasPrefix(function, "edge/kernels.") || function == "runtime.memmove"
		}
		if !ours || len(m[2]) == 0 {
			continue
		}
		address, err := strconv.ParseUint(string(m[2]), 16, 64)
		if err != nil {
			return err
		}
		args, _, _ := strings.Cut(string(m[4]), "//")
		e.code[address] = instruction{string(m[3]), expand(strings.TrimSpace(args))}
	}
	return nil
}

var (
	list   = regexp.MustCompile(`\{v(\d+)\.(\w+)-v(\d+)\.\w+\}`)
	target = regexp.MustCompile(`\b[0-9a-f]+ <.*`)
)

// expand writes {v1.8b-v3.8b} in full, and branches' targets as a label.
func expand(args string) string {
	args = list.ReplaceAllStringFunc(args, func(s string) string {
		m := list.FindStringSubmatch(s)
		from, _ := strconv.Atoi(m[1])
		to, _ := strconv.Atoi(m[3])
		var all []string
		for r := from; r <= to; r++ {
			all = append(all, fmt.Sprintf("v%d.%s", r, m[2]))
		}
		return "{" + strings.Join(all, ", ") + "}"
	})
	return target.ReplaceAllString(args, "there")
}

// layer returns what one run of a layer costs.
func (e *estimator) layer(b board, l layer) (estimate, error) {
	key := b.set + l.String()
	counts, ok := e.counted[key]
	if !ok {
		idle, err := e.count(b, l, 0)
		if err != nil {
			return estimate{}, err
		}
		busy, err := e.count(b, l, 1)
		if err != nil {
			return estimate{}, err
		}
		for address, times := range busy {
			if _, ours := e.code[address]; ours && times > idle[address] {
				counts = append(counts, count{address, times - idle[address]})
			}
		}
		slices.SortFunc(counts, func(a, b count) int { return int(a.address) - int(b.address) })
		e.counted[key] = counts
	}
	var total estimate
	for i := 0; i < len(counts); {
		// A block is instructions in a row that were executed equally often.
		j := i + 1
		for j < len(counts) && counts[j].address == counts[j-1].address+4 && counts[j].times == counts[i].times &&
			e.code[counts[j-1].address].op != "b" && e.code[counts[j-1].address].op != "ret" {
			j++
		}
		block := make([]instruction, 0, j-i)
		for _, c := range counts[i:j] {
			block = append(block, e.code[c.address])
		}
		cycles, err := e.cycles(b, block)
		if err != nil {
			return estimate{}, err
		}
		total.instructions += float64(len(block)) * float64(counts[i].times)
		total.cycles += cycles * float64(counts[i].times)
		i = j
	}
	return total, nil
}

// count runs the layer under QEMU.
func (e *estimator) count(b board, l layer, times int) (map[uint64]uint64, error) {
	file := filepath.Join(e.dir, "counts")
	run := exec.Command("qemu-aarch64", "-cpu", b.qemu, "-plugin", e.plugin, e.program,
		"-run", l.String(), "-set", b.set, "-times", strconv.Itoa(times))
	run.Env = append(os.Environ(), "COUNTS="+file, "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	if out, err := run.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("qemu-aarch64: %w\n%s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	counts := map[uint64]uint64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var address, times uint64
		if _, err := fmt.Sscanf(s.Text(), "%x %d", &address, &times); err != nil {
			return nil, err
		}
		counts[address] = times
	}
	return counts, nil
}

var totalCycles = regexp.MustCompile(`Total Cycles: +(\d+)`)

// cycles returns how long a block takes in the long run.
func (e *estimator) cycles(b board, block []instruction) (float64, error) {
	if b.mca == "" {
		return e.cached(b.name, block, func(string) (float64, error) { return cyclesA53(block), nil })
	}
	return e.cached(b.name, block, func(text string) (float64, error) {
		const rounds = 50
		run := exec.Command(e.mca, "-mtriple=aarch64", "-mcpu="+b.mca, "-mattr=+dotprod",
			"-iterations="+strconv.Itoa(rounds), "-instruction-info=false", "-resource-pressure=false",
			"-skip-unsupported-instructions=any")
		run.Stdin = strings.NewReader("there:\n" + text)
		var errors bytes.Buffer
		run.Stderr = &errors
		out, err := run.Output()
		if err != nil {
			return 0, fmt.Errorf("llvm-mca: %w\n%s%s", err, errors.Bytes(), text)
		}
		m := totalCycles.FindSubmatch(out)
		if m == nil {
			return 0, fmt.Errorf("llvm-mca: no cycles in %s", out)
		}
		cycles, err := strconv.Atoi(string(m[1]))
		return float64(cycles) / rounds, err
	})
}

func (e *estimator) cached(
	name string, block []instruction, compute func(text string) (float64, error),
) (float64, error) {
	var text strings.Builder
	for _, in := range block {
		fmt.Fprintf(&text, "%s %s\n", in.op, in.args)
	}
	key := name + "\n" + text.String()
	if cycles, ok := e.known[key]; ok {
		return cycles, nil
	}
	cycles, err := compute(text.String())
	e.known[key] = cycles
	return cycles, err
}

// XNNPACK's own figures, ms, with several threads, from its README (2022): Pi 3+, Pi 4.
var published = map[string][2]int{"V1 1.0/224 u8": {46, 24}, "V2 1.0/224 int8": {30, 17}}

func write(costs map[string]estimate) {
	fmt.Println(`# Estimated cycles on Arm

Made by ` + "`go run ./tools/cycles`" + `, which says how. One thread; convolutions,
fully connected layers and additions, without pooling, softmax and the camera; perfect caches, so lower
bounds. Boards' clocks: Pi 3 1.4 GHz, Pi 4 1.5 GHz, Pi 5 2.4 GHz.
XNNPACK's published figures (its README, 2022) are for several threads, on a Pi 3+ and a Pi 4.

| network | MMAC | Pi 3: Mcycles | ms | Pi 4: Mcycles | ms | Pi 5: Mcycles | ms | XNNPACK, Pi 3+, ms | Pi 4, ms |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`)
	for _, n := range networks() {
		macs := 0
		for _, l := range n.layers {
			macs += l.macs()
		}
		fmt.Printf("| %s | %.1f |", n.name, float64(macs)/1e6)
		for _, b := range boards {
			sum := 0.0
			for _, l := range n.layers {
				sum += costs[b.name+l.String()].cycles
			}
			fmt.Printf(" %.2f | %.2f |", sum/1e6, sum/b.ghz/1e6)
		}
		if p, ok := published[n.name]; ok {
			fmt.Printf(" %d | %d |\n", p[0], p[1])
		} else {
			fmt.Println(" – | – |")
		}
	}
	for _, n := range networks() {
		fmt.Printf("\n## %s\n\n| layer | size | channels | kMAC |", n.name)
		for _, b := range boards {
			fmt.Printf(" %s: instructions | cycles | MAC/cycle |", b.name)
		}
		fmt.Print("\n|" + strings.Repeat(" --- |", 4+3*len(boards)) + "\n")
		for _, l := range n.layers {
			kind := l.kind
			if l.stride > 1 {
				kind += fmt.Sprintf(" /%d", l.stride)
			}
			fmt.Printf("| %s | %d×%d | %d→%d | %d |", kind, l.size, l.size, l.in, l.out, l.macs()/1000)
			for _, b := range boards {
				c := costs[b.name+l.String()]
				fmt.Printf(" %.0f | %.0f | %.1f |", c.instructions, c.cycles, float64(l.macs())/c.cycles)
			}
			fmt.Println()
		}
	}
}
