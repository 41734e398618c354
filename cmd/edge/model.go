package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"edge/catalogue"
)

// runModel lists the officially hosted networks, downloads one, or checks a file against them.
func runModel(ctx context.Context, args []string, std streams) error {
	f := newFlags("model", std)
	dir := f.String("dir", ".", "list, get: the folder of the models")
	mirror := f.String("mirror", "", "get: fetch from this `URL` of a folder with the same archives; it may be plain http\n"+
		"if the network's SHA-256 is known")
	asJSON := f.Bool("json", false, "list: print JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	verb, rest := f.Arg(0), f.Args()[min(1, f.NArg()):]
	for flag, verbs := range map[string][]string{"dir": {"list", "get"}, "mirror": {"get"}, "json": {"list"}} {
		if f.Changed(flag) && !slices.Contains(verbs, verb) {
			return configErrorf("edge model %s: --%s is for %s alone", verb, flag, strings.Join(verbs, " and "))
		}
	}
	switch {
	case verb == "list" && len(rest) == 0:
		return listModels(*dir, *asJSON, std.out)
	case verb == "get" && len(rest) == 1:
		return getModel(ctx, rest[0], *dir, *mirror, std)
	case verb == "verify" && len(rest) == 1:
		return verifyModel(rest[0], std.out)
	}
	return configErrorf("edge model: list, get NAME, or verify FILE (--help shows the flags)")
}

// listModels shows the catalogue, and which of its networks are in a folder.
func listModels(dir string, asJSON bool, out io.Writer) error {
	all, err := catalogue.List(dir)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, all, "")
	}
	return printModels(out, all)
}

func printModels(out io.Writer, all []catalogue.Listed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "α\tpixels\tMB\tMMACs\ttop-1 %\ttop-5 %\t  name")
	for _, l := range all {
		state := map[catalogue.FileState]string{
			catalogue.Verified: ", here, verified", catalogue.Different: ", here, but DIFFERENT from its pin", catalogue.Unpinned: ", here, not verified",
		}[l.State]
		size := fmt.Sprintf("%.1f", float64(l.Size)/1e6)
		if l.SHA256 == "" {
			size = "~" + size
		}
		fmt.Fprintf(w, "%.2f\t%d\t%s\t%.1f\t%.1f\t%.1f\t  %s%s\n", l.Alpha, l.Resolution, size,
			float64(l.MACs)/1e6, l.Top1, l.Top5, l.Name, state)
	}
	fmt.Fprintln(w, "\nFor ImageNet, in 8 bits; accuracy as published. edge model get NAME downloads one.")
	return w.Flush()
}

// verifyModel says which network a file is. It fails unless the file is, byte for byte, a known one.
func verifyModel(name string, out io.Writer) error {
	known, err := catalogue.Verify(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: verified, it is %s: %s bytes, SHA-256 %s, as %s knows it\n",
		name, known.Name, grouped(int(known.Pin.Size)), known.Pin.SHA256, known.From)
	return err
}

// getModel downloads a network unless the file is already there.
func getModel(ctx context.Context, name, dir, mirror string, std streams) error {
	g, err := catalogue.NewGetter(name, dir, mirror)
	if err != nil {
		return configErrorf("edge model get: %v", err)
	}
	show, text := progressLine(std.err), ""
	g.Progress = func(have, total int64) {
		text = fmt.Sprintf("%s: %.1f", path.Base(g.Archive), float64(have)/1e6)
		if total > 0 {
			text += fmt.Sprintf(" of %.1f", float64(total)/1e6)
		}
		text += " MB"
		show(text, false)
	}
	g.Warn = func(text string) { fmt.Fprintln(std.err, "edge:", text) }
	got, err := g.Get(ctx)
	if text != "" {
		show(text, true)
	}
	if err != nil {
		return err
	}
	verdict := "as " + got.From + " knows it"
	switch {
	case got.Present:
		_, err := fmt.Fprintf(std.out, "%s is here, verified: SHA-256 %s\n", got.File, got.Pin.SHA256)
		return err
	case got.From == "":
		verdict = "seen for the first time and pinned in " + got.Lock
	}
	_, err = fmt.Fprintf(std.out, "%s: %s bytes, SHA-256 %s, %s\n", got.File, grouped(int(got.Pin.Size)), got.Pin.SHA256, verdict)
	return err
}
