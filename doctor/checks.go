package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"edge/board"
	"edge/camera"
	"edge/classifier"
	"edge/config"
	"edge/gpio"
	"edge/kernels"
)

func checkBoard(b board.Board) Finding {
	if b.Model == "" {
		return fine("board", "not known: neither a device tree nor the firmware names it")
	}
	text := b.Model
	if n := len(b.Compatible); n > 0 && b.Compatible[n-1] != b.Model {
		text += " (" + b.Compatible[n-1] + ")"
	}
	return fine("board", text)
}

func checkProcessor(b board.Board, features []string, sets []*kernels.Set) Finding {
	names := make([]string, len(sets))
	for i, s := range sets {
		names[i] = s.Name
	}
	best := names[len(names)-1]
	text := fmt.Sprintf("%d × %s", b.Cores, cmp.Or(b.CPU, "unknown"))
	if len(features) > 0 {
		text += ", " + strings.Join(features, " ")
	}
	text += "; kernels: " + best
	if len(names) > 1 {
		text += " (and " + strings.Join(names[:len(names)-1], ", ") + ")"
	}
	return fine("processor", text)
}

// lowMemory is what the largest networks and a camera's frames need, with some room.
const lowMemory = 64 << 20

func checkMemory(b board.Board, h board.Health) Finding {
	text := fmt.Sprintf("%d MiB, %d MiB available", b.Memory>>20, h.Available>>20)
	switch {
	case b.Memory == 0:
		text = "not known"
	case h.Available < lowMemory:
		return warn("memory", text, "stop other programs, or choose a smaller network")
	}
	return fine("memory", text)
}

// checkHealth reports heat and bad power, which look like slow software. What the machine can't tell is left out.
func checkHealth(h board.Health) []Finding {
	var findings []Finding
	switch {
	case h.Celsius >= board.Hot:
		findings = append(findings, warn("heat",
			fmt.Sprintf("%.0f °C: the processor slows down from %d °C on", h.Celsius, board.Hot),
			"add a heat sink or a fan, or let it calculate less often (camera: fps: 5)"))
	case h.Celsius != 0:
		findings = append(findings, fine("heat", fmt.Sprintf("%.0f °C", h.Celsius)))
	}
	if !h.Monitored {
		return findings
	}
	switch {
	case h.Throttled&(board.UnderVoltage|board.UnderVoltage<<16) != 0:
		findings = append(findings, warn("power", h.Throttled.String(),
			"use a better supply and a short thick cable (5 V 2.5 A for a Pi 3, 3 A for a Pi 4, 5 A for a Pi 5)"))
	case h.Throttled != 0:
		findings = append(findings, warn("power", h.Throttled.String(), "add a heat sink or a fan"))
	default:
		findings = append(findings, fine("power", "no under-voltage"))
	}
	return findings
}

func checkConfig(file string, err error) Finding {
	_, statErr := os.Stat(file)
	switch {
	case err == nil:
		return fine("config", file)
	case errors.Is(statErr, fs.ErrNotExist):
		return fail("config", file+" is not there: no LEDs, and the default camera and network",
			"start from the commented example, deploy/edge.yaml, or name another file with --config")
	}
	return fail("config", firstLines(err), "`edge check-config` lists all problems")
}

