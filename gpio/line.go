package gpio

import (
	"fmt"
	"strconv"
	"strings"
)

// Line is one GPIO line as its owner wrote it; ParseLine makes it. It says nothing about whether this machine has the
// line: Find does.
type Line struct {
	ActiveLow bool // the LED hangs between the supply and the line: it is lit when the line is low

	chip   string // label of the chip, or empty: the header's chip, or whichever chip has a line of that name
	name   string // "GPIO17", or empty
	offset int    // on chip, if both name and pin are empty
	pin    int    // of the header, counted from 1, or 0
}

// The kernel keeps the labels of chips and the names of lines in 32 bytes, the last of them 0.
const maxName = 31

// ParseLine reads one of
//
//	pin 11               a pin of the board's header, as printed in its documentation ("pin11" too)
//	GPIO17               a line by name; on a Raspberry Pi the SoC's number (BCM), elsewhere the kernel's name
//	pinctrl-bcm2835:17   a chip by label, and the line by its offset on it
//	pinctrl-rp1:GPIO17   a chip by label, and the line by its name
//
// Chips go by label and never by number, because gpiochip4 of one kernel is gpiochip0 of the next. A number alone is
// refused: 17 would be a different line as a pin than as a GPIO. The errors speak of the text alone.
func ParseLine(text string) (Line, error) {
	s := strings.TrimSpace(text)
	if s == "" {
		return Line{}, fmt.Errorf("the line is empty: write GPIO17, pin 11 or LABEL:17")
	}
	if _, err := strconv.Atoi(s); err == nil {
		return Line{}, fmt.Errorf(
			"%q can be two lines: write GPIO%s for the SoC's number, or pin %s for the header's pin", text, s, s)
	}
	if len(s) > 3 && strings.EqualFold(s[:3], "pin") {
		if pin, ok := number(strings.TrimSpace(s[3:])); ok {
			if pin == 0 {
				return Line{}, fmt.Errorf("%q: pins are counted from 1", text)
			}
			return Line{pin: pin}, nil
		}
	}
	l := Line{name: s}
	if colon := strings.LastIndexByte(s, ':'); colon >= 0 {
		l.chip, l.name = strings.TrimSpace(s[:colon]), strings.TrimSpace(s[colon+1:])
		if err := checkName(text, "chip's label before the colon", l.chip); err != nil {
			return Line{}, err
		}
		if offset, ok := number(l.name); ok {
			l.name, l.offset = "", offset
			return l, nil
		}
	}
	if err := checkName(text, "line's name", l.name); err != nil {
		return Line{}, err
	}
	return l, nil
}

// Pin returns the number of the header's pin; 0 if the line was named otherwise.
func (l Line) Pin() int { return l.pin }

// String returns the line in the form that ParseLine reads.
func (l Line) String() string {
	switch {
	case l.pin > 0:
		return fmt.Sprintf("pin %d", l.pin)
	case l.chip != "" && l.name != "":
		return l.chip + ":" + l.name
	case l.chip != "":
		return fmt.Sprintf("%s:%d", l.chip, l.offset)
	default:
		return l.name
	}
}

// number reads a decimal number of at most four digits, without a sign.
func number(s string) (int, bool) {
	if len(s) > 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil
}

func checkName(text, what, name string) error {
	if name == "" {
		return fmt.Errorf("%q: the %s is missing", text, what)
	}
	if len(name) > maxName {
		return fmt.Errorf("%q: the %s is longer than %d bytes, which no chip has", text, what, maxName)
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("%q: the %s has a character that is not printable ASCII", text, what)
		}
	}
	return nil
}
