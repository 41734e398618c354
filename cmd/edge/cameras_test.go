package main

import (
	"strings"
	"testing"

	"edge/camera"
)

func TestWriteCameras(t *testing.T) {
	sizes := func(w, h int) camera.Sizes {
		return camera.Sizes{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
	}
	tests := []struct {
		name  string
		nodes []camera.Node
		want  string
	}{
		{"none", nil, `There is no /dev/video…: no camera is plugged in, or its driver isn't loaded.
A camera on a Raspberry Pi's CSI connector: --camera "` + camera.CommandForCSI + `"
`},
		{"CSI", []camera.Node{{Path: "/dev/video0", Name: "unicam", CSI: true, Why: "use rpicam-vid"}}, `Not to be used:
  /dev/video0  unicam: use rpicam-vid
`},
		{"USB", []camera.Node{
			{
				Path: "/dev/video0", Name: "HD Webcam", Driver: "uvcvideo", Bus: "usb-1", Usable: true,
				Links:   []string{"/dev/v4l/by-id/usb-HD"},
				Holders: []camera.Holder{{PID: 7, Name: "wireplumber"}},
				Formats: []camera.Format{
					{FourCC: "YUYV", Readable: true, Sizes: []camera.Sizes{sizes(640, 480), sizes(1280, 720)}},
					{FourCC: "H264", Sizes: []camera.Sizes{sizes(640, 480)}},
				},
			},
			{Path: "/dev/video1", Name: "HD Webcam", Why: "gives no pictures"},
		}, `/dev/video0  HD Webcam (uvcvideo, usb-1)
  /dev/v4l/by-id/usb-HD
  also open in wireplumber (pid 7)
  YUYV  640x480 1280x720
  and H264, which edge can't read

Not to be used:
  /dev/video1  HD Webcam: gives no pictures
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := writeCameras(&b, tt.nodes); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
			}
		})
	}
}
