package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"edge/board"
	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
	"edge/page"
)

// runCheckConfig says what a configuration means, or everything that is wrong with it.
func runCheckConfig(_ context.Context, args []string, std streams) error {
	f := newFlags("check-config", std)
	if err := parse(f, args); err != nil {
		return err
	}
	file := config.DefaultFile
	switch f.NArg() {
	case 0:
	case 1:
		file = f.Arg(0)
	default:
		return configErrorf("edge check-config: one FILE at a time")
	}
	c, wrong := config.Load(file)
	if c == nil {
		return wrong
	}
	notes, elsewhere, misplaced := checkLines(c)
	errs := []error{wrong, misplaced}
	for _, err := range []error{c.Camera.Check(c.Capture), page.Check(c.Page)} {
		if err != nil {
			errs = append(errs, configErrorf("%s: %v", file, err))
		}
	}
	if !aboutRules(wrong) {
		return joined(errs)
	}
	n := networkOf(c)
	net, backbone, err := n.openFor(c, slog.New(slog.NewTextHandler(std.err, nil)))
	if err != nil {
		return joined(append(errs, err))
	}
	defer net.Close()
	defer backbone.Close()
	judge, err := c.Judge(net.Output)
	if err := joined(append(errs, err)); err != nil {
		return err
	}
	if err := describeConfig(std.out, c, judge, net.Output, net.Pixels, notes); err != nil {
		return err
	}
	if elsewhere && len(notes) > 0 {
		fmt.Fprintln(std.out, "\nThis machine has no GPIO: edge check-config on the board says whether it has these lines.")
	}
	return nil
}

// joined is all that is wrong with a configuration, first what has its line.
func joined(errs []error) error {
	others := slices.DeleteFunc(slices.Clone(errs), func(err error) bool {
		_, placed := errors.AsType[*config.Error](err)
		return placed
	})
	return errors.Join(append([]error{config.Join(errs...)}, others...)...)
}

// aboutRules reports whether all that is wrong is said of LEDs and states: then it is known which network's classes they name.
func aboutRules(err error) bool {
	wrong, _ := errors.AsType[*config.Error](err)
	return wrong == nil || !slices.ContainsFunc(wrong.Problems, func(p config.Problem) bool {
		return !strings.HasPrefix(p.Path, "leds") && !strings.HasPrefix(p.Path, "states")
	})
}

// checkLines looks for the lines of the LEDs and of the buttons on this machine, and says what a person should know of each;
// empty for nothing. On a machine without GPIO, elsewhere is true, it finds only what is wrong on every board: the header
// with 40 pins is the same on all.
func checkLines(c *config.Config) (notes []string, elsewhere bool, err error) {
	chips, header, elsewhere := chipsHere()
	wires := c.Wires()
	places, err := c.PlaceLines(chips, header, elsewhere)
	notes = make([]string, len(places))
	for i, p := range places {
		line := wires[i].Line
		switch {
		case p != nil && p.Chip.Label == header.Chip:
			if use := board.OtherUse(p.Offset); use != "" {
				notes[i] = "this line is also " + use
			}
		case p == nil && line != nil && strings.HasPrefix(line.String(), "GPIO") && elsewhere:
			notes[i] = "no Raspberry Pi has this line"
		case p == nil && line != nil && !elsewhere:
			notes[i] = "the chip of this line isn't there now"
		}
	}
	return notes, elsewhere, err
}

// chipsHere returns this machine's GPIO chips and header. If it has none, elsewhere is true, they are those of any board with
// the header of 40 pins.
func chipsHere() (chips []gpio.Chip, h gpio.Header, elsewhere bool) {
	chips, err := gpio.Chips()
	if err != nil {
		const label = "of any board"
		return []gpio.Chip{{Label: label, Lines: make([]string, 58)}}, gpio.Header{Chip: label, Pins: board.AnyHeader()}, true
	}
	return chips, headerOf(board.Detect(board.Host())), false
}

// describeConfig writes a configuration in plain words.
func describeConfig(out io.Writer, c *config.Config, judge *decision.Judge, o decision.Output, pixels classifier.Pixels,
	notes []string,
) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s is right.\n\n", c.File())
	inside := ""
	if c.Model == "" {
		inside = ", the one inside the program"
	}
	n := networkOf(c)
	fmt.Fprintf(w, "model\t%s%s\n", n.Name(), inside)
	if c.Teach.Lesson != "" {
		describeLesson(w, c, o, notes[len(c.Lines):])
	} else if c.Labels != "" {
		fmt.Fprintf(w, "labels\t%s\n", c.Labels)
	}
	fmt.Fprintf(w, "pixels\t%v\n", pixels)
	if warning := pixels.Warning(); warning != "" {
		fmt.Fprintf(w, "\tbeware: %s\n", warning)
	}
	fmt.Fprintf(w, "scores\t%s\n", o.Meaning())
	fmt.Fprintf(w, "camera\t%s\n", strings.Join(cameraWords(c), ", "))
	fmt.Fprintf(w, "recording\t%s\n", recordWords(c.Record))
	fmt.Fprintf(w, "page\t%s\n", pageWords(c.Page))
	for i, l := range c.Decision.LEDs {
		fmt.Fprintf(w, "led %s\t%s\n", l.Name, lineWords(c, i))
		if notes[i] != "" {
			fmt.Fprintf(w, "\tattention: %s\n", notes[i])
		}
		if len(l.Classes) == 0 {
			fmt.Fprint(w, "\tshows states only\n")
			continue
		}
		fmt.Fprintf(w, "\t%s when the score reaches %.3g, goes dark when it falls below %.3g\n", shines(l.Light), l.On, l.Off)
		fmt.Fprintf(w, "\t%s\n", calmWords(l.Smoothing, l.Hold))
		const most = 12
		classes := judge.Classes(i)
		for _, class := range classes[:min(most, len(classes))] {
			fmt.Fprintf(w, "\tclass %d, %s\n", class, o.ClassName(class))
		}
		if len(classes) > most {
			fmt.Fprintf(w, "\tand %d more\n", len(classes)-most)
		}
		for _, class := range l.Classes {
			if found, err := o.Find(class); err == nil && len(found) == 0 {
				fmt.Fprintf(w, "\tclass %v, once it is taught\n", class)
			}
		}
	}
	if len(c.Decision.LEDs) == 0 {
		fmt.Fprint(w, "leds\tnone, so nothing will be lit: name them under leds:\n")
	}
	d := c.Decision
	for _, s := range []struct {
		name string
		show decision.Show
	}{{"starting", d.Starting}, {"camera lost", d.CameraLost}} {
		fmt.Fprintf(w, "%s\t%s\n", s.name, showWords(s.show))
	}
	if n := d.NotSure; n.Below > 0 {
		fmt.Fprintf(w, "not sure\t%s\n\tif no class lights an LED, and none has a score of %.3g\n", showWords(n.Show), n.Below)
		fmt.Fprintf(w, "\t%s\n", calmWords(n.Smoothing, n.Hold))
	}
	return w.Flush()
}

