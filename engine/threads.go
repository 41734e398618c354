package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// team runs the steps of a network on several threads.
//
// The caller of run and each worker walk through the same list of steps. At each they take chunks until none is left,
// and go on when all are done. Nobody hands out work, so nobody has to wait for a worker that the operating system
// doesn't run: the others take its chunks.
//
// A step's chunks are dealt out in order, so that a worker finds what it reads in its own core's cache, where it wrote it
// in the step before. From its own share it takes the first chunk, from those of others the last:
//
//	chunks   0 1 2 3 4 5 │ 6 7 8 9 10 11
//	         caller →  ← │ worker →    ←
//
// Between two runs the workers sleep on a channel. Within one they spin, as a step takes microseconds.
//
// But a worker that is in the middle of a chunk can lose its core to another program, for milliseconds, in which nobody
// gets on. A caller who has lost time that way runs alone until that has cost little in comparison.
type team struct {
	steps   []step
	shares  []share // by step, then by worker
	done    []count // by step: chunks done, in all rounds
	workers int     // beside the caller of run
	wake    chan int
	round   atomic.Uint32 // of runs together
	// gate is open in its lowest bit while a run is going on; the others count the workers inside.
	gate atomic.Int32

	// The caller's own:
	waited time.Duration // in this run, for others
	alone  time.Duration // how long it will compute alone before it tries the workers again
}

// share is what is left of a worker's chunks of a step: the round, the first chunk and that after the last, in 24, 20
// and 20 bits. Where the round is a past one, nobody has taken any yet. It has a cache line for itself.
type share struct {
	atomic.Uint64
	_ [56]byte
}

// count has a cache line for itself.
type count struct {
	atomic.Uint32
	_ [60]byte
}

const (
	gateOpen   = 1
	gateWorker = 2
	// spins is how often to look before the processor is offered to other goroutines.
	spins = 4096
	// linger is how often a worker looks for the next run before it sleeps: some 50 µs.
	linger = 1 << 15
	// aloneFor is how long to run alone after a wait, in waits: so workers without a core cost at most 1/aloneFor.
	aloneFor = 16
	// maxChunks is how many chunks of a step can be told apart.
	maxChunks = 1<<20 - 1
)

func newTeam(steps []step, threads int) *team {
	t := &team{steps: steps, workers: threads - 1}
	if t.workers > 0 {
		t.shares, t.done = make([]share, len(steps)*threads), make([]count, len(steps))
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
		s := &t.steps[i]
		for chunk := range s.chunks {
			s.run(0, chunk)
		}
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
		for range linger {
			if t.round.Load() == last || !t.enter() {
				continue
			}
			last = t.round.Load()
			t.walk(worker, last)
			t.gate.Add(-gateWorker)
		}
	}
}

// enter joins the run that is going on, if there is one.
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

func (t *team) walk(worker int, round uint32) {
	for i := range t.steps {
		s, done := &t.steps[i], &t.done[i]
		switch {
		case s.chunks > 1:
			if n := t.runStep(i, worker, round); n > 0 {
				done.Add(uint32(n))
			}
		case worker == 0: // one chunk is too small to share
			s.run(0, 0)
			done.Add(1)
		}
		all := round * uint32(s.chunks) // both wrap around
		waited := wait(func() bool { return int32(done.Load()-all) >= 0 })
		if worker == 0 {
			t.waited += waited
		}
	}
}

// runStep runs a worker's own chunks of a step, then what others have left. It returns how many.
func (t *team) runStep(step, worker int, round uint32) (n int) {
	s := &t.steps[step]
	threads := t.workers + 1
	for k := range threads {
		of := worker + k
		if of >= threads {
			of -= threads
		}
		left := &t.shares[step*threads+of]
		first, end := of*s.chunks/threads, (of+1)*s.chunks/threads
		for {
			chunk := left.take(round, first, end, k > 0)
			if chunk < 0 {
				break
			}
			s.run(worker, chunk)
			n++
		}
	}
	return n
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

// wait spins until it is so. It returns how long that took, or 0 when it was soon.
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
