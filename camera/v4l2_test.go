package camera

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"edge/frame"
	"edge/internal/marker"
)

// TestLayouts compares with what a C compiler says of linux/videodev2.h.
func TestLayouts(t *testing.T) {
	type sizes struct {
		capability, format, pix, buffer, timestamp, sequence, memory, length, requestBuffers uintptr
		querycap, gFmt, reqbufs, dqbuf                                                       uintptr
	}
	got := sizes{
		unsafe.Sizeof(capability{}),
		unsafe.Sizeof(format{}), unsafe.Offsetof(format{}.Pix),
		unsafe.Sizeof(buffer{}), unsafe.Offsetof(buffer{}.Timestamp), unsafe.Offsetof(buffer{}.Sequence),
		unsafe.Offsetof(buffer{}.Memory), unsafe.Offsetof(buffer{}.Length),
		unsafe.Sizeof(requestBuffers{}),
		vidiocQuerycap, vidiocGFmt, vidiocReqbufs, vidiocDqbuf,
	}
	want, known := map[string]sizes{
		"amd64": {104, 208, 8, 88, 24, 56, 60, 72, 20, 0x80685600, 0xc0d05604, 0xc0145608, 0xc0585611},
		"arm64": {104, 208, 8, 88, 24, 56, 60, 72, 20, 0x80685600, 0xc0d05604, 0xc0145608, 0xc0585611},
		"arm":   {104, 204, 4, 68, 20, 44, 48, 56, 20, 0x80685600, 0xc0cc5604, 0xc0145608, 0xc0445611},
	}[runtime.GOARCH]
	if !known {
		t.Skip("no C compiler was asked for " + runtime.GOARCH)
	}
	if got != want {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

// TestLibraryFields: what library.go reads is still there.
func TestLibraryFields(t *testing.T) {
	var cam webcam.Webcam
	if fd, buffers := descriptor(&cam), mapped(&cam); fd != 0 || len(buffers) != 0 {
		t.Errorf("a zero Webcam has the descriptor %d and %d buffers", fd, len(buffers))
	}
}

func TestColours(t *testing.T) {
	const sRGB, smpte170m = 8, 1
	const enc601, limited = 1, 2
	tests := []struct {
		name                string
		format              frame.Format
		colorspace, enc, qu uint32
		wantMatrix          frame.Matrix
		wantRange           frame.Range
	}{
		{"nothing said", frame.YUYV, 0, 0, 0, frame.BT601, frame.Limited},
		{"a USB camera", frame.YUYV, sRGB, 0, 0, frame.BT601, frame.Limited},
		{"standard definition", frame.NV12, smpte170m, 0, 0, frame.BT601, frame.Limited},
		{"high definition", frame.NV12, colorspaceRec709, 0, 0, frame.BT709, frame.Limited},
		{"high definition, but 601", frame.NV12, colorspaceRec709, enc601, 0, frame.BT601, frame.Limited},
		{"JPEG colours uncompressed", frame.YU12, colorspaceJPEG, 0, 0, frame.BT601, frame.Full},
		{"JPEG colours, but limited", frame.YU12, colorspaceJPEG, 0, limited, frame.BT601, frame.Limited},
		{"full range", frame.UYVY, sRGB, 0, quantizationFull, frame.BT601, frame.Full},
		{"BT.2020", frame.UYVY, colorspaceBT2020, 0, 0, frame.BT709, frame.Limited},
		{"xvYCC 709", frame.UYVY, sRGB, encXV709, 0, frame.BT709, frame.Limited},
		{"RGB", frame.RGB24, sRGB, 0, 0, frame.BT601, frame.Full},
		{"limited RGB", frame.BGR24, sRGB, 0, limited, frame.BT601, frame.Limited},
		{"grey", frame.GREY, sRGB, 0, 0, frame.BT601, frame.Full},
		{"limited grey", frame.Y10, sRGB, 0, limited, frame.BT601, frame.Limited},
		{"MJPEG, whatever is said", frame.MJPEG, colorspaceRec709, encRec709, limited, frame.BT601, frame.Full},
	}
	for _, tt := range tests {
		m, r := colours(tt.format, pixFormat{Colorspace: tt.colorspace, YCbCrEnc: tt.enc, Quantization: tt.qu})
		if m != tt.wantMatrix || r != tt.wantRange {
			t.Errorf("%s: matrix %d, range %d; want %d, %d", tt.name, m, r, tt.wantMatrix, tt.wantRange)
		}
	}
}

func TestCapturedAt(t *testing.T) {
	var mono unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		flags   uint32
		ago     time.Duration
		wantAge time.Duration
	}{
		{"monotonic", bufFlagTimestampMonotonic, 700 * time.Millisecond, 700 * time.Millisecond},
		{"unknown clock", 0, 700 * time.Millisecond, 0},
		{"copied from somewhere", 0x4000, 700 * time.Millisecond, 0},
		{"in the future", bufFlagTimestampMonotonic, -time.Second, 0},
		{"long ago", bufFlagTimestampMonotonic, time.Hour, 0},
	}
	for _, tt := range tests {
		b := &buffer{Flags: tt.flags, Timestamp: unix.NsecToTimeval(mono.Nano() - tt.ago.Nanoseconds())}
		if age := time.Since(capturedAt(b)); age < tt.wantAge-time.Millisecond || age > tt.wantAge+500*time.Millisecond {
			t.Errorf("%s: captured %v ago, want %v", tt.name, age, tt.wantAge)
		}
	}
}

func TestFrameLayout(t *testing.T) {
	yuyv, mjpeg, h264 := frame.YUYV.FourCC(), frame.MJPEG.FourCC(), uint32('H'|'2'<<8|'6'<<16|'4'<<24)
	tests := []struct {
		pix          pixFormat
		stride, size int
		fails        bool
	}{
		{pixFormat{Width: 640, Height: 480, PixelFormat: yuyv, BytesPerLine: 1280}, 1280, 614400, false},
		{pixFormat{Width: 640, Height: 480, PixelFormat: yuyv, BytesPerLine: 1344}, 1344, 1344 * 480, false},
		{pixFormat{Width: 640, Height: 480, PixelFormat: yuyv}, 1280, 614400, false},
		{pixFormat{Width: 640, Height: 480, PixelFormat: mjpeg, BytesPerLine: 640, SizeImage: 99}, 0, 0, false},
		{pixFormat{Width: 640, Height: 480, PixelFormat: h264}, 0, 0, true},
		{pixFormat{Width: 0, Height: 480, PixelFormat: yuyv}, 0, 0, true},
		{pixFormat{Width: 1 << 31, Height: 1 << 31, PixelFormat: yuyv}, 0, 0, true},
		{pixFormat{Width: 640, Height: 480, PixelFormat: yuyv, BytesPerLine: 1 << 31}, 0, 0, true},
	}
	for _, tt := range tests {
		like, size, err := layout(tt.pix)
		if tt.fails != (err != nil) || err == nil && (like.Stride != tt.stride || size != tt.size) {
			t.Errorf("%+v: stride %d, %d bytes, %v", tt.pix, like.Stride, size, err)
		}
	}
}

func TestIsGood(t *testing.T) {
	jpg := []byte{0xFF, marker.SOI, 0xFF, marker.COM, 0, 2}
	tests := []struct {
		name string
		size int
		b    buffer
		want bool
	}{
		{"whole", 8, buffer{BytesUsed: 8}, true},
		{"with padding at the end", 8, buffer{BytesUsed: 10}, true},
		{"flagged", 8, buffer{BytesUsed: 8, Flags: bufFlagError}, false},
		{"short", 8, buffer{BytesUsed: 7}, false},
		{"empty", 8, buffer{}, false},
		{"longer than the buffer", 8, buffer{BytesUsed: 11}, false},
		{"JPEG", 0, buffer{BytesUsed: 6, Index: 1}, true},
		{"no JPEG", 0, buffer{BytesUsed: 6}, false},
		{"hardly any JPEG", 0, buffer{BytesUsed: 3, Index: 1}, false},
	}
	for _, tt := range tests {
		s := &session{size: tt.size, buffers: [][]byte{make([]byte, 10), jpg}}
		if got := s.isGood(&tt.b); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestFourCC(t *testing.T) {
	for code, want := range map[uint32]string{
		frame.RGB24.FourCC(): "RGB3", 0: "????", 0x80000000 | 'Y' | '1'<<8 | '6'<<16: "Y16?",
	} {
		if got := fourCC(code); got != want {
			t.Errorf("%#x: %q, want %q", code, got, want)
		}
	}
}

func one(width, height int) Sizes {
	return Sizes{MinWidth: width, MaxWidth: width, MinHeight: height, MaxHeight: height}
}

func TestChooseMode(t *testing.T) {
	format := func(f frame.Format, sizes ...Sizes) Format {
		n := newFormat(f.FourCC(), "")
		n.Sizes = sizes
		return n
	}
	// A usual USB camera: slow in high resolution unless it compresses.
	usb := []Format{
		format(frame.YUYV, one(1280, 720), one(640, 480), one(320, 240), one(160, 120)),
		format(frame.MJPEG, one(1280, 720), one(640, 480), one(320, 240)),
	}
	usbRate := func(code uint32, width, _ int) float64 {
		if code == frame.YUYV.FourCC() && width > 640 {
			return 10
		}
		return 29.97
	}
	grid := Sizes{MinWidth: 16, MaxWidth: 1920, StepWidth: 16, MinHeight: 16, MaxHeight: 1088, StepHeight: 16}
	unreadable := newFormat('H'|'2'<<8|'6'<<16|'4'<<24, "H.264")

	tests := []struct {
		name    string
		formats []Format
		o       Options
		want    string
	}{
		{"nothing wanted", usb, Options{}, "YUYV 640x480"},
		{"the smallest that is large enough", usb, Options{Width: 224, Height: 224}, "YUYV 320x240"},
		{"just so large", usb, Options{Width: 320, Height: 240, FPS: 30}, "YUYV 320x240"},
		{"large and fast", usb, Options{Width: 1280, Height: 720, FPS: 30}, "MJPEG 1280x720"},
		{"large", usb, Options{Width: 1280, Height: 720, FPS: 10}, "YUYV 1280x720"},
		{"larger than there is", usb, Options{Width: 1920, Height: 1080}, "YUYV 1280x720"},
		{"faster than there is", usb, Options{Width: 1280, Height: 720, FPS: 60}, "MJPEG 1280x720"},
		{"compressed, as told", usb, Options{Format: frame.MJPEG, Width: 300, Height: 200}, "MJPEG 320x240"},
		{"a format that it hasn't", usb, Options{Format: frame.NV12}, ""},
		{"colours before none", []Format{format(frame.GREY, one(640, 480)), usb[1]}, Options{}, "MJPEG 640x480"},
		{"a grid", []Format{format(frame.NV12, grid)}, Options{Width: 225, Height: 224}, "NV12 240x224"},
		{"beyond a grid", []Format{format(frame.NV12, grid)}, Options{Width: 4000, Height: 10}, "NV12 1920x16"},
		{"sizes unknown", []Format{format(frame.UYVY)}, Options{Width: 224, Height: 200}, "UYVY 224x200"},
		{"unreadable", []Format{unreadable}, Options{}, ""},
	}
	for _, tt := range tests {
		o := wanted(tt.o)
		got := ""
		if m, found := bestMode(tt.formats, o, usbRate); found {
			got = fmt.Sprintf("%v %dx%d", m.format, m.width, m.height)
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
