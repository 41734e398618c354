package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"edge/board"
	"edge/mobilenet"
)

// hotPi is what a Raspberry Pi shows that has too weak a supply.
var hotPi = fstest.MapFS{
	"proc/device-tree/model":                                  {Data: []byte("Raspberry Pi 3 Model B\x1b[31m Plus\x00")},
	"proc/cpuinfo":                                            {Data: []byte("processor\t: 0\nCPU part\t: 0xd03\n")},
	"proc/meminfo":                                            {Data: []byte("MemTotal: 900000 kB\n")},
	"sys/class/thermal/thermal_zone0/type":                    {Data: []byte("cpu-thermal\n")},
	"sys/class/thermal/thermal_zone0/temp":                    {Data: []byte("82500\n")},
	"sys/class/hwmon/hwmon1/name":                             {Data: []byte("rpi_volt\n")},
	"sys/class/hwmon/hwmon1/in0_lcrit_alarm":                  {Data: []byte("1\n")},
	"sys/devices/system/cpu/cpufreq/policy0/affected_cpus":    {Data: []byte("0 1 2 3\n")},
	"sys/devices/system/cpu/cpufreq/policy0/scaling_governor": {Data: []byte("ondemand\n")},
	"sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": {Data: []byte("600000\n")},
	"sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": {Data: []byte("1400000\n")},
}

// short is a protocol of five rows that take milliseconds.
func short(t *testing.T) *protocol {
	tiny := func(resolution int) network {
		plan, err := mobilenet.V1(0.25, resolution, 10)
		if err != nil {
			t.Fatal(err)
		}
		return blueprint(plan)
	}
	return &protocol{main: []network{tiny(32)}, rest: []network{tiny(64)}, threads: 2, limit: time.Minute, warm: time.Millisecond}
}

