package board

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestClocks(t *testing.T) {
	const cpufreq = "sys/devices/system/cpu/cpufreq/"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	root := fstest.MapFS{
		cpufreq + "policy0/affected_cpus":    file("0 1 2 3\n"),
		cpufreq + "policy0/scaling_governor": file("ondemand\n"),
		cpufreq + "policy0/scaling_cur_freq": file("600000\n"),
		cpufreq + "policy0/cpuinfo_max_freq": file("1400000\n"),
		cpufreq + "policy4/affected_cpus":    file("4\n"),
		cpufreq + "policy4/scaling_cur_freq": file("<unknown>\n"), // while the core is off
	}
	want := []Clock{{"0 1 2 3", "ondemand", 600, 1400}, {CPUs: "4"}}
	if got := Clocks(root); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Clocks(fstest.MapFS{}); got != nil {
		t.Errorf("%+v of a machine without clocks", got)
	}
}

func TestFastest(t *testing.T) {
	slow, fast := Clock{CPUs: "0 1 2 3", MHz: 1400}, Clock{CPUs: "4 5", MHz: 2000}
	if got := Fastest([]Clock{slow, fast, {CPUs: "6"}}); got != fast {
		t.Errorf("%+v", got)
	}
	if got := Fastest(nil); got != (Clock{}) {
		t.Errorf("%+v of no clocks", got)
	}
}
