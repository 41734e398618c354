package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"edge/board"
	"edge/config"
	"edge/gpio"
	"edge/lights"
)

// runOff switches the LEDs off after a service was killed, as many boards keep a line's level. The lines that edge run
// took come before those of the configuration, which may have changed or broken since. If one can't be switched off,
// the others still are.
func runOff(_ context.Context, args []string, std streams) error {
	f := newFlags("off", std)
	file := f.String("config", config.DefaultFile, "configuration `FILE`")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	lines, err := lights.TakenLines(runtimeDirectory())
	if errors.Is(err, lights.ErrNothingTaken) {
		err = nil
	}
	errs := []error{err}
	c, err := config.Load(*file)
	errs = append(errs, err)
	if err == nil {
		for _, line := range c.Lines {
			if line != nil {
				lines = append(lines, *line)
			}
		}
	}
	return errors.Join(append(errs, gpio.Off(headerOf(board.Detect(board.Host())), lines))...)
}

// runtimeDirectory returns the one that systemd made for this unit, or an empty name.
func runtimeDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	return first
}
