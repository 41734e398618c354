package frame_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"edge/frame"
	"edge/quant"
)

// A network with an int8 input of 2 × 2 pixels, normalized to −1…1, sees a camera's grey YUYV frame.
func ExampleFitter() {
	fitter, err := frame.NewFitter(frame.TensorSpec{
		Width: 2, Height: 2, Channels: 3, Signed: true,
		Quant: quant.Params{Scale: 1.0 / 128, ZeroPoint: 0},
		Mean:  [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5},
	}, frame.Options{Fit: frame.Stretch})
	if err != nil {
		fmt.Println(err)
		return
	}
	black, white := []byte{16, 128, 16, 128}, []byte{235, 128, 235, 128} // two pixels: Y0 U Y1 V, in limited range
	camera := frame.Frame{Format: frame.YUYV, Width: 4, Height: 2, Pix: append(append(append(black, white...), black...), white...)}

	tensor := make([]byte, 2*2*3)
	if err := fitter.Fit(tensor, camera); err != nil {
		fmt.Println(err)
		return
	}
	for _, value := range tensor[:6] {
		fmt.Print(int8(value), " ")
	}
	// Output: -128 -128 -128 127 127 127
}

// A picture file becomes a frame of RGB24, whatever it was.
func ExampleReadFile() {
	picture := image.NewGray(image.Rect(0, 0, 640, 480))
	picture.SetGray(0, 0, color.Gray{200})
	name := filepath.Join(os.TempDir(), "edge-example.png")
	file, err := os.Create(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(name)
	if err := png.Encode(file, picture); err != nil {
		fmt.Println(err)
	}
	file.Close()

	f, err := frame.ReadFile(context.Background(), name)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Format, f.Width, f.Height, f.Pix[0], f.Pix[1], f.Pix[2])
	// Output: RGB24 640 480 200 200 200
}