// firstLines returns the beginning of an error that lists many problems, one a line.
func firstLines(err error) string {
	const most = 3
	lines := strings.Split(err.Error(), "\n")
	if more := len(lines) - most; more > 1 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// checkCamera looks at the configured source of frames without opening it: the service may be using it.
func checkCamera(source camera.Spec) []Finding {
	switch source.Kind {
	case camera.Command:
		return []Finding{checkCommand(source.Arg)}
	case camera.Stdin:
		return []Finding{fine("camera", "frames come from standard input")}
	case camera.Files:
		_, err := os.Stat(source.Arg)
		if found, _ := filepath.Glob(source.Arg); err != nil && len(found) == 0 {
			return []Finding{fail("camera", source.Arg+": no such file or directory", "correct camera: source: in the configuration")}
		}
		return []Finding{fine("camera", "pictures from "+source.Arg)}
	}
	nodes, err := camera.List()
	if err != nil {
		return []Finding{fail("camera", err.Error(), "")}
	}
	return checkNodes(source, nodes)
}

// checkCommand looks for the program that gives the frames, as the shell that will start it does.
func checkCommand(command string) Finding {
	program, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	if err := exec.Command("/bin/sh", "-c", `command -v -- "$1"`, "sh", program).Run(); err != nil {
		return fail("camera", fmt.Sprintf("no program %q is installed", program),
			"install it (rpicam-vid: sudo apt install rpicam-apps-lite), or correct camera: source: in the configuration")
	}
	return fine("camera", "frames come from "+program)
}

// checkNodes looks at the cameras that source may mean. Nodes that are no cameras at all, of
// which a Raspberry Pi has a dozen, are left to `edge cameras`.
func checkNodes(source camera.Spec, nodes []camera.Node) []Finding {
	var usable, troubled []Finding
	csi := false
	for _, n := range nodes {
		if !source.Matches(n) {
			continue
		}
		name := fmt.Sprintf("%s (%s)", n.Path, n.Name)
		inUse := slices.IndexFunc(n.Holders, func(h camera.Holder) bool { return h.Name == "edge" })
		notOpened, notFree := n.Driver == "", len(n.Formats) > 0
		switch {
		case n.Usable:
			usable = append(usable, fine("camera", name))
		case inUse >= 0:
			usable = append(usable, fine("camera", name+", used by "+n.Holders[inUse].String()))
		case n.CSI:
			csi = true
		case notOpened || notFree:
			troubled = append(troubled, warn("camera", name+": "+n.Why, ""))
		}
	}
	if len(usable) > 0 {
		return append(usable, troubled...)
	}
	none := fail("camera", "no camera that can be used", "plug one in; `edge cameras` says why others can't")
	switch {
	case csi:
		none = fail("camera", "a CSI camera, which only libcamera can run",
			"write into the configuration, below camera: source: "+camera.CommandForCSI)
	case source.Kind != camera.Auto:
		none.Text += ": " + source.String()
	}
	return append(troubled, none)
}

// checkNetwork loads the network as `edge run` does, and checks that the rules fit its classes.
func checkNetwork(c *config.Config, open func(*config.Config) (*classifier.Classifier, error)) Finding {
	net, err := open(c)
	if err != nil {
		return fail("network", firstLines(err), "write the right model: and labels: into the configuration")
	}
	defer net.Close()
	if _, err := c.Judge(net.Output); err != nil {
		return fail("network", firstLines(err), "correct leds: in the configuration")
	}
	text := fmt.Sprintf("%s, %d classes; pixels: %v", net.Name(), net.Output.Classes, net.Pixels)
	if untaught := net.Output.Untaught(); len(untaught) > 0 {
		return warn("network", text+"; not taught yet: "+strings.Join(untaught, ", "), "hold the class's button while the camera sees it, or edge teach add")
	}
	if warning := net.Pixels.Warning(); warning != "" {
		return warn("network", text, warning)
	}
	return fine("network", text)
}

// checkLEDs looks at the GPIO chips, and at each LED's line. If no LED is configured, a machine without GPIO is fine.
func checkLEDs(b board.Board, c *config.Config) []Finding {
	chips, err := gpio.Chips()
	if err != nil {
		return []Finding{checkChips(err, len(c.Lines)+len(c.Teach.Buttons) > 0)}
	}
	labels := make([]string, len(chips))
	for i, chip := range chips {
		labels[i] = fmt.Sprintf("%s (%d lines)", chip.Label, len(chip.Lines))
	}
	findings := []Finding{fine("gpio", strings.Join(labels, ", "))}
	if len(c.Lines) == 0 {
		findings = append(findings, warn("led", "none is configured", "leds: in the configuration says what lights"))
	}
	header := gpio.Header{Chip: b.GPIOChip, Pins: b.Header}
	for i, led := range c.Decision.LEDs {
		place, holder, err := lookUp(chips, header, c.Lines[i])
		findings = append(findings, checkLine("led", fmt.Sprintf("%q", led.Name), place, holder, err))
	}
	for i := range c.Teach.Buttons {
		button := &c.Teach.Buttons[i]
		place, holder, err := lookUp(chips, header, &button.Line)
		findings = append(findings, checkLine("button", button.Name(), place, holder, err))
	}
	return findings
}

// checkChips explains why no GPIO chip can be used.
func checkChips(err error, needed bool) Finding {
	if errors.Is(err, fs.ErrPermission) {
		return fail("gpio", "no permission to open /dev/gpiochip*", "join the group that may (see groups)")
	}
	f := warn("gpio", err.Error(), "--leds terminal shows the LEDs on the screen")
	if needed {
		f.State = Missing
	}
	return f
}

// lookUp finds a line and its holder.
func lookUp(chips []gpio.Chip, h gpio.Header, line *gpio.Line) (place, holder string, err error) {
	if line == nil {
		return "", "", errors.New("it has no line: say where it is connected, such as line: GPIO17 or line: pin 11")
	}
	p, err := gpio.Find(chips, h, *line)
	if err != nil {
		return "", "", err
	}
	holder, err = p.Holder()
	return p.String(), holder, err
}

// checkLine judges the line of an LED or a button.
func checkLine(what, name, place, holder string, err error) Finding {
	switch {
	case err != nil:
		return fail(what, fmt.Sprintf("%s: %v", name, err), "correct line: of this "+what+" in the configuration")
	case holder == "":
		return fine(what, fmt.Sprintf("%s on %s, free", name, place))
	case holder == "edge":
		return fine(what, fmt.Sprintf("%s on %s, used by edge now", name, place))
	}
	return fail(what, fmt.Sprintf("%s on %s, held by %s", name, place, holder),
		"stop what holds it (a program, or an overlay in config.txt), or connect the "+what+" to another line")
}
