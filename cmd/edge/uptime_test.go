package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUptimes runs the program on a machine that has been up for so long that a counter of 32 bits turns over meanwhile: of
// milliseconds after 49.7 days, of hundredths of a second after 497. The LEDs must follow the camera all the same.
func TestUptimes(t *testing.T) {
	inNamespace := func(seconds int, argv ...string) *exec.Cmd {
		n := strconv.Itoa(seconds)
		return exec.Command("unshare", append([]string{"--time", "--monotonic", n, "--boottime", n}, argv...)...)
	}
	up := func(t *testing.T, seconds int) float64 {
		out, err := inNamespace(seconds, "cat", "/proc/uptime").Output()
		fields := strings.Fields(string(out))
		if err != nil || len(fields) == 0 {
			t.Skip("no time of one's own here (unshare --time takes root): ", err)
		}
		now, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	const before = 2 // seconds
	for name, turn := range map[string]float64{"49.7 days": 1 << 32 / 1000., "497 days": 1 << 32 / 100.} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offset := int(turn - up(t, 0) - before)
			if now := up(t, offset); now < turn-before-60 || now > turn {
				t.Skipf("up for %v s, want %v: another time isn't granted here", now, turn)
			}
			dir := t.TempDir()
			write(t, dir+"/red.jpg", jpegOf(t, red))
			write(t, dir+"/green.jpg", jpegOf(t, green))
			command := fmt.Sprintf("exec:cd %s; while :; do cat red.jpg; sleep 0.2; cat green.jpg; sleep 0.2; done", dir)
			run := inNamespace(offset, os.Args[0], "run", "--config", runFiles(t, rules), "--camera", command, "--leds", "terminal", "--record", dir+"/record")
			run.Env = append(os.Environ(), "EDGE_TEST_IS_PROGRAM=1", "RUNTIME_DIRECTORY="+dir)
			var out, errs bytes.Buffer
			run.Stdout, run.Stderr = &out, &errs
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * before * time.Second)
			if err := run.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := run.Wait(); err != nil {
				t.Errorf("%v: %s", err, &errs)
			}
			if n := strings.Count(out.String(), "r steady"); n < 5 || strings.Contains(out.String(), "lost steady") {
				t.Errorf("the LED came on %d times:\n%s%s", n, &out, &errs)
			}
			if status, said, stderr := edge("replay", dir+"/record"); status != 0 {
				t.Errorf("edge replay: status %d: %s%s", status, said, stderr)
			}
		})
	}
}
