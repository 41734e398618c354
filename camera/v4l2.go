package camera

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"edge/frame"
)

// The part of the kernel's interface (linux/videodev2.h) that the webcam library doesn't have or doesn't show.

const (
	capVideoCapture       = 0x1
	capVideoOutput        = 0x2
	capVideoCaptureMplane = 0x1000
	capVideoOutputMplane  = 0x2000
	capVideoM2MMplane     = 0x4000
	capVideoM2M           = 0x8000
	capMetaCapture        = 0x800000
	capStreaming          = 0x4000000
	capMetaOutput         = 0x8000000
	capIOMC               = 0x20000000
	capDeviceCaps         = 0x80000000

	bufTypeVideoCapture = 1
	memoryMmap          = 1

	bufFlagError              = 0x40
	bufFlagTimestampMask      = 0xe000
	bufFlagTimestampMonotonic = 0x2000
)

// capability is struct v4l2_capability.
type capability struct {
	Driver       [16]byte
	Card         [32]byte
	BusInfo      [32]byte
	Version      uint32
	Capabilities uint32 // of the whole physical device
	DeviceCaps   uint32 // of this node
	_            [3]uint32
}

// node returns what this node can do.
func (c *capability) node() uint32 {
	if c.Capabilities&capDeviceCaps != 0 {
		return c.DeviceCaps
	}
	return c.Capabilities
}

// pixFormat is struct v4l2_pix_format.
type pixFormat struct {
	Width, Height, PixelFormat, Field, BytesPerLine, SizeImage, Colorspace, Priv, Flags, YCbCrEnc, Quantization,
	XferFunc uint32
}

// format is struct v4l2_format, a union of 200 bytes that is aligned as a pointer is.
type format struct {
	Type uint32
	_    [0]uintptr
	Pix  pixFormat
	_    [200 - unsafe.Sizeof(pixFormat{})]byte
}

// requestBuffers is struct v4l2_requestbuffers.
type requestBuffers struct {
	Count, Type, Memory uint32
	_                   [2]uint32
}

// buffer is struct v4l2_buffer.
type buffer struct {
	Index, Type, BytesUsed, Flags, Field uint32
	Timestamp                            unix.Timeval
	_                                    [4]uint32 // timecode
	Sequence, Memory                     uint32
	_                                    uintptr
	Length                               uint32
	_                                    [2]uint32
}

// The requests, as the macros _IOR and _IOWR make them: direction, size of the structure, 'V', number.
const (
	ioRead, ioReadWrite = 2 << 30, 3 << 30

	vidiocQuerycap = ioRead | unsafe.Sizeof(capability{})<<16 | 'V'<<8 // number 0
	vidiocGFmt     = ioReadWrite | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 4
	vidiocReqbufs  = ioReadWrite | unsafe.Sizeof(requestBuffers{})<<16 | 'V'<<8 | 8
	vidiocDqbuf    = ioReadWrite | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 17
)

// ioctl makes a request whose argument is a *T of the size that the request's number says.
func ioctl[T capability | format | requestBuffers | buffer](fd int, request uintptr, arg *T) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(arg)))
		if errno == 0 {
			return nil
		}
		if !errors.Is(errno, unix.EINTR) {
			return errno
		}
	}
}

// V4L2's colours. What isn't named here has the defaults of a standard-definition camera.
const (
	colorspaceSMPTE240M = 2
	colorspaceRec709    = 3
	colorspaceJPEG      = 7
	colorspaceBT2020    = 10
	colorspaceDCIP3     = 12

	encDefault   = 0
	encRec709    = 2
	encXV709     = 4
	encBT2020    = 6
	encBT2020CL  = 7
	encSMPTE240M = 8

	quantizationDefault = 0
	quantizationFull    = 1
)

// colours returns how a frame in format f has to be read, with V4L2's rules for what a driver leaves open
// (V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT). BT.2020 and SMPTE 240M, which no camera here is known to
// have, count as the near BT.709. JPEG pictures are always BT.601 in full range, and grey ones, of which those rules say
// nothing, have the full range unless the driver says otherwise, as vivid makes them and infrared cameras do.
func colours(f frame.Format, p pixFormat) (frame.Matrix, frame.Range) {
	if f == frame.MJPEG {
		return frame.BT601, frame.Full
	}
	enc := p.YCbCrEnc
	if enc == encDefault {
		switch p.Colorspace {
		case colorspaceRec709, colorspaceDCIP3, colorspaceBT2020, colorspaceSMPTE240M:
			enc = encRec709
		}
	}
	matrix, rng := frame.BT601, frame.Limited
	switch enc {
	case encRec709, encXV709, encBT2020, encBT2020CL, encSMPTE240M:
		matrix = frame.BT709
	}
	if p.Quantization == quantizationFull ||
		p.Quantization == quantizationDefault && (f.IsRGB() || f.IsGrey() || p.Colorspace == colorspaceJPEG) {
		rng = frame.Full
	}
	return matrix, rng
}

// capturedAt returns when a buffer was captured, or now if the driver doesn't say so by the monotonic clock.
func capturedAt(b *buffer) time.Time {
	now := time.Now()
	var mono unix.Timespec
	if b.Flags&bufFlagTimestampMask != bufFlagTimestampMonotonic ||
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return now
	}
	age := time.Duration(mono.Nano() - b.Timestamp.Nano())
	if age < 0 || age > time.Minute { // some drivers leave it 0
		return now
	}
	return now.Add(-age)
}

// fourCC returns the four letters of a V4L2 format.
func fourCC(code uint32) string {
	b := []byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code >> 24)}
	for i := range b {
		if b[i] < ' ' || b[i] > '~' { // the top bit of the last one marks big-endian formats
			b[i] = '?'
		}
	}
	return string(b)
}
