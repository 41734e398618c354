package page

import "math"

// brightnessAndSharpness are the mean of a grey picture, and the standard deviation of its Laplacian: what changes from
// pixel to pixel, which is most when the lens is in focus. (Pech-Pacheco et al., "Diatom autofocusing in brightfield
// microscopy", ICPR 2000.)
func brightnessAndSharpness(luma []byte, width int) (brightness, sharpness float64) {
	if len(luma) == 0 || width < 1 {
		return 0, 0
	}
	sum := 0
	for _, v := range luma {
		sum += int(v)
	}
	n, total, squares := 0, 0, 0
	height := len(luma) / width
	for y := 1; y < height-1; y++ {
		for x := 1; x < width-1; x++ {
			i := y*width + x
			d := 4*int(luma[i]) - int(luma[i-1]) - int(luma[i+1]) - int(luma[i-width]) - int(luma[i+width])
			n++
			total += d
			squares += d * d
		}
	}
	brightness = float64(sum) / float64(len(luma))
	if n > 0 {
		mean := float64(total) / float64(n)
		sharpness = math.Sqrt(max(float64(squares)/float64(n)-mean*mean, 0))
	}
	return brightness, sharpness
}
