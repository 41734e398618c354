package gpio

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"periph.io/x/conn/v3/gpio"
)

// recorder is a group that keeps the levels and counts the calls.
type recorder struct {
	levels gpio.GPIOValue
	calls  int
	closed int
	err    error // for the next Out
}

func (r *recorder) Out(bits, mask gpio.GPIOValue) error {
	r.calls++
	if err := r.err; err != nil {
		r.err = nil
		return err
	}
	r.levels = r.levels&^mask | bits&mask
	return nil
}

func (r *recorder) Close() error {
	r.closed++
	return nil
}

func TestPlan(t *testing.T) {
	low := mustParse(t, "GPIO27")
	low.ActiveLow = true
	lines := []Line{mustParse(t, "pin 11"), mustParse(t, "BT_ON"), low}
	orders, err := plan(piChips(), piHeader(), lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(orders) != 2 {
		t.Fatalf("%d orders; want one for each of two chips", len(orders))
	}
	soc, firmware := orders[0], orders[1]
	if !slices.Equal(soc.offsets, []int{17, 27}) || !slices.Equal(soc.leds, []int{0, 2}) || soc.activeLow != 0b10 {
		t.Errorf("SoC: offsets %v, LEDs %v, active low %b", soc.offsets, soc.leds, soc.activeLow)
	}
	if !slices.Equal(firmware.offsets, []int{0}) || !slices.Equal(firmware.leds, []int{1}) || firmware.activeLow != 0 {
		t.Errorf("firmware: offsets %v, LEDs %v, active low %b", firmware.offsets, firmware.leds, firmware.activeLow)
	}
}

func TestPlanErrors(t *testing.T) {
	for _, c := range []struct {
		texts []string
		says  string
	}{
		{[]string{"pin 11", "GPIO4", "GPIO17"}, "pin 11 and GPIO17 are the same line, pinctrl-bcm2835:17 (GPIO17)"},
		{[]string{"raspberrypi-exp-gpio:BT_ON", "BT_ON"}, "the same line"},
		{[]string{"GPIO4", "NOWHERE"}, "no line is called NOWHERE"},
	} {
		var lines []Line
		for _, text := range c.texts {
			lines = append(lines, mustParse(t, text))
		}
		if _, err := plan(piChips(), piHeader(), lines); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: error %v; want one that says %q", c.texts, err, c.says)
		}
	}
}

func TestSet(t *testing.T) {
	soc, firmware := &recorder{}, &recorder{}
	l := &LEDs{banks: []bank{{lines: soc, leds: []int{0, 2}}, {lines: firmware, leds: []int{1}}}}
	for i, step := range []struct {
		on     []bool
		levels [2]gpio.GPIOValue // of the SoC's lines and of the firmware's
		calls  [2]int
	}{
		{[]bool{false, false, false}, [2]gpio.GPIOValue{0b00, 0}, [2]int{0, 0}}, // as at the start
		{[]bool{true, false, false}, [2]gpio.GPIOValue{0b01, 0}, [2]int{1, 0}},
		{[]bool{true, false, false}, [2]gpio.GPIOValue{0b01, 0}, [2]int{1, 0}}, // nothing changes
		{[]bool{false, true, true}, [2]gpio.GPIOValue{0b10, 1}, [2]int{2, 1}},  // everything changes
		{[]bool{true, true, true}, [2]gpio.GPIOValue{0b11, 1}, [2]int{3, 1}},
	} {
		if err := l.Set(step.on); err != nil {
			t.Fatal(err)
		}
		if levels := [2]gpio.GPIOValue{soc.levels, firmware.levels}; levels != step.levels {
			t.Errorf("step %d: levels %b; want %b", i, levels, step.levels)
		}
		if calls := [2]int{soc.calls, firmware.calls}; calls != step.calls {
			t.Errorf("step %d: %d calls for each chip; want %d", i, calls, step.calls)
		}
	}

	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if soc.levels != 0 || firmware.levels != 0 || soc.closed != 1 || firmware.closed != 1 {
		t.Errorf("after Close: %+v, %+v; want off and closed once", soc, firmware)
	}
}

func TestSetTriesAgainAfterAnError(t *testing.T) {
	broken, whole := &recorder{err: errors.New("pulled out")}, &recorder{}
	l := &LEDs{banks: []bank{{lines: broken, leds: []int{0}}, {lines: whole, leds: []int{1}}}}
	if err := l.Set([]bool{true, true}); err == nil || !strings.Contains(err.Error(), "pulled out") {
		t.Errorf("error %v; want the chip's", err)
	}
	if whole.levels != 1 {
		t.Error("the other chip's LED was not set")
	}
	if err := l.Set([]bool{true, true}); err != nil || broken.levels != 1 {
		t.Errorf("second try: %v, level %b", err, broken.levels)
	}
}

func TestSetAllocatesNothing(t *testing.T) {
	l := &LEDs{banks: []bank{{lines: &recorder{}, leds: []int{0, 1}}, {lines: &recorder{}, leds: []int{2}}}}
	on := make([]bool, 3)
	allocs := testing.AllocsPerRun(100, func() {
		on[0], on[2] = !on[0], !on[2]
		if err := l.Set(on); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestNoLEDs(t *testing.T) {
	l, err := Open(Header{}, nil) // needs no chip
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Set(nil), l.Close(), Off(Header{}, nil)); err != nil {
		t.Error(err)
	}
}

// After Forget every line is set again, once.
func TestForget(t *testing.T) {
	lines := &recorder{}
	l := &LEDs{banks: []bank{{lines: lines, leds: []int{0, 1}}}}
	if err := l.Set([]bool{true, false}); err != nil {
		t.Fatal(err)
	}
	lines.levels = 0b10 // somebody else did that
	l.Forget()
	for range 2 {
		if err := l.Set([]bool{true, false}); err != nil || lines.levels != 0b01 || lines.calls != 2 {
			t.Errorf("%v, levels %b after %d calls", err, lines.levels, lines.calls)
		}
	}
}

// One line that can't be had doesn't keep the others from being switched off, and of two ways to one line the first counts.
func TestOffEach(t *testing.T) {
	low := mustParse(t, "pin 11")
	low.ActiveLow = true
	lines := []Line{low, mustParse(t, "NOWHERE"), mustParse(t, "GPIO4"), mustParse(t, "GPIO17"), mustParse(t, "BT_ON")}
	var done []string
	err := offEach(piChips(), piHeader(), lines, func(p Place, activeLow bool) error {
		done = append(done, fmt.Sprint(p, " ", activeLow))
		if p.Offset == 4 {
			return errors.New("held by another")
		}
		return nil
	})
	want := []string{"pinctrl-bcm2835:17 (GPIO17) true", "pinctrl-bcm2835:4 (GPIO4) false", "raspberrypi-exp-gpio:0 (BT_ON) false"}
	if !slices.Equal(done, want) {
		t.Errorf("switched off %q, want %q", done, want)
	}
	if err == nil || !strings.Contains(err.Error(), "NOWHERE") || !strings.Contains(err.Error(), "held by another") {
		t.Errorf("error %v: want both", err)
	}
}
