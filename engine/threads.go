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
// Between two runs the workers sleep on a channel. Within one they spin, as a step takes microseconds.
//
// But a worker that is in the middle of a chunk can lose its core to another program, for milliseconds, in which nobody
// gets on. A caller who has lost time that way runs alone until that has cost little in comparison.
type team struct {
	steps   []step
	cursors []cursor
	workers int // beside the caller of run
	wake    chan int
	// gate is open in its lowest bit while a run is going on; the others count the workers inside.
	gate atomic.Int32

	// The caller's own:
	waited time.Duration // in this run, for others
	alone  time.Duration // how long it will compute alone before it tries the workers again
}

// cursor is how far one step is. It has a cache line for itself.
type cursor struct {
	taken, done atomic.Int32
	_           [56]byte
}

const (
	gateOpen   = 1
	gateWorker = 2
	// spins is how often to look before the processor is offered to other goroutines.
	spins = 4096
	// aloneFor is how long to run alone after a wait, in waits: so workers without a core cost at most 1/aloneFor.
	aloneFor = 16
)

func newTeam(steps []step, threads int) *team {
	t := &team{steps: steps, workers: threads - 1, cursors: make([]cursor, len(steps))}
	if t.workers > 0 {
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
	for i := range t.cursors {
		t.cursors[i].taken.Store(0)
		t.cursors[i].done.Store(0)
	}
	t.gate.Store(gateOpen)
	for range t.workers {
		select {
		case t.wake <- 0:
		default: // one that hasn't woken since the last time
		}
	}
	t.walk(0)
	t.gate.Add(-gateOpen)
	t.waited += wait(&t.gate, func(workers int32) bool { return workers == 0 })
}

func (t *team) work(worker int) {
	for range t.wake {
		if t.enter() {
			t.walk(worker)
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

func (t *team) walk(worker int) {
	for i := range t.steps {
		s, c := &t.steps[i], &t.cursors[i]
		chunks := int32(s.chunks)
		if worker == 0 || chunks > 1 { // one chunk is too small to share
			for {
				chunk := c.taken.Add(1) - 1
				if chunk >= chunks {
					break
				}
				s.run(worker, int(chunk))
				c.done.Add(1)
			}
		}
		waited := wait(&c.done, func(done int32) bool { return done >= chunks })
		if worker == 0 {
			t.waited += waited
		}
	}
}

// wait spins until the value is as it should be. It returns how long that took, or 0 when it was soon.
func wait(v *atomic.Int32, ready func(int32) bool) time.Duration {
	for range spins {
		if ready(v.Load()) {
			return 0
		}
	}
	start := time.Now()
	for !ready(v.Load()) {
		runtime.Gosched()
		for n := 0; n < spins && !ready(v.Load()); n++ {
		}
	}
	return time.Since(start)
}
