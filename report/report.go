// Package report measures a board by a fixed protocol, so that the figures of many boards, sent in by many people, can be
// laid side by side.
//
// One row after another, for at most five minutes:
//
//	the embedded network, V2 1.0/224, V1 1.0/224     by 1, 2 … n threads     n: the cores, at most 4
//	every other V1 and V2 that was published         by 1 and n threads
//	the first row again                              is the board slower now that it is warm?
//
// A row begins with a network that is compiled anew, by the fastest kernels:
//
//	compile   once
//	first     one inference
//	cold      5 inferences, each after 32 MiB of other memory were written, so that no cache holds anything of the
//	          network; their median; with one thread only, since a core can't empty another's caches
//	warm      inferences one after another for a second, at least 5 and at most 100
//	steps     half as many again in which each step is timed, of the first three networks with one thread
//
// Before and after it the board's clock, temperature and supply are read: figures of a board that slowed down say more
// about its power supply than about anybody's kernels, and are marked. Networks have random weights and look at noise,
// except the embedded one: no kernel's time depends on the values.
//
// The report says what machine it is, but not whose: no host name, no serial number, no address.
package report

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"edge/board"
	"edge/budget"
	"edge/classifier"
	"edge/defaultmodel"
	"edge/engine"
	"edge/estimate"
	"edge/internal/text"
	"edge/mobilenet"
	"edge/model"
)

// Format is the version of what is written as JSON.
const Format = 1

// Report is what one board can do. As JSON it is what edge bench --report writes. Times are in milliseconds.
type Report struct {
	Format   int      `json:"format"`
	Date     string   `json:"date"`
	Edge     string   `json:"edge"` // the program's version
	Machine  Machine  `json:"machine"`
	Kernels  string   `json:"kernels"`
	Seconds  float64  `json:"seconds"`            // how long it took
	Ended    string   `json:"ended,omitempty"`    // why it ended before all was measured
	LeftOut  []string `json:"left_out,omitempty"` // rows that weren't measured
	Rows     []Row    `json:"rows"`
	Expected int      `json:"expected_rows"`
}

// Machine is what was measured.
type Machine struct {
	Model    string   `json:"model"`
	CPU      string   `json:"cpu"`
	Cores    int      `json:"cores"`
	Memory   int64    `json:"memory_bytes"`
	System   string   `json:"system"` // the kernel's name, version and architecture
	Features []string `json:"cpu_features"`
}

