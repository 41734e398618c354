package frame

import (
	"fmt"
	"strings"
)

// formats is what is known of each format: its name, its V4L2 FourCC, and other names people and tools have for it.
var formats = [...]struct {
	name, fourCC string
	aliases      []string
}{
	YUYV:  {"YUYV", "YUYV", []string{"yuy2", "yuyv422"}},
	UYVY:  {"UYVY", "UYVY", []string{"uyvy422"}},
	NV12:  {"NV12", "NV12", nil},
	NV21:  {"NV21", "NV21", nil},
	YU12:  {"YU12", "YU12", []string{"yuv420", "yuv420p", "i420"}},
	RGB24: {"RGB24", "RGB3", []string{"rgb"}},
	BGR24: {"BGR24", "BGR3", []string{"bgr"}},
	GREY:  {"GREY", "GREY", []string{"gray", "gray8", "y8"}},
	MJPEG: {"MJPEG", "MJPG", []string{"jpeg", "jpg"}},
}

func (f Format) valid() bool { return f >= YUYV && int(f) < len(formats) }

// String returns the format's name, for example "YUYV".
func (f Format) String() string {
	if !f.valid() {
		return fmt.Sprintf("format %d", uint8(f))
	}
	return formats[f].name
}

// ParseFormat returns the format that people call name: its own name, its V4L2 FourCC, or what ffmpeg and rpicam-vid
// call it ("yuv420", "yuyv422", …). Case doesn't matter.
func ParseFormat(name string) (Format, error) {
	var known []string
	for f := YUYV; f.valid(); f++ {
		known = append(known, f.String())
		for _, alias := range append(formats[f].aliases, formats[f].name, formats[f].fourCC) {
			if strings.EqualFold(name, alias) {
				return f, nil
			}
		}
	}
	return 0, fmt.Errorf("frame: unknown pixel format %q: known are %s", name, strings.Join(known, ", "))
}

// FourCC returns V4L2's code of the format (V4L2_PIX_FMT_…), 0 for an unknown one.
func (f Format) FourCC() uint32 {
	if !f.valid() {
		return 0
	}
	c := formats[f].fourCC
	return uint32(c[0]) | uint32(c[1])<<8 | uint32(c[2])<<16 | uint32(c[3])<<24
}

// FormatOf returns the format with that V4L2 code; false where Fit can't read such frames. Both "MJPG" and "JPEG" are
// MJPEG.
func FormatOf(fourCC uint32) (Format, bool) {
	const jpeg = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
	if fourCC == jpeg {
		return MJPEG, true
	}
	for f := YUYV; f.valid(); f++ {
		if f.FourCC() == fourCC {
			return f, true
		}
	}
	return 0, false
}

// MinStride returns how many bytes a row of width pixels takes in the first plane, without padding; 0 for MJPEG.
func (f Format) MinStride(width int) int {
	switch f {
	case YUYV, UYVY:
		return (width + 1) / 2 * 4
	case RGB24, BGR24:
		return width * 3
	case NV12, NV21, YU12, GREY:
		return width
	}
	return 0
}

// FrameSize returns how many bytes a frame of width × height pixels takes whose first plane has rows of stride bytes
// (0: rows without padding). The chroma rows of NV12 and NV21 have the same stride, those of YU12 half of it, rounded
// up. It is 0 for MJPEG, whose size isn't known beforehand.
func (f Format) FrameSize(width, height, stride int) int {
	if stride == 0 {
		stride = f.MinStride(width)
	}
	switch f {
	case YUYV, UYVY, RGB24, BGR24, GREY:
		return stride * height
	case NV12, NV21:
		return stride*height + chromaStride(f, width, stride)*half(height)
	case YU12:
		return stride*height + 2*chromaStride(f, width, stride)*half(height)
	}
	return 0
}

// chromaStride returns the bytes from one row to the next of the planes after the first.
func chromaStride(f Format, width, stride int) int {
	if f == YU12 {
		return half(stride)
	}
	return max(stride, 2*half(width)) // an odd width without padding: the last U V pair needs a byte more
}

// half is the size of a dimension with one chroma sample for two of luma.
func half(n int) int { return (n + 1) / 2 }
