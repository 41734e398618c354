package lights

import (
	"errors"

	"edge/gpio"
)

// OpenGPIO takes the lines and plays on the LEDs at them, all of which are dark at first. LED i is at lines[i].
func OpenGPIO(h gpio.Header, lines []gpio.Line) (Lights, error) {
	leds, err := gpio.Open(h, lines)
	if err != nil {
		return nil, err
	}
	return &onLines{NewPlayer(len(lines), leds.Set), leds}, nil
}

// onLines is LEDs on GPIO lines.
type onLines struct {
	*Player
	leds *gpio.LEDs
}

// Close puts them out and gives the lines back.
func (l *onLines) Close() error { return errors.Join(l.Player.Close(), l.leds.Close()) }
