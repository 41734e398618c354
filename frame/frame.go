// Package frame holds a picture in memory, and how it becomes a network's input tensor.
//
// A Frame is bytes and what they mean: a pixel format as a camera has it, width, height, stride, and which matrix and
// range a YUV format's colours have. It comes from a camera, or from ReadFile and Decode, which read picture files.
//
// A Fitter brings frames to a network: made once from the network's TensorSpec and Options (crop, stretch or letterbox,
// a region of interest, rotation), it turns any frame into the tensor's bytes in one pass. Nothing lies in between, no
// RGB picture of the camera's size: rows of the frame are blended, samples of the blended row filtered, and each pixel
// of the tensor goes through one table that clamps and quantizes:
//
//	frame            rows              pixels of a row     colours, quantized
//	YUYV, NV12, …  → blend (resample.go) → filter        → palette (colour.go)  → tensor
//	MJPEG → planes (jpeg.go) ↗
//
// For that, layout.go says where a format's samples lie, and geometry.go which part of a frame becomes which part of the
// tensor. The tables are made when the first frame of a kind comes; later frames allocate nothing.
//
// A camera's JPEG pictures differ from those in files. Both decoders are here: jpeg.go for streams, exact
// to the bit with libjpeg and without allocation, and on top of it what only files hold (jpeg_file.go,
// jpeg_progressive.go). The standard library decodes the JPEG files that it can, and other libraries the other formats
// (decode.go). However large a picture says it is, reading it takes 64 MiB of memory at most beyond the file.
package frame

import (
	"time"

	"edge/quant"
)

// Frame is one picture. Pix belongs to whoever made the frame and is valid only as long as that says.
type Frame struct {
	Pix           []byte
	Format        Format
	Width, Height int       // of MJPEG what the camera said; the picture's own size counts
	Stride        int       // bytes from one row of the first plane to the next; 0: no padding, or MJPEG
	Matrix        Matrix    // of a YUV format; MJPEG is always BT601
	Range         Range     // of a YUV format or GREY; MJPEG is always Full
	At            time.Time // when it was captured
	Seq           uint32    // the driver's number; gaps are frames that were dropped
	Name          string    // of the file it came from, else empty
	Reduced       int       // how many times wider and higher the file's picture is: 2, 4 or 8; 0: it isn't larger
}

// Format says how pixels lie in memory.
type Format uint8

// The formats, by their V4L2 names.
const (
	YUYV    Format = iota + 1 // Y0 U Y1 V
	UYVY                      // U Y0 V Y1
	YVYU                      // Y0 V Y1 U
	VYUY                      // V Y0 U Y1
	NV12                      // a plane Y, a plane of U V pairs at half size and the same stride
	NV21                      // a plane Y, a plane of V U pairs at half size and the same stride
	NV16                      // as NV12, but with as many rows of U V as of Y
	NV61                      // as NV21, but with as many rows of V U as of Y
	YU12                      // planes Y, U, V; the last two at half size and half stride
	YV12                      // planes Y, V, U; the last two at half size and half stride
	YUV422P                   // as YU12, but with as many rows of U and of V as of Y
	RGB24                     // R G B
	BGR24                     // B G R
	RGBX32                    // R G B and a byte that doesn't count
	BGRX32                    // B G R and a byte that doesn't count
	GREY                      // Y
	Y10                       // Y in the lower 10 of 16 bits, the low byte first
	Y12                       // Y in the lower 12 of 16 bits, the low byte first
	Y16                       // Y in 16 bits, the low byte first
	MJPEG                     // a JPEG picture, perhaps without Huffman tables
)

// Matrix says which weights of red, green and blue make luma.
type Matrix uint8

// The matrices.
const (
	BT601 Matrix = iota
	BT709
)

// Range says which luma values black and white have.
type Range uint8

// Limited is 16…235, Full 0…255.
const (
	Limited Range = iota
	Full
)

// TensorSpec is what a network's input tensor expects: [1, Height, Width, Channels], Channels 3 (RGB) or 1 (luma).
// Pixels are normalized, then quantized; if the two nearly undo each other, within one step, the value is the pixel
// itself (less 128 if Signed), which is what such models mean.
type TensorSpec struct {
	Width, Height, Channels int
	Signed                  bool         // int8, else uint8
	Quant                   quant.Params // of the tensor
	Mean, Std               [3]float32   // real = (pixel − Mean) / Std, for red, green and blue
}
