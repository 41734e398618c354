package main

import (
	"context"
	"fmt"
	"time"

	"edge/frame"
	"edge/internal/files"
	"edge/internal/text"
	"edge/teach"
)

// runTeach makes a network of a folder of pictures, and says how good it is.
func runTeach(ctx context.Context, args []string, std streams) error {
	if len(args) > 0 && args[0] == "add" {
		return runTeachAdd(ctx, args[1:], std)
	}
	var n networkFlags
	f := newFlags("teach", std)
	out := f.String("out", "", "the network to write, a .tflite `FILE`")
	f.StringVar(&n.Model, "backbone", "", "the network to teach, a quantized .tflite `FILE` (default: the embedded one)")
	page := f.String("html", "", "write the score card, with pictures, to this `FILE`")
	asJSON := f.Bool("json", false, "print the score card as JSON")
	why := f.String("why", "", "explain what the lesson says of this `PICTURE`")
	n.addEngine(f)
	n.addFit(f)
	own := f.Usage
	f.Usage = func() {
		own()
		fmt.Fprintln(std.out)
		newTeachAddFlags(std).Usage()
	}
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return configErrorf("edge teach: name one lesson: a folder with a folder of pictures for each class")
	}
	for _, to := range []string{*out, *page} {
		if err := refuseOver(to, n.Model, f.Arg(0), *why); err != nil {
			return err
		}
	}
	if err := refuseOther(*out); err != nil {
		return err
	}
	b, err := teach.OpenBackbone(n.Options)
	if err != nil {
		return configErrorf("%v", err)
	}
	defer b.Close()
	lesson, err := readLesson(ctx, f.Arg(0), b, n.Fit, std)
	if err != nil {
		return err
	}
	taught, err := teach.Teach(lesson, b, time.Now())
	if err != nil {
		return err
	}
	if *why != "" {
		return explain(ctx, taught, lesson, b, *why, *asJSON, std)
	}
	if err := taught.WarnBackground(ctx, lesson, b); err != nil {
		return err
	}
	if *out != "" {
		if err := taught.Write(*out, std.out); err != nil {
			return err
		}
	}
	if *page != "" {
		if err := refuseOver(*page, *out); err != nil {
			return err
		}
		if err := writeCard(ctx, taught.Card, *page, std); err != nil {
			return err
		}
	}
	switch {
	case *asJSON:
		return writeJSON(std.out, taught.Card, "  ")
	case *out == "-" || *page == "-":
		return nil
	}
	if err := taught.Card.Print(std.out); err != nil {
		return err
	}
	if *out == "" {
		fmt.Fprintln(std.out, "nothing was written: --out FILE.tflite writes the network")
	}
	return nil
}

// readLesson reads a lesson, and says what isn't as it should be. What keeps it from being taught is a person's to mend.
func readLesson(ctx context.Context, dir string, b *teach.Backbone, fit frame.Options, std streams) (*teach.Lesson, error) {
	progress := isTerminal(std.err)
	lesson, err := teach.Read(ctx, dir, b, fit, func(done, of int, file string) {
		if progress {
			fmt.Fprintf(text.Raw(std.err), "\r\033[K%d of %d  %s", done+1, of, text.Clean(file))
		}
	})
	if progress {
		fmt.Fprint(text.Raw(std.err), "\r\033[K")
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted while reading %s: what was computed is kept", dir)
	case err != nil:
		return nil, configErrorf("%v", err)
	case lesson.CacheErr != nil:
		fmt.Fprintf(std.err, "edge: the features of the pictures can't be kept beside them, so that each time takes as long: %v\n", lesson.CacheErr)
	}
	return lesson, nil
}

func explain(ctx context.Context, t *teach.Taught, l *teach.Lesson, b *teach.Backbone, picture string, asJSON bool, std streams) error {
	w, err := t.Why(ctx, l, b, picture)
	if err != nil {
		return configErrorf("%v", err)
	}
	if asJSON {
		return writeJSON(std.out, w, "  ")
	}
	return w.Print(std.out)
}

func writeCard(ctx context.Context, c *teach.Card, name string, std streams) error {
	w, err := files.Create(name, std.out)
	if err != nil {
		return err
	}
	defer w.Discard()
	if err := c.WriteHTML(ctx, w); err != nil {
		return err
	}
	return w.Commit()
}
