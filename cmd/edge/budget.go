package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"edge/board"
	"edge/budget"
	"edge/internal/files"
	"edge/internal/text"
	"edge/mobilenet"
)

func runBudget(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	f := newFlags("budget", std)
	fps := f.Float64("fps", 15, "the frames a second that are to be recognised")
	n.addEngine(f)
	png := f.String("png", "", "draw accuracy over time, a .png `FILE`")
	asJSON := f.Bool("json", false, "print JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	if !(*fps > 0 && *fps <= 1e6) {
		return configErrorf("edge budget: --fps %v: above 0", *fps)
	}
	var picture *files.Whole
	if *png != "" {
		var err error
		if picture, err = files.Create(*png, std.out); err != nil { // before the work, to know that it can be written
			return configErrorf("output: %v", err)
		}
		defer picture.Discard()
	}
	b := &budget.Budget{FPS: *fps, Machine: board.Detect(board.Host()).Model}
	all := mobilenet.Published()
	progress := progressLine(std.err)
	for i, a := range all {
		m, err := timeNetwork(ctx, b, &n, a)
		if err != nil {
			return err
		}
		progress(fmt.Sprintf("%d of %d: %s %.2f ms", i+1, len(all), m.Name, m.P50), i+1 == len(all))
	}
	b.Judge()
	if picture != nil {
		if err := b.Draw(picture); err != nil {
			return fmt.Errorf("%s: %w", *png, err)
		}
		if err := picture.Commit(); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	switch {
	case *asJSON && *png == "-":
		return writeJSON(std.err, b, "")
	case *asJSON:
		return writeJSON(std.out, b, "")
	case *png == "-":
		return printBudget(std.err, b)
	}
	return printBudget(std.out, b)
}

// timeNetwork compiles one network, with random weights, and measures it.
func timeNetwork(ctx context.Context, b *budget.Budget, n *networkFlags, a mobilenet.Accuracy) (*budget.Network, error) {
	plan, err := a.Blueprint()
	if err != nil {
		return nil, err
	}
	n.Model = plan.Name()
	net, err := n.compile(plan.Graph(1))
	if err != nil {
		return nil, err
	}
	defer net.Close()
	m, err := budget.Measure(ctx, a, net)
	if err != nil {
		return nil, err
	}
	b.Kernels, b.Threads = net.Kernels(), n.ThreadCount()
	b.Networks = append(b.Networks, *m)
	return m, nil
}

// progressLine shows how far the work is: on a terminal in one line, else a line every few seconds.
func progressLine(w io.Writer) func(text string, last bool) {
	const every = 5 * time.Second
	terminal := isTerminal(w)
	if terminal {
		w = text.Raw(w)
	}
	shown := time.Now()
	return func(text string, last bool) {
		switch {
		case terminal && last:
			fmt.Fprint(w, "\r\x1b[K")
		case terminal:
			fmt.Fprintf(w, "\r%s\x1b[K", text)
		case last || time.Since(shown) >= every:
			fmt.Fprintln(w, text)
			shown = time.Now()
		}
	}
}

func printBudget(out io.Writer, b *budget.Budget) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "network\tMMACs\tM parameters\tMB memory\tms p50\tms p95\tframes/s\ttop-1 float\tquantized\t\t")
	var sources []string
	note := func(source string) string {
		i := slices.Index(sources, source)
		if i < 0 {
			i = len(sources)
			sources = append(sources, source)
		}
		return fmt.Sprintf("[%d]", i+1)
	}
	for _, m := range b.Networks {
		float, quantized := fmt.Sprintf("%.1f %s", m.Float, note(m.FloatSource)), "–    "
		if m.Quantized > 0 {
			quantized = fmt.Sprintf("%.1f %s", m.Quantized, note(m.QuantizedSource))
		}
		mark := ""
		switch {
		case m.Name == b.Best:
			mark = "← best"
		case m.Pareto:
			mark = "front"
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.1f\t%s\t%s\t%s\t\n", m.Name, float64(m.MACs)/1e6,
			float64(m.Parameters)/1e6, float64(m.Arena+m.Weights)/1e6, m.P50, m.P95, m.FPS, float, quantized, mark)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	l := &lines{out: out}
	l.add("\nTimes: kernels %s, threads %d, inference alone. front: none is both faster and more accurate.\n"+
		"Top-1 in %% of ImageNet's validation pictures, published, not measured here:\n", b.Kernels, b.Threads)
	for i, s := range sources {
		l.add("  [%d] %s\n", i+1, s)
	}
	l.add("\n%s\n", verdict(b))
	return l.err
}

// verdict says in a sentence which network to choose.
func verdict(b *budget.Budget) string {
	for _, m := range b.Networks {
		if m.Name == b.Best {
			return fmt.Sprintf("%s is the most accurate that holds %g frames/s: 19 of 20 inferences take at most %.2f ms of %.2f.",
				m.Name, b.FPS, m.P95, 1000/b.FPS)
		}
	}
	fastest := b.Networks[0]
	return fmt.Sprintf("None holds %g frames/s. The fastest, %s, makes %.1f.", b.FPS, fastest.Name, fastest.FPS)
}
