package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// team runs the steps of a network on several threads.
//
// The caller of run and each worker walk through the same list of steps. At each they take chunks until none is left,
// and continue when all are done. Nobody hands out work, so nobody has to wait for a worker that the operating system
// doesn't run: the others take its chunks.
//
// A step's chunks are dealt out in order, so that a worker finds what it reads in its own core's cache, where it wrote it
// in the step before. From its own share it takes the first chunk, from those of others the last:
//
//	chunks   0 1 2 3 4 5 │ 6 7 8 9 10 11
//	         caller →  ← │ worker →    ←
//
// A cache line that two cores write costs 0.1 µs each time, and a step takes microseconds. So each worker counts for
// itself, and looks at what is left of another's share only if that isn't done soon.
//
// Between two runs the workers sleep on a channel. Within one they spin.
//
// But a worker in the middle of a chunk can lose its core to another program for milliseconds, and everybody waits. A
// caller that has lost time that way runs alone for so much longer that the loss hardly counts.
type team struct {
	steps   []step
	chunks  uint32    // of all steps
	shares  [][]share // by worker, then by step
	done    []count   // by worker: chunks done, in all rounds
	workers int       // beside the caller of run
	wake    chan int
	round   atomic.Uint32 // of runs together
	// gate has its lowest bit set while a run is in progress; the other bits count the workers inside.
	gate atomic.Int32

	// The caller's own:
	onStep func()        // called after each step; nil for none
	waited time.Duration // in this run, for others
	alone  time.Duration // how long it will compute alone before it tries the workers again
}

// share is what is left of a worker's chunks of a step: the round, the first chunk and that after the last, in 24, 20
// and 20 bits. If the round is a past one, nobody has taken any yet. It has a cache line for itself.
type share struct {
	atomic.Uint64
	_ [56]byte
}

// count has two cache lines for itself, as some processors fetch them in pairs.
type count struct {
	atomic.Uint32
	_ [124]byte
}

const (
	gateOpen   = 1
	gateWorker = 2
	// patience is how often to look whether others get their shares done before helping them: about 1 µs.
	patience = 1 << 9
	// spins is how often to look before the processor is offered to other goroutines.
	spins = 4096
	// linger is how long a worker looks for the next run before it sleeps, as waking it takes 0.1 ms.
	linger = 50 * time.Microsecond
	// aloneFor is how long to run alone after a wait, in waits: so workers without a core cost at most 1/aloneFor.
	aloneFor = 16
	// maxChunks is how many chunks of a step can be told apart.
	maxChunks = 1<<20 - 1
)

func newTeam(steps []step, threads int) *team {
	t := &team{steps: steps, workers: threads - 1}
	if t.workers > 0 {
		for i := range steps {
			t.chunks += uint32(steps[i].chunks)
		}
		t.shares, t.done = make([][]share, threads), make([]count, threads)
		for w := range t.shares {
			t.shares[w] = make([]share, len(steps))
		}
		t.wake = make(chan int, t.workers)
		for w := range t.workers {
			go t.work(w + 1)
		}
	}
	return t
}

func (t *team) close() {
	if t.workers > 0 {
		close(t.wake)
		t.workers = 0
	}
}

func (t *team) run() {
	if t.workers == 0 {
		t.runAlone()
		return
	}
	start := time.Now()
	if t.alone > 0 {
		t.runAlone()
		t.alone -= time.Since(start)
		return
	}
	t.runTogether()
	if t.waited > time.Since(start)/4 { // more than by uneven shares
		t.alone = aloneFor * t.waited
	}
}

func (t *team) runAlone() {
	for i := range t.steps {
		t.steps[i].runAll()
		t.stepDone()
	}
}

// runAll runs the step alone.
func (s *step) runAll() {
	s.ready(0)
	for chunk := range s.chunks {
		s.run(0, chunk)
	}
}

func (t *team) stepDone() {
	if t.onStep != nil {
		t.onStep()
	}
}

func (t *team) runTogether() {
	t.waited = 0
	t.round.Add(1)
	t.gate.Store(gateOpen)
	for range t.workers {
		select {
		case t.wake <- 0:
		default: // one that hasn't woken since the last time
		}
	}
	t.walk(0, t.round.Load())
	t.gate.Add(-gateOpen)
	t.waited += wait(func() bool { return t.gate.Load() == 0 })
}

func (t *team) work(worker int) {
	last := uint32(0)
	for range t.wake {
		for start := time.Now(); time.Since(start) < linger; {
			for range spins {
				if t.round.Load() != last && t.enter() {
					last = t.round.Load()
					t.walk(worker, last)
					t.gate.Add(-gateWorker)
					start = time.Now()
				}
			}
		}
	}
}

// enter joins the run in progress, if there is one.
func (t *team) enter() bool {
	for {
		gate := t.gate.Load()
		if gate&gateOpen == 0 {
			return false
		}
		if t.gate.CompareAndSwap(gate, gate+gateWorker) {
			return true
		}
	}
}

// walk goes through all steps of a round, which counts from 1.
func (t *team) walk(worker int, round uint32) {
	all := (round - 1) * t.chunks // which will be done after the step, in all rounds; wraps around, as the counts do
	for i := range t.steps {
		all += uint32(t.steps[i].chunks)
		t.steps[i].ready(worker)
		t.runShare(i, worker, worker, round)
		if !t.soon(all) {
			for other := range t.shares {
				t.runShare(i, other, worker, round)
			}
		}
		waited := wait(func() bool { return t.reached(all) })
		if worker == 0 {
			t.waited += waited
			t.stepDone()
		}
	}
}

// soon reports whether that many chunks are done, now or as soon as they should be if everybody is at work.
func (t *team) soon(all uint32) bool {
	if t.gate.Load()/gateWorker == int32(t.workers) {
		for range patience {
			if t.reached(all) {
				return true
			}
		}
	}
	return t.reached(all)
}

// reached reports whether that many chunks are done.
func (t *team) reached(all uint32) bool {
	sum := uint32(0)
	for w := range t.done {
		sum += t.done[w].Load()
	}
	return int32(sum-all) >= 0
}

// runShare runs what is left of a worker's share of a step, for the worker itself or for another that helps.
func (t *team) runShare(step, of, worker int, round uint32) {
	s := &t.steps[step]
	first, end := dealt(of, t.workers+1, s.chunks)
	n := uint32(0)
	for {
		chunk := t.shares[of][step].take(round, first, end, of != worker)
		if chunk < 0 {
			break
		}
		s.run(worker, chunk)
		n++
	}
	if n > 0 {
		t.done[worker].Add(n)
	}
}

// take takes the first or the last chunk of those that are left, −1 if there is none.
func (s *share) take(round uint32, first, end int, last bool) int {
	const bits = 20
	tag := uint64(round) << (2 * bits)
	for {
		old := s.Load()
		if old>>(2*bits) == tag>>(2*bits) {
			first, end = int(old>>bits&maxChunks), int(old&maxChunks)
		}
		if first >= end {
			return -1
		}
		chunk, restFirst, restEnd := first, first+1, end
		if last {
			chunk, restFirst, restEnd = end-1, first, end-1
		}
		if s.CompareAndSwap(old, tag|uint64(restFirst)<<bits|uint64(restEnd)) {
			return chunk
		}
	}
}

// wait spins until the condition holds. It returns how long that took, or 0 if it was soon.
func wait(ready func() bool) time.Duration {
	for range spins {
		if ready() {
			return 0
		}
	}
	start := time.Now()
	for !ready() {
		runtime.Gosched()
		for n := 0; n < spins && !ready(); n++ {
		}
	}
	return time.Since(start)
}
