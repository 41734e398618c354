//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures below are those of linux/videodev2.h on machines of 64 bits.

type format struct {
	Type uint32
	_    uint32
	pixFormat
	_ [200 - 48]byte
}

type pixFormat struct {
	Width, Height, PixelFormat, Field, BytesPerLine, SizeImage, Colorspace, Private, Flags uint32
	Encoding, Quantization, Transfer                                                       uint32
}

type requestBuffers struct {
	Count, Type, Memory, Capabilities uint32
	Flags                             uint8
	_                                 [3]uint8
}

type buffer struct {
	Index, Type, BytesUsed, Flags, Field uint32
	_                                    uint32
	Timestamp                            [2]int64
	Timecode                             [16]byte
	Sequence, Memory                     uint32
	Offset                               uint64 // a union; an offset of 32 bits here
	Length, _, _, _                      uint32
}

type control struct {
	ID    uint32
	Value int32
}

type queryControl struct {
	ID, Type                        uint32
	Name                            [32]byte
	Minimum, Maximum, Step, Default int32
	Flags                           uint32
	_                               [2]uint32
}

// timings is struct v4l2_dv_timings, packed: a type and 128 bytes, of which the first are the width and the height.
type timings struct {
	Type, Width, Height uint32
	_                   [120]byte
}

type enumTimings struct {
	Index, Pad uint32
	_          [2]uint32
	timings
}

const (
	typeCapture = 1 // V4L2_BUF_TYPE_VIDEO_CAPTURE
	typeOutput  = 2 // V4L2_BUF_TYPE_VIDEO_OUTPUT
	memoryMap   = 1 // V4L2_MEMORY_MMAP
	fieldNone   = 1 // V4L2_FIELD_NONE
	nextID      = 1 << 31
)

// request numbers an ioctl as linux/ioctl.h does: direction, size, group 'V', number.
func request[T any](direction, number uintptr) uintptr {
	var t T
	return direction<<30 | unsafe.Sizeof(t)<<16 | 'V'<<8 | number
}

const (
	write = 1
	read  = 2
)

var (
	setFormat     = request[format](read|write, 5)
	requestBufs   = request[requestBuffers](read|write, 8)
	queryBuf      = request[buffer](read|write, 9)
	queueBuf      = request[buffer](read|write, 15)
	dequeueBuf    = request[buffer](read|write, 17)
	streamOn      = request[int32](write, 18)
	setControl    = request[control](read|write, 28)
	queryCtrl     = request[queryControl](read|write, 36)
	setInput      = request[int32](read|write, 39)
	setOutput     = request[int32](read|write, 47)
	setDVTimings  = request[timings](read|write, 87)
	enumDVTimings = request[enumTimings](read|write, 98)
)

// The sizes that the kernel has; anything else doesn't compile.
var (
	_ [208]byte = [unsafe.Sizeof(format{})]byte{}
	_ [88]byte  = [unsafe.Sizeof(buffer{})]byte{}
	_ [132]byte = [unsafe.Sizeof(timings{})]byte{}
	_ [148]byte = [unsafe.Sizeof(enumTimings{})]byte{}
)

// device is an open video node.
type device struct {
	path string
	fd   int
}

func open(path string) (*device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &device{path, fd}, nil
}

func (d *device) close() { unix.Close(d.fd) }

func ioctl[T any](d *device, request uintptr, what string, argument *T) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), request, uintptr(unsafe.Pointer(argument)))
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return fmt.Errorf("%s: %s: %w", d.path, what, errno)
		}
		return nil
	}
}

func (d *device) setInput(n int32) error  { return ioctl(d, setInput, "VIDIOC_S_INPUT", &n) }
func (d *device) setOutput(n int32) error { return ioctl(d, setOutput, "VIDIOC_S_OUTPUT", &n) }

