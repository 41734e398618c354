package board

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree reads a recorded machine; see testdata/README.md.
func tree(t testing.TB, name string) fs.FS {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	path := ""
	var body strings.Builder
	flush := func() {
		s := body.String()
		if strings.Contains(s, `\0`) {
			s = strings.ReplaceAll(strings.TrimSuffix(s, "\n"), `\0`, "\x00")
		}
		if path != "" {
			files[path] = &fstest.MapFile{Data: []byte(s)}
		}
		body.Reset()
	}
	for line := range strings.Lines(string(text)) {
		if p, ok := strings.CutPrefix(line, "-- "); ok {
			flush()
			path = strings.TrimSuffix(p, " --\n")
			continue
		}
		body.WriteString(line)
	}
	flush()
	return files
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		tree   string
		model  string
		soc    string // the last of Compatible, without its maker
		cpu    string
		cores  int
		kib    int64  // of memory
		chip   string // GPIOChip without "pinctrl-"
		header bool
	}{
		{"pi-zero-2-w", "Raspberry Pi Zero 2 W Rev 1.0", "bcm2837", "Cortex-A53", 4, 436908, "bcm2835", true},
		{"pi-3-a-plus", "Raspberry Pi 3 Model A Plus Rev 1.0", "bcm2837", "Cortex-A53", 4, 437000, "bcm2835", true},
		{"pi-3-b-plus", "Raspberry Pi 3 Model B Plus Rev 1.3", "bcm2837", "Cortex-A53", 4, 940376, "bcm2835", true},
		{"pi-3-b-linux-4.14", "Raspberry Pi 3 Model B Rev 1.2", "bcm2837", "Cortex-A53", 4, 896856, "bcm2835", true},
		{"pi-4-b", "Raspberry Pi 4 Model B Rev 1.4", "bcm2711", "Cortex-A72", 4, 3884396, "bcm2711", true},
		{"pi-400", "Raspberry Pi 400 Rev 1.0", "bcm2711", "Cortex-A72", 4, 3884396, "bcm2711", true},
		{"pi-5", "Raspberry Pi 5 Model B Rev 1.0", "bcm2712", "Cortex-A76", 4, 8256000, "rp1", true},
		{"pi-500", "Raspberry Pi 500 Rev 1.0", "bcm2712", "Cortex-A76", 4, 8256000, "rp1", true},
		{"cm3-plus", "Raspberry Pi Compute Module 3 Plus Rev 1.0", "bcm2837", "Cortex-A53", 4, 940376, "bcm2835", true},
		{"cm4", "Raspberry Pi Compute Module 4 Rev 1.0", "bcm2711", "Cortex-A72", 4, 1884396, "bcm2711", true},
		{"cm5", "Raspberry Pi Compute Module 5 Rev 1.0", "bcm2712", "Cortex-A76", 4, 4131000, "rp1", true},
		{"pi-1-b", "Raspberry Pi Model B Rev 2", "bcm2835", "ARM1176", 1, 439812, "bcm2835", false},
		{"rock-5b", "Radxa ROCK 5B", "rk3588", "Cortex-A55 + Cortex-A76", 4, 16203456, "", false},
		{"pc", "LENOVO 20XW0055GE", "", "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 2, 16124316, "", false},
		{"qemu-virt", "linux,dummy-virt", "dummy-virt", "Cortex-A72", 1, 229508, "", false},
		{"qemu-raspi3b", "Raspberry Pi 3 Model B", "bcm2837", "Cortex-A53", 1, 936104, "bcm2835", true},
		{"empty", "", "", "", 0, 0, "", false},
	} {
		t.Run(c.tree, func(t *testing.T) {
			b := Detect(tree(t, c.tree))
			soc := ""
			if len(b.Compatible) > 0 {
				_, soc, _ = strings.Cut(b.Compatible[len(b.Compatible)-1], ",")
			}
			if b.Model != c.model || soc != c.soc || b.CPU != c.cpu || b.Cores != c.cores || b.Memory != c.kib<<10 {
				t.Errorf("got %q, %q, %q, %d cores, %d bytes; want %q, %q, %q, %d cores, %d bytes",
					b.Model, soc, b.CPU, b.Cores, b.Memory, c.model, c.soc, c.cpu, c.cores, c.kib<<10)
			}
			if strings.TrimPrefix(b.GPIOChip, "pinctrl-") != c.chip || (b.Header != nil) != c.header {
				t.Errorf("chip %q, header %v; want chip %q, a header: %v", b.GPIOChip, b.Header, c.chip, c.header)
			}
		})
	}
}