func TestMeasure(t *testing.T) {
	var told []int
	var left []string
	r, err := short(t).measure(context.Background(), hotPi, "edge 1", func(r *Report) error {
		told = append(told, len(r.Rows))
		left = append(left, fmt.Sprintf("%s %d", r.Ended, len(r.LeftOut)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(told, want) {
		t.Errorf("saved with %v rows, want %v", told, want)
	}
	if want := []string{unfinished + " 4", unfinished + " 3", unfinished + " 2", unfinished + " 1", " 0"}; !slices.Equal(left, want) {
		t.Errorf("saved as %q, want %q", left, want)
	}
	var got []turn
	for i, row := range r.Rows {
		got = append(got, turn{network{name: row.Network}, row.Threads, row.Steps != nil})
		if !(0 < row.Min && row.Min <= row.P50 && row.P50 <= row.P95) || row.Compile <= 0 || row.First <= 0 || row.GMACs <= 0 ||
			row.Runs < leastRuns || row.Runs > mostRuns || (row.Cold > 0) != (row.Threads == 1) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	want := []turn{
		{network{name: "v1_0.25_32"}, 1, true},
		{network{name: "v1_0.25_32"}, 2, false},
		{network{name: "v1_0.25_64"}, 1, false},
		{network{name: "v1_0.25_64"}, 2, false},
		{network{name: "v1_0.25_32"}, 1, true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("measured %v, want %v", got, want)
	}
	if r.Ended != "" || r.LeftOut != nil || r.Kernels == "" || r.Expected != 5 {
		t.Errorf("%+v", r)
	}
	m := r.Machine
	if m.Model != "Raspberry Pi 3 Model B?[31m Plus" || m.CPU != "Cortex-A53" || m.Memory != 900000<<10 || !strings.HasPrefix(m.System, "Linux ") {
		t.Errorf("%+v", m)
	}
	s := State{82.5, "under-voltage", true, []board.Clock{{CPUs: "0 1 2 3", Governor: "ondemand", MHz: 600, Most: 1400}}}
	if row := r.Rows[0]; !reflect.DeepEqual(row.Before, s) || !reflect.DeepEqual(row.After, s) {
		t.Errorf("before %+v, after %+v, want %+v", row.Before, row.After, s)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("%v: %+v isn't %+v", err, back, r)
	}
}

// TestCutShort shows that what was measured is kept, and that the rest is named.
func TestCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	saved := ""
	r, err := short(t).measure(ctx, hotPi, "edge 1", func(r *Report) error {
		if len(r.Rows) == 2 {
			cancel()
		}
		saved = r.Ended
		return nil
	})
	if saved != interrupted {
		t.Errorf("what was saved last ended as %q", saved)
	}
	if err != nil || len(r.Rows) != 2 || r.Ended != interrupted {
		t.Fatalf("%v, %+v", err, r)
	}
	if want := []string{"v1_0.25_64 by 1", "v1_0.25_64 by 2", "v1_0.25_32 by 1"}; !slices.Equal(r.LeftOut, want) {
		t.Errorf("left out %q, want %q", r.LeftOut, want)
	}
	if table := r.Table(); !strings.Contains(table, "**Not all was measured: interrupted. Here are 2 of 5 rows.**") {
		t.Error(table)
	}
	p := short(t)
	p.limit = 0
	if r, err := p.measure(context.Background(), hotPi, "edge 1", nil); err != nil || len(r.Rows) != 0 || r.Ended != timeIsUp {
		t.Errorf("%v, %+v", err, r)
	}
	full := errors.New("the card is full")
	if _, err := short(t).measure(context.Background(), hotPi, "edge 1", func(*Report) error { return full }); !errors.Is(err, full) {
		t.Errorf("what can't be saved ends as %v", err)
	}
}

func TestTable(t *testing.T) {
	r := &Report{
		Date: "2026-11-25", Edge: "edge 1", Kernels: "neon", Seconds: 61.4, Expected: 2,
		Machine: Machine{Model: "Raspberry Pi 4", CPU: "Cortex-A72", Cores: 4, Memory: 4e9, System: "Linux 6.12 aarch64"},
		Rows: []Row{
			{
				Network: "a", Threads: 1, MACs: 30e6, First: 14, Cold: 12, Runs: 50, Min: 10, P50: 10.5, P95: 11, GMACs: 2.857, Model: 8,
				After: State{Celsius: 61.2, Throttled: "not throttled", Clocks: []board.Clock{{CPUs: "0 1 2 3", Governor: "performance", MHz: 1800, Most: 1800}}},
			},
			{
				Network: "a", Threads: 4, First: 9, Runs: 50, Min: 3, P50: 3.1, P95: 4.2, GMACs: 9.7,
				Before: State{Throttled: "under-voltage", Slowed: true},
				After:  State{Celsius: 82, Throttled: "under-voltage", Slowed: true, Clocks: []board.Clock{{CPUs: "0 1 2 3", Governor: "performance", MHz: 1000, Most: 1800}}},
			},
		},
	}
	for _, want := range []string{
		"# Raspberry Pi 4\n", "Cortex-A72, 4 cores, 4.0 GB; Linux 6.12 aarch64. edge 1, kernels neon.", "on 2026-11-25, in 61 s", "Governor: performance.",
		"| a | 1 | 10.00 | 10.50 | 11.00 | 12.00 | 14.00 | 8.00 | 2.86 | 1800 | 61 |  |\n",
		"| a | 4 | 3.00 | 3.10 | 4.20 | – | 9.00 | – | 9.70 | 1000 | 82 | under-voltage; 82 °C; 1000 of 1800 MHz; unsteady |\n",
	} {
		if table := r.Table(); !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if table := (&Report{}).Table(); !strings.HasPrefix(table, "# unknown\n") || strings.Contains(table, "Governor") {
		t.Error(table)
	}
}

func TestFileName(t *testing.T) {
	day := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)
	for model, want := range map[string]string{
		"Raspberry Pi Zero 2 W Rev 1.0": "edge-bench-raspberry-pi-zero-2-w-rev-1-0-2026-11-25",
		"../../etc/passwd":              "edge-bench-etc-passwd-2026-11-25",
		"":                              "edge-bench-board-2026-11-25",
	} {
		if got := FileName(model, day); got != want {
			t.Errorf("%q: %q, want %q", model, got, want)
		}
	}
}
