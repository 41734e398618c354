//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edge/e2e/machine"
)

// TestServiceKeepsRunning installs the shipped unit with the shipped script under a real systemd, and does to the
// service what happens in years: a crash, a hang, a lost camera, a wrong configuration.
func TestServiceKeepsRunning(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := smallSubject(t)
	config := boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")
	files := append(s.files("/deploy/config", "yuyv", config),
		machine.File{Path: "/deploy/edge", Host: b.path("edge")},
		machine.File{Path: "/etc/systemd/system/edge.service.d/gate.conf", Content: []byte(gate)})
	v := &service{b.boot(t, machine.Config{Systemd: true, Files: append(files, deployed(t)...)})}
	v.run("systemctl", "is-system-running", "--wait")
	v.feed("YUYV", "/pictures/shown")

	out := v.run("sh", "/deploy/install.sh")
	if !strings.Contains(out, "edge runs") {
		t.Errorf("install.sh: %s", out)
	}
	v.isReady() // Type=notify: systemctl waited for it
	v.showsLED(ledSeen)

	for _, c := range []struct{ what, signal, before string }{
		{"a crash", "KILL", ""},
		{"a hang", "STOP", ""}, // the keeper switches the LEDs off, and later the watchdog restarts the service
		{"a crash with the configuration broken meanwhile", "KILL", "echo 'leds: [{colour: red}]' >/etc/edge/edge.yaml"},
	} {
		before := v.get("NRestarts")
		v.sh("touch /run/closed; cp /etc/edge/edge.yaml /run/edge.yaml; " + c.before)
		v.run("systemctl", "kill", "--kill-who=main", "--signal="+c.signal, "edge.service")
		v.wait("the LEDs are off after "+c.what, func() bool { return v.pl061() == 0 })
		if c.signal == "STOP" && v.get("ActiveState") != "active" {
			t.Errorf("after a hang it took systemd's watchdog to switch the LEDs off")
		}
		v.sh("mv /run/edge.yaml /etc/edge/edge.yaml; rm /run/closed")
		v.wait("the service runs again after "+c.what, func() bool {
			return v.get("NRestarts") != before && v.get("ActiveState") == "active"
		})
		v.showsLED(ledSeen)
	}

	v.sh("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	v.showsLED(ledLost)
	v.isReady()
	v.sh("echo vivid.0 >/sys/bus/platform/drivers/vivid/bind")
	v.wait("the camera is back", func() bool { return v.pl061()&ledLost == 0 })
	v.isReady()

	v.sh("systemctl stop edge.service")
	if leds := v.pl061(); leds != 0 {
		t.Errorf("stopped, and LEDs are on: %#x", leds)
	}
	v.refuses("leds: [{colour: red}]")
	v.refuses("leds: [{name: a, line: GPIO99, classes: 0}]") // a line that the board doesn't have

	out = v.run("sh", "/deploy/install.sh") // brings the good configuration back
	if n := strings.Count(out, "installed "); n != 1 {
		t.Errorf("install.sh installed %d files, want the configuration alone:\n%s", n, out)
	}
	v.isReady()
	v.run("sh", "/deploy/install.sh")
	v.isReady()
}

// TestServiceShowsItsPage opens the page as docs/page.md says, under a real systemd: the socket is systemd's, the service
// has no network, what it sees is recorded in memory, and saving works once the configuration is the service's own.
func TestServiceShowsItsPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := smallSubject(t)
	config := append([]byte("# a comment that stays\n"), boardConfig(s.class, "yuyv", "9030000.pl061:4", "9030000.pl061:5")...)
	files := append(s.files("/deploy/config", "yuyv", config), machine.File{Path: "/deploy/edge", Host: b.path("edge")})
	v := &service{b.boot(t, machine.Config{Systemd: true, Files: append(files, deployed(t)...)})}
	v.run("systemctl", "is-system-running", "--wait")
	v.feed("YUYV", "/pictures/shown")
	v.run("sh", "/deploy/install.sh")
	v.showsLED(ledSeen)

	const ask = "GET /state HTTP/1.1"
	if out := v.sh("bash -c '</dev/tcp/127.0.0.1/8080' 2>&1 || echo refused"); !strings.Contains(out, "refused") {
		t.Errorf("a page that nobody has asked for: %s", out)
	}
	v.sh("systemctl stop edge && systemctl enable --now edge.socket && systemctl start edge")
	v.showsLED(ledSeen)
	if out := v.http(ask, ""); !strings.HasPrefix(out, "HTTP/1.1 200") || !strings.Contains(out, `"state":"watching"`) {
		t.Errorf("%s: %s", ask, out)
	}
	v.isSafe()

	// What was seen is in memory, and there after a crash.
	if kind := v.run("findmnt", "--noheadings", "--output=FSTYPE", "--target=/run/edge/record"); strings.TrimSpace(kind) != "tmpfs" {
		t.Errorf("the recording lies in %s", kind)
	}
	if out := v.sh("find /var/lib/private/edge -type f"); out != "" {
		t.Errorf("unasked on the disk: %s", out)
	}
	before := v.get("NRestarts")
	v.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "edge.service")
	v.wait("the service runs again", func() bool {
		return v.get("NRestarts") != before && v.get("ActiveState") == "active"
	})
	v.showsLED(ledSeen)
	v.wait("edge replay tells of both runs", func() bool {
		out := v.run("/usr/local/bin/edge", "replay", "/run/edge/record")
		return strings.Contains(out, "starting") && strings.Count(out, "seen dark → steady") >= 2
	})
	v.wait("edge status, which is written every second, tells what the LED shows", func() bool {
		out := v.run("/usr/local/bin/edge", "status")
		return strings.Contains(out, "watching") && strings.Contains(out, "/run/edge/record")
	})

	// Saving.
	const patch = `{"set":[{"path":"leds[0].on","value":"0.55"}],"save":true}`
	save := func() string {
		return v.http(`PATCH /api/v1/config HTTP/1.1\r\nContent-Length: `+fmt.Sprint(len(patch)), patch)
	}
	if out := save(); !strings.HasPrefix(out, "HTTP/1.1 409") || !strings.Contains(out, "docs/page.md") {
		t.Errorf("saved in /etc: %s", out)
	}
	v.sh(`cp -r /etc/edge/. /var/lib/edge/
mkdir -p /etc/systemd/system/edge.service.d
cat >/etc/systemd/system/edge.service.d/override.conf <<END
[Service]
ExecStart=
ExecStart=/usr/local/bin/edge run --config /var/lib/edge/edge.yaml
END
systemctl daemon-reload && systemctl restart edge`)
	v.showsLED(ledSeen)
	if out := save(); !strings.HasPrefix(out, "HTTP/1.1 200") {
		t.Errorf("not saved: %s", out)
	}
	v.sh("systemctl restart edge")
	v.showsLED(ledSeen)
	saved := v.sh("cat /var/lib/edge/edge.yaml")
	if want := strings.Replace(string(config), "on: 0.6", "on: 0.55", 1); saved != want {
		t.Errorf("saved:\n%s\nwant\n%s", saved, want)
	}
	if good := v.sh("cat /var/lib/edge/edge.yaml.good"); good != string(config) {
		t.Errorf("the one before:\n%s", good)
	}
	v.isSafe()
}

