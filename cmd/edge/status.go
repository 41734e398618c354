package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"

	"edge/internal/files"
	"edge/internal/text"
	"edge/page"
)

// statusFile is the file in its runtime directory in which edge run says what it does.
const statusFile = "status.json"

const maxStatusFile = 1 << 20

// hungAfter is the age of a status above which the program that wrote it has ended or hangs.
const hungAfter = 5 * time.Second

// runStatus says what the service is doing.
func runStatus(ctx context.Context, args []string, std streams) error {
	f := newFlags("status", std)
	dir := f.String("dir", "/run/edge", "the service's runtime directory, a `FOLDER`")
	watch := f.Bool("watch", false, "say it again every second")
	asJSON := f.Bool("json", false, "print the JSON as it is")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	for {
		data, err := files.Read(filepath.Join(*dir, statusFile), maxStatusFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("status: edge doesn't run as a service here (no %s); systemctl status edge says why", filepath.Join(*dir, statusFile))
		}
		if err != nil {
			return err
		}
		if *asJSON {
			fmt.Fprintf(std.out, "%s\n", data)
		} else {
			var s page.State
			if err := json.Unmarshal(data, &s); err != nil {
				return fmt.Errorf("status: %s: %w", *dir, err)
			}
			if *watch && isTerminal(std.out) {
				fmt.Fprint(text.Raw(std.out), "\x1b[H\x1b[J") // home, and clear to the end
			}
			printStatus(std.out, &s, time.Now())
		}
		if !*watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// printStatus writes a state for a person.
func printStatus(w io.Writer, s *page.State, now time.Time) {
	clean := text.Clean
	fmt.Fprintf(w, "edge %s: %s", clean(s.Version), clean(s.State))
	if s.CameraUp {
		fmt.Fprintf(w, ", %.1f frames a second", s.FPS)
	}
	fmt.Fprintf(w, ", up since %s\n", s.Started.Local().Format(time.DateTime))
	if age := now.Sub(s.At); age > hungAfter {
		fmt.Fprintf(w, "THIS IS %v OLD: the service has stopped or hangs; systemctl status edge says more\n", age.Round(time.Second))
	}
	fmt.Fprintf(w, "camera   %s: %d frames, %d dropped, %d damaged, lost %d times\n", clean(s.Camera), s.Frames, s.Dropped, s.Damaged, s.Losses)
	fmt.Fprintf(w, "network  %s, %s, %.1f ms; %.1f ms from frame to LED\n", clean(s.Model), clean(s.Kernels), s.Inference*1000, s.FrameToLED*1000)
	if s.Temperature != 0 {
		fmt.Fprintf(w, "board    %.0f °C", s.Temperature)
		if s.Throttled != "" {
			fmt.Fprintf(w, ", slowed down: %s", clean(s.Throttled))
		}
		fmt.Fprintln(w)
	}
	if s.Recording != "" {
		fmt.Fprintf(w, "record   %s\n", clean(s.Recording))
	}
	if s.Trouble != "" {
		fmt.Fprintf(w, "trouble  %s\n", clean(s.Trouble))
	}
	if s.Unsaved {
		fmt.Fprintln(w, "rules    changed on the page and not saved")
	}
	if len(s.Top) > 0 {
		fmt.Fprintf(w, "sees     %.2f %s\n", s.Top[0].Score, clean(s.Top[0].Label))
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "LED\tshows\tscore\tsmoothed\ton at\toff below\tchanges\n")
	for i := range s.LEDs {
		l := &s.LEDs[i]
		thresholds := "\t"
		if l.On > 0 {
			thresholds = fmt.Sprintf("%.2f\t%.2f", l.On, l.Off)
		}
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%.2f\t%s\t%d\n", clean(l.Name), clean(l.Light), l.Score, l.Smoothed, thresholds, l.Switches)
	}
	table.Flush()
	if len(s.Switches) == 0 {
		return
	}
	fmt.Fprintln(w, "\nlast changes")
	for _, c := range s.Switches[:min(10, len(s.Switches))] {
		what := clean(c.LED) + " " + clean(c.Light)
		if c.LED == "" {
			what = clean(c.State)
		}
		fmt.Fprintf(w, "  %s  %-24s %.2f\n", c.At.Local().Format("2006-01-02 15:04:05.000"), what, c.Score)
	}
}
