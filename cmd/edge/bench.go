package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"edge/board"
	"edge/budget"
	"edge/classifier"
	"edge/engine"
	"edge/estimate"
	"edge/kernels"
)

// benchmark is what edge bench --json prints. Times are of one inference, without reading a picture.
type benchmark struct {
	Model   string      `json:"model"`
	Kernels string      `json:"kernels"`
	Threads int         `json:"threads"`
	Runs    int         `json:"runs"`
	Min     float64     `json:"min_ms"`
	P50     float64     `json:"p50_ms"`
	P95     float64     `json:"p95_ms"`
	P99     float64     `json:"p99_ms"`
	MACs    int         `json:"macs"`
	GMACs   float64     `json:"gmac_per_s"` // at the median
	Arena   int         `json:"arena_bytes"`
	Weights int         `json:"weight_bytes"`
	Peak    float64     `json:"peak_gmac_per_s,omitempty"` // of one thread
	Core    string      `json:"estimated_core,omitempty"`  // that the estimates are of
	Steps   []benchStep `json:"steps,omitempty"`
}

// benchStep is a line of the profile: the step's median over all runs.
type benchStep struct {
	Step   int     `json:"step"`
	Kind   string  `json:"kind"`
	Out    []int   `json:"out"`
	Ms     float64 `json:"ms"`
	GMACs  float64 `json:"gmac_per_s"`
	Share  float64 `json:"share"`
	OfPeak float64 `json:"of_peak,omitempty"`
	Model  float64 `json:"estimated_ms,omitempty"` // by package estimate; 0 if it knows nothing of this step or processor
	Kernel string  `json:"kernel"`
}

func runBench(ctx context.Context, args []string, std streams) error {
	n := networkFlags{classifier.Options{Threads: 1}}
	f := newFlags("bench", std)
	n.addModel(f)
	n.addEngine(f)
	runs := f.Int("runs", 100, "how many inferences to time")
	warmup := f.Int("warmup", 10, "how many to run before")
	profile := f.Bool("profile", false, "time every step, on one thread")
	peak := f.Bool("peak", false, "measure what the kernels do at most; the profile then shows per cent of it")
	asJSON := f.Bool("json", false, "print JSON")
	name := f.String("report", "", "measure many networks for five minutes, by a fixed protocol, and write `NAME`.json and NAME.md\n"+
		"to send in (auto: named after the board and the day); takes no other flag")
	f.Lookup("report").NoOptDefVal = reportName
	if err := parse(f, args); err != nil {
		return err
	}
	if f.Changed("report") {
		return benchReport(ctx, f, *name, std)
	}
	if f.NArg() > 0 {
		return configErrorf("edge bench: unexpected %q (--help shows the flags)", f.Arg(0))
	}
	if *runs < 1 || *warmup < 0 || max(*runs, *warmup) > maxRuns {
		return configErrorf("edge bench: --runs %d --warmup %d: at least 1 and 0, at most %d", *runs, *warmup, maxRuns)
	}
	if *profile {
		n.Threads = 1
	}
	net, err := n.load()
	if err != nil {
		return err
	}
	defer net.Close()
	b, err := measure(ctx, net, *runs, *warmup, *profile)
	if err != nil {
		return err
	}
	b.Model, b.Threads = n.Name(), n.ThreadCount()
	if *peak {
		b.comparePeak(kernels.ByName(net.Kernels()).Peak(peakTime))
	}
	if *asJSON {
		return writeJSON(std.out, b, "")
	}
	return b.print(std.out)
}

// maxRuns bounds the memory for the times of a profile.
const maxRuns = 100_000

