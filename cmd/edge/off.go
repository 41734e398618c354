package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"edge/board"
	"edge/gpio"
	"edge/internal/files"
)

// runOff switches the LEDs off: for a service that was killed, as many boards keep a line's level. Those that edge run
// took go before those of the configuration, which may have changed since, or broken.
func runOff(_ context.Context, args []string, std streams) error {
	f := newFlags("off", std)
	file := f.String("config", defaultConfigFile, "configuration `FILE`")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	lines, err := takenLines(runtimeDirectory())
	if err == nil {
		err = switchOff(lines)
	}
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, errNothingTaken):
		fmt.Fprintf(std.err, "edge off: %v; what %s says is tried instead\n", err, *file)
	}
	return offByConfig(*file)
}

func offByConfig(file string) error {
	c, err := loadConfig(file)
	if err != nil {
		return err
	}
	lines, err := c.gpioLines()
	if err != nil {
		return err
	}
	return switchOff(lines)
}

func switchOff(lines []gpio.Line) error { return gpio.Off(headerOf(board.Detect(board.Host())), lines) }

// takenFile is where edge run leaves the lines that it takes, for edge off: in the unit's runtime directory, which
// systemd makes for each start and keeps until ExecStopPost has run.
const takenFile = "leds.json"

// maxTakenFile is far more than as many LEDs as a chip has lines.
const maxTakenFile = 1 << 20

// takenLine is one of them.
type takenLine struct {
	Line      string `json:"line"` // what gpio.ParseLine reads
	ActiveLow bool   `json:"active_low"`
}

// runtimeDirectory is the one that systemd made for this unit, or empty.
func runtimeDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	return first
}

// keepTaken writes lines down. Without a directory there is nobody who would run edge off.
func keepTaken(dir string, lines []gpio.Line) error {
	if dir == "" || len(lines) == 0 {
		return nil
	}
	taken := make([]takenLine, len(lines))
	for i, l := range lines {
		taken[i] = takenLine{l.String(), l.ActiveLow}
	}
	file, err := files.Create(filepath.Join(dir, takenFile), nil)
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := json.NewEncoder(file).Encode(taken); err != nil {
		return err
	}
	return file.Commit()
}

// errNothingTaken is that of takenLines where no edge run wrote any down.
var errNothingTaken = errors.New("no lines were taken")

// takenLines reads what keepTaken wrote.
func takenLines(dir string) ([]gpio.Line, error) {
	if dir == "" {
		return nil, errNothingTaken
	}
	name := filepath.Join(dir, takenFile)
	data, err := files.Read(name, maxTakenFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNothingTaken
	}
	if err != nil {
		return nil, err
	}
	lines, err := parseTaken(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return lines, nil
}

func parseTaken(data []byte) ([]gpio.Line, error) {
	var taken []takenLine
	if err := json.Unmarshal(data, &taken); err != nil {
		return nil, err
	}
	if len(taken) == 0 {
		return nil, errors.New("it names no line")
	}
	lines := make([]gpio.Line, len(taken))
	for i, l := range taken {
		line, err := gpio.ParseLine(l.Line)
		if err != nil {
			return nil, err
		}
		line.ActiveLow = l.ActiveLow
		lines[i] = line
	}
	return lines, nil
}
