package camera_test

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"edge/camera"
)

// A folder of pictures is a camera, too: useful to try something without one.
func Example() {
	dir, err := os.MkdirTemp("", "edge-example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"cat10.png", "cat9.png"} {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := png.Encode(file, image.NewGray(image.Rect(0, 0, 64, 48))); err != nil {
			fmt.Println(err)
		}
		file.Close()
	}

	spec, err := camera.ParseSpec(dir) // or "auto", "/dev/video0", "exec:rpicam-vid …", "-"
	if err != nil {
		fmt.Println(err)
		return
	}
	cam, err := camera.Open(spec, camera.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cam.Close()
	for f, err := range cam.Frames(context.Background()) {
		if err != nil { // camera.ErrLost, frame.ErrDamaged: the sequence continues
			fmt.Println(err)
			continue
		}
		fmt.Println(filepath.Base(f.Name), f.Format, f.Width, f.Height)
	}
	// Output:
	// cat9.png RGB24 64 48
	// cat10.png RGB24 64 48
}

// What a person writes is parsed once; an error says what to do.
func ExampleParseSpec() {
	for _, text := range []string{"auto", "1", "HD Webcam C615", "pictures/*.jpg"} {
		spec, err := camera.ParseSpec(text)
		fmt.Println(spec.Kind == camera.Device, spec, err)
	}
	// Output:
	// false auto <nil>
	// true /dev/video1 <nil>
	// false HD Webcam C615 <nil>
	// false pictures/*.jpg <nil>
}
