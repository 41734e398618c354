package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"edge/classifier"
	"edge/engine"
	"edge/kernels"
	"edge/model"
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
	if err := parseFlags(f, args); err != nil {
		return err
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
		return json.NewEncoder(std.out).Encode(b)
	}
	return b.print(std.out)
}

// maxRuns bounds the memory for the times of a profile.
const maxRuns = 100_000

// measure times runs inferences on noise, after some that don't count.
func measure(ctx context.Context, net *engine.Net, runs, warmup int, profile bool) (*benchmark, error) {
	b := &benchmark{Kernels: net.Kernels(), Runs: runs}
	for _, s := range net.Steps() {
		b.MACs += s.MACs
	}
	b.Arena, _, b.Weights = net.Memory()

	noise := noiseFor(net.Inputs())
	times := make([]time.Duration, 0, runs)
	steps := make([][]time.Duration, len(net.Steps())) // the profile
	for r := -warmup; r < runs; r++ {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted after %d runs", max(r, 0))
		}
		for i, in := range net.Inputs() {
			copy(in.Data, noise[i])
		}
		start := time.Now()
		if profile && r >= 0 {
			for i := range steps {
				at := time.Now()
				net.RunStep(i)
				steps[i] = append(steps[i], time.Since(at))
			}
		} else {
			net.Run()
		}
		if r >= 0 {
			times = append(times, time.Since(start))
		}
	}

	slices.Sort(times)
	b.Min, b.P50 = milliseconds(times[0]), milliseconds(percentile(times, 50))
	b.P95, b.P99 = milliseconds(percentile(times, 95)), milliseconds(percentile(times, 99))
	b.GMACs = gigaPerSecond(b.MACs, b.P50)
	if profile {
		b.Steps = profileOf(net.Steps(), steps)
	}
	return b, nil
}

// noiseFor makes values for inputs; float32 ones are zeros.
func noiseFor(inputs []engine.Tensor) [][]byte {
	rng := rand.New(rand.NewPCG(1, 1))
	noise := make([][]byte, len(inputs))
	for i, in := range inputs {
		noise[i] = make([]byte, len(in.Data))
		if in.Type == model.Float32 {
			continue
		}
		for k := range noise[i] {
			noise[i][k] = byte(rng.IntN(256))
		}
	}
	return noise
}

func profileOf(infos []engine.StepInfo, times [][]time.Duration) []benchStep {
	var list []benchStep
	total := 0.0
	for i, s := range infos {
		slices.Sort(times[i])
		ms := milliseconds(percentile(times[i], 50))
		total += ms
		list = append(list, benchStep{
			Step: i, Kind: s.Kind, Out: s.Out, Ms: ms, GMACs: gigaPerSecond(s.MACs, ms), Kernel: s.Kernel,
		})
	}
	for i := range list {
		list[i].Share = list[i].Ms / max(total, 1e-6)
	}
	return list
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

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// percentile returns the percentile of sorted times by the nearest-rank method.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min((len(sorted)*p+99)/100, len(sorted))-1]
}

func (b *benchmark) print(out io.Writer) error {
	if len(b.Steps) > 0 {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "step\tms\tshare\tGMAC/s\tof peak\tkernel\tout\tkind\t")
		for _, s := range b.Steps {
			ofPeak := "-"
			if s.OfPeak > 0 {
				ofPeak = fmt.Sprintf("%.0f %%", 100*s.OfPeak)
			}
			fmt.Fprintf(w, "%d\t%.4f\t%.1f %%\t%.1f\t%s\t%s\t%s\t%s\t\n",
				s.Step, s.Ms, 100*s.Share, s.GMACs, ofPeak, s.Kernel, dims(s.Out), s.Kind)
		}
		if err := w.Flush(); err != nil {
			return err
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
