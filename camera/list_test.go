package camera

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhyNoCamera(t *testing.T) {
	tests := []struct {
		name, driver string
		caps         uint32
		want         string
		csi          bool
	}{
		{"USB camera", "uvcvideo", capVideoCapture | capStreaming, "", false},
		{"its metadata", "uvcvideo", capMetaCapture | capStreaming, "data about the pictures", false},
		{"Pi 4 CSI", "unicam", capVideoCapture | capStreaming | capIOMC, "rpicam-vid", true},
		{"Pi 4 codec", "bcm2835-codec", capVideoM2MMplane | capStreaming, "codec", false},
		{"Pi 4 ISP", "bcm2835-isp", capVideoCapture | capStreaming, "image processor", false},
		{"Pi 5 ISP", "pispbe", capVideoCaptureMplane | capStreaming | capIOMC, "image processor", false},
		{"Pi 5 CSI", "rp1-cfe", capVideoCapture | capStreaming | capIOMC, "rpicam-vid", true},
		{"phone", "qcom-camss", capVideoCaptureMplane | capStreaming, "multi-planar", false},
		{"screen", "vivid", capVideoOutput | capStreaming, "shows pictures", false},
		{"only read", "old", capVideoCapture, "can't stream", false},
		{"radio", "radio", 0x40000, "gives no pictures", false},
	}
	for _, tt := range tests {
		why, csi := whyNoCamera(tt.driver, tt.caps)
		if !strings.Contains(why, tt.want) || (why == "") != (tt.want == "") || csi != tt.csi {
			t.Errorf("%s: %q, CSI %v", tt.name, why, csi)
		}
	}
}

// TestCapabilitiesOfTheNode: the camera's metadata node says that the device captures, and that the node doesn't.
func TestCapabilitiesOfTheNode(t *testing.T) {
	both := capability{Capabilities: capVideoCapture | capMetaCapture | capDeviceCaps, DeviceCaps: capMetaCapture}
	if got := both.node(); got != capMetaCapture {
		t.Errorf("%#x", got)
	}
	old := capability{Capabilities: capVideoCapture, DeviceCaps: 0}
	if got := old.node(); got != capVideoCapture {
		t.Errorf("an old driver: %#x", got)
	}
}

func TestWhyNoFormat(t *testing.T) {
	code := func(s string) uint32 { return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24 }
	yuyv, h264 := newFormat(code("YUYV"), "YUYV 4:2:2"), newFormat(code("H264"), "H.264")
	bayer := newFormat(code("pBAA"), "10-bit Bayer BGBG/GRGR Packed")
	tests := []struct {
		driver  string
		formats []Format
		want    string
		csi     bool
	}{
		{"uvcvideo", []Format{h264, yuyv}, "", false},
		{"unicam", []Format{bayer, bayer}, "raw Bayer", true},
		{"uvcvideo", []Format{bayer, bayer}, "raw Bayer data, one colour a pixel; ffmpeg", false},
		{"uvcvideo", []Format{h264}, "exec:ffmpeg -nostdin -loglevel error -f v4l2 -i /dev/video7 ", false},
		{"other", []Format{bayer, h264}, "pBAA, H264", false},
		{"other", nil, "no format", false},
	}
	for _, tt := range tests {
		why, csi := whyNoFormat(Node{Path: "/dev/video7", Driver: tt.driver, Formats: tt.formats})
		if !strings.Contains(why, tt.want) || (why == "") != (tt.want == "") || csi != tt.csi {
			t.Errorf("%v: %q, CSI %v", tt.formats, why, csi)
		}
	}
}

