package doctor

import (
	"context"
	"fmt"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"time"
)

// account is the user who runs the doctor, and which of the groups that matter exist.
type account struct {
	name   string
	root   bool
	member []string // names of the groups that the user is in
	exists []string // of deviceGroups
}

// deviceGroups may open the devices: cameras and GPIO chips.
var deviceGroups = []string{"video", "gpio"}

func currentUser() account {
	var a account
	for _, name := range deviceGroups {
		if _, err := user.LookupGroup(name); err == nil {
			a.exists = append(a.exists, name)
		}
	}
	u, err := user.Current()
	if err != nil {
		return a
	}
	a.name, a.root = u.Username, u.Uid == "0"
	ids, _ := u.GroupIds() // an error counts as no groups
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			a.member = append(a.member, g.Name)
		}
	}
	return a
}

// checkGroups says which groups the user lacks. It only warns: other checks try the devices themselves, and the service
// has its own groups.
func checkGroups(a account) []Finding {
	if a.root {
		return []Finding{fine("groups", "root may open every device")}
	}
	var lacks, absent []string
	for _, name := range deviceGroups {
		switch {
		case !slices.Contains(a.exists, name):
			absent = append(absent, name)
		case !slices.Contains(a.member, name):
			lacks = append(lacks, name)
		}
	}
	var findings []Finding
	if len(lacks) > 0 {
		findings = append(findings, warn("groups", fmt.Sprintf("%s is not in %s", a.name, strings.Join(lacks, ", ")),
			fmt.Sprintf("sudo usermod -aG %s %s, then log in again", strings.Join(lacks, ","), a.name)))
	}
	if len(absent) > 0 {
		findings = append(findings, warn("groups",
			"this system has no group "+strings.Join(absent, ", ")+", so only root can open the devices",
			"install edge's sysusers and udev rules: make deploy, or the files in deploy/"))
	}
	if findings == nil {
		findings = []Finding{fine("groups", a.name+" is in "+strings.Join(deviceGroups, ", "))}
	}
	return findings
}

// showService asks systemd about the unit; the answer is empty if there is no systemd.
func showService() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "edge.service",
		"--property=LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts").Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// checkService reads what `systemctl show` says: a line KEY=VALUE for each property.
func checkService(show string) Finding {
	property := map[string]string{}
	for line := range strings.Lines(show) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		property[key] = value
	}
	active := property["ActiveState"]
	switch {
	case active == "":
		return warn("service", "no systemd here: whatever starts edge must call `edge off` when it ends", "")
	case property["LoadState"] != "loaded":
		return warn("service", "edge.service is not installed",
			"make deploy HOST=…, or copy the files in deploy/ as it does")
	case active == "failed":
		return fail("service", "edge.service failed: "+property["Result"],
			"journalctl -u edge -n 50 says why; then sudo systemctl restart edge")
	case active == "activating" && property["SubState"] == "auto-restart":
		return fail("service", "edge.service fails again and again: "+restarts(property["NRestarts"]),
			"journalctl -u edge -n 50 says why")
	case active != "active" && active != "activating":
		return warn("service", "edge.service is "+active, "sudo systemctl enable --now edge")
	case property["UnitFileState"] == "disabled":
		return warn("service", "edge.service runs, but won't after the next boot", "sudo systemctl enable edge")
	}
	text := "edge.service is " + active
	if n := property["NRestarts"]; n != "" && n != "0" {
		text += ", " + restarts(n) + " (journalctl -u edge says why)"
	}
	return fine("service", text)
}

func restarts(n string) string {
	if n == "1" {
		return "1 restart"
	}
	return n + " restarts"
}
