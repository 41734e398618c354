//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"unicode/utf16"
)

// camera is a USB video device (USB Device Class Definition for Video Devices 1.0) with one format of one size, and a bulk
// endpoint, the simplest there is.
type camera struct {
	host          *os.File
	device        []byte // its descriptor
	configuration []byte // that and what belongs to it
	texts         []string
	probed        []byte // the stream's settings, as negotiated

	mu      sync.Mutex // of what follows
	more    *sync.Cond // waiting has grown
	waiting []message  // transfers of the stream that the host has asked for, oldest first
	starts  int
	frame   byte // toggles with each picture
}

const (
	endpoint = 0x81 // the stream's
	payload  = 16 << 10
	settings = 26  // bytes
	interval = 1e6 // between pictures, in 100 ns
)

func newCamera(name, serial string, width, height int) *camera {
	c := &camera{texts: []string{1: "edge", 2: name, 3: serial}}
	c.more = sync.NewCond(&c.mu)
	le := binary.LittleEndian
	u16 := func(n int) []byte { return le.AppendUint16(nil, uint16(n)) }
	u32 := func(n int) []byte { return le.AppendUint32(nil, uint32(n)) }
	descriptor := func(parts ...[]byte) []byte {
		b := append([]byte{0}, bytes.Join(parts, nil)...)
		b[0] = byte(len(b))
		return b
	}
	const (
		specific         = 0x24 // descriptors of this class
		video            = 0x0E
		control, stream  = 1, 2 // subclasses
		camera, streamed = 1, 2 // terminals
	)
	size := 2 * width * height // more than any picture
	c.device = descriptor([]byte{1, 0x00, 0x02, 0xEF, 2, 1, 64}, u16(0x1209), u16(0x0001), u16(0x0100), []byte{1, 2, 3, 1})
	input := descriptor([]byte{specific, 2, camera}, u16(0x0201), make([]byte, 8), []byte{3, 0, 0, 0})
	output := descriptor([]byte{specific, 3, streamed}, u16(0x0101), []byte{0, camera, 0})
	format := descriptor([]byte{specific, 6, 1, 1, 1, 1, 0, 0, 0, 0})
	frame := descriptor([]byte{specific, 7, 1, 0}, u16(width), u16(height), u32(size*80), u32(size*80), u32(size), u32(interval),
		[]byte{1}, u32(interval))
	interfaces := bytes.Join([][]byte{
		descriptor([]byte{0x0B, 0, 2, video, 3, 0, 0}),
		descriptor([]byte{4, 0, 0, 0, video, control, 0, 0}),
		descriptor([]byte{specific, 1}, u16(0x0100), u16(13+len(input)+len(output)), u32(48e6), []byte{1, 1}),
		input,
		output,
		descriptor([]byte{4, 1, 0, 1, video, stream, 0, 0}),
		descriptor([]byte{specific, 1, 1}, u16(14+len(format)+len(frame)), []byte{endpoint, 0, streamed, 0, 0, 0, 1, 0}),
		format,
		frame,
		descriptor([]byte{5, endpoint, 2}, u16(512), []byte{0}),
	}, nil)
	c.configuration = append(descriptor([]byte{2}, u16(9+len(interfaces)), []byte{2, 1, 0, 0x80, 250}), interfaces...)

	c.probed = make([]byte, settings)
	c.probed[2], c.probed[3] = 1, 1 // format and frame
	le.PutUint32(c.probed[4:], interval)
	le.PutUint32(c.probed[18:], uint32(size))
	le.PutUint32(c.probed[22:], payload)
	return c
}

// control answers a request to the device.
func (c *camera) control(s setup, out []byte) (data []byte, status int32) {
	switch [2]uint8{s.Type, s.Request} {
	case [2]uint8{0x80, 6}: // GET_DESCRIPTOR
		switch {
		case s.ValueHigh == 1:
			return c.device, 0
		case s.ValueHigh == 2:
			return c.configuration, 0
		case s.ValueHigh == 3 && s.ValueLow == 0:
			return []byte{4, 3, 0x09, 0x04}, 0 // English
		case s.ValueHigh == 3 && int(s.ValueLow) < len(c.texts):
			b := []byte{0, 3}
			for _, unit := range utf16.Encode([]rune(c.texts[s.ValueLow])) {
				b = binary.LittleEndian.AppendUint16(b, unit)
			}
			b[0] = byte(len(b))
			return b, 0
		}
	case [2]uint8{0x80, 0}: // GET_STATUS
		return []byte{0, 0}, 0
	case [2]uint8{0x00, 9}, [2]uint8{0x01, 11}: // SET_CONFIGURATION, SET_INTERFACE
		return nil, 0
	case [2]uint8{0x02, 1}: // CLEAR_FEATURE of the endpoint: how a host ends a stream of bulk transfers
		fmt.Println("stopped")
		return nil, 0
	case [2]uint8{0x21, 0x01}: // SET_CUR: there is one setting only
		if s.ValueHigh == 2 { // VS_COMMIT_CONTROL
			c.mu.Lock()
			c.starts++
			c.mu.Unlock()
			fmt.Println("started")
		}
		return nil, 0
	case [2]uint8{0xA1, 0x81}, [2]uint8{0xA1, 0x82}, [2]uint8{0xA1, 0x83}, [2]uint8{0xA1, 0x87}: // GET_CUR, MIN, MAX, DEF
		if s.IndexLow == 1 && (s.ValueHigh == 1 || s.ValueHigh == 2) {
			return c.probed, 0
		}
	}
	return nil, stalled
}

// give sends one picture in as many payloads as it takes, each with a header of two bytes, and waits until the host wants them.
// A picture ends with the stream.
func (c *camera) give(picture []byte, damaged bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frame ^= 1
	start := c.starts
	for first := true; first || len(picture) > 0; first = false {
		for len(c.waiting) == 0 {
			c.more.Wait()
		}
		if c.starts != start && !first {
			return nil
		}
		start = c.starts
		part := picture[:min(len(picture), payload-2)]
		picture = picture[len(part):]
		const end, bad, headerEnds = 0x02, 0x40, 0x80
		flags := c.frame | headerEnds
		if len(picture) == 0 {
			flags |= end
		}
		if damaged {
			flags |= bad
		}
		m := c.waiting[0]
		c.waiting = c.waiting[1:]
		if err := c.answer(m, 0, append([]byte{2, flags}, part...)); err != nil {
			return err
		}
	}
	return nil
}
