package teach

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLeaveOneOut holds that the closed form says what fitting anew without a burst says.
func TestLeaveOneOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, classes, depth = 23, 3, 9
	var x [n][depth]float64
	class := make([]int, n)
	for i := range n {
		class[i] = rng.IntN(classes)
		for d := range depth {
			x[i][d] = rng.NormFloat64() + float64(class[i])
		}
	}
	kernel := func(of []int) func(i int) []float32 {
		return func(i int) []float32 {
			row := make([]float32, i+1)
			for j := range row {
				for d := range depth {
					row[j] += float32(x[of[i]][d] * x[of[j]][d])
				}
			}
			return row
		}
	}
	all := make([]int, n)
	weights := make([]float64, n)
	for i := range n {
		all[i], weights[i] = i, 0.5+rng.Float64()
	}
	bursts := [][]int{{0, 5, 7}, {1, 2}, {3}, {4}, {6}}
	for i := 8; i < n; i++ {
		bursts = append(bursts, []int{i})
	}
	whole := solve(kernel(all), n, 0.3, weights, bursts, class, classes)
	for _, burst := range bursts {
		var rest, restClass []int
		var restWeights []float64
		var single [][]int
		for i := range n {
			if !slices.Contains(burst, i) {
				single = append(single, []int{len(rest)})
				rest, restClass, restWeights = append(rest, i), append(restClass, class[i]), append(restWeights, weights[i])
			}
		}
		part := solve(kernel(rest), len(rest), 0.3, restWeights, single, restClass, classes)
		for _, p := range burst {
			for c := range classes {
				want := 0.0
				for i, r := range rest {
					for d := range depth {
						want += x[p][d] * x[r][d] * part.alpha[i][c]
					}
				}
				if got := whole.leftOut[p][c]; math.Abs(got-want) > 1e-4 {
					t.Errorf("picture %d, class %d: %v, fitted anew %v", p, c, got, want)
				}
			}
		}
	}
}
