package teach

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveRegress is regress by Gaussian elimination, in double precision.
func naiveRegress(k func(i, j int) float64, lambda float64, weights []float64, class []int, classes int) [][]float64 {
	n := len(class)
	a := make([][]float64, n)
	alpha := make([][]float64, n)
	for i := range n {
		a[i], alpha[i] = make([]float64, n), make([]float64, classes)
		for j := range n {
			a[i][j] = k(i, j)
		}
		a[i][i] += lambda / weights[i]
		for c := range classes {
			alpha[i][c] = -1 / float64(classes)
		}
		alpha[i][class[i]]++
	}
	for p := range n {
		for i := range n {
			if i != p {
				f := a[i][p] / a[p][p]
				for j := p; j < n; j++ {
					a[i][j] -= f * a[p][j]
				}
				for c := range classes {
					alpha[i][c] -= f * alpha[p][c]
				}
			}
		}
	}
	for i := range n {
		for c := range classes {
			alpha[i][c] /= a[i][i]
		}
	}
	return alpha
}

// TestLeaveOneOut holds that the regression, and what the closed form says without a burst, are what fitting anew in double precision
// says, as far as single precision goes: of cosines, with a burst larger than what is computed at once, and once more in the same memory.
func TestLeaveOneOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const classes, depth = 3, 9
	for _, n := range []int{1, 2, 3, 4, 5, 23, 94} {
		x := make([][depth]float64, n)
		class, weights := make([]int, n), make([]float64, n)
		for i := range n {
			class[i], weights[i] = rng.IntN(classes), 0.5+rng.Float64()
			square := 0.0
			for d := range depth {
				x[i][d] = rng.NormFloat64() + float64(class[i])
				square += x[i][d] * x[i][d]
			}
			for d := range depth {
				x[i][d] /= math.Sqrt(square)
			}
		}
		cosine := func(i, j int) (sum float64) {
			for d := range depth {
				sum += x[i][d] * x[j][d]
			}
			return sum
		}
		row := func(i int) []float32 {
			row := make([]float32, i+1)
			for j := range row {
				row[j] = float32(cosine(i, j))
			}
			return row
		}
		var bursts [][]int
		switch n {
		case 23:
			bursts = [][]int{{0, 5, 7}, {1, 2}, {3}, {4}, {6}}
		case 94:
			bursts = [][]int{{0, 1, 2, 3, 4, 5}, {6, 8, 90}, nil}
			for i := 10; i < 10+atOnce+5; i++ {
				bursts[2] = append(bursts[2], i)
			}
		}
		in := slices.Concat(bursts...)
		for i := range n {
			if !slices.Contains(in, i) {
				bursts = append(bursts, []int{i})
			}
		}
		solver := newTriangle(n)
		for _, lambda := range []float64{1, 0.01} {
			alpha := solver.regress(row, lambda, weights, class, classes)
			left := solver.leaveOut(alpha, bursts, class, classes)
			for i, want := range naiveRegress(cosine, lambda, weights, class, classes) {
				for c := range classes {
					if math.Abs(alpha[i][c]-want[c]) > 1e-2*max(1, math.Abs(want[c])) {
						t.Errorf("n = %d, λ = %v, picture %d, class %d: α %v, want %v", n, lambda, i, c, alpha[i][c], want[c])
					}
				}
			}
			for _, burst := range bursts {
				var rest, restClass []int
				var restWeights []float64
				for i := range n {
					if !slices.Contains(burst, i) {
						rest, restClass, restWeights = append(rest, i), append(restClass, class[i]), append(restWeights, weights[i])
					}
				}
				alpha := naiveRegress(func(i, j int) float64 { return cosine(rest[i], rest[j]) }, lambda, restWeights, restClass, classes)
				for _, p := range burst {
					for c := range classes {
						want := 0.0
						for i, r := range rest {
							want += cosine(p, r) * alpha[i][c]
						}
						if math.Abs(left[p][c]-want) > 1e-3 {
							t.Errorf("n = %d, λ = %v, picture %d, class %d: %v, fitted anew %v", n, lambda, p, c, left[p][c], want)
						}
					}
				}
			}
		}
	}
}

// TestLargest holds that no picture of a lesson scores more than largest says, and one as much.
func TestLargest(t *testing.T) {
	b := smallBackbone(t)
	l := read(t, paintLesson(t, 5), b)
	features, class := l.raws()
	f := fit(b, features, class, l.Classes)
	want := 0.0
	for i, p := range features {
		for _, v := range append(f.scores(f.set.of(p)), f.leftOut[i]...) {
			want = max(want, math.Abs(v))
		}
	}
	if got := f.largest(); math.Abs(got-want) > 0.01*want {
		t.Errorf("%v, want %v", got, want)
	}
}
