package engine

import (
	"runtime"
	"sync/atomic"
)

// team runs the steps of a network on several threads.
//
// The caller of run and each worker walk through the same list of steps. At each they take chunks until none is left,
// and go on when all are done. Nobody hands out work, so nobody has to wait for a worker that the operating system
// doesn't run: the others take its chunks.
//
// Between two runs the workers sleep on a channel. Within one they spin, as a step takes microseconds.
type team struct {
	steps   []step
	cursors []cursor
	workers int // beside the caller of run
	wake    chan int
	// gate is open in its lowest bit while a run is going on; the others count the workers inside.
	gate atomic.Int32
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
		for i := range t.steps {
			s := &t.steps[i]
			for chunk := range s.chunks {
				s.run(0, chunk)
			}
		}
		return
	}
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
	for n := 0; t.gate.Load() != 0; n++ {
		pause(n)
	}
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
		if worker != 0 && chunks == 1 {
			// Too small to share.
		} else {
			for {
				chunk := c.taken.Add(1) - 1
				if chunk >= chunks {
					break
				}
				s.run(worker, int(chunk))
				c.done.Add(1)
			}
		}
		for n := 0; c.done.Load() < chunks; n++ {
			pause(n)
		}
	}
}

func pause(n int) {
	if n%spins == spins-1 {
		runtime.Gosched()
	}
}
