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

	"github.com/spf13/pflag"

	"edge/engine"
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
	Kernel string  `json:"kernel"`
}

func runBench(ctx context.Context, args []string, std streams) error {
	n := networkFlags{threads: 1}
	f := newFlags("bench", std)
	f.StringVar(&n.model, "model", "", "the network, a quantized .tflite `FILE`")
	n.addEngine(f)
	runs := f.Int("runs", 100, "how many inferences to time")
	warmup := f.Int("warmup", 10, "how many to run before")
	profile := f.Bool("profile", false, "time every step, on one thread")
	asJSON := f.Bool("json", false, "print JSON")
	benchmarkModelNames(f)
	if err := parse(f, args); err != nil {
		return err
	}
	if *runs < 1 || *warmup < 0 {
		return configErrorf("edge bench: --runs %d --warmup %d: at least 1 and 0", *runs, *warmup)
	}
	g, err := readModel(n.model)
	if err != nil {
		return err
	}
	net, err := n.compile(g)
	if err != nil {
		return fmt.Errorf("%s: %w", n.model, err)
	}
	defer net.Close()
	b, err := measure(ctx, net, *runs, *warmup, *profile)
	if err != nil {
		return err
	}
	b.Model, b.Threads = n.model, max(n.threads, 1)
	if *asJSON {
		return json.NewEncoder(std.out).Encode(b)
	}
	return b.print(std.out)
}

// benchmarkModelNames lets TensorFlow Lite's benchmark_model flags do too.
func benchmarkModelNames(f *pflag.FlagSet) {
	names := map[string]string{"graph": "model", "num-threads": "threads", "num-runs": "runs", "warmup-runs": "warmup"}
	before := f.GetNormalizeFunc()
	f.SetNormalizeFunc(func(f *pflag.FlagSet, name string) pflag.NormalizedName {
		n := before(f, name)
		if other, ok := names[string(n)]; ok {
			return pflag.NormalizedName(other)
		}
		return n
	})
}

// measure times runs inferences on noise.
func measure(ctx context.Context, net *engine.Net, runs, warmup int, profile bool) (*benchmark, error) {
	rng := rand.New(rand.NewPCG(1, 1))
	noise := make([][]byte, len(net.Inputs()))
	for i, in := range net.Inputs() {
		noise[i] = make([]byte, len(in.Data))
		if in.Type != model.Float32 {
			for k := range noise[i] {
				noise[i][k] = byte(rng.IntN(256))
			}
		}
	}
	b := &benchmark{Kernels: net.Kernels(), Runs: runs}
	for _, s := range net.Steps() {
		b.MACs += s.MACs
	}
	b.Arena, _, b.Weights = net.Memory()
	times := make([]time.Duration, runs)
	steps := make([][]time.Duration, len(net.Steps()))
	for i := range steps {
		steps[i] = make([]time.Duration, runs)
	}
	for r := -warmup; r < runs; r++ {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted after %d runs", max(r, 0))
		}
		for i, in := range net.Inputs() {
			copy(in.Data, noise[i])
		}
		start := time.Now()
		if profile {
			for i := range steps {
				at := time.Now()
				net.RunStep(i)
				steps[i][max(r, 0)] = time.Since(at)
			}
		} else {
			net.Run()
		}
		times[max(r, 0)] = time.Since(start)
	}
	slices.Sort(times)
	b.Min, b.P50 = milliseconds(times[0]), milliseconds(percentile(times, 50))
	b.P95, b.P99 = milliseconds(percentile(times, 95)), milliseconds(percentile(times, 99))
	b.GMACs = float64(b.MACs) / b.P50 / 1e6
	if profile {
		b.Steps = profileOf(net.Steps(), steps)
	}
	return b, nil
}

func profileOf(infos []engine.StepInfo, times [][]time.Duration) []benchStep {
	var list []benchStep
	total := 0.0
	for i, s := range infos {
		slices.Sort(times[i])
		ms := milliseconds(percentile(times[i], 50))
		total += ms
		step := benchStep{Step: i, Kind: s.Kind, Out: s.Out, Ms: ms, Kernel: s.Kernel}
		if ms > 0 {
			step.GMACs = float64(s.MACs) / ms / 1e6
		}
		list = append(list, step)
	}
	for i := range list {
		list[i].Share = list[i].Ms / total
	}
	return list
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// percentile of sorted times: the nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[min((len(sorted)*p+99)/100, len(sorted))-1]
}

func (b *benchmark) print(out io.Writer) error {
	if len(b.Steps) > 0 {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "step\tms\tshare\tGMAC/s\tkernel\tout\tkind\t")
		for _, s := range b.Steps {
			fmt.Fprintf(w, "%d\t%.4f\t%.1f %%\t%.1f\t%s\t%s\t%s\t\n", s.Step, s.Ms, 100*s.Share, s.GMACs, s.Kernel, dims(s.Out), s.Kind)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s, %s, %d threads: min %.3f ms, p50 %.3f, p95 %.3f, p99 %.3f; %.1f GMAC/s; arena %s bytes, weights %s bytes\n",
		b.Model, b.Kernels, b.Threads, b.Min, b.P50, b.P95, b.P99, b.GMACs, grouped(b.Arena), grouped(b.Weights))
	return err
}