// setTimings chooses the first of the driver's timings for a picture of this size.
func (d *device) setTimings(width, height int) error {
	for i := uint32(0); ; i++ {
		e := enumTimings{Index: i}
		if err := ioctl(d, enumDVTimings, "VIDIOC_ENUM_DV_TIMINGS", &e); err != nil {
			return fmt.Errorf("no timings for %dx%d: %w", width, height, err)
		}
		if e.Width == uint32(width) && e.Height == uint32(height) {
			return ioctl(d, setDVTimings, "VIDIOC_S_DV_TIMINGS", &e.timings)
		}
	}
}

// setFormat returns the bytes of a picture.
func (d *device) setFormat(kind uint32, width, height int, fourcc string) (int, error) {
	want := uint32(fourcc[0]) | uint32(fourcc[1])<<8 | uint32(fourcc[2])<<16 | uint32(fourcc[3])<<24
	f := format{Type: kind, pixFormat: pixFormat{
		Width: uint32(width), Height: uint32(height), PixelFormat: want, Field: fieldNone,
	}}
	if err := ioctl(d, setFormat, "VIDIOC_S_FMT", &f); err != nil {
		return 0, err
	}
	if f.Width != uint32(width) || f.Height != uint32(height) || f.PixelFormat != want {
		return 0, fmt.Errorf("%s: gives %dx%d, format %#x", d.path, f.Width, f.Height, f.PixelFormat)
	}
	return int(f.SizeImage), nil
}

// read takes one picture without buffers of its own.
func (d *device) read(size int) ([]byte, error) {
	picture := make([]byte, size)
	n, err := unix.Read(d.fd, picture)
	if err != nil || n != size {
		return nil, fmt.Errorf("%s: read %d of %d bytes: %w", d.path, n, size, err)
	}
	return picture, nil
}

func (d *device) mapBuffers(count int) ([][]byte, error) {
	r := requestBuffers{Count: uint32(count), Type: typeOutput, Memory: memoryMap}
	if err := ioctl(d, requestBufs, "VIDIOC_REQBUFS", &r); err != nil {
		return nil, err
	}
	buffers := make([][]byte, r.Count)
	for i := range buffers {
		b := buffer{Index: uint32(i), Type: typeOutput, Memory: memoryMap}
		if err := ioctl(d, queryBuf, "VIDIOC_QUERYBUF", &b); err != nil {
			return nil, err
		}
		var err error
		at, size := int64(uint32(b.Offset)), int(b.Length)
		buffers[i], err = unix.Mmap(d.fd, at, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("%s: mmap: %w", d.path, err)
		}
	}
	return buffers, nil
}

func (d *device) queue(i, size int) error {
	b := buffer{Index: uint32(i), Type: typeOutput, Memory: memoryMap, BytesUsed: uint32(size), Field: fieldNone}
	return ioctl(d, queueBuf, "VIDIOC_QBUF", &b)
}

func (d *device) dequeue() (int, error) {
	b := buffer{Type: typeOutput, Memory: memoryMap}
	err := ioctl(d, dequeueBuf, "VIDIOC_DQBUF", &b)
	return int(b.Index), err
}

func (d *device) streamOn() error {
	kind := int32(typeOutput)
	return ioctl(d, streamOn, "VIDIOC_STREAMON", &kind)
}

func (d *device) setControl(id uint32, value int) error {
	c := control{id, int32(value)}
	return ioctl(d, setControl, fmt.Sprintf("VIDIOC_S_CTRL %#x", id), &c)
}

// controls lists all that the driver has.
func (d *device) controls() []queryControl {
	var list []queryControl
	for c := (queryControl{ID: nextID}); ioctl(d, queryCtrl, "VIDIOC_QUERYCTRL", &c) == nil; c.ID |= nextID {
		list = append(list, c)
	}
	return list
}

// name is the control's as v4l2-ctl writes it: "OSD Text Mode" is osd_text_mode.
func (c queryControl) name() string {
	text, _, _ := bytes.Cut(c.Name[:], []byte{0})
	words := strings.FieldsFunc(strings.ToLower(string(text)), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "_")
}
