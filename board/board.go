// Package board says what machine this is: model, processor, memory, where the header's pins lead, and whether heat or bad
// power slows it down. It reads what the kernel shows to everyone, without root.
//
// The functions take the root of a file system, so that tests read recorded trees.
package board

import (
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Board holds what doesn't change while the machine runs. What the machine doesn't say is empty or 0.
type Board struct {
	Model      string   // as the firmware names it: "Raspberry Pi Zero 2 W Rev 1.0"
	Compatible []string // of the device tree, most exact first: "raspberrypi,model-zero-2-w", "brcm,bcm2837"
	CPU        string   // "Cortex-A53"
	Cores      int      // that are switched on
	Memory     int64    // bytes that the kernel has
	GPIOChip   string   // label of the chip behind the header, or empty if the header isn't known
	Header     []int    // line on GPIOChip by pin number, −1 for supply and ground; nil if the header isn't known
}

// Host returns the file system of this machine.
func Host() fs.FS { return os.DirFS("/") }

// Detect reads the machine whose file system has this root.
func Detect(root fs.FS) Board {
	b := Board{
		Model:      model(root),
		Compatible: deviceTreeStrings(read(root, "proc/device-tree/compatible")),
	}
	b.CPU, b.Cores = processor(read(root, "proc/cpuinfo"))
	b.Memory = memory(read(root, "proc/meminfo"), "MemTotal")
	b.GPIOChip, b.Header = header(b.Compatible)
	return b
}

// model is the device tree's name for the board, or the one in a PC's firmware.
func model(root fs.FS) string {
	if names := deviceTreeStrings(read(root, "proc/device-tree/model")); len(names) > 0 {
		return names[0]
	}
	vendor := strings.TrimSpace(read(root, "sys/class/dmi/id/sys_vendor"))
	product := strings.TrimSpace(read(root, "sys/class/dmi/id/product_name"))
	return strings.TrimSpace(vendor + " " + product)
}

// deviceTreeStrings splits a property of the device tree: strings that each end with a 0.
func deviceTreeStrings(property string) []string {
	return strings.FieldsFunc(property, func(r rune) bool { return r == 0 })
}

// armParts names the cores of boards that have run this program or are likely to, by the part number that Arm gave them
// (Main ID Register).
var armParts = map[string]string{
	"0xb76": "ARM1176",
	"0xc07": "Cortex-A7",
	"0xd03": "Cortex-A53",
	"0xd04": "Cortex-A35",
	"0xd05": "Cortex-A55",
	"0xd07": "Cortex-A57",
	"0xd08": "Cortex-A72",
	"0xd09": "Cortex-A73",
	"0xd0b": "Cortex-A76",
	"0xd41": "Cortex-A78",
}

// processor reads /proc/cpuinfo: the name of the processor, and how many there are. Of a board with several kinds of
// cores the names are joined: "Cortex-A55 + Cortex-A76".
func processor(cpuinfo string) (name string, cores int) {
	var names []string
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			cores++
			continue
		case "CPU part":
			if arm := armParts[value]; arm != "" {
				value = arm
			} else {
				value = "Arm part " + value
			}
		case "model name": // a PC's; Arm's says only "ARMv7 Processor rev 4 (v7l)"
			if strings.HasPrefix(value, "ARM") {
				continue
			}
		default:
			continue
		}
		if !slices.Contains(names, value) {
			names = append(names, value)
		}
	}
	return strings.Join(names, " + "), cores
}

// memory reads one value of /proc/meminfo, in bytes.
func memory(meminfo, key string) int64 {
	for line := range strings.Lines(meminfo) {
		rest, ok := strings.CutPrefix(line, key+":")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil || kib < 0 || kib > 1<<40 {
			return 0
		}
		return kib << 10
	}
	return 0
}

// read returns the file's text, or nothing. The kernel makes these files, and they are small.
func read(root fs.FS, path string) string {
	b, err := fs.ReadFile(root, path)
	if err != nil {
		return ""
	}
	return string(b)
}
