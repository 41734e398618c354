package teach

import (
	"math"
	"slices"

	"edge/quant"
)

// span is the part of a layer's raw features that bytes stand for: 0 to high, or from low if there are negative ones. What
// is outside is clipped, as the network's MEAN clips it. That keeps the few channels that answer loudly from drowning the
// others. Textures are bent in place of it, tanh(x / bend), so that more of what is loud is held back, and none of it is lost.
type span struct {
	low, high float32
	bend      float32 // 0: not bent
}

// clipAt is the share of all features that a span holds. On photographs of fruit, 85 % is worth a point of top-1 over all
// of them; from 80 % to 90 % all sets tried stay within 0.3 points.
//
// bendAt is the share that lies below a span's bend, and bendReach how many bends the span holds: there tanh is 0.99. To bend
// textures is worth 0.4 points on fruit, and half a point on five pictures of rubbish.
const (
	clipAt    = 0.85
	bendAt    = 0.6
	bendReach = 2.65
)

// step is what one step of a byte stands for.
func (s span) step() float32 { return (s.high - s.low) / 255 }

// bends is the same, in bends.
func (s span) bends() float32 { return s.step() / s.bend }

// zero is the byte that stands for nothing.
func (s span) zero() int32 { return int32(math.Round(float64(-s.low / s.step()))) }

// spanOf finds a layer's span among pictures. Of a histogram, as there are millions of features.
func spanOf(pictures []raw, l layer, bent bool) span {
	counts := (*[1 << 16]int32)(make([]int32, 1<<16)) // by feature, as an unsigned number
	for _, p := range pictures {
		for _, v := range p[l.at : l.at+l.channels] {
			counts[uint16(v)]++
		}
	}
	all, negative, least := len(pictures)*l.channels, 0, 0
	for v := -1; v >= math.MinInt16; v-- {
		if n := int(counts[uint16(v)]); n > 0 {
			negative, least = negative+n, v
		}
	}
	holds := clipAt
	if bent {
		holds = bendAt
	}
	left := int32(float64(all) * (1 - holds))
	s := span{high: 1}
	for v := math.MaxInt16; v > 0; v-- {
		if left -= counts[v]; left < 0 {
			s.high = float32(v)
			break
		}
	}
	if bent {
		s.bend = s.high
		s.high *= bendReach
	}
	if negative > all/100 { // a layer without a rectifier
		s.low = max(float32(least), -s.high)
	}
	return s
}

// bytes are what features, as unsigned numbers, stand for: rounded to the nearest, and clipped.
func (s span) bytes() *[1 << 16]uint8 {
	bytes := (*[1 << 16]uint8)(make([]uint8, 1<<16)) // negative features in the upper half, the least byte
	for v := range 1 << 15 {
		bytes[v] = 255
	}
	zero, inverse := float32(s.zero()), 1/s.step()
	for v := int32(s.low - s.step()); v <= math.MaxInt16 && float32(v) < s.high+s.step(); v++ {
		bytes[uint16(v)] = uint8(min(max(int32(float32(v)*inverse+zero+0.5), 0), 255))
	}
	return bytes
}

// values are what a layer's MEAN, or TANH behind it, makes of each byte, less its zero point.
func (s span) values() *[256]int32 {
	values := new([256]int32)
	for q := range values {
		d := int32(q) - s.zero()
		if values[q] = d; s.bend > 0 {
			tanh := float32(math.Tanh(float64(s.bends() * float32(d))))
			values[q] = min(int32(math.Round(float64(tanh*128))), 127)
		}
	}
	return values
}

// opinionSpan is that of probabilities, which are bytes already.
var opinionSpan = span{high: 255 * rawSteps}

// set are the pictures of a lesson as units.
type set struct {
	layers []layer
	spans  []span
	bytes  []*[1 << 16]uint8 // by layer: see span
	values []*[256]int32     // by layer
	units  [][][]int8        // by layer and picture
	rows   [][]int8          // the same by layer: of so many pictures that there are whole groups of four, each filled up to whole unitSteps
}

func newSet(layers []layer, pictures []raw) *set {
	n := len(layers)
	s := &set{layers, make([]span, n), make([]*[1 << 16]uint8, n), make([]*[256]int32, n), make([][][]int8, n), make([][]int8, n)}
	for i, l := range layers {
		if l.tensor < 0 {
			continue
		}
		s.spans[i] = opinionSpan
		if i != opinion {
			s.spans[i] = spanOf(pictures, l, i >= textures)
		}
		s.bytes[i], s.values[i] = s.spans[i].bytes(), s.spans[i].values()
		s.units[i] = make([][]int8, len(pictures))
		length := l.length()
		s.rows[i] = make([]int8, upTo4(len(pictures))*length)
		for k, p := range pictures {
			s.units[i][k] = s.rows[i][k*length:][:l.channels]
			s.unit(s.units[i][k], p, i)
		}
	}
	return s
}

