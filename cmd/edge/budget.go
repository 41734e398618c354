package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"edge/board"
	"edge/internal/files"
	"edge/mobilenet"
)

// budget is what edge budget --json prints: what each MobileNet costs on this machine, fastest first.
type budget struct {
	FPS      float64         `json:"fps"` // the rate that is asked for
	Machine  string          `json:"machine,omitempty"`
	Kernels  string          `json:"kernels"`
	Threads  int             `json:"threads"`
	Best     string          `json:"best"` // the most accurate that holds the rate; empty if none does
	Networks []budgetNetwork `json:"networks"`
}

// budgetNetwork is one α × β. Accuracy is top-1 in per cent, as published; it is left out if no figure was published.
type budgetNetwork struct {
	Name            string           `json:"name"`
	Family          mobilenet.Family `json:"family"`
	Alpha           float64          `json:"alpha"`
	Resolution      int              `json:"resolution"`
	MACs            int              `json:"macs"`
	Parameters      int              `json:"parameters"`
	Arena           int              `json:"arena_bytes"`
	Weights         int              `json:"weight_bytes"`
	P50             float64          `json:"p50_ms"`
	P95             float64          `json:"p95_ms"`
	FPS             float64          `json:"fps"` // at the median
	Float           float64          `json:"top1_float"`
	FloatSource     string           `json:"top1_float_source"`
	Quantized       float64          `json:"top1_quantized,omitempty"`
	QuantizedSource string           `json:"top1_quantized_source,omitempty"`
	Holds           bool             `json:"holds"`  // the rate, 19 times of 20
	Pareto          bool             `json:"pareto"` // no other is both faster and more accurate
}

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
	b := &budget{FPS: *fps, Machine: board.Detect(board.Host()).Model}
	all := mobilenet.Published()
	progress := progressLine(std.err)
	for i, a := range all {
		m, err := b.time(ctx, &n, a)
		if err != nil {
			return err
		}
		progress(fmt.Sprintf("%d of %d: %s %.2f ms", i+1, len(all), m.Name, m.P50), i+1 == len(all))
	}
	b.judge()
	if picture != nil {
		if err := drawBudget(picture, b); err != nil {
			return fmt.Errorf("%s: %w", *png, err)
		}
		if err := picture.Commit(); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	switch {
	case *asJSON && *png == "-":
		return json.NewEncoder(std.err).Encode(b)
	case *asJSON:
		return json.NewEncoder(std.out).Encode(b)
	case *png == "-":
		return b.print(std.err)
	}
	return b.print(std.out)
}

// Each network is timed for half a second, or longer if that isn't enough runs for a 95th percentile.
const (
	budgetMilliseconds       = 500
	budgetLeast, budgetMost  = 20, 500
	budgetTrials, budgetWarm = 3, 2
)

// time measures one network on noise, with random weights: how long it takes doesn't depend on them.
func (b *budget) time(ctx context.Context, n *networkFlags, a mobilenet.Accuracy) (*budgetNetwork, error) {
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
	trial, err := measure(ctx, net, budgetTrials, budgetWarm, false)
	if err != nil {
		return nil, err
	}
	runs := min(max(int(budgetMilliseconds/trial.Min), budgetLeast), budgetMost)
	m, err := measure(ctx, net, runs, 0, false)
	if err != nil {
		return nil, err
	}
	b.Kernels, b.Threads = m.Kernels, n.ThreadCount()
	cost := plan.Cost()
	b.Networks = append(b.Networks, budgetNetwork{
		Name: plan.Name(), Family: a.Family, Alpha: a.Alpha, Resolution: a.Resolution,
		MACs: cost.MACs, Parameters: cost.Parameters, Arena: m.Arena, Weights: m.Weights,
		P50: m.P50, P95: m.P95, FPS: 1000 / m.P50,
		Float: a.Top1, FloatSource: a.Source, Quantized: a.Quantized1, QuantizedSource: a.QuantizedSource,
	})
	return &b.Networks[len(b.Networks)-1], nil
}

// progressLine shows how far the work is: on a terminal in one line, else a line every few seconds.
func progressLine(w io.Writer) func(text string, last bool) {
	const every = 5 * time.Second
	terminal := isTerminal(w)
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

// judge sorts the networks by time, and finds the front and the best. They are compared by their accuracy in float32,
// since that was published for all of them.
func (b *budget) judge() {
	slices.SortFunc(b.Networks, func(x, y budgetNetwork) int {
		return cmp.Or(cmp.Compare(x.P50, y.P50), cmp.Compare(y.Float, x.Float))
	})
	highest, best := math.Inf(-1), math.Inf(-1)
	for i := range b.Networks {
		m := &b.Networks[i]
		m.Pareto = m.Float > highest
		highest = max(highest, m.Float)
		m.Holds = m.P95 <= 1000/b.FPS
		if m.Holds && m.Float > best {
			b.Best, best = m.Name, m.Float
		}
	}
}

func (b *budget) print(out io.Writer) error {
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
	l.add("\n%s\n", b.verdict())
	return l.err
}

// verdict says in a sentence which network to choose.
func (b *budget) verdict() string {
	for _, m := range b.Networks {
		if m.Name == b.Best {
			return fmt.Sprintf("%s is the most accurate that holds %g frames/s: 19 of 20 inferences take at most %.2f ms of %.2f.",
				m.Name, b.FPS, m.P95, 1000/b.FPS)
		}
	}
	fastest := b.Networks[0]
	return fmt.Sprintf("None holds %g frames/s. The fastest, %s, makes %.1f.", b.FPS, fastest.Name, fastest.FPS)
}
