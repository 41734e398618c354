package camera

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edge/frame"
	"edge/internal/marker"
)

func TestParseSpec(t *testing.T) {
	dir := t.TempDir()
	file, link, numbered := filepath.Join(dir, "note"), filepath.Join(dir, "front"), filepath.Join(dir, "1")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", link); err != nil { // as good a device as any
		t.Fatal(err)
	}
	if err := os.Mkdir(numbered, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for text, want := range map[string]Spec{
		"auto":                      {},
		"-":                         {Kind: Stdin},
		"exec:cat a.mjpeg":          {Command, "cat a.mjpeg"},
		"0":                         {Device, "/dev/video0"},
		"1":                         {Device, "/dev/video1"}, // although there is a folder of that name
		"12":                        {Device, "/dev/video12"},
		"video2":                    {Device, "/dev/video2"},
		"./1":                       {Files, "./1"},
		"/dev/video9":               {Device, "/dev/video9"},
		"/dev/v4l/by-id/usb-x":      {Device, "/dev/v4l/by-id/usb-x"},
		"front":                     {Device, "front"},
		"note":                      {Files, "note"},
		dir:                         {Files, dir},
		"door/*.jpg":                {Files, "door/*.jpg"},
		"a.png":                     {Files, "a.png"},
		"/nowhere/at-all":           {Files, "/nowhere/at-all"},
		"HD Webcam C615":            {Named, "HD Webcam C615"},
		"USB Camera: USB Camera":    {Named, "USB Camera: USB Camera"},
		"Integrated Camera 3.0":     {Named, "Integrated Camera 3.0"},
		"99999":                     {Named, "99999"}, // no kernel has so many
		"-1":                        {Named, "-1"},
		"UVC Camera (046d:0825)":    {Named, "UVC Camera (046d:0825)"},
		"exec:ffmpeg -i rtsp://x -": {Command, "ffmpeg -i rtsp://x -"},
	} {
		got, err := ParseSpec(text)
		if err != nil || got != want {
			t.Errorf("ParseSpec(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseSpec(got.String()); err != nil || again != got {
			t.Errorf("%q says it is %q, which is %+v, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"":                               "none given",
		"exec:":                          "without a command",
		"exec: ":                         "without a command",
		"rtsp://user:pw@cam/1?a=b&c='d'": `exec:ffmpeg -nostdin -loglevel error -rtsp_transport tcp -i 'rtsp://user:pw@cam/1?a=b&c='\\''d'\\'''`,
		"http://cam/video":               "exec:ffmpeg -nostdin -loglevel error -i 'http://cam/video' ",
		"HTTPS://cam/video":              "is a URL",
		"file:///tmp/a.mp4":              "exec:ffmpeg",
	} {
		if got, err := ParseSpec(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSpec(%q) = %+v, %v; want %q", text, got, err, want)
		}
	}
}

// TestCommandForURL reads a camera on the network with the command that the error for its URL names.
func TestCommandForURL(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg isn't installed")
	}
	pictures := join(picture(t, 64, 48, 10), picture(t, 64, 48, 90), picture(t, 64, 48, 200))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "a=b&c='d'" {
			http.Error(w, "no camera", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=frame")
		for part := range bytes.SplitSeq(pictures, []byte{0xFF, marker.SOI}) {
			if len(part) > 0 {
				fmt.Fprintf(w, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n\xff\xd8%s\r\n", len(part)+2, part)
			}
		}
	}))
	defer server.Close()
	c := open(t, commandForURL(server.URL+"/video?a=b&c='d'"), patient)
	for f, err := range elements(within(t), c) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Format != frame.MJPEG || f.Width != 64 || f.Height != 48 {
			t.Errorf("%v %d × %d", f.Format, f.Width, f.Height)
		}
		break
	}
}

// TestRawStride holds which strides are known and which have to be said.
func TestRawStride(t *testing.T) {
	const rpicam = "rpicam-vid -t 0 --codec yuv420 -o -"
	for _, c := range []struct {
		spec          Spec
		format        frame.Format
		width, stride int
		want          int // 0: an error
	}{
		{Spec{Kind: Stdin}, frame.YU12, 640, 0, 640},
		{Spec{Kind: Stdin}, frame.YU12, 800, 0, 0},
		{Spec{Kind: Stdin}, frame.YU12, 800, 800, 800},
		{Spec{Kind: Stdin}, frame.YU12, 800, 832, 832},
		{Spec{Kind: Stdin}, frame.YU12, 800, 799, 0},
		{Spec{Kind: Stdin}, frame.YU12, 800, 1 << 30, 0},
		{Spec{Command, rpicam}, frame.YU12, 800, 0, 832},
		{Spec{Command, "/usr/bin/libcamera-vid -o -"}, frame.YU12, 800, 0, 832},
		{Spec{Command, rpicam}, frame.YU12, 800, 896, 896},
		{Spec{Command, "ffmpeg -i x -f rawvideo -"}, frame.YU12, 800, 0, 800},
		{Spec{Command, "./camera.sh"}, frame.YU12, 800, 0, 0},
		{Spec{Command, "./camera.sh"}, frame.YUYV, 800, 0, 1600},
		{Spec{Kind: Stdin}, frame.RGB24, 33, 0, 99},
		{Spec{Kind: Stdin}, frame.RGB24, 33, 100, 100},
	} {
		o := Options{Width: c.width, Height: 600, Format: c.format, Stride: c.stride}
		s, err := newStream(c.spec, o)
		if c.want == 0 {
			if err == nil || !strings.Contains(err.Error(), "rows of") {
				t.Errorf("%v, %+v: %v", c.spec, o, err)
			}
			if checked := c.spec.Check(o); checked == nil || checked.Error() != err.Error() {
				t.Errorf("Check: %v, Open: %v", checked, err)
			}
			continue
		}
		if tight := c.want == c.width && c.width%64 != 0; err == nil && tight && s.raw.Range != frame.Limited {
			t.Errorf("%v, %+v: full range, which only rpicam-vid has", c.spec, o)
		}
		if err != nil || s.raw.Stride != c.want || s.rawSize != c.format.FrameSize(c.width, 600, c.want) {
			t.Errorf("%v, %+v: %v, %+v", c.spec, o, err, s)
		}
	}
}

// FuzzParseSpec holds that what ParseSpec takes, String says and ParseSpec takes again.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"auto", "-", "1", "video3", "exec:cat", "rtsp://a'b", "/dev/video0", "*.jpg", "HD Webcam", "exec:exec:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		if again, err := ParseSpec(s.String()); err != nil || again != s {
			t.Errorf("%q is %+v, but its %q is %+v, %v", text, s, s.String(), again, err)
		}
	})
}