func TestChooseByName(t *testing.T) {
	usable := func(path, name string) Node { return Node{Path: path, Name: name, Usable: true} }
	nodes := []Node{
		{Path: "/dev/video0", Name: "unicam", CSI: true, Why: "it belongs to a CSI camera"},
		usable("/dev/video1", "HD Pro Webcam C920"),
		{Path: "/dev/video2", Name: "HD Pro Webcam C920", Why: "gives data about the pictures"},
		usable("/dev/video3", "Integrated Camera"),
		usable("/dev/video4", "Integrated Camera 2"),
	}
	tests := []struct {
		spec    string
		nodes   []Node
		want    string
		failure string
	}{
		{"auto", nodes, "/dev/video1", ""},
		{"auto", nodes[:1], "", CommandForCSI},
		{"auto", nodes[2:3], "", "gives data about the pictures"},
		{"auto", nil, "", "no /dev/video"},
		{"hd pro webcam c920", nodes, "/dev/video1", ""},
		{"C920", nodes, "/dev/video1", ""},
		{"integrated camera", nodes, "/dev/video3", ""},
		{"camera", nodes, "", "several"},
		{"unicam", nodes, "", "neither a file nor a camera"},
	}
	for _, tt := range tests {
		spec := Spec{Named, tt.spec}
		if tt.spec == "auto" {
			spec = Spec{}
		}
		n, err := choose(spec, tt.nodes)
		failure := ""
		if err != nil {
			failure = err.Error()
		}
		if n.Path != tt.want || (failure == "") != (tt.failure == "") || !strings.Contains(failure, tt.failure) {
			t.Errorf("%q: %q, %v", tt.spec, n.Path, err)
		}
	}
}

// TestInfraredLast holds that auto takes a camera for infrared only if there is no other.
func TestInfraredLast(t *testing.T) {
	code := func(s string) uint32 { return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24 }
	usable := func(path, name string, codes ...string) Node {
		n := Node{Path: path, Name: name, Usable: true}
		for _, c := range codes {
			n.Formats = append(n.Formats, newFormat(code(c), ""))
		}
		return n
	}
	grey := usable("/dev/video0", "Integrated Camera: Integrated I", "GREY")
	deep := usable("/dev/video0", "Thermal", "Y16 ", "H264")
	named := usable("/dev/video0", "Integrated IR Camera", "MJPG", "YUYV")
	colour := usable("/dev/video2", "FIRST Webcam", "H264", "YUYV")
	for _, other := range []Node{grey, deep, named} {
		if n, err := choose(Spec{}, []Node{other, colour}); err != nil || n.Path != "/dev/video2" {
			t.Errorf("%s: %s, %v", other.Name, n.Path, err)
		}
		if n, err := choose(Spec{}, []Node{other}); err != nil || n.Path != "/dev/video0" {
			t.Errorf("%s alone: %s, %v", other.Name, n.Path, err)
		}
	}
}

// TestAround looks at a small /dev, /proc and /sys: links to a node, its name, and who has it open.
func TestAround(t *testing.T) {
	root := t.TempDir()
	node := filepath.Join(root, "dev", "video0")
	for _, dir := range []string{
		"dev/v4l/by-id", "dev/v4l/by-path", "class/video0", "proc/812/fd", "proc/9/fd", "proc/tty/fd",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range map[string]string{
		"dev/video0": "", "dev/video1": "", "class/video0/name": "HD Webcam\n", "proc/812/comm": "motion\n",
	} {
		if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"dev/v4l/by-id/usb-a": "../../video0", "dev/v4l/by-id/usb-b": "../../video1",
		"dev/v4l/by-path/pci": "../../video0",
		"proc/812/fd/3":       node, "proc/812/fd/4": node, "proc/9/fd/1": "/dev/null", "proc/tty/fd/1": node,
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	self := filepath.Join(root, "proc", strconv.Itoa(os.Getpid()), "fd")
	if err := os.MkdirAll(self, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(node, filepath.Join(self, "5")); err != nil {
		t.Fatal(err)
	}

	links := linksTo(node, filepath.Join(root, "dev/v4l"))
	if len(links) != 2 || filepath.Base(links[0]) != "usb-a" || filepath.Base(links[1]) != "pci" {
		t.Errorf("links %v", links)
	}
	if name := sysfsName(filepath.Join(root, "class"), node); name != "HD Webcam" {
		t.Errorf("name %q", name)
	}
	n := Node{Path: "/dev/video0", Name: "HD Webcam", Holders: holdersOf(node, filepath.Join(root, "proc"))}
	if len(n.Holders) != 1 || n.Holders[0] != (Holder{812, "motion"}) {
		t.Errorf("holders %v", n.Holders)
	}
	const want = "/dev/video0 (HD Webcam): busy, held by motion (pid 812): stop it or choose another camera"
	if got := n.explain(unix.EBUSY).Error(); got != want {
		t.Errorf("got %q", got)
	}
}
