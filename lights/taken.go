package lights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"edge/gpio"
	"edge/internal/files"
)

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

// KeepTaken writes down in a directory which lines are about to be taken. Without a directory, dir is empty, there is
// nobody who would run edge off.
func KeepTaken(dir string, lines []gpio.Line) error {
	if dir == "" {
		return nil
	}
	if len(lines) == 0 { // a restart finds those of the run before
		if err := os.Remove(filepath.Join(dir, takenFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
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

// ErrNothingTaken is the error of TakenLines if no edge run wrote any down.
var ErrNothingTaken = errors.New("no lines were taken")

// TakenLines reads what KeepTaken wrote into a directory.
func TakenLines(dir string) ([]gpio.Line, error) {
	if dir == "" {
		return nil, ErrNothingTaken
	}
	name := filepath.Join(dir, takenFile)
	data, err := files.Read(name, maxTakenFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNothingTaken
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
