package board

import (
	"slices"
	"strings"
)

// header40 is the header with 40 pins of every Raspberry Pi since the B+, and of the boards for its compute modules:
// the SoC's GPIO number by pin. Source: https://pinout.xyz and the reduced schematics of the boards.
//
//	outer column: even pins    2  4  6  8 10 12 14 16 18 20 22 24 26 28 30 32 34 36 38 40   (edge of the board)
//	inner column: odd pins     1  3  5  7  9 11 13 15 17 19 21 23 25 27 29 31 33 35 37 39
var header40 = []int{
	-1,     // pins are counted from 1
	-1, -1, // 1: 3.3 V, 2: 5 V
	2, -1, // 4: 5 V
	3, -1, // 6: ground
	4, 14,
	-1, 15, // 9: ground
	17, 18,
	27, -1, // 14: ground
	22, 23,
	-1, 24, // 17: 3.3 V
	10, -1, // 20: ground
	9, 25,
	11, 8,
	-1, 7, // 25: ground
	0, 1, // 27, 28: the I²C bus on which a HAT says what it is
	5, -1, // 30: ground
	6, 12,
	13, -1, // 34: ground
	19, 16,
	26, 20,
	-1, 21, // 39: ground
}

// header gives the label of the chip that the header's pins lead to, and which line of it each is. On all three chips
// line n is what Raspberry Pi calls GPIOn. The first models had a header of their own with 26 pins, which differed
// between revisions: for those only names and offsets can be used.
func header(compatible []string) (chip string, pins []int) {
	switch {
	case slices.Contains(compatible, "brcm,bcm2712"):
		chip = "pinctrl-rp1" // not on the SoC but behind PCI Express
	case slices.Contains(compatible, "brcm,bcm2711"):
		chip = "pinctrl-bcm2711"
	case slices.Contains(compatible, "brcm,bcm2837"), slices.Contains(compatible, "brcm,bcm2836"),
		slices.Contains(compatible, "brcm,bcm2835"):
		chip = "pinctrl-bcm2835"
	}
	if chip == "" || !strings.HasPrefix(compatible[0], "raspberrypi,") {
		return "", nil
	}
	switch compatible[0] {
	case "raspberrypi,model-a", "raspberrypi,model-b", "raspberrypi,model-b-i2c0", "raspberrypi,model-b-rev2":
		return chip, nil
	}
	return chip, slices.Clone(header40)
}

// AnyHeader returns the 40-pin header that all boards known to this package share: the number n of GPIOn by pin, −1 for
// supply and ground.
func AnyHeader() []int { return slices.Clone(header40) }

// OtherUse says what else a line of a Raspberry Pi's header serves, and when an LED on it is in the way; empty for none.
// Source: https://pinout.xyz, and the overlays' README of the firmware.
func OtherUse(gpio int) string {
	switch gpio {
	case 0, 1:
		return "the bus on which a HAT's ID EEPROM says at each boot what it is: choose another line"
	case 2, 3:
		return "the I²C bus: free only without dtparam=i2c_arm=on, and with a pull-up of 1.8 kΩ that can make an LED glimmer"
	case 7, 8, 9, 10, 11:
		return "the SPI bus: free only without dtparam=spi=on"
	case 14, 15:
		return "the UART, a serial console on many boards: free only without enable_uart=1 and console=serial0"
	}
	return ""
}
