package ptq

// multiply computes rows of a matrix product: for each pixel of k values in src and each output channel,
//
//	dst[pixel·channels + o] = clamp(bias[o] + Σ_i src[pixel·k + i] · weights[o·k + i])
//
// Two pixels and four channels are computed at a time: eight sums are what the registers hold. Products are rounded
// before they are added (no fused multiply-add), so that the same file comes out on every machine.
func multiply(dst, src, weights, bias []float32, k int, c clamp) {
	channels := len(bias)
	pixels := len(src) / k
	for o := 0; o < channels; o += 4 {
		n := min(4, channels-o)
		var w [4][]float32 // the last ones repeat where channels isn't a multiple of 4
		for i := range w {
			at := (o + min(i, n-1)) * k
			w[i] = weights[at : at+k]
		}
		for p := 0; p < pixels; p += 2 {
			q := min(p+1, pixels-1)
			sums := dot(src[p*k:(p+1)*k], src[q*k:(q+1)*k], w[0], w[1], w[2], w[3])
			for i, b := range bias[o : o+n] {
				dst[p*channels+o+i] = c.apply(sums[0][i] + b)
				dst[q*channels+o+i] = c.apply(sums[1][i] + b)
			}
		}
	}
}

// dot returns the products of x and y with four rows of weights.
func dot(x, y, w0, w1, w2, w3 []float32) [2][4]float32 {
	n := len(w0)
	x, y, w1, w2, w3 = x[:n], y[:n], w1[:n], w2[:n], w3[:n]
	var x0, x1, x2, x3, y0, y1, y2, y3 float32
	for i, w := range w0 {
		a, b := x[i], y[i]
		x0 += float32(a * w)
		y0 += float32(b * w)
		w = w1[i]
		x1 += float32(a * w)
		y1 += float32(b * w)
		w = w2[i]
		x2 += float32(a * w)
		y2 += float32(b * w)
		w = w3[i]
		x3 += float32(a * w)
		y3 += float32(b * w)
	}
	return [2][4]float32{{x0, x1, x2, x3}, {y0, y1, y2, y3}}
}

// accumulate adds x·w to sum, element by element.
func accumulate(sum, x, w []float32) {
	x, w = x[:len(sum)], w[:len(sum)]
	for i := range sum {
		sum[i] += float32(x[i] * w[i])
	}
}
