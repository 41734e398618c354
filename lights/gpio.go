package lights

import (
	"errors"
	"sync/atomic"
	"time"

	"edge/decision"
	"edge/gpio"
)

// KeeperCommand is the name of the command under which this program must call Keep: OpenGPIO starts it.
const KeeperCommand = "led-keeper"

// GPIO is lights on GPIO lines. They go off if nobody calls Alive for Patience, and at once if this process dies,
// however it dies: see keeper.go.
type GPIO struct {
	player *Player
	leds   *gpio.LEDs
	keeper *keeper
	again  atomic.Bool // the keeper has switched off what the player believes lit

	// The loop's own:
	gone  bool      // the keeper has died
	spoke time.Time // the last sign of life
}

// OpenGPIO takes the lines and plays on the LEDs at them, all of which are dark at first. LED i is at lines[i].
func OpenGPIO(h gpio.Header, lines []gpio.Line) (*GPIO, error) {
	leds, err := gpio.Open(h, lines)
	if err != nil {
		return nil, err
	}
	files, err := leds.Files()
	if err != nil {
		return nil, errors.Join(err, leds.Close())
	}
	g := &GPIO{leds: leds}
	g.keeper, err = startKeeper(KeeperCommand, files, Patience)
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return nil, errors.Join(err, leds.Close())
	}
	g.player = newPlayer(len(lines), g.show, Patience)
	return g, nil
}

// show is called by the player's goroutine alone.
func (g *GPIO) show(on []bool) error {
	if g.again.CompareAndSwap(true, false) {
		g.leds.Forget()
	}
	return g.leds.Set(on)
}

// Set shows the lights. It fails if the keeper has died: a restart brings it back.
func (g *GPIO) Set(lights []decision.Light) error {
	if g.gone {
		return errors.New("lights: the process that switches the LEDs off if this one dies has died itself")
	}
	return g.player.Set(lights)
}

// Alive says that the loop still turns. The loop calls it at least every second, and as often as it likes.
func (g *GPIO) Alive() {
	const often = 50 * time.Millisecond
	now := time.Now()
	if now.Sub(g.spoke) < often {
		return
	}
	g.spoke = now
	switchedOff, gone := g.keeper.alive()
	g.gone = gone
	if switchedOff {
		g.again.Store(true)
	}
	g.player.alive(switchedOff)
}

// Close switches the LEDs off and gives the lines back.
func (g *GPIO) Close() error {
	err := errors.Join(g.player.Close(), g.leds.Close())
	g.keeper.close()
	return err
}