// What everybody knows about the 40-pin header, apart from the table: the supply and ground pins, GPIO0 to GPIO27 once
// each, and some pins that many circuits use.
func TestHeader(t *testing.T) {
	if len(header40) != 41 {
		t.Fatalf("%d pins; want 40 and the unused index 0", len(header40))
	}
	var supply []int
	gpios := map[int]int{}
	for pin := 1; pin <= 40; pin++ {
		if n := header40[pin]; n < 0 {
			supply = append(supply, pin)
		} else {
			gpios[n] = pin
		}
	}
	if want := []int{1, 2, 4, 6, 9, 14, 17, 20, 25, 30, 34, 39}; !slices.Equal(supply, want) {
		t.Errorf("supply and ground: %v; want %v", supply, want)
	}
	for n := range 28 {
		if gpios[n] == 0 {
			t.Errorf("GPIO%d is at no pin", n)
		}
	}
	known := map[int]int{2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 10: 19, 7: 26, 13: 33, 21: 40}
	for n, pin := range known {
		if gpios[n] != pin {
			t.Errorf("GPIO%d is at pin %d; want %d", n, gpios[n], pin)
		}
	}
}

func TestHeaderIsACopy(t *testing.T) {
	_, pins := header([]string{"raspberrypi,4-model-b", "brcm,bcm2711"})
	pins[11] = 99
	if header40[11] != 17 {
		t.Error("a caller changed the table")
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte("raspberrypi,5-model-b\x00brcm,bcm2712\x00"), "processor : 0\nCPU part : 0xd0b\n",
		"MemTotal: 12 kB\n", "47774\n", "50005\n")
	f.Add([]byte{}, "processor", "MemTotal:", "-1", "")
	f.Add([]byte("\x00\x00brcm,bcm2835"), ":\n:", "MemAvailable: 99999999999999999999 kB", "1e3", "throttled=0xffffffff")
	f.Fuzz(func(t *testing.T, compatible []byte, cpuinfo, meminfo, temp, throttled string) {
		root := fstest.MapFS{
			"proc/device-tree/compatible":                         {Data: compatible},
			"proc/device-tree/model":                              {Data: compatible},
			"proc/cpuinfo":                                        {Data: []byte(cpuinfo)},
			"proc/meminfo":                                        {Data: []byte(meminfo)},
			"sys/class/thermal/thermal_zone0/temp":                {Data: []byte(temp)},
			"sys/devices/platform/soc/soc:firmware/get_throttled": {Data: []byte(throttled)},
		}
		b, h := Detect(root), ReadHealth(root)
		if b.Memory < 0 || h.Available < 0 || b.Cores < 0 {
			t.Errorf("negative: %+v, %+v", b, h)
		}
		if b.Header != nil && b.GPIOChip == "" {
			t.Errorf("a header without a chip: %+v", b)
		}
		if again, err := ParseThrottled(throttled); h.Monitored != (err == nil) || h.Throttled != again {
			t.Errorf("throttled %q: %v, %v; ParseThrottled says %v, %v", throttled, h.Throttled, h.Monitored, again, err)
		}
	})
}

func TestOtherUse(t *testing.T) {
	for gpio, want := range map[int]string{0: "EEPROM", 3: "I²C", 7: "SPI", 11: "SPI", 15: "UART", 4: "", 17: "", 27: "", 53: ""} {
		if got := OtherUse(gpio); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("GPIO%d: %q, want %q", gpio, got, want)
		}
	}
}
