//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"edge/e2e/machine"
)

var cycles = flag.Int("cycles", 0, "how often each fault strikes in the tests of endurance (make endurance)")

// newEnduranceBench skips the test unless endurance is asked for. These tests don't run beside each other: they measure.
func newEnduranceBench(t *testing.T) *bench {
	t.Helper()
	if *cycles == 0 {
		t.Skip("needs -cycles N: make endurance")
	}
	return newBench(t)
}

const (
	unbindCamera = "echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind"
	bindCamera   = "echo vivid.0 >/sys/bus/platform/drivers/vivid/bind"
	showWhite    = "vivid set /dev/video0 osd_text_mode=2 test_pattern=6"
	showBlack    = "vivid set /dev/video0 osd_text_mode=2 test_pattern=5"
)

// serviceEnv makes edge wait for its camera, as under systemd. Nobody listens.
var serviceEnv = []string{"NOTIFY_SOCKET=/run/nobody", "RUNTIME_DIRECTORY=/run"}

func sleepUpTo(most time.Duration) { time.Sleep(rand.N(most)) }

// TestEnduranceUnplugs takes the camera away at random moments while edge streams, while it starts and while it ends. It must
// tell by its LED, come back by itself, end well, and have no more files open after many times than after the first.
func TestEnduranceUnplugs(t *testing.T) {
	b := newEnduranceBench(t)
	s := smallSubject(t)
	g := b.boot(t, machine.Config{Files: append(s.files("/etc/edge", "yuyv", boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")})})
	g.sh(showWhite)
	start := func() *machine.Process {
		return g.start(machine.Command{Argv: []string{"edge", "run"}, Env: serviceEnv})
	}
	lights := func(what string, edge *machine.Process, want uint32) {
		t.Helper()
		g.wait(what, func() bool {
			if !edge.Running() {
				t.Fatalf("%s: edge run ended", what)
			}
			return g.pl061() == want
		})
	}
	open := func() int { // files of edge and its keeper, without the status file that may just be written
		least := 1 << 30
		for line := range strings.Lines(g.sh("for i in 1 2 3 4 5; do for p in $(pidof edge); do ls /proc/$p/fd; done | wc -l; done")) {
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			least = min(least, n)
		}
		return least
	}
	edge := start()
	lights("the LED is on", edge, ledSeen)
	var first, last int
	for i := range *cycles {
		sleepUpTo(500 * time.Millisecond)
		g.sh(unbindCamera)
		lights("the camera is lost", edge, ledLost)
		sleepUpTo(500 * time.Millisecond)
		g.sh(bindCamera + "; " + showWhite)
		lights("the camera is back", edge, ledSeen)
		if last = open(); i == 0 {
			first = last
		}
	}
	if last > first {
		t.Errorf("%d files are open after an unplugged camera, %d after %d", first, last, *cycles)
	}
	for range *cycles {
		// While it ends: SIGTERM and the unplugging in either order, close together.
		if rand.IntN(2) == 0 {
			g.sh(unbindCamera)
			sleepUpTo(100 * time.Millisecond)
			g.end(edge)
		} else {
			if err := edge.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			g.sh(unbindCamera)
			g.end(edge)
		}
		if leds := g.pl061(); leds != 0 {
			t.Errorf("edge run ended and left LEDs on: %#x", leds)
		}
		// While it starts.
		g.sh(bindCamera + "; " + showWhite)
		edge = start()
		sleepUpTo(1500 * time.Millisecond)
		g.sh(unbindCamera)
		lights("the camera is lost since the start", edge, ledLost)
		g.sh(bindCamera + "; " + showWhite)
		lights("the camera is back", edge, ledSeen)
	}
	// The keeper alone is killed: it is the one whose parent is an edge.
	g.sh(`for p in $(pidof edge); do grep -q "^PPid:.$(pidof edge | sed 's/ /$\\|^PPid:./g')$" /proc/$p/status && kill -9 $p; done; true`)
	g.wait("edge run ends without its keeper", func() bool { return !edge.Running() })
	if exit, err := edge.Wait(t.Context()); err != nil || exit.Status != 1 || g.pl061() != 0 {
		t.Errorf("edge run ended with %+v, %v, LEDs %#x", exit, err, g.pl061())
	}
	t.Logf("%d times unplugged while streaming, %[1]d while ending, %[1]d while starting; %d files open throughout", *cycles, first)
}

// TestEnduranceClocks sets the clock to where numbers of seconds end, and back, while edge runs and records.
func TestEnduranceClocks(t *testing.T) {
	b := newEnduranceBench(t)
	s := smallSubject(t)
	g := b.boot(t, machine.Config{Files: append(s.files("/etc/edge", "yuyv", boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")})})
	g.sh(showWhite)
	edge := g.start(machine.Command{Argv: []string{"edge", "run", "--record", "/run/record"}, Env: serviceEnv})
	g.wait("the LED is on", func() bool { return g.pl061() == ledSeen })
	dates := []string{
		"1970-01-01 00:00:01", "2038-01-19 03:14:06", "1999-12-31 23:59:59", "2106-02-07 06:28:14", "2026-11-26 00:00:00",
		"2016-12-31 23:59:59", "2262-04-11 23:47:15", "1970-01-01 00:00:01",
	}
	for _, date := range dates {
		g.sh("date -u -s '" + date + "'")
		time.Sleep(2 * time.Second) // over the edge
		for _, c := range []struct {
			show string
			want uint32
		}{{showBlack, 0}, {showWhite, ledSeen}} {
			g.sh(c.show)
			g.wait(fmt.Sprintf("the LEDs show %#x at %s", c.want, date), func() bool { return edge.Running() && g.pl061() == c.want })
		}
	}
	if log := edge.Stderr(); strings.Contains(log, "camera lost") || strings.Contains(log, "no sign of life") {
		t.Errorf("a clock that jumps looks like trouble:\n%s", log)
	}
	g.end(edge)
	if out := g.run("edge", "replay", "/run/record"); !strings.Contains(out, "frame") {
		t.Errorf("edge replay: %s", out)
	}
}

// TestEnduranceKills kills edge run again and again under systemd with the LED on, and measures how long the LED stays on.
// Then the journal's daemon goes for good: edge must not care.
func TestEnduranceKills(t *testing.T) {
	b := newEnduranceBench(t)
	s := smallSubject(t)
	config := boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")
	v := &service{b.boot(t, machine.Config{Systemd: true, Files: append(append(s.files("/deploy/config", "yuyv", config),
		machine.File{Path: "/deploy/edge", Host: b.path("edge")}), deployed(t)...)})}
	v.run("systemctl", "is-system-running", "--wait")
	v.sh(showWhite)
	v.run("sh", "/deploy/install.sh")
	var low []time.Duration
	for range *cycles {
		v.showsLED(ledSeen)
		sleepUpTo(300 * time.Millisecond)
		pid := v.get("MainPID")
		start, starved := time.Now(), v.Starved()
		kill := v.start(machine.Command{Argv: []string{"sh", "-c", "kill -9 " + pid}})
		for v.pl061() != 0 {
			if time.Since(start) > patience {
				t.Fatal("the LED stays on")
			}
			time.Sleep(time.Millisecond)
		}
		took := time.Since(start)
		starved = v.Starved() - starved
		t.Logf("low after %v, of which the board had no core for %v", took.Round(time.Millisecond), starved.Round(time.Millisecond))
		low = append(low, took-starved)
		if exit, err := kill.Wait(t.Context()); err != nil || exit != (machine.Exit{}) {
			t.Fatalf("kill: %+v, %v", exit, err)
		}
		v.wait("another process", func() bool { now := v.get("MainPID"); return now != pid && now != "0" })
	}
	slices.Sort(low)
	t.Logf("%d times kill -9: the LED was low after %v, %v, %v (min, median, max; starting the command counts, waiting for a core of this machine doesn't)", len(low),
		low[0].Round(time.Millisecond), low[len(low)/2].Round(time.Millisecond), low[len(low)-1].Round(time.Millisecond))
	if most := low[len(low)-1]; most > time.Second {
		t.Errorf("the LED was on for %v after kill -9; at most 1 s", most)
	}
	v.showsLED(ledSeen)
	t.Logf("the service's memory: %s bytes now", v.get("MemoryCurrent"))

	pid := v.get("MainPID")
	v.sh("systemctl mask --runtime --now systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service 2>/dev/null; " +
		"systemctl kill -s KILL systemd-journald.service; ! pidof systemd-journald")
	for range 3 {
		v.sh(showBlack)
		v.wait("the LED is off without a journal", func() bool { return v.pl061() == 0 })
		v.sh(showWhite)
		v.wait("the LED is on without a journal", func() bool { return v.pl061() == ledSeen })
	}
	if now := v.get("MainPID"); now != pid {
		t.Errorf("without a journal process %s became %s", pid, now)
	}
}

// cardConfig records and is taught on the card. Line 3 of the PL061 is the button.
const cardConfig = `
model: /etc/edge/net.tflite
camera: {source: /dev/video0, size: 640x480, format: yuyv}
leds:
  - {name: seen, line: "9030000.pl061:4", classes: [red], on: 0.6, smoothing: none, hold: 0s}
  - {name: lost, line: "9030000.pl061:5"}
states: {camera_lost: {leds: lost}}
teach:
  lesson: /card/lesson
  buttons: [{line: "9030000.pl061:3", class: red, active_high: true}]
`

// newCard makes a card with an ext4 file system.
func newCard(t *testing.T, megabytes int) string {
	t.Helper()
	card := filepath.Join(t.TempDir(), "card")
	for _, argv := range [][]string{{"truncate", "-s", fmt.Sprint(megabytes, "M"), card}, {"mke2fs", "-q", "-t", "ext4", card}} {
		if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v: %s", argv, err, text)
		}
	}
	return card
}

// bootCard boots with a card and mounts it.
func (b *bench) bootCard(t *testing.T, card string) *guest {
	t.Helper()
	network := b.path("small.tflite")
	if text, err := exec.Command(b.path("edge-here"), "blueprint", "v1", "--alpha", "0.25", "--resolution", "96", "--classes", "10", "--out", network).CombinedOutput(); err != nil {
		t.Fatalf("edge blueprint: %v: %s", err, text)
	}
	g := b.boot(t, machine.Config{Card: card, Files: []machine.File{
		{Path: "/usr/local/bin/edge", Host: b.path("edge")},
		{Path: "/etc/edge/net.tflite", Host: network, Mode: 0o644},
		{Path: "/etc/edge/edge.yaml", Content: []byte(cardConfig)},
	}})
	g.sh("mkdir -p /card; mount -t ext4 /dev/vda /card")
	return g
}

const (
	showRed  = "vivid set /dev/video0 osd_text_mode=2 test_pattern=7"
	showBlue = "vivid set /dev/video0 osd_text_mode=2 test_pattern=9"
)

// TestEndurancePowerCuts cuts the power at random moments while somebody teaches and edge records on the same card. After each
// cut the last good network must run, every picture must be whole, and the recording readable.
func TestEndurancePowerCuts(t *testing.T) {
	b := newEnduranceBench(t)
	card := newCard(t, 64)
	g := b.bootCard(t, card)
	g.sh(showBlue)
	g.run("edge", "teach", "add", "/card/lesson", "--class", "blue", "--camera", "/dev/video0", "--count", "3", "--every", "50ms")
	run := func() *machine.Process {
		g.sh(showRed)
		edge := g.start(machine.Command{Argv: []string{"edge", "run", "--record", "/card/record"}, Env: serviceEnv})
		g.wait("edge watches", func() bool {
			if !edge.Running() {
				t.Fatalf("edge run ended: %s", edge.Stderr())
			}
			return strings.Contains(edge.Stderr(), "msg=ready")
		})
		return edge
	}
	press := func() {
		if err := g.Press(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	g.wait("the LED shows what was taught", func() bool {
		press()
		time.Sleep(2 * time.Second)
		return g.pl061()&ledSeen != 0
	})
	g.sh("sync")
	pictures := 0
	for range *cycles {
		for range rand.IntN(4) {
			press()
			sleepUpTo(700 * time.Millisecond)
		}
		sleepUpTo(700 * time.Millisecond)
		g.Close() // the cut
		g = b.bootCard(t, card)
		if out := g.run("edge", "replay", "/card/record"); !strings.Contains(out, "frame") {
			t.Errorf("edge replay after a cut: %s", out)
		}
		g.sh("edge classify --top-k 1 --model /etc/edge/net.tflite /card/lesson/*/*.jpg") // fails at a damaged picture
		n, err := strconv.Atoi(strings.TrimSpace(g.sh("find /card/lesson -name '*.jpg' | wc -l")))
		if err != nil || n < pictures {
			t.Errorf("%d pictures were there, and after a cut %d, %v", pictures, n, err)
		}
		pictures = n
		edge := run()
		if strings.Contains(edge.Stderr(), "can't be used") {
			t.Errorf("after a cut the taught network is damaged:\n%s", edge.Stderr())
		}
		g.wait("the last good network runs", func() bool { return g.pl061()&ledSeen != 0 })
	}
	t.Logf("%d power cuts; %d pictures at last", *cycles, pictures)
}

// TestEnduranceUpdates cuts the power at random moments while deploy/install.sh brings another program, network, labels and
// configuration to a card. What starts again must be the old ones or the new ones, all of them.
func TestEnduranceUpdates(t *testing.T) {
	b := newEnduranceBench(t)
	s := smallSubject(t)
	card := newCard(t, 160)
	boot := func(files ...machine.File) *guest {
		g := b.boot(t, machine.Config{Card: card, Files: files})
		g.sh("mkdir -p /card; mount -t ext4 /dev/vda /card; " + showWhite)
		return g
	}
	// Two deployments that don't go together: each one's configuration has a class that only its own labels have. Bytes behind a
	// program or a network don't count.
	classes := []string{"bright", "light"}
	sources := map[string]string{"usr/local/bin/edge": "edge", "etc/edge/net.tflite": "config/net.tflite", "etc/edge/labels.txt": "config/labels.txt", "etc/edge/edge.yaml": "config/edge.yaml"}
	files := append(deployed(t), machine.File{Path: "/deploy/edge", Host: b.path("edge")}, machine.File{Path: "/deploy/config/net.tflite", Host: s.model})
	for _, class := range classes {
		config := boardConfig(class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")
		files = append(files, machine.File{Path: "/" + class + "/edge.yaml", Content: config},
			machine.File{Path: "/" + class + "/labels.txt", Content: []byte("dark\n" + class + "\n")})
	}
	g := boot(files...)
	sums := make([]map[string]string, len(classes)) // by path, of what each deployment brings
	for n, class := range classes {
		g.sh(strings.ReplaceAll("cp -r /deploy /card/CLASS; cp /CLASS/* /card/CLASS/config; echo CLASS >>/card/CLASS/edge; echo CLASS >>/card/CLASS/config/net.tflite", "CLASS", class))
		sums[n] = map[string]string{}
		for to, from := range sources {
			sums[n]["/card/"+to], _, _ = strings.Cut(g.sh("sha256sum /card/"+class+"/"+from), " ")
		}
	}
	install := func(n int) *machine.Process {
		return g.start(machine.Command{Argv: []string{"sh", "/card/" + classes[n] + "/install.sh"}, Env: []string{"DESTDIR=/card"}})
	}
	installed := func(n int) time.Duration {
		start := time.Now()
		p := install(n)
		if exit, err := p.Wait(t.Context()); err != nil || exit.Status != 0 {
			t.Fatalf("install.sh: %+v, %v: %s", exit, err, p.Stderr())
		}
		return time.Since(start)
	}
	// there returns which deployment is on the card.
	there := func() int {
		counts := make([]int, len(classes))
		for line := range strings.Lines(g.sh("sha256sum " + strings.Join(slices.Sorted(maps.Keys(sums[0])), " ") + "; true")) {
			fields := strings.Fields(line)
			for n := range counts {
				if sums[n][fields[1]] == fields[0] {
					counts[n]++
				}
			}
		}
		n := slices.Index(counts, len(sources))
		if n < 0 {
			t.Fatalf("of %d files, %d are of one deployment and %d of the other:\n%s", len(sources), counts[0], counts[1],
				g.sh("ls -l /card/usr/local/bin /card/etc/edge"))
		}
		return n
	}

	installed(0)
	g.sh("sync")
	most := installed(1)*5/4 + time.Second
	now, old := there(), 0
	for range *cycles {
		install(1 - now)
		sleepUpTo(most)
		g.Close() // the cut
		g = boot()
		if after := there(); after == now {
			old++
		} else {
			now = after
		}
		edge := g.start(machine.Command{Argv: []string{"/card/usr/local/bin/edge", "run", "--config", "/card/etc/edge/edge.yaml"}, Env: serviceEnv})
		g.wait("what was deployed runs", func() bool {
			if !edge.Running() {
				t.Fatalf("edge run ended: %s", edge.Stderr())
			}
			return g.pl061() == ledSeen
		})
		g.end(edge)
	}
	t.Logf("%d power cuts within %v after an installation began: %d times the old ones were there, else the new ones", *cycles, most, old)
}

// TestEnduranceCard fills the card while edge records and is taught on it, makes it slow and read-only. The LEDs follow the
// camera as if nothing were.
func TestEnduranceCard(t *testing.T) {
	b := newEnduranceBench(t)
	g := b.bootCard(t, newCard(t, 24))
	g.sh(showBlue)
	g.run("edge", "teach", "add", "/card/lesson", "--class", "blue", "--camera", "/dev/video0", "--count", "3", "--every", "50ms")
	g.sh(showRed)
	edge := g.start(machine.Command{Argv: []string{"edge", "run", "--record", "/card/record"}, Env: serviceEnv})
	g.wait("edge watches", func() bool { return strings.Contains(edge.Stderr(), "msg=ready") })
	g.wait("the LED shows what was taught", func() bool {
		if err := g.Press(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		return g.pl061()&ledSeen != 0
	})
	follows := func(card string) {
		t.Helper()
		for range 3 {
			g.sh(showBlue)
			g.wait("the LED is off with a card that is "+card, func() bool { return edge.Running() && g.pl061() == 0 })
			g.sh(showRed)
			g.wait("the LED is on with a card that is "+card, func() bool { return edge.Running() && g.pl061() == ledSeen })
		}
	}
	follows("good")
	if err := g.SlowCard(2); err != nil {
		t.Fatal(err)
	}
	follows("slow")
	if err := g.SlowCard(0); err != nil {
		t.Fatal(err)
	}
	g.sh("dd if=/dev/zero of=/card/waste bs=64k 2>/dev/null; sync; true")
	tells := func(what string) {
		t.Helper()
		g.wait("somebody who teaches is told: "+what, func() bool {
			if err := g.Press(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			return strings.Contains(edge.Stderr(), what)
		})
	}
	tells("no space left")
	follows("full")
	g.sh("echo u >/proc/sysrq-trigger") // as the kernel does after an error of the card
	g.wait("the card is read-only", func() bool { return strings.Contains(g.sh("grep /card /proc/mounts"), " ro,") })
	tells("read-only file system")
	follows("read-only")
	if strings.Contains(edge.Stderr(), "no sign of life") {
		t.Errorf("the keeper took a bad card for a hang:\n%s", edge.Stderr())
	}
	g.end(edge) // with status 0: a bad card doesn't make a failure of a stop that was asked for
	if leds := g.pl061(); leds != 0 || !strings.Contains(edge.Stderr(), "not all was kept") {
		t.Errorf("edge run ended with LEDs %#x:\n%s", leds, edge.Stderr())
	}
}

// TestEnduranceChip takes the GPIO chip away from a service and brings it back. The service must come back with it.
func TestEnduranceChip(t *testing.T) {
	b := newEnduranceBench(t)
	s := smallSubject(t)
	g := b.boot(t, machine.Config{Files: append(s.files("/etc/edge", "yuyv", boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")})})
	const driver = "/sys/bus/amba/drivers/pl061_gpio/"
	if out := g.sh("ls " + driver); !strings.Contains(out, "unbind") {
		t.Skip("this kernel's GPIO driver can't be taken away: ", out)
	}
	g.sh(showWhite)
	for range *cycles {
		edge := g.start(machine.Command{Argv: []string{"edge", "run"}, Env: serviceEnv})
		g.wait("the LED is on", func() bool { return g.pl061() == ledSeen })
		g.sh("echo 9030000.pl061 >" + driver + "unbind")
		g.sh(showBlack)
		g.wait("edge run ends without its chip", func() bool { return !edge.Running() })
		if exit, err := edge.Wait(t.Context()); err != nil || exit.Status != 1 {
			t.Errorf("edge run ended with %+v, %v; a chip may come back: want status 1", exit, err)
		}
		g.sh("echo 9030000.pl061 >" + driver + "bind; " + showWhite)
	}
}
