package board

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Clock is what the kernel says of the clock that some cores share: how fast it runs now, how fast it may run, and
// who decides.
type Clock struct {
	CPUs     string `json:"cpus"`     // the cores, as the kernel lists them: "0 1 2 3"
	Governor string `json:"governor"` // "performance" always runs at the most, "ondemand" and "schedutil" when there is work
	MHz      int    `json:"mhz"`      // now
	Most     int    `json:"most_mhz"` // what the hardware can do
}

// Clocks reads the clocks of the machine whose file system has this root; none if the kernel doesn't change them, as in
// an emulator.
func Clocks(root fs.FS) []Clock {
	var clocks []Clock
	policies, _ := fs.Glob(root, "sys/devices/system/cpu/cpufreq/policy*") // the pattern is good
	for _, policy := range policies {
		word := func(name string) string { return strings.TrimSpace(read(root, path.Join(policy, name))) }
		mhz := func(name string) int {
			khz, err := strconv.Atoi(word(name))
			if err != nil || khz < 0 {
				return 0
			}
			return (khz + 500) / 1000
		}
		clocks = append(clocks, Clock{word("affected_cpus"), word("scaling_governor"), mhz("scaling_cur_freq"), mhz("cpuinfo_max_freq")})
	}
	return clocks
}

// Fastest returns the clock that runs fastest: that of the cores which compute. It is the zero value if there is none.
func Fastest(clocks []Clock) Clock {
	var fastest Clock
	for _, c := range clocks {
		if c.MHz > fastest.MHz {
			fastest = c
		}
	}
	return fastest
}