// describeLesson writes what is taught, and with which buttons.
func describeLesson(w io.Writer, c *config.Config, o decision.Output, notes []string) {
	fmt.Fprintf(w, "lesson\t%s, taught on that model\n", c.Teach.Lesson)
	if len(o.Labels) > 1 {
		fmt.Fprintf(w, "\tit was taught %s\n", strings.Join(o.Labels, ", "))
	}
	if later := o.Untaught(); len(later) > 0 {
		fmt.Fprintf(w, "\tnot taught yet: %s\n", strings.Join(later, ", "))
	}
	if c.Teach.LED != "" {
		fmt.Fprintf(w, "\tled %s blinks while pictures are taken\n", c.Teach.LED)
	}
	for i, b := range c.Teach.Buttons {
		does := "takes pictures of " + b.Class
		if b.Undo {
			does = "forgets the last pictures if it is held for " + undoHeld.String()
		}
		level := ""
		if !b.Line.ActiveLow {
			level = ", pressed when high"
		}
		fmt.Fprintf(w, "button %s\t%v%s\n\t%s\n", b.Name(), b.Line, level, does)
		if notes[i] != "" {
			fmt.Fprintf(w, "\tattention: %s\n", notes[i])
		}
	}
}

func recordWords(r config.Record) string {
	if r.Memory == 0 {
		return "off"
	}
	where := "the runtime directory, in memory"
	if r.Dir != "" {
		where = r.Dir
	}
	words := fmt.Sprintf("%d MB in %s", r.Memory>>20, where)
	if r.Disk > 0 {
		words += fmt.Sprintf("; on disk %d MB, at most %d MB a day", r.Disk>>20, r.DiskPerDay>>20)
	}
	return words
}

func pageWords(p config.Page) string {
	where := "only if systemd opens a socket for it (edge.socket)"
	if p.Listen != "" {
		where = "http://" + p.Listen
	}
	switch {
	case p.Password != "" && p.ViewPassword != "":
		return where + "; one password may change things, another may look"
	case p.Password != "":
		return where + ", with a password"
	case p.ViewPassword != "":
		return where + ", with a password, for looking alone"
	}
	return where
}

func cameraWords(c *config.Config) []string {
	words := []string{c.Camera.String()}
	if c.Capture.Width > 0 {
		words = append(words, fmt.Sprintf("%d×%d", c.Capture.Width, c.Capture.Height))
	}
	if c.Capture.Format != 0 {
		words = append(words, c.Capture.Format.String())
	}
	if c.Capture.FPS > 0 {
		words = append(words, fmt.Sprintf("%v frames a second", c.Capture.FPS))
	}
	if c.Fit.Rotate != 0 {
		words = append(words, fmt.Sprintf("rotated by %d° clockwise", c.Fit.Rotate))
	}
	if c.Fit.Mirror {
		words = append(words, "mirrored")
	}
	if c.Fit.ROI != (frame.ROI{}) {
		words = append(words, "only the region "+c.Fit.ROI.String())
	}
	return append(words, c.Fit.Fit.String())
}

func lineWords(c *config.Config, led int) string {
	line := c.Lines[led]
	switch {
	case line == nil:
		return "not connected to any line: only --leds terminal shows it"
	case line.ActiveLow:
		return line.String() + ", lit when low"
	}
	return line.String()
}

func calmWords(s decision.Smoothing, hold time.Duration) string {
	return fmt.Sprintf("smoothing %v, hold %v", s, hold)
}

func showWords(s decision.Show) string {
	if len(s.LEDs) == 0 {
		return "all LEDs are dark"
	}
	words := make([]string, len(s.LEDs))
	for i, led := range s.LEDs {
		words[i] = led + " " + shines(s.Light)
	}
	return strings.Join(words, ", ")
}

// shines says what an LED does that is on.
func shines(l decision.Light) string {
	if l.Off == 0 {
		return "shines"
	}
	return fmt.Sprintf("blinks (%v on, %v off)", l.On, l.Off)
}
