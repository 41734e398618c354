package camera

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// Node is a /dev/video… of this machine.
type Node struct {
	Path    string   `json:"path"`  // /dev/video0
	Links   []string `json:"links"` // other paths of it: /dev/v4l/by-id/…, which stay the same, and /dev/v4l/by-path/…
	Name    string   `json:"name"`  // of the camera, as its driver says
	Driver  string   `json:"driver"`
	Bus     string   `json:"bus"`
	Usable  bool     `json:"usable"`
	Why     string   `json:"why"` // why it can't be used, and what to do; empty when it can
	CSI     bool     `json:"csi"` // behind it is a camera that only libcamera (rpicam-vid) can run
	Holders []Holder `json:"holders"`
	Formats []Format `json:"formats"`
}

// Holder is a process that has a node open. That alone doesn't keep others from using it.
type Holder struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
}

// String returns for example "motion (pid 812)".
func (h Holder) String() string { return fmt.Sprintf("%s (pid %d)", h.Name, h.PID) }

// CommandForCSI is a spec for Open that reads a camera on a Raspberry Pi's CSI connector.
const CommandForCSI = "exec:rpicam-vid -t 0 -n --codec mjpeg --width 640 --height 480 -o -"

const useCommand = `use --camera "` + CommandForCSI + `"`

// List returns the /dev/video… of this machine, in the order of their numbers. It only looks: a node that is in use
// is not disturbed.
func List() ([]Node, error) {
	paths, err := filepath.Glob("/dev/video*")
	if err != nil {
		return nil, fmt.Errorf("camera: %w", err)
	}
	slices.SortFunc(paths, compareNatural)
	nodes := make([]Node, 0, len(paths))
	for _, path := range paths {
		nodes = append(nodes, inspect(path))
	}
	return nodes, nil
}

// inspect finds out all there is to know about the node at path.
func inspect(path string) Node {
	n := Node{
		Path:    path,
		Links:   linksTo(path, "/dev/v4l"),
		Name:    sysfsName("/sys/class/video4linux", path),
		Holders: holdersOf(path, "/proc"),
		Formats: []Format{},
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		n.Why = n.reason(err)
		return n
	}
	defer func() { _ = unix.Close(fd) }()
	var c capability
	if err := ioctl(fd, vidiocQuerycap, &c); err != nil {
		n.Why = fmt.Sprintf("not a V4L2 device (%v)", err)
		return n
	}
	n.Driver, n.Name, n.Bus = text(c.Driver[:]), text(c.Card[:]), text(c.BusInfo[:])
	if n.Why, n.CSI = whyNoCamera(n.Driver, c.node()); n.Why != "" {
		return n
	}
	if n.Formats, err = formatsOf(path); err != nil {
		n.Why = n.reason(err)
		return n
	}
	if n.Why, n.CSI = whyNoFormat(n); n.Why != "" {
		return n
	}
	// Asking for no buffers changes nothing, and is refused if another process streams from the node.
	if err := ioctl(fd, vidiocReqbufs, &requestBuffers{Type: bufTypeVideoCapture, Memory: memoryMmap}); err != nil {
		n.Why = n.reason(err)
		return n
	}
	n.Usable = true
	return n
}

// text returns the string in a field of a C structure.
func text(field []byte) string {
	before, _, _ := bytes.Cut(field, []byte{0})
	return strings.ToValidUTF8(string(before), "?")
}

// whyNoCamera says why a node of that driver and these capabilities gives no pictures; empty if it does.
func whyNoCamera(driver string, caps uint32) (why string, csi bool) {
	const forLibcamera = "it belongs to a CSI camera, which only libcamera can run: " + useCommand
	switch {
	case caps&(capVideoM2M|capVideoM2MMplane) != 0:
		return "converts pictures (a codec), gives none of its own", false
	case slices.Contains([]string{"bcm2835-isp", "pispbe"}, driver):
		return "the image processor that libcamera uses, not a camera", false
	case caps&(capMetaCapture|capMetaOutput) != 0 && caps&capVideoCapture == 0:
		return "gives data about the pictures, not the pictures", false
	case caps&capIOMC != 0 && caps&(capVideoCapture|capVideoCaptureMplane) != 0:
		return forLibcamera, true
	case caps&capVideoCapture != 0 && caps&capStreaming == 0:
		return "its driver can't stream", false
	case caps&capVideoCapture != 0:
		return "", false
	case caps&capVideoCaptureMplane != 0:
		return "its driver gives frames in several planes (multi-planar) only, which isn't supported", false
	case caps&(capVideoOutput|capVideoOutputMplane) != 0:
		return "shows pictures, gives none", false
	}
	return "gives no pictures", false
}

