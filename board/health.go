package board

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Health holds what changes while the machine runs and can make it slow.
type Health struct {
	Celsius   float64   // of the processor; 0 if the machine doesn't say
	Throttled Throttled // reasons why a Raspberry Pi runs slower than it could
	Monitored bool      // whether the machine says anything about its supply; if not, Throttled is 0 and means nothing
	Available int64     // bytes of memory that are free, or would be if asked for
}

// Hot is the temperature in °C from which a Raspberry Pi slows down; at 85 it does so hard. (A 3B+ and a 3A+ give up
// their last 200 MHz at 60 already.) Source: Raspberry Pi's documentation, "Frequency management and thermal control".
const Hot = 80

// ReadHealth reads the state of the machine whose file system has this root.
func ReadHealth(root fs.FS) Health {
	h := Health{
		Celsius:   celsius(root),
		Available: memory(read(root, "proc/meminfo"), "MemAvailable"),
	}
	h.Throttled, h.Monitored = throttled(root)
	return h
}

// celsius returns the temperature of the processor: of the thermal zone that says so in its type (Raspberry Pi: cpu-thermal),
// else of the first.
func celsius(root fs.FS) float64 {
	zones, _ := fs.Glob(root, "sys/class/thermal/thermal_zone*") // the pattern is good
	first := 0.0
	for _, zone := range zones {
		milli, err := strconv.Atoi(strings.TrimSpace(read(root, path.Join(zone, "temp"))))
		if err != nil {
			continue // a sensor that is asleep
		}
		t := float64(milli) / 1000
		kind := strings.TrimSpace(read(root, path.Join(zone, "type")))
		if strings.HasPrefix(kind, "cpu") || strings.HasPrefix(kind, "soc") || kind == "x86_pkg_temp" {
			return t
		}
		if first == 0 {
			first = t
		}
	}
	return first
}

// Throttled has a bit for each reason, numbered as in the firmware of a Raspberry Pi (`vcgencmd get_throttled`):
// the low half is now, the high half since the start.
type Throttled uint32

// The reasons. The same one shifted left by 16 means that it has been so since the start.
const (
	UnderVoltage    Throttled = 1 << iota // the supply is below 4.63 V
	FrequencyCapped                       // the processor's clock is limited
	SlowedDown                            // the processor's clock is reduced
	SoftLimit                             // the soft limit of the temperature is reached (3B+, 3A+)

	now Throttled = 0xffff
)

// Now returns the reasons that hold at this moment.
func (t Throttled) Now() Throttled { return t & now }

// Since returns the reasons that have held at any time since the start.
func (t Throttled) Since() Throttled { return t >> 16 & now }

// String lists the reasons: "under-voltage, slowed down; since the start: under-voltage".
func (t Throttled) String() string {
	var parts []string
	if s := reasons(t.Now()); s != "" {
		parts = append(parts, s)
	}
	if s := reasons(t.Since()); s != "" {
		parts = append(parts, "since the start: "+s)
	}
	if parts == nil {
		return "not throttled"
	}
	return strings.Join(parts, "; ")
}

func reasons(t Throttled) string {
	names := []string{"under-voltage", "frequency capped", "slowed down", "soft temperature limit"}
	var set []string
	for bit, name := range names {
		if t&(1<<bit) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ", ")
}

// ParseThrottled reads the firmware's number as the kernel's file and vcgencmd write it: "50005", "throttled=0x50005".
func ParseThrottled(text string) (Throttled, error) {
	s := strings.TrimSpace(text)
	s = strings.TrimPrefix(s, "throttled=")
	s = strings.TrimPrefix(s, "0x")
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("board: %q is no throttled state, which is a hexadecimal number", text)
	}
	return Throttled(n), nil
}

// throttled asks the driver raspberrypi-hwmon, which sees the supply alone: its alarm is up while the firmware has seen
// under-voltage in the last two seconds. The firmware's own file is read only if there is no such driver (kernels
// before 4.19): later kernels answer with a warning and a stack trace in the kernel's log, and in 2025 they dropped it
// (https://github.com/raspberrypi/linux/pull/6697).
func throttled(root fs.FS) (t Throttled, monitored bool) {
	names, _ := fs.Glob(root, "sys/class/hwmon/hwmon*/name") // the pattern is good
	for _, name := range names {
		if strings.TrimSpace(read(root, name)) != "rpi_volt" {
			continue
		}
		if strings.TrimSpace(read(root, path.Join(path.Dir(name), "in0_lcrit_alarm"))) == "1" {
			return UnderVoltage, true
		}
		return 0, true
	}
	files, _ := fs.Glob(root, "sys/devices/platform/soc*/soc*:firmware/get_throttled")
	for _, file := range files {
		if t, err := ParseThrottled(read(root, file)); err == nil {
			return t, true
		}
	}
	return 0, false
}