// measure times runs inferences on noise, after some that don't count.
func measure(ctx context.Context, net *engine.Net, runs, warmup int, profile bool) (*benchmark, error) {
	t, err := budget.Time(ctx, net, runs, warmup, profile)
	if err != nil {
		return nil, err
	}
	b := &benchmark{Kernels: net.Kernels(), Runs: runs, Min: t.Min, P50: t.P50, P95: t.P95, P99: t.P99}
	for _, s := range net.Steps() {
		b.MACs += s.MACs
	}
	b.Arena, _, b.Weights = net.Memory()
	b.GMACs = gigaPerSecond(b.MACs, b.P50)
	if profile {
		b.Steps = profileOf(net.Steps(), t.Steps)
		host := board.Host()
		b.estimate(estimate.Of(board.Detect(host).CPU, net.Kernels()), net.Steps(), board.Fastest(board.Clocks(host)).MHz)
	}
	return b, nil
}

// profileOf describes each step by its median time in milliseconds.
func profileOf(infos []engine.StepInfo, times []float64) []benchStep {
	var list []benchStep
	total := 0.0
	for i, s := range infos {
		ms := times[i]
		total += ms
		list = append(list, benchStep{
			Step: i, Kind: s.String(), Out: s.Out, Ms: ms, GMACs: gigaPerSecond(s.MACs, ms), Kernel: s.Kernel,
		})
	}
	for i := range list {
		list[i].Share = list[i].Ms / max(total, 1e-6)
	}
	return list
}

// estimate notes how long each step should take on a core at a clock in MHz. Without a model of the core it does nothing.
func (b *benchmark) estimate(core *estimate.Core, infos []engine.StepInfo, mhz int) {
	if core == nil {
		return
	}
	if mhz == 0 {
		mhz = core.MHz
	}
	b.Core = fmt.Sprintf("%s at %d MHz", core.Name, mhz)
	for i, s := range infos {
		b.Steps[i].Model, _ = core.Milliseconds(s, 1, b.Arena+b.Weights, mhz)
	}
}

func gigaPerSecond(n int, ms float64) float64 { return float64(n) / max(ms, 1e-6) / 1e6 }

// peakTime is long enough for a clock to reach its turbo, and to find an undisturbed moment.
const peakTime = 300 * time.Millisecond

// comparePeak notes the peak, and each step's part of it.
func (b *benchmark) comparePeak(peak float64) {
	b.Peak = peak
	for i := range b.Steps {
		b.Steps[i].OfPeak = b.Steps[i].GMACs / peak
	}
}

func (b *benchmark) print(out io.Writer) error {
	if len(b.Steps) > 0 {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		estimated := ""
		if b.Core != "" {
			estimated = "estimate\t"
		}
		measured, model := 0.0, 0.0 // of the steps that have an estimate
		fmt.Fprintf(w, "step\tms\t%sshare\tGMAC/s\tof peak\tkernel\tout\tkind\t\n", estimated)
		for _, s := range b.Steps {
			ofPeak := "-"
			if s.OfPeak > 0 {
				ofPeak = fmt.Sprintf("%.0f %%", 100*s.OfPeak)
			}
			switch {
			case s.Model > 0:
				estimated = fmt.Sprintf("%.4f\t", s.Model)
				measured += s.Ms
				model += s.Model
			case b.Core != "":
				estimated = "-\t"
			}
			fmt.Fprintf(w, "%d\t%.4f\t%s%.1f %%\t%.1f\t%s\t%s\t%s\t%s\t\n",
				s.Step, s.Ms, estimated, 100*s.Share, s.GMACs, ofPeak, s.Kernel, dims(s.Out), s.Kind)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if b.Core != "" {
			if _, err := fmt.Fprintf(out, "estimate for a %s: %.3f ms for the steps that took %.3f; see docs/bench/cycles.md\n", b.Core, model, measured); err != nil {
				return err
			}
		}
	}
	if b.Peak > 0 {
		if _, err := fmt.Fprintf(out, "peak of %s, one thread: %.1f GMAC/s\n", b.Kernels, b.Peak); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s, %s, %d threads: min %.3f ms, p50 %.3f, p95 %.3f, p99 %.3f; %.1f GMAC/s; arena %s bytes, weights %s bytes\n",
		b.Model, b.Kernels, b.Threads, b.Min, b.P50, b.P95, b.P99, b.GMACs, grouped(b.Arena), grouped(b.Weights))
	return err
}