// whyNoFormat says why a camera whose formats are known can't be used; empty if it can.
func whyNoFormat(n Node) (why string, csi bool) {
	var names []string
	bayer := 0
	for _, f := range n.Formats {
		if f.Readable {
			return "", false
		}
		if strings.Contains(f.About, "Bayer") {
			bayer++
		}
		names = append(names, f.FourCC)
	}
	const usb = "uvcvideo" // the driver of all USB cameras
	switch {
	case len(names) == 0:
		return "its driver names no format", false
	case bayer == len(names) && n.Driver != usb:
		return "gives only raw Bayer data, as CSI cameras do: " + useCommand, true
	case bayer == len(names):
		why = "gives only raw Bayer data, one colour a pixel"
	default:
		why = fmt.Sprintf("gives frames only as %s, which can't be read", strings.Join(names, ", "))
	}
	return fmt.Sprintf(`%s; ffmpeg may turn them into pictures: --camera "%sffmpeg -nostdin -loglevel error -f v4l2 -i %s `+
		`-c:v mjpeg -q:v 3 -f mjpeg -"`, why, commandPrefix, n.Path), false
}

// formatsOf asks a camera for its formats and their sizes.
func formatsOf(path string) ([]Format, error) {
	cam, err := webcam.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cam.Close() }()
	var list []Format
	for code, about := range cam.GetSupportedFormats() {
		f := newFormat(uint32(code), about)
		for _, s := range cam.GetSupportedFrameSizes(code) {
			if s.MaxWidth > 0 && s.MaxHeight > 0 { // else V4L2_FRMSIZE_TYPE_CONTINUOUS, of which the library shows nothing
				f.Sizes = append(f.Sizes, Sizes{
					int(s.MinWidth), int(s.MaxWidth), int(s.StepWidth),
					int(s.MinHeight), int(s.MaxHeight), int(s.StepHeight),
				})
			}
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Format) int {
		order := func(f Format) int { return int(f.known-1) & 0xFF } // what isn't known comes last
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a.FourCC, b.FourCC))
	})
	return list, nil
}

// linksTo returns the links below dir that lead to the node at path, those by id first.
func linksTo(path, dir string) []string {
	links := []string{}
	for _, by := range []string{"by-id", "by-path"} {
		found, _ := filepath.Glob(filepath.Join(dir, by, "*"))
		for _, link := range found {
			if target, err := filepath.EvalSymlinks(link); err == nil && target == path {
				links = append(links, link)
			}
		}
	}
	return links
}

// sysfsName returns the name of the node at path, for one that can't be opened.
func sysfsName(class, path string) string {
	b, _ := os.ReadFile(filepath.Join(class, filepath.Base(path), "name"))
	return strings.TrimSpace(string(b))
}

