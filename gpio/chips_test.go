package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// piChips is what a Raspberry Pi 3 has: the SoC's chip, some of whose lines have names of their own, and the one behind
// the firmware.
func piChips() []Chip {
	soc := Chip{Label: "pinctrl-bcm2835", Path: "/dev/gpiochip0", Lines: make([]string, 54)}
	for i := range soc.Lines {
		soc.Lines[i] = fmt.Sprintf("GPIO%d", i)
	}
	soc.Lines[2], soc.Lines[3] = "SDA1", "SCL1"
	soc.Lines[50], soc.Lines[51] = "NC", "NC"
	firmware := Chip{Label: "raspberrypi-exp-gpio", Path: "/dev/gpiochip1", Lines: []string{"BT_ON", "NC"}}
	return []Chip{soc, firmware}
}

// piHeader is a header with three lines: enough to tell pins from offsets.
func piHeader() Header {
	return Header{Chip: "pinctrl-bcm2835", Pins: []int{-1, -1, -1, 2, -1, 3, -1, 4, 14, -1, 15, 17}}
}

func TestFind(t *testing.T) {
	none := Header{}
	for _, c := range []struct {
		text   string
		header Header
		want   string
	}{
		{"pinctrl-bcm2835:17", none, "pinctrl-bcm2835:17 (GPIO17)"},
		{"raspberrypi-exp-gpio:0", none, "raspberrypi-exp-gpio:0 (BT_ON)"},
		{"GPIO17", none, "pinctrl-bcm2835:17 (GPIO17)"},
		{"BT_ON", none, "raspberrypi-exp-gpio:0 (BT_ON)"},
		{"raspberrypi-exp-gpio:NC", none, "raspberrypi-exp-gpio:1 (NC)"},
		{"GPIO17", piHeader(), "pinctrl-bcm2835:17 (GPIO17)"},
		{"gpio17", piHeader(), "pinctrl-bcm2835:17 (GPIO17)"},
		{"GPIO2", piHeader(), "pinctrl-bcm2835:2 (SDA1)"},
		{"SDA1", piHeader(), "pinctrl-bcm2835:2 (SDA1)"},
		{"pin 11", piHeader(), "pinctrl-bcm2835:17 (GPIO17)"},
		{"pin 3", piHeader(), "pinctrl-bcm2835:2 (SDA1)"},
	} {
		place, err := Find(piChips(), c.header, mustParse(t, c.text))
		if err != nil || place.String() != c.want {
			t.Errorf("Find(%q) = %v, %v; want %s", c.text, place, err, c.want)
		}
	}
}

func TestFindErrors(t *testing.T) {
	none := Header{}
	for _, c := range []struct {
		text   string
		header Header
		says   string
	}{
		{"pinctrl-rp1:17", none, "no chip has the label pinctrl-rp1; there are: pinctrl-bcm2835, raspberrypi-exp-gpio"},
		{"pinctrl-bcm2835:54", none, "the chip pinctrl-bcm2835 has the lines 0 to 53"},
		{"GPIO54", piHeader(), "the chip pinctrl-bcm2835 has the lines 0 to 53"},
		{"GPIO2", none, "no line is called GPIO2"},
		{"pinctrl-bcm2835:BT_ON", none, "no line is called pinctrl-bcm2835:BT_ON"},
		{"NC", none, "write which one: pinctrl-bcm2835:50 or pinctrl-bcm2835:51"},
		{"pin 11", none, "the header of this board is not known"},
		{"pin 1", piHeader(), "supply or ground"},
		{"pin 12", piHeader(), "pins 1 to 11"},
		{"pin 11", Header{Chip: "pinctrl-rp1", Pins: piHeader().Pins}, "no chip has the label pinctrl-rp1"},
	} {
		place, err := Find(piChips(), c.header, mustParse(t, c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Find(%q) = %v, %v; want an error that says %q", c.text, place, err, c.says)
		}
		if mayCome := strings.Contains(c.says, "no chip has the label"); errors.Is(err, ErrNoLine) == mayCome {
			t.Errorf("Find(%q): %v: is it ErrNoLine? want %v", c.text, err, !mayCome)
		}
	}
	twins := []Chip{{Label: "pcf8574", Lines: []string{""}}, {Label: "pcf8574", Lines: []string{""}}}
	if _, err := Find(twins, none, mustParse(t, "pcf8574:0")); err == nil || !strings.Contains(err.Error(), "two chips") {
		t.Errorf("two chips with one label: %v", err)
	}
}

func TestReadChipsErrors(t *testing.T) {
	dir := t.TempDir()
	pattern := filepath.Join(dir, "gpiochip*")
	if _, err := readChips(pattern); err == nil || !strings.Contains(err.Error(), "no GPIO chip") {
		t.Errorf("no device: %v", err)
	}
	path := filepath.Join(dir, "gpiochip0")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readChips(pattern); !errors.Is(err, unix.ENOTTY) || !strings.Contains(err.Error(), path) {
		t.Errorf("a file instead of a device: %v", err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may open everything: no permission error to look at")
	}
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := readChips(pattern)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "usermod -aG gpio") {
		t.Errorf("no permission: %v", err)
	}
}

func mustParse(t *testing.T, text string) Line {
	t.Helper()
	l, err := ParseLine(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