// unit writes a picture's features of a layer at unit length, in steps of 1/128, as the network's MEAN, TANH and
// L2_NORMALIZATION make them.
func (s *set) unit(to []int8, p raw, layer int) {
	l, bytes, values := s.layers[layer], s.bytes[layer], s.values[layer]
	from := p[l.at : l.at+l.channels]
	to = to[:len(from)]
	sum := int32(0)
	for i, v := range from {
		q := bytes[uint16(v)]
		to[i] = int8(q)
		d := values[q]
		sum += d * d
	}
	m := quant.UnitLength(sum, l.unsigned)
	var table [256]int8
	for q, d := range values {
		table[q] = int8(min(max(m.Apply(d), -128), 127))
	}
	for i, q := range to {
		to[i] = table[uint8(q)]
	}
}

// length is that of a layer's row of units.
func (l layer) length() int { return (l.channels + unitStep - 1) &^ (unitStep - 1) }

// of are another picture's units, by layer.
func (s *set) of(p raw) [][]int8 {
	units := make([][]int8, len(s.layers))
	for i, l := range s.layers {
		if l.tensor >= 0 {
			units[i] = make([]int8, l.channels)
			s.unit(units[i], p, i)
		}
	}
	return units
}

// A combination is which layers tell the classes apart, each with the same weight.
type combination struct {
	name   string
	layers []int
}

// combinations lists those to choose from: textures, if the backbone has such layers, and last what it knows objects by.
func (s *set) combinations() []combination {
	var list []combination
	if len(s.layers) > textures {
		c := combination{"textures", []int{pooled}}
		for i := textures; i < len(s.layers); i++ {
			c.layers = append(c.layers, i)
		}
		list = append(list, c)
	}
	if s.layers[opinion].tensor >= 0 {
		return append(list, combination{"objects and opinion", []int{pooled, opinion}})
	}
	return append(list, combination{"objects", []int{pooled}})
}

// kernel holds the cosines between all pictures, the lower half. Cosines are sums over the layers of a combination.
type kernel struct {
	n     int
	cells []float32
}

func (k *kernel) row(i int) []float32 { return k.cells[i*(i+1)/2 : (i+1)*(i+2)/2] }

func (k *kernel) at(i, j int) float32 {
	if i < j {
		i, j = j, i
	}
	return k.cells[i*(i+1)/2+j]
}

// kernelRows are multiplied with all before them side by side, and fit into a first-level cache.
const kernelRows = 16

// kernels computes the kernel of each combination, each layer's products once.
func (s *set) kernels(list []combination) []kernel {
	n := len(s.units[pooled])
	made := make([]kernel, len(list))
	for i := range made {
		made[i] = kernel{n, make([]float32, n*(n+1)/2)}
	}
	var in []int
	var share []float32
	for l := range s.layers {
		in, share = in[:0], share[:0]
		for c, comb := range list {
			if slices.Contains(comb.layers, l) {
				in, share = append(in, c), append(share, 1./(128*128)/float32(len(comb.layers)))
			}
		}
		if len(in) == 0 {
			continue
		}
		rows, length := s.rows[l], s.layers[l].length()
		group := func(i int) []int8 { return rows[i*length:][:4*length] }
		var products [16]int32
		for from := 0; from < n; from += kernelRows {
			to := min(from+kernelRows, n)
			for j := 0; j < to; j += 4 {
				for i := max(from, j); i < to; i += 4 {
					units4x4(&products, group(i), group(j), length)
					for r := i; r < min(i+4, n); r++ {
						of := products[4*(r-i):][:min(4, r+1-j)]
						for k, c := range in {
							row, f := made[c].row(r)[j:][:len(of)], share[k]
							for j, p := range of {
								row[j] += f * float32(p)
							}
						}
					}
				}
			}
		}
	}
	return made
}

// cosine is that between two pictures by a combination.
func (c combination) cosine(a, b [][]int8) float32 {
	sum := int32(0)
	for _, l := range c.layers {
		sum += dot8(a[l], b[l])
	}
	return float32(sum) / (128 * 128) / float32(len(c.layers))
}
