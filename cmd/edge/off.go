package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"edge/board"
	"edge/config"
	"edge/gpio"
	"edge/lights"
)

// runOff switches the LEDs off: for a service that was killed, as many boards keep a line's level. Those that edge run
// took go before those of the configuration, which may have changed since, or broken.
func runOff(_ context.Context, args []string, std streams) error {
	f := newFlags("off", std)
	file := f.String("config", config.DefaultFile, "configuration `FILE`")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	lines, err := lights.TakenLines(runtimeDirectory())
	if err == nil {
		err = switchOff(lines)
	}
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, lights.ErrNothingTaken):
		fmt.Fprintf(std.err, "edge off: %v; what %s says is tried instead\n", err, *file)
	}
	return offByConfig(*file)
}

func offByConfig(file string) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	lines, err := c.GPIOLines()
	if err != nil {
		return err
	}
	return switchOff(lines)
}

func switchOff(lines []gpio.Line) error { return gpio.Off(headerOf(board.Detect(board.Host())), lines) }

// runtimeDirectory is the one that systemd made for this unit, or empty.
func runtimeDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	return first
}
