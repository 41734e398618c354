package camera

import (
	"errors"
	"reflect"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// The webcam library (v0.6.1, its only release) opens the device, lists and sets formats, maps the buffers, starts and
// stops. It hides a frame's flags, time and number, and they only come with the buffer, from VIDIOC_DQBUF on the
// descriptor that started the stream: a second descriptor is refused. So this package dequeues by itself, on the
// library's descriptor and into the library's maps. Both are private fields. Reflection can read them, a test fails if
// they change, and nothing else in this package knows of it.

// descriptor returns the library's file descriptor.
func descriptor(cam *webcam.Webcam) int {
	return int(reflect.ValueOf(cam).Elem().FieldByName("fd").Uint())
}

// mapped returns the library's buffers, by index. They are there from StartStreaming to StopStreaming.
func mapped(cam *webcam.Webcam) [][]byte {
	list := reflect.ValueOf(cam).Elem().FieldByName("buffers")
	buffers := make([][]byte, list.Len())
	for i := range buffers {
		buffers[i] = list.Index(i).Bytes()
	}
	return buffers
}

// startStreaming starts cam with the given number of buffers. If the library's StartStreaming fails, it leaves the
// buffers mapped, which keeps the device busy even after it is closed, so they are unmapped here.
func startStreaming(cam *webcam.Webcam, buffers uint32) error {
	if err := cam.SetBufferCount(buffers); err != nil {
		return err
	}
	err := cam.StartStreaming()
	if err == nil {
		return nil
	}
	for _, b := range mapped(cam) {
		if b != nil {
			err = errors.Join(err, unix.Munmap(b))
		}
	}
	return err
}
