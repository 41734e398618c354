package board

import "testing"

func TestReadHealth(t *testing.T) {
	for _, c := range []struct {
		tree string
		want Health
	}{
		{"pi-zero-2-w", Health{Celsius: 47.774, Monitored: true, Available: 275400 << 10}},
		{"pi-3-b-plus", Health{Celsius: 58.534, Throttled: UnderVoltage, Monitored: true, Available: 701220 << 10}},
		{"pi-3-b-linux-4.14", Health{Celsius: 83.1, Throttled: 0xd0005, Monitored: true, Available: 700000 << 10}},
		{"pi-4-b", Health{Celsius: 52.582, Monitored: true, Available: 3406888 << 10}},
		{"pi-5", Health{Celsius: 86.15, Monitored: true, Available: 7431000 << 10}},
		{"rock-5b", Health{Celsius: 40.692, Available: 15000000 << 10}},
		{"pc", Health{Celsius: 61, Available: 9876540 << 10}},
		{"qemu-virt", Health{Available: 206368 << 10}},
		{"empty", Health{}},
	} {
		if got := ReadHealth(tree(t, c.tree)); got != c.want {
			t.Errorf("%s: %+v; want %+v", c.tree, got, c.want)
		}
	}
}

// The bits are those of the firmware: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
func TestThrottled(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0", "not throttled"},
		{"0x1", "under-voltage"},
		{"2", "frequency capped"},
		{"4", "slowed down"},
		{"8", "soft temperature limit"},
		{"throttled=0x50000", "since the start: under-voltage, slowed down"},
		{"d0005\n", "under-voltage, slowed down; since the start: under-voltage, slowed down, soft temperature limit"},
	} {
		got, err := ParseThrottled(c.text)
		if err != nil || got.String() != c.want {
			t.Errorf("%q is %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "none", "0x", "-1", "100000000", "1 2"} {
		if got, err := ParseThrottled(bad); err == nil {
			t.Errorf("%q is %v; want an error", bad, got)
		}
	}
}
