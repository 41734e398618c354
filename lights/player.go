// Package lights shows what the rules decide: on GPIO lines, on a terminal, or nowhere.
//
//	decision.Light ──Set──▶ player ──levels──▶ gpio.LEDs
//	                                       └─▶ a line of the terminal
//
// The loop calls Set for every frame and never waits for it. LEDs that blink are played by a goroutine of their own.
package lights

import (
	"errors"
	"slices"
	"sync"
	"time"

	"edge/decision"
)

// Lights shows LEDs.
type Lights interface {
	// Set shows one light for each LED. It is called for every frame: it doesn't wait and allocates nothing. The error is
	// that of an earlier Set, which is tried again.
	Set([]decision.Light) error
	// Close switches all off, and returns when that is done.
	Close() error
}

// None shows nothing.
type None struct{}

// Set does nothing.
func (None) Set([]decision.Light) error { return nil }

// Close does nothing.
func (None) Close() error { return nil }

// Player plays lights, also those that blink, on LEDs that can only be on or off.
//
//	Set ──wanted, wake──▶ run ──on, when a level changes──▶ show
//	    ◀────failed───────
//
// A goroutine of its own does it, so that blinking continues while the camera is silent and a slow show never keeps a
// frame waiting. It switches all off at its start and at its end.
type Player struct {
	show  func(on []bool) error // called by run alone
	wake  chan struct{}         // holds one: wanted has changed
	stop  func()                // ends run, once
	ended chan struct{}         // run has ended

	patience time.Duration // all is dark after this long without a call of alive; 0 for never

	mu     sync.Mutex
	wanted []tune
	failed error     // of the last show; nil again once one succeeds
	heard  time.Time // the last call of alive
	again  bool      // show what is wanted even if it seems to be shown
}

// tune is what one LED plays, and since when.
type tune struct {
	light decision.Light
	since time.Time
}

// errClosed is what a player answers that has been closed.
var errClosed = errors.New("the LEDs are closed")

// NewPlayer plays on as many LEDs as leds, by calling show with which are lit. show must not keep its argument; it is
// never called by two goroutines at once.
func NewPlayer(leds int, show func(on []bool) error) *Player { return newPlayer(leds, show, 0) }

func newPlayer(leds int, show func(on []bool) error, patience time.Duration) *Player {
	stop := make(chan struct{})
	p := &Player{
		show:   show,
		wake:   make(chan struct{}, 1),
		stop:   sync.OnceFunc(func() { close(stop) }),
		ended:  make(chan struct{}),
		wanted: make([]tune, leds),

		patience: patience,
		heard:    time.Now(),
	}
	go p.run(stop)
	return p
}

// Set starts to show the lights; one that is shown already continues undisturbed. The error is that of the last show,
// which is tried again.
func (p *Player) Set(lights []decision.Light) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := p.failed != nil
	for i := range p.wanted {
		if b := &p.wanted[i]; b.light != lights[i] {
			*b = tune{lights[i], time.Now()}
			changed = true
		}
	}
	if changed {
		p.rouse()
	}
	return p.failed
}

// rouse makes run look at what is wanted.
func (p *Player) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// alive says that the loop still turns, and with again that the LEDs don't show what was shown last.
func (p *Player) alive(again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.again = p.again || again
	if again || p.patience > 0 && now.Sub(p.heard) >= p.patience {
		p.rouse()
	}
	p.heard = now
}

// Close switches all off and returns when that is done. It may be called again.
func (p *Player) Close() error {
	p.stop()
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(p.failed, errClosed) {
		return nil
	}
	err := p.failed
	p.failed = errClosed
	return err
}

func (p *Player) run(stop <-chan struct{}) {
	defer close(p.ended)
	on := make([]bool, len(p.wanted))
	shown := make([]bool, len(p.wanted))
	known := false // whether shown is what the LEDs show
	show := func() {
		err := p.show(on)
		copy(shown, on)
		known = err == nil
		p.mu.Lock()
		p.failed = err
		p.mu.Unlock()
	}
	show()

	timer := time.NewTimer(time.Hour)
	timer.Stop() // until something blinks
	defer timer.Stop()
	for {
		select {
		case <-stop:
			clear(on)
			show()
			return
		case <-p.wake:
		case <-timer.C:
		}
		next, again := p.levels(on, time.Now())
		if again || !known || !slices.Equal(on, shown) {
			show()
		}
		timer.Stop()
		if next > 0 {
			timer.Reset(next)
		}
	}
}

// levels computes which LEDs are lit now, and after what time that may change; 0 for never. It reports whether they are
// to be shown even if they seem to be shown already.
func (p *Player) levels(on []bool, now time.Time) (next time.Duration, again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	again, p.again = p.again, false
	if p.patience > 0 {
		next = p.patience - now.Sub(p.heard)
		if next <= 0 {
			clear(on)
			return 0, again
		}
	}
	for i, b := range p.wanted {
		lit, lasts := b.at(now)
		on[i] = lit
		if lasts > 0 && (next == 0 || lasts < next) {
			next = lasts
		}
	}
	return next, again
}

// at is whether the LED is lit, and how long it stays so; 0 for ever. A blink begins lit.
func (b tune) at(now time.Time) (lit bool, lasts time.Duration) {
	on, off := b.light.On, b.light.Off
	if on == 0 || off == 0 {
		return on > 0, 0
	}
	phase := max(0, now.Sub(b.since)) % (on + off)
	if phase < on {
		return true, on - phase
	}
	return false, on + off - phase
}
