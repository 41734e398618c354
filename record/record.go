// Package record is the black box: what was seen and what was decided, so that one can find out afterwards why an LED
// lit up, and run it all again.
//
// Of every frame it keeps the network's output, some 50 bytes; of those around a switch, a near miss, "not sure" and a
// loss it keeps the frames themselves too, exactly as the network got them: the camera's JPEG, or the input tensor. It
// is a ring of files, bounded in bytes:
//
//	walk ──See──▶ slots ──▶ write ──▶ DIR/00000041.rec  (a segment: header, moments, pictures)
//	                          │       DIR/00000042.rec
//	                          └─────▶ archive: segments in which something happened, on a disk, a budget a day
//
// The files in the order in which to read them: record.go says what there is, format.go how it lies in a file, write.go
// how it gets there, read.go how it comes back, replay.go runs it again, timeline.go says and draws what would have been
// different, picture.go makes a picture of an input tensor.
package record

import (
	"time"

	"edge/decision"
	"edge/frame"
)

// Header is all that decides beside the frames. Each segment begins with it, and it comes again when the rules change.
type Header struct {
	Program string           // the version of edge
	Kernels string           // the set that ran
	Started time.Time        // when the run began; moments count from here
	Model   string           // the network's name
	SHA256  string           // of the network's file
	Input   frame.TensorSpec // what the network takes
	Output  decision.Output  // and gives
	Fit     frame.Options    // how a frame became its input
	Rules   decision.Config
	Config  string // the text of edge.yaml, for people
}

// Moment is one step of the walk: a frame, or the lack of one.
type Moment struct {
	Kind    Kind
	Number  uint64        // counts the moments of a run, from 0
	At      time.Duration // after Header.Started
	Output  []byte        // the network's, of a Frame
	Changed bool          // State and Lights follow
	State   decision.State
	Lights  []decision.Light // of each LED
}

// Kind is what a Moment is.
type Kind byte

// The kinds of moments.
const (
	Start Kind = 'B' // the run begins, nothing has been seen
	Frame Kind = 'F' // a frame was seen
	Lost  Kind = 'L' // there is no camera
)

// Picture is a frame exactly as the network got it.
type Picture struct {
	Number        uint64       // of its moment
	Format        frame.Format // frame.MJPEG, or 0: the input tensor
	Width, Height int          // what the camera said of MJPEG
	Name          string       // of the file that it came from, else empty
	Data          []byte
}

// Event says why pictures were kept.
type Event struct {
	Number uint64 // of the moment
	Why    Why
	LED    int // of a NearMiss
}

// Why is the reason of an Event.
type Why byte

// The reasons.
const (
	Switch   Why = 's' // an LED changed
	NearMiss Why = 'n' // a score passed a threshold and came back, and the LED didn't change
	Unsure   Why = 'u' // no class had a good score any more
	Loss     Why = 'l' // the camera was lost
)

func (w Why) String() string {
	switch w {
	case Switch:
		return "switch"
	case NearMiss:
		return "near miss"
	case Unsure:
		return "not sure"
	case Loss:
		return "camera lost"
	}
	return "unknown"
}
