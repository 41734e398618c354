package main

import (
	"regexp"
	"strings"
)

// instruction is a line of a disassembly.
type instruction struct {
	op   string
	args string
}

// A Cortex-A53 issues two instructions a cycle in order. Arm has published no timings for it; these are those of its
// successor's guide (Cortex-A55 Software Optimization Guide) and what is generally known: a vector unit that takes one
// instruction on 128 bits or two on 64 in a cycle, one load or store pipe of 64 bits, forwarding into the accumulator
// of a multiply-add.
type a53 struct {
	cycle       int
	issued      int // in this cycle
	vector      int // halves of the vector unit taken in this cycle
	memory      int // the first cycle in which the load and store pipe is free
	ready       map[string]int
	accumulator map[string]int  // when a register may be accumulated into again
	loaded      map[string]bool // whether a register was written by a load
	lost        [causes]int     // issue slots that stayed empty, by what they waited for
}

// A cause is what an instruction waits for.
type cause int

const (
	dependency cause = iota // the result of an earlier instruction, of a multiply-add's chain too
	loading                 // the result of a load that hits the first-level cache
	port                    // the vector unit, or the load and store pipe
	issue                   // a slot: both of this cycle are taken
	causes
)

// waitUntil goes on to a later cycle, if it is later; the slots that stay empty are lost.
func (c *a53) waitUntil(cycle int, why cause) {
	if cycle > c.cycle {
		c.lost[why] += 2*(cycle-c.cycle) - c.issued
		c.cycle, c.issued, c.vector = cycle, 0, 0
	}
}

var (
	branch   = regexp.MustCompile(`^(b|cb|tb)`)
	register = regexp.MustCompile(`\b([vqdsxw])(\d+|zr)\b`)
	wide     = regexp.MustCompile(`\b(q\d+|v\d+\.(16b|8h|4s|2d))`)
)

// names returns the registers in s, a vector register's many names made one.
func names(s string) (found []string) {
	for _, m := range register.FindAllStringSubmatch(s, -1) {
		switch m[1] {
		case "x", "w":
			found = append(found, "x"+m[2])
		default:
			found = append(found, "v"+m[2])
		}
	}
	return found
}

// execute advances the model by one instruction.
func (c *a53) execute(in instruction) {
	load, store := strings.HasPrefix(in.op, "ld"), strings.HasPrefix(in.op, "st")
	vector := strings.Contains(in.args, "v") || !load && !store && regexp.MustCompile(`\b[qds]\d`).MatchString(in.args)
	var to, from []string
	accumulates := false
	switch {
	case load:
		i := strings.Index(in.args, "[")
		to, from = names(in.args[:max(i, 0)]), names(in.args[max(i, 0):])
	case store || in.op == "cmp" || branch.MatchString(in.op):
		from = names(in.args)
	default:
		all := names(in.args)
		if len(all) > 0 {
			to, from = all[:1], all[1:]
		}
		switch in.op {
		case "smlal", "smlal2", "sadalp", "mla", "sdot":
			accumulates = true
		case "sqxtn2", "xtn2", "sqxtun2", "ssra":
			from = all
		}
	}

	at, why := c.cycle, dependency
	wait := func(register string, until int) {
		if until > at {
			at, why = until, dependency
			if c.loaded[register] {
				why = loading
			}
		}
	}
	for _, r := range from {
		wait(r, c.ready[r])
	}
	if accumulates {
		wait(to[0], c.accumulator[to[0]])
	}
	c.waitUntil(at, why)
	pipe := 0 // cycles in the load and store pipe
	if load || store {
		c.waitUntil(c.memory, port)
		pipe = c.beats(in)
	}
	halves := 0
	if vector && !load && !store {
		halves = 1
		if wide.MatchString(in.args) || strings.HasPrefix(in.op, "sm") {
			halves = 2
		}
	}
	switch {
	case c.issued == 2:
		c.waitUntil(c.cycle+1, issue)
	case c.vector+halves > 2:
		c.waitUntil(c.cycle+1, port)
	}
	c.issued++
	c.vector += halves
	if pipe > 0 {
		c.memory = c.cycle + pipe
	}
	latency, chain := c.latency(in, load, vector)
	for _, r := range to {
		c.ready[r] = c.cycle + latency + max(pipe-1, 0)
		c.accumulator[r] = c.cycle + chain
		c.loaded[r] = load
	}
	if strings.Contains(in.args, "],") || strings.HasSuffix(in.args, "!") { // the address is written back
		for _, r := range from {
			c.ready[r] = max(c.ready[r], c.cycle+1)
		}
	}
}

// beats returns how often 64 bits are moved.
func (c *a53) beats(in instruction) int {
	registers := len(regexp.MustCompile(`\b[vqdsxw]\d+`).FindAllString(strings.SplitN(in.args, "[", 2)[0], -1))
	if strings.Contains(in.args, "}[") {
		return 1
	}
	if regexp.MustCompile(`\bq\d`).MatchString(in.args) || wide.MatchString(in.args) {
		return 2 * max(registers, 1)
	}
	if regexp.MustCompile(`\bx\d+, x\d+, \[`).MatchString(in.args) {
		return 2
	}
	return max(registers, 1)
}

// latency returns when a result can be used, and when it can be accumulated into.
func (c *a53) latency(in instruction, load, vector bool) (use, chain int) {
	switch {
	case load:
		return 3, 3
	case !vector:
		return 1, 1
	}
	switch in.op {
	case "smull", "smull2", "smlal", "smlal2", "sqrdmulh", "mla", "sadalp", "sdot", "saddlp":
		if in.op == "sqrdmulh" || in.op == "saddlp" {
			return 4, 4
		}
		return 4, 1
	case "srshl", "sshl", "ssra", "sqxtn", "sqxtn2", "sqxtun", "sqxtun2", "sqadd":
		return 4, 4
	}
	return 3, 3
}

// costA53 returns what a block costs in the long run.
func costA53(block []instruction) cost {
	const warm, rounds = 4, 32
	c := &a53{ready: map[string]int{}, accumulator: map[string]int{}, loaded: map[string]bool{}}
	start := 0
	for i := range warm + rounds {
		if i == warm {
			start = c.cycle
			c.lost = [causes]int{}
		}
		for _, in := range block {
			c.execute(in)
		}
	}
	each := func(slots int) float64 { return float64(slots) / 2 / rounds }
	return cost{
		cycles:     float64(c.cycle-start) / rounds,
		dependency: each(c.lost[dependency]), load: each(c.lost[loading]), port: each(c.lost[port]),
	}
}
