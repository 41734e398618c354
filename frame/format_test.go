package frame

import "testing"

func TestFormatNames(t *testing.T) {
	for name, want := range map[string]Format{
		"YUYV": YUYV, "yuy2": YUYV, "uyvy": UYVY, "nv12": NV12, "NV21": NV21,
		"yuv420": YU12, "YU12": YU12, "I420": YU12,
		"rgb24": RGB24, "RGB3": RGB24, "bgr24": BGR24, "grey": GREY, "gray": GREY, "mjpeg": MJPEG, "MJPG": MJPEG,
	} {
		got, err := ParseFormat(name)
		if err != nil || got != want {
			t.Errorf("ParseFormat(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "yuv", "h264", "YUYV "} {
		if f, err := ParseFormat(name); err == nil {
			t.Errorf("ParseFormat(%q) = %v, want an error", name, f)
		}
	}
	for f := YUYV; f <= MJPEG; f++ {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %v, %v", f.String(), got, err)
		}
		if got, ok := FormatOf(f.FourCC()); !ok || got != f {
			t.Errorf("FormatOf(%#x) = %v, %v; want %v", f.FourCC(), got, ok, f)
		}
	}
	if got := YUYV.FourCC(); got != 0x56595559 { // V4L2_PIX_FMT_YUYV in linux/videodev2.h
		t.Errorf("YUYV.FourCC() = %#x", got)
	}
	if f, ok := FormatOf(0x34363248); ok { // H264
		t.Errorf("FormatOf(H264) = %v", f)
	}
	if f, ok := FormatOf(0); ok {
		t.Errorf("FormatOf(0) = %v", f)
	}
}

func TestFrameSize(t *testing.T) {
	for _, c := range []struct {
		f                           Format
		width, height, stride, want int
	}{
		{YUYV, 640, 480, 0, 614400},
		{YUYV, 640, 480, 1344, 645120},
		{UYVY, 3, 2, 0, 16},
		{RGB24, 640, 480, 0, 921600},
		{BGR24, 5, 3, 16, 48},
		{GREY, 640, 480, 0, 307200},
		{NV12, 640, 480, 0, 460800},
		{NV21, 640, 480, 704, 506880},
		{NV12, 3, 3, 0, 9 + 2*4},
		{YU12, 640, 480, 0, 460800},
		{YU12, 600, 400, 640, 384000}, // rpicam-vid pads rows to 64 bytes
		{YU12, 3, 3, 0, 9 + 2*4},
		{MJPEG, 640, 480, 0, 0},
	} {
		if got := c.f.FrameSize(c.width, c.height, c.stride); got != c.want {
			t.Errorf("%v.FrameSize(%d, %d, %d) = %d, want %d", c.f, c.width, c.height, c.stride, got, c.want)
		}
	}
}
