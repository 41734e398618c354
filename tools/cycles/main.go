// Command cycles estimates how long the kernels take on boards that nobody here has. QEMU counts how often each
// instruction of a layer is executed; a model of the processor says how long a run of instructions that are executed
// together takes: llvm-mca's for Cortex-A72 and Neoverse-N1 (which is a Cortex-A76 as far as this matters), a simple
// one of our own for the Cortex-A53 (inorder.go). There every load hits the first-level cache; package estimate adds what
// moving the bytes takes. What each kind of layer costs is fitted into a formula, which edge bench --profile uses.
//
//	gcc -O2 -shared -fPIC -o /tmp/counts.so tools/cycles/plugin/counts.c
//	go run ./tools/cycles -plugin /tmp/counts.so -mca llvm-mca-19 -table estimate/table.go > docs/bench/cycles.md
//
// It takes minutes; with -costs FILE, a run that was stopped continues, and another layout takes seconds.
// It needs qemu-user, aarch64-linux-gnu-objdump and llvm-mca 17 or later.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
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

	"edge/estimate"
	"edge/kernels"
)

func main() {
	log.SetFlags(0)
	run := flag.String("run", "", "run this `layer`, instead of estimating")
	set := flag.String("set", "", "by this kernel set")
	times := flag.Int("times", 0, "so often")
	plugin := flag.String("plugin", "", "the compiled plugin/counts.c")
	mca := flag.String("mca", "llvm-mca", "llvm-mca")
	program := flag.String("program", "", "estimate what plugin/program.c counted, this `file`, instead of our layers")
	core := flag.String("core", "Cortex-A53", "on this core")
	table := flag.String("table", "", "write the formulas of package estimate into this `file`")
	keep := flag.String("costs", "", "keep what layers cost in this `file`, and take from it what it has: of the same kernels only")
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
	e.known = map[string]cost{}
	if *program != "" {
		err = e.foreign(*program, *core)
	} else {
		err = e.report(*table, *keep)
	}
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// A board is a core, as QEMU and llvm-mca call it.
type board struct {
	*estimate.Core
	qemu string
	mca  string // "": our own model
}

var boards = []board{
	{&estimate.Cores[0], "cortex-a53", ""},
	{&estimate.Cores[1], "cortex-a72", "cortex-a72"},
	{&estimate.Cores[2], "cortex-a76", "neoverse-n1"},
}

type estimator struct {
	plugin, mca, dir, program string
	code                      map[uint64]instruction
	counted                   map[string][]count
	known                     map[string]cost // of a block, by board and text
}

type count struct{ address, times uint64 }

// cost is what a block or a layer costs: cycles, and those of them in which no instruction could begin because it waited for
// the result of another, for a load, or for the part of the processor that it needs. An issue slot that stays empty
// counts as its share of a cycle. Of out-of-order cores waiting for loads isn't told from waiting for other results.
type cost struct{ instructions, cycles, dependency, load, port float64 }

// add adds a block that is executed so often.
func (c *cost) add(block cost, times float64) {
	c.instructions += block.instructions * times
	c.cycles += block.cycles * times
	c.dependency += block.dependency * times
	c.load += block.load * times
	c.port += block.port * times
}

func (e *estimator) report(table, keep string) error {
	build := exec.Command("go", "build", "-o", e.program, "edge/tools/cycles")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building for arm64: %w\n%s", err, out)
	}
	if err := e.disassemble(); err != nil {
		return err
	}
	e.counted = map[string][]count{}
	plans := map[string]map[way]plan{}
	for _, n := range networks() {
		var err error
		if plans[n.name], err = n.plans(); err != nil {
			return err
		}
	}
	costs := readCosts(keep)
	for _, b := range boards {
		for _, n := range networks() {
			for _, l := range n.layers {
				key := b.Name + l.String()
				if _, ok := costs[key]; ok {
					continue
				}
				cost, err := e.layer(b, l)
				if err != nil {
					return fmt.Errorf("%s, %v: %w", b.Name, l, err)
				}
				costs[key] = cost
			}
			log.Printf("%s: %s", b.Name, n.name)
			if err := writeCosts(keep, costs); err != nil {
				return err
			}
		}
	}
	fits := fitAll(costs)
	if table != "" {
		if err := os.WriteFile(table, formulas(fits), 0o666); err != nil {
			return err
		}
	}
	p := page{plans, costs, fits}
	p.write()
	return nil
}

// readCosts reads costs by board and layer out of a file, if it is there.
func readCosts(file string) map[string]cost {
	costs, saved := map[string]cost{}, map[string][5]float64{}
	if data, err := os.ReadFile(file); err == nil && json.Unmarshal(data, &saved) == nil {
		for key, c := range saved {
			costs[key] = cost{c[0], c[1], c[2], c[3], c[4]}
		}
	}
	return costs
}