// http asks the page in the guest, which has no program for that, and returns all of the answer.
func (v *service) http(head, body string) string {
	v.t.Helper()
	return v.sh(`exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080
printf "` + head + `\r\nHost: localhost\r\nConnection: close\r\n\r\n%s" "$1" >&3; cat <&3' - '` + body + `'`)
}

// isSafe asks systemd how exposed the service is.
func (v *service) isSafe() {
	v.t.Helper()
	out := v.run("systemd-analyze", "security", "--no-pager", "edge.service")
	_, level, _ := strings.Cut(out, "Overall exposure level for edge.service: ")
	var exposure float64
	if n, err := fmt.Sscan(level, &exposure); n != 1 || exposure > 2 {
		v.t.Errorf("exposure %v, %v\n%s", exposure, err, out)
	}
}

// gate keeps the service from starting again while a test looks at the LEDs that it left behind.
const gate = `[Service]
ExecStartPre=+/bin/sh -c 'while [ -e /run/closed ]; do sleep 0.1; done'
`

// deployed are the files of deploy/, where install.sh expects them.
func deployed(t *testing.T) []machine.File {
	t.Helper()
	const deploy = "../deploy"
	var files []machine.File
	err := filepath.WalkDir(deploy, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(deploy, path)
		files = append(files, machine.File{Path: "/deploy/" + name, Host: path})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(deploy, "edge.service")); err != nil {
		t.Fatal(err)
	}
	return files
}

// service is a guest with edge.service.
type service struct{ *guest }

// get returns a property of the unit, as systemctl show names it.
func (v *service) get(property string) string {
	v.t.Helper()
	return strings.TrimSpace(v.run("systemctl", "show", "--value", "--property="+property, "edge.service"))
}

func (v *service) isReady() {
	v.t.Helper()
	if state := v.get("ActiveState") + " " + v.get("SubState"); state != "active running" {
		v.t.Fatalf("the service is %s\n%s", state, v.journal())
	}
}

func (v *service) showsLED(want uint32) {
	v.t.Helper()
	v.wait("the LED is on", func() bool { return v.pl061() == want })
}

// refuses writes a wrong configuration: the service must end with status 78 and stay ended, with the LEDs off.
func (v *service) refuses(config string) {
	v.t.Helper()
	v.sh("echo '" + config + "' >/etc/edge/edge.yaml")
	v.sh("systemctl reset-failed edge.service; systemctl start edge.service || true")
	v.wait("the service has failed", func() bool { return v.get("ActiveState") == "failed" })
	if status := v.get("ExecMainStatus"); status != "78" {
		v.t.Errorf("a wrong configuration ends with status %s, want 78\n%s", status, v.journal())
	}
	time.Sleep(5 * time.Second) // more than RestartSec
	if state, restarts := v.get("ActiveState"), v.get("NRestarts"); state != "failed" || restarts != "0" {
		v.t.Errorf("with a wrong configuration the service is %s after %s restarts", state, restarts)
	}
	if leds := v.pl061(); leds != 0 {
		v.t.Errorf("with a wrong configuration LEDs are on: %#x", leds)
	}
}

func (v *service) journal() string {
	v.t.Helper()
	return v.run("journalctl", "--no-pager", "--output=short-monotonic", "--unit=edge.service")
}
