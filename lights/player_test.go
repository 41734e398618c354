package lights

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"edge/decision"
)

// ledLog writes down what a player shows and when.
type ledLog struct {
	start time.Time
	lines []string
	fail  error
}

func (l *ledLog) show(on []bool) error {
	line := fmt.Sprint(time.Since(l.start).Milliseconds(), " ")
	for _, lit := range on {
		line += map[bool]string{true: "●", false: "○"}[lit]
	}
	if l.fail != nil {
		line += " " + l.fail.Error()
	}
	l.lines = append(l.lines, line)
	return l.fail
}

func (l *ledLog) check(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(l.lines, want) {
		t.Fatalf("got  %q\nwant %q", l.lines, want)
	}
}

const ms = time.Millisecond

func TestPlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &ledLog{start: time.Now()}
		p := NewPlayer(2, log.show)
		log.check(t, "0 ○○")

		steady := []decision.Light{decision.Steady, decision.Dark}
		for range 10 { // as a frame loop does
			if err := p.Set(steady); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * ms)
		}
		log.check(t, "0 ○○", "0 ●○")

		log.lines = nil
		blink := []decision.Light{{On: 100 * ms, Off: 300 * ms}, {On: 50 * ms, Off: 50 * ms}}
		for range 44 { // asking for it again doesn't make it stumble
			if err := p.Set(blink); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * ms)
		}
		log.check(
			t, "100 ●●", "150 ●○", "200 ○●", "250 ○○", "300 ○●", "350 ○○", "400 ○●", "450 ○○", "500 ●●",
		)

		log.lines = nil
		if err := p.Set([]decision.Light{blink[0], decision.Dark}); err != nil { // the first goes on in its phase
			t.Fatal(err)
		}
		time.Sleep(500 * ms) // nothing but the player
		log.check(t, "540 ●○", "600 ○○", "900 ●○", "1000 ○○")

		log.lines = nil
		if err := p.Set(steady); err != nil {
			t.Fatal(err)
		}
		log.check(t, "1040 ●○")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		log.check(t, "1040 ●○", "1040 ○○")
		if err := p.Close(); err != nil {
			t.Error("closing again:", err)
		}
		if err := p.Set(steady); !errors.Is(err, errClosed) {
			t.Error("set after close:", err)
		}
		time.Sleep(time.Second)
		log.check(t, "1040 ●○", "1040 ○○")
	})
}

func TestPlayerErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		log := &ledLog{start: time.Now(), fail: broken}
		p := NewPlayer(1, log.show)
		log.check(t, "0 ○ broken")
		on := []decision.Light{decision.Steady}
		if err := p.Set(on); err != broken {
			t.Error("the first Set:", err)
		}
		log.check(t, "0 ○ broken", "0 ● broken")
		if err := p.Set(on); err != broken { // tried again, although nothing changed
			t.Error("the second Set:", err)
		}
		log.check(t, "0 ○ broken", "0 ● broken", "0 ● broken")
		log.fail = nil
		_ = p.Set(on)
		log.check(t, "0 ○ broken", "0 ● broken", "0 ● broken", "0 ●")
		if err := p.Set(on); err != nil {
			t.Error("after it works again:", err)
		}
		log.fail = broken
		if err := p.Close(); err != broken {
			t.Error("Close:", err)
		}
	})
}

// A show that hangs, as a terminal that nobody reads, keeps no frame waiting.
func TestPlayerDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := NewPlayer(1, func([]bool) error { <-release; return nil })
		start := time.Now()
		for range 100 {
			_ = p.Set([]decision.Light{decision.Steady})
			_ = p.Set([]decision.Light{decision.Dark})
		}
		if time.Since(start) != 0 {
			t.Error("waited")
		}
		close(release)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPlayerAllocatesNothing(t *testing.T) {
	p := NewPlayer(2, func([]bool) error { return nil })
	defer p.Close()
	all := [][]decision.Light{{decision.Steady, decision.Dark}, {decision.Dark, {On: time.Hour, Off: time.Hour}}}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		_ = p.Set(all[i%2])
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