func writeCosts(file string, costs map[string]cost) error {
	if file == "" {
		return nil
	}
	saved := map[string][5]float64{}
	for key, c := range costs {
		saved[key] = [5]float64{c.instructions, c.cycles, c.dependency, c.load, c.port}
	}
	data, err := json.MarshalIndent(saved, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o666)
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
		e.code[address] = parseInstruction(m[3], m[4])
	}
	return nil
}

var (
	// disassembled is a line of objdump's: offset, mnemonic, operands.
	disassembled = regexp.MustCompile(`(?m)^ +([0-9a-f]+):\t(\S+)[ \t]*([^\n]*)`)

	list   = regexp.MustCompile(`\{v(\d+)\.(\w+)-v(\d+)\.\w+\}`)
	target = regexp.MustCompile(`\b[0-9a-f]+ <.*`)
)

// parseInstruction reads objdump's mnemonic and operands; what follows // is its comment.
func parseInstruction(op, operands []byte) instruction {
	args, _, _ := strings.Cut(string(operands), "//")
	return instruction{string(op), expand(strings.TrimSpace(args))}
}

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
func (e *estimator) layer(b board, l layer) (cost, error) {
	key := b.Kernels + l.String()
	counts, ok := e.counted[key]
	if !ok {
		idle, err := e.count(b, l, 0)
		if err != nil {
			return cost{}, err
		}
		busy, err := e.count(b, l, 1)
		if err != nil {
			return cost{}, err
		}
		for address, times := range busy {
			if _, ours := e.code[address]; ours && times > idle[address] {
				counts = append(counts, count{address, times - idle[address]})
			}
		}
		slices.SortFunc(counts, func(a, b count) int { return int(a.address) - int(b.address) })
		e.counted[key] = counts
	}
	return e.walk(b, counts)
}

// walk adds up what executed instructions cost, in the order of their addresses.
func (e *estimator) walk(b board, counts []count) (cost, error) {
	var total cost
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
		cycles, err := e.block(b, block)
		if err != nil {
			return cost{}, err
		}
		total.add(cycles, float64(counts[i].times))
		i = j
	}
	return total, nil
}

// count runs the layer under QEMU.
func (e *estimator) count(b board, l layer, times int) (map[uint64]uint64, error) {
	file := filepath.Join(e.dir, "counts")
	run := exec.Command("qemu-aarch64", "-cpu", b.qemu, "-plugin", e.plugin, e.program,
		"-run", l.String(), "-set", b.Kernels, "-times", strconv.Itoa(times))
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

// summary is what llvm-mca says at the beginning.
var summary = regexp.MustCompile(`(?s)Total Cycles: +(\d+).*Total uOps: +(\d+).*Dispatch Width: +(\d+).*Block RThroughput: +([\d.]+)`)

// block returns what a block costs in the long run.
func (e *estimator) block(b board, block []instruction) (cost, error) {
	var text strings.Builder
	for _, in := range block {
		fmt.Fprintf(&text, "%s %s\n", in.op, in.args)
	}
	key := b.Name + "\n" + text.String()
	if c, ok := e.known[key]; ok {
		return c, nil
	}
	c, err := costA53(block), error(nil)
	if b.mca != "" {
		c, err = e.ask(b, text.String())
	}
	c.instructions = float64(len(block))
	e.known[key] = c
	return c, err
}

// ask asks llvm-mca what a block costs. What a block takes at least is bound by how many instructions begin in a cycle,
// and by the most used port (its "block reciprocal throughput" is the larger of both); what it takes beyond that, it waits
// for results.
func (e *estimator) ask(b board, text string) (cost, error) {
	const rounds = 50
	run := exec.Command(e.mca, "-mtriple=aarch64", "-mcpu="+b.mca, "-mattr=+dotprod",
		"-iterations="+strconv.Itoa(rounds), "-instruction-info=false", "-resource-pressure=false",
		"-skip-unsupported-instructions=any")
	run.Stdin = strings.NewReader("there:\n" + text)
	var complaint bytes.Buffer
	run.Stderr = &complaint
	out, err := run.Output()
	if err != nil {
		return cost{}, fmt.Errorf("llvm-mca: %w\n%s%s", err, complaint.Bytes(), text)
	}
	m := summary.FindSubmatch(out)
	if m == nil {
		return cost{}, fmt.Errorf("llvm-mca: no cycles in %s", out)
	}
	var numbers [4]float64
	for i := range numbers {
		if numbers[i], err = strconv.ParseFloat(string(m[1+i]), 64); err != nil {
			return cost{}, err
		}
	}
	cycles, issue, least := numbers[0]/rounds, numbers[1]/rounds/numbers[2], numbers[3]
	return cost{cycles: cycles, port: min(max(least-issue, 0), cycles), dependency: max(cycles-max(least, issue), 0)}, nil
}
