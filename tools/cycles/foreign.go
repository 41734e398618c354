package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// foreign prints what another program's instructions cost, as plugin/program.c counted them: to hold the model against
// programs of which real boards' figures are known.
func (e *estimator) foreign(file, core string) error {
	at := slices.IndexFunc(boards, func(b board) bool { return b.Name == core })
	if at < 0 {
		return fmt.Errorf("no model of a %s", core)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	type line struct {
		count
		word uint32
	}
	var lines []line
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var l line
		if _, err := fmt.Sscanf(s.Text(), "%x %x %d", &l.address, &l.word, &l.times); err != nil {
			return fmt.Errorf("%s: %q: %w", file, s.Text(), err)
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int { return int(a.address) - int(b.address) })
	var words []byte
	var counts []count
	for _, l := range lines {
		words = binary.LittleEndian.AppendUint32(words, l.word)
		counts = append(counts, l.count)
	}
	raw := filepath.Join(e.dir, "words")
	if err := os.WriteFile(raw, words, 0o600); err != nil {
		return err
	}
	text, err := exec.Command("aarch64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "aarch64", "--no-show-raw-insn", raw).Output()
	if err != nil {
		return fmt.Errorf("objdump: %w", err)
	}
	e.code = map[uint64]instruction{}
	for _, m := range disassembled.FindAllSubmatch(text, -1) {
		offset, err := strconv.ParseUint(string(m[1]), 16, 64)
		if err != nil {
			return err
		}
		e.code[lines[offset/4].address] = parseInstruction(m[2], m[3])
	}
	c, err := e.walk(boards[at], counts)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %.2f M instructions, %.2f M cycles: %.2f wait for results, %.2f for loads, %.2f for ports\n", core,
		c.instructions/1e6, c.cycles/1e6, c.dependency/1e6, c.load/1e6, c.port/1e6)
	return nil
}
