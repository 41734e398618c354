package frame

import (
	"fmt"
	"slices"
	"strings"
)

// formats lists what is known of each format: its name, its V4L2 FourCC, and other names people and tools have for it.
var formats = [...]struct {
	name, fourCC string
	aliases      []string
}{
	YUYV:    {"YUYV", "YUYV", []string{"yuy2", "yuyv422"}},
	UYVY:    {"UYVY", "UYVY", []string{"uyvy422"}},
	YVYU:    {"YVYU", "YVYU", []string{"yvyu422"}},
	VYUY:    {"VYUY", "VYUY", nil},
	NV12:    {"NV12", "NV12", nil},
	NV21:    {"NV21", "NV21", nil},
	NV16:    {"NV16", "NV16", nil},
	NV61:    {"NV61", "NV61", nil},
	YU12:    {"YU12", "YU12", []string{"yuv420", "yuv420p", "i420"}},
	YV12:    {"YV12", "YV12", nil},
	YUV422P: {"YUV422P", "422P", []string{"y42b"}},
	RGB24:   {"RGB24", "RGB3", []string{"rgb"}},
	BGR24:   {"BGR24", "BGR3", []string{"bgr"}},
	RGBX32:  {"RGBX32", "XB24", []string{"rgb0", "rgba", "AB24"}},
	BGRX32:  {"BGRX32", "XR24", []string{"bgr0", "bgra", "AR24", "BGR4"}},
	GREY:    {"GREY", "GREY", []string{"gray", "gray8", "y8"}},
	Y10:     {"Y10", "Y10 ", []string{"gray10le"}},
	Y12:     {"Y12", "Y12 ", []string{"gray12le"}},
	Y16:     {"Y16", "Y16 ", []string{"gray16le"}},
	MJPEG:   {"MJPEG", "MJPG", []string{"jpeg", "jpg"}},
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
	return 0, fmt.Errorf("unknown pixel format %q: known are %s", name, strings.Join(known, ", "))
}

// FourCC returns V4L2's code of the format (V4L2_PIX_FMT_…), 0 for an unknown one.
func (f Format) FourCC() uint32 {
	if !f.valid() {
		return 0
	}
	c := formats[f].fourCC
	return uint32(c[0]) | uint32(c[1])<<8 | uint32(c[2])<<16 | uint32(c[3])<<24
}

// FormatOf returns the format with that V4L2 code; false if Fit can't read such frames. Both "MJPG" and "JPEG" are
// MJPEG, and an alpha channel ("AB24", "AR24") doesn't count.
func FormatOf(fourCC uint32) (Format, bool) {
	code := string([]byte{byte(fourCC), byte(fourCC >> 8), byte(fourCC >> 16), byte(fourCC >> 24)})
	if code == "JPEG" {
		return MJPEG, true
	}
	for f := YUYV; f.valid(); f++ {
		if formats[f].fourCC == code || slices.Contains(formats[f].aliases, code) {
			return f, true
		}
	}
	return 0, false
}

// IsGrey reports whether frames of this format have no colours.
func (f Format) IsGrey() bool { return f >= GREY && f <= Y16 }

// IsRGB reports whether frames of this format hold red, green and blue as they are.
func (f Format) IsRGB() bool { return f >= RGB24 && f <= BGRX32 }

// deep returns how many of a sample's 16 bits are beyond the upper 8 that count; 0 for formats of 8 bits.
func (f Format) deep() int {
	switch f {
	case Y10:
		return 2
	case Y12:
		return 4
	case Y16:
		return 8
	}
	return 0
}

// MinStride returns how many bytes a row of width pixels takes in the first plane without padding; 0 for MJPEG.
func (f Format) MinStride(width int) int {
	switch f {
	case YUYV, UYVY, YVYU, VYUY:
		return (width + 1) / 2 * 4
	case RGB24, BGR24:
		return width * 3
	case RGBX32, BGRX32:
		return width * 4
	case Y10, Y12, Y16:
		return width * 2
	case NV12, NV21, NV16, NV61, YU12, YV12, YUV422P, GREY:
		return width
	}
	return 0
}

// FrameSize returns how many bytes a frame of width × height pixels takes whose first plane has rows of stride bytes
// (0: rows without padding). The chroma rows of NV… have the same stride, those of YU12, YV12 and YUV422P half of it,
// rounded up. It is 0 for MJPEG, whose size isn't known beforehand.
func (f Format) FrameSize(width, height, stride int) int {
	if stride == 0 {
		stride = f.MinStride(width)
	}
	n := stride * height
	switch f {
	case NV12, NV21, NV16, NV61:
		n += chromaStride(f, width, stride) * chromaRows(f, height)
	case YU12, YV12, YUV422P:
		n += 2 * chromaStride(f, width, stride) * chromaRows(f, height)
	case MJPEG:
		return 0
	}
	return n
}

// chromaStride returns the bytes from one row to the next of the planes after the first.
func chromaStride(f Format, width, stride int) int {
	switch f {
	case YU12, YV12, YUV422P:
		return half(stride)
	}
	return max(stride, 2*half(width)) // an odd width without padding: the last U V pair needs a byte more
}

// chromaRows returns the rows of the planes after the first.
func chromaRows(f Format, height int) int {
	switch f {
	case NV16, NV61, YUV422P:
		return height
	}
	return half(height)
}

// half is the size of a dimension with one chroma sample for two of luma.
func half(n int) int { return (n + 1) / 2 }
