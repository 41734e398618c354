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
	accumulator map[string]int // when a register may be accumulated into again
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

	at := c.cycle
	for _, r := range from {
		at = max(at, c.ready[r])
	}
	if accumulates {
		at = max(at, c.accumulator[to[0]])
	}
	pipe := 0 // cycles in the load and store pipe
	if load || store {
		at = max(at, c.memory)
		pipe = c.beats(in)
	}
	halves := 0
	if vector && !load && !store {
		halves = 1
		if wide.MatchString(in.args) || strings.HasPrefix(in.op, "sm") {
			halves = 2
		}
	}
	for { // the first cycle with room
		if at > c.cycle {
			c.cycle, c.issued, c.vector = at, 0, 0
		}
		if c.issued < 2 && c.vector+halves <= 2 {
			break
		}
		at = c.cycle + 1
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

// cyclesA53 returns the cycles that a block takes in the long run.
func cyclesA53(block []instruction) float64 {
	const warm, rounds = 4, 32
	c := &a53{ready: map[string]int{}, accumulator: map[string]int{}}
	start := 0
	for i := range warm + rounds {
		if i == warm {
			start = c.cycle
		}
		for _, in := range block {
			c.execute(in)
		}
	}
	return float64(c.cycle-start) / rounds
}