// holdersOf returns the other processes that have the node at path open; without root only this user's can be seen.
func holdersOf(path, proc string) []Holder {
	holders := []Holder{}
	descriptors, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, fd := range descriptors {
		if target, err := os.Readlink(fd); err != nil || target != path {
			continue
		}
		dir := filepath.Dir(filepath.Dir(fd))
		pid, err := strconv.Atoi(filepath.Base(dir))
		known := slices.ContainsFunc(holders, func(h Holder) bool { return h.PID == pid })
		if err != nil || pid == os.Getpid() || known {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		holders = append(holders, Holder{pid, strings.TrimSpace(string(name))})
	}
	return holders
}

// reason says what an error at this node means and what to do.
func (n Node) reason(err error) string {
	switch {
	case errors.Is(err, unix.EACCES):
		return "permission denied: add the user to the group video (sudo usermod -aG video USER) and log in again; " +
			"for a service SupplementaryGroups=video"
	case errors.Is(err, unix.EPERM):
		return "not permitted: a service needs DeviceAllow=char-video4linux rw"
	case errors.Is(err, unix.EBUSY) && len(n.Holders) == 0:
		return "busy, held by a process that can't be seen from here: sudo edge cameras says which"
	case errors.Is(err, unix.EBUSY):
		var names []string
		for _, h := range n.Holders {
			names = append(names, h.String())
		}
		return "busy, held by " + strings.Join(names, ", ") + ": stop it or choose another camera"
	}
	return err.Error()
}

// explain turns an error of this node into one for people.
func (n Node) explain(err error) error {
	return fmt.Errorf("%s (%s): %w", n.Path, n.Name, &explained{n.reason(err), err})
}

// explained is an error in other words.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// find returns the usable node that spec names.
func find(spec Spec) (Node, error) {
	if spec.Kind == Device {
		return findPath(spec.Arg)
	}
	nodes, err := List()
	if err != nil {
		return Node{}, err
	}
	return choose(spec, nodes)
}

// findPath returns the node at a path or at the end of a link.
func findPath(spec string) (Node, error) {
	path, err := filepath.EvalSymlinks(spec)
	if errors.Is(err, fs.ErrNotExist) {
		nodes, _ := List()
		return Node{}, fmt.Errorf("%s: there is no such device; %s", spec, summary(nodes))
	}
	if err != nil {
		return Node{}, err
	}
	n := inspect(path)
	if !n.Usable {
		return n, fmt.Errorf("%s (%s): %s", path, n.Name, n.Why)
	}
	return n, nil
}

// choose returns the best usable node for Auto, or the one with that name or a name that only it has a part of.
func choose(spec Spec, nodes []Node) (Node, error) {
	if spec.Kind == Auto {
		return best(nodes)
	}
	var exact, part []Node
	for _, n := range nodes {
		if !n.Usable {
			continue
		}
		if strings.EqualFold(n.Name, spec.Arg) {
			exact = append(exact, n)
		}
		if spec.Matches(n) {
			part = append(part, n)
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(part) == 1:
		return part[0], nil
	case len(part) > 1:
		return Node{}, fmt.Errorf("%q: several cameras have this name; %s: give one's path", spec.Arg, summary(part))
	}
	return Node{}, fmt.Errorf("%q: neither a file nor a camera; %s", spec.Arg, summary(nodes))
}

// best returns the first usable node that gives colours, else the first one that doesn't: many laptops have a second
// camera for infrared, which may come first, and networks are trained on colours.
func best(nodes []Node) (Node, error) {
	found := slices.IndexFunc(nodes, func(n Node) bool { return n.Usable && !n.infrared() })
	if found < 0 {
		found = slices.IndexFunc(nodes, func(n Node) bool { return n.Usable })
	}
	if found < 0 {
		return Node{}, errors.New("auto: no camera that can be used; " + summary(nodes))
	}
	return nodes[found], nil
}

// infraredName matches the names of infrared cameras, such as "Integrated IR Camera" and "Windows Hello Infrared".
var infraredName = regexp.MustCompile(`(?i)\bIR\b|infrared`)

// infrared reports whether a camera gives no colours: infrared cameras have only grey formats, or give grey pictures in
// a colour format and say infrared in their name.
func (n Node) infrared() bool {
	colour := slices.ContainsFunc(n.Formats, func(f Format) bool { return f.Readable && !f.known.IsGrey() })
	return !colour || infraredName.MatchString(n.Name)
}

// summary says in one line which cameras there are, or why there is none.
func summary(nodes []Node) string {
	var usable, others []string
	csi := false
	for _, n := range nodes {
		csi = csi || n.CSI
		if n.Usable {
			usable = append(usable, fmt.Sprintf("%s (%s)", n.Path, n.Name))
		} else if !n.CSI {
			others = append(others, fmt.Sprintf("%s: %s", n.Path, n.Why))
		}
	}
	switch {
	case len(usable) > 0:
		return "here are " + strings.Join(usable, ", ")
	case csi:
		return "here is a CSI camera, which only libcamera can run: " + useCommand
	case len(others) > 0:
		return "here are " + strings.Join(others, "; ")
	}
	return "here is no /dev/video… at all: is the camera plugged in? (for one on the CSI connector " + useCommand + ")"
}