// Row is one network with one number of threads.
type Row struct {
	Network string  `json:"network"`
	Threads int     `json:"threads"`
	MACs    int     `json:"macs"`
	Compile float64 `json:"compile_ms"`
	First   float64 `json:"first_ms"`          // the first inference after compiling
	Cold    float64 `json:"cold_ms,omitempty"` // with empty caches; measured with one thread only
	Runs    int     `json:"runs"`              // how many the next three are of
	Min     float64 `json:"min_ms"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	GMACs   float64 `json:"gmac_per_s"`             // at the median
	Model   float64 `json:"estimated_ms,omitempty"` // by package estimate, if it knows this core
	Steps   []Step  `json:"steps,omitempty"`        // of the main networks, with one thread
	Before  State   `json:"before"`
	After   State   `json:"after"`
}

// Step is one step of a network: its median time, and what package estimate says of it, 0 for nothing.
type Step struct {
	Kind  string  `json:"kind"`
	Out   []int   `json:"out"`
	Ms    float64 `json:"ms"`
	Model float64 `json:"estimated_ms,omitempty"`
}

// State is what changes while a board works, and can make it slow.
type State struct {
	Celsius   float64       `json:"celsius,omitempty"`
	Throttled string        `json:"throttled,omitempty"` // in words; empty if the board doesn't say
	Slowed    bool          `json:"slowed"`              // something holds now of what Throttled says
	Clocks    []board.Clock `json:"clocks,omitempty"`
}

// A network of the protocol. Its graph is made when its turn comes, since making random weights takes time.
type network struct {
	name  string
	graph func() (*model.Graph, error)
}

// A protocol says what is measured. There is one, but tests shorten it.
type protocol struct {
	main, rest []network // by every number of threads; by one and the most
	threads    int       // the most
	limit      time.Duration
	warm       time.Duration
}

const (
	coldRuns              = 5
	leastRuns, mostRuns   = 5, 100
	otherMemory           = 32 << 20 // more than the caches of a board hold
	standardLimit         = 5 * time.Minute
	standardWarm          = time.Second
	interrupted, timeIsUp = "interrupted", "the time was up"
	unfinished            = "edge is still measuring, or was killed" // in what is saved between two rows
)

// Measure follows the protocol on this machine. If ctx ends, or the time is up, it returns what was measured until then. Edge
// is the program's version. Save is given the report after every row, so that a board that hangs leaves what it has
// measured, and again if the report ends early with rows in it. An error of save's ends Measure.
func Measure(ctx context.Context, edge string, save func(*Report) error) (*Report, error) {
	p := protocol{
		main:    []network{{defaultmodel.Name, func() (*model.Graph, error) { return classifier.ReadModel("") }}},
		threads: classifier.Options{}.ThreadCount(), limit: standardLimit, warm: standardWarm,
	}
	for _, a := range slices.Backward(mobilenet.Published()) { // V2 1.0/224 comes before V1's
		if a.Family != mobilenet.FamilyV1 && a.Family != mobilenet.FamilyV2 {
			continue
		}
		plan, err := a.Blueprint()
		if err != nil {
			return nil, err
		}
		if a.Alpha == 1 && a.Resolution == 224 {
			p.main = append(p.main, blueprint(plan))
		} else {
			p.rest = append(p.rest, blueprint(plan))
		}
	}
	return p.measure(ctx, board.Host(), edge, save)
}

func blueprint(plan *mobilenet.Blueprint) network {
	return network{plan.Name(), func() (*model.Graph, error) { return plan.Graph(1), nil }}
}

// A turn is a row to come: a network and how many threads.
type turn struct {
	network
	threads int
	steps   bool // whether each step is timed, too
}

func (t turn) String() string { return fmt.Sprintf("%s by %d", t.name, t.threads) }

// turns returns the rows to come, in order.
func (p *protocol) turns() []turn {
	var all []turn
	for _, n := range p.main {
		for threads := 1; threads <= p.threads; threads++ {
			all = append(all, turn{n, threads, threads == 1})
		}
	}
	for _, n := range p.rest {
		all = append(all, turn{n, 1, false})
		if p.threads > 1 {
			all = append(all, turn{n, p.threads, false})
		}
	}
	return append(all, all[0])
}

func (p *protocol) measure(ctx context.Context, host fs.FS, edge string, save func(*Report) error) (*Report, error) {
	start := time.Now()
	turns := p.turns()
	r := &Report{Format: Format, Date: start.UTC().Format(time.DateOnly), Edge: edge, Machine: describe(host), Expected: len(turns)}
	limited, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	var graph *model.Graph
	for i, t := range turns {
		if i == 0 || t.name != turns[i-1].name {
			var err error
			if graph, err = t.graph(); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
		}
		row, err := p.row(limited, host, t, graph, &r.Kernels)
		switch {
		case ctx.Err() != nil:
			r.Ended = interrupted
		case limited.Err() != nil:
			r.Ended = timeIsUp
		case err != nil:
			return nil, fmt.Errorf("%v: %w", t, err)
		default:
			r.Rows = append(r.Rows, *row)
			r.Ended = unfinished
		}
		r.Seconds = time.Since(start).Seconds()
		r.LeftOut = nil
		for _, left := range turns[len(r.Rows):] {
			r.LeftOut = append(r.LeftOut, left.String())
		}
		if r.LeftOut == nil {
			r.Ended = ""
		}
		if len(r.Rows) > 0 {
			if err := save(r); err != nil {
				return nil, err
			}
		}
		if r.Ended != unfinished {
			break
		}
	}
	return r, nil
}

// row measures one. It fails if the network can't be compiled, or if ctx ends.
func (p *protocol) row(ctx context.Context, host fs.FS, t turn, graph *model.Graph, kernels *string) (*Row, error) {
	row := &Row{Network: t.name, Threads: t.threads, Before: state(host)}
	start := time.Now()
	net, err := classifier.Options{Model: t.name, Threads: t.threads}.Compile(graph)
	if err != nil {
		return nil, err
	}
	defer net.Close()
	row.Compile = float64(time.Since(start).Nanoseconds()) / 1e6
	*kernels = net.Kernels()
	for _, s := range net.Steps() {
		row.MACs += s.MACs
	}
	once := func() (float64, error) {
		times, err := budget.Time(ctx, net, 1, 0, false)
		if err != nil {
			return 0, err
		}
		return times.Min, nil
	}
	if row.First, err = once(); err != nil {
		return nil, err
	}
	trial := row.First
	if t.threads == 1 {
		var cold []float64
		for range coldRuns {
			emptyCaches()
			ms, err := once()
			if err != nil {
				return nil, err
			}
			cold = append(cold, ms)
		}
		slices.Sort(cold)
		row.Cold = cold[coldRuns/2]
		trial = min(trial, row.Cold)
	}
	milliseconds := float64(p.warm.Nanoseconds()) / 1e6
	row.Runs = min(max(int(min(milliseconds/max(trial, 1e-3), mostRuns)), leastRuns), mostRuns)
	times, err := budget.Time(ctx, net, row.Runs, 1, false)
	if err != nil {
		return nil, err
	}
	row.After = state(host)
	if t.steps {
		steps, err := budget.Time(ctx, net, max(row.Runs/2, leastRuns), 1, true)
		if err != nil {
			return nil, err
		}
		for i, s := range net.Steps() {
			row.Steps = append(row.Steps, Step{Kind: s.String(), Out: s.Out, Ms: steps.Steps[i]})
		}
	}
	row.Min, row.P50, row.P95 = times.Min, times.P50, times.P95
	row.estimate(board.Detect(host).CPU, net)
	row.GMACs = float64(row.MACs) / max(row.P50, 1e-6) / 1e6
	return row, nil
}

// estimate notes what package estimate says of the row, if it knows the processor.
func (r *Row) estimate(cpu string, net *engine.Net) {
	core := estimate.Of(cpu, net.Kernels())
	if core == nil {
		return
	}
	mhz := board.Fastest(r.After.Clocks).MHz
	arena, _, weights := net.Memory()
	for i, s := range net.Steps() {
		ms, _ := core.Milliseconds(s, r.Threads, arena+weights, mhz)
		r.Model += ms
		if r.Steps != nil {
			r.Steps[i].Model = ms
		}
	}
}

// emptyCaches writes so much memory that nothing else stays in a cache.
func emptyCaches() {
	other := make([]byte, otherMemory)
	for i := 0; i < len(other); i += 64 { // a cache line
		other[i] = 1
	}
	runtime.KeepAlive(other)
}

func describe(host fs.FS) Machine {
	b := board.Detect(host)
	system := ""
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		system = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	return Machine{text.Clean(b.Model), text.Clean(b.CPU), runtime.NumCPU(), b.Memory, text.Clean(system), board.Features()}
}

func state(host fs.FS) State {
	h := board.ReadHealth(host)
	s := State{Celsius: h.Celsius, Slowed: h.Throttled.Now() != 0, Clocks: board.Clocks(host)}
	if h.Monitored {
		s.Throttled = h.Throttled.String()
	}
	return s
}
