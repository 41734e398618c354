package teach

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDot compares the products of this machine's instructions with those of Go, also of the extremes.
func TestDot(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for length := range 200 {
		a, b := make([]int8, length), make([]int8, length)
		for round := range 4 {
			for i := range a {
				a[i], b[i] = int8(rng.Uint32()), int8(rng.Uint32())
				if round == 3 {
					a[i], b[i] = -128, -128
				}
			}
			want := int32(0)
			for i := range a {
				want += int32(a[i]) * int32(b[i])
			}
			if got := dot8(a, b); got != want {
				t.Fatalf("length %d: %d, want %d", length, got, want)
			}
			if got := dot8Generic(a, b); got != want {
				t.Fatalf("length %d, Go: %d, want %d", length, got, want)
			}
		}
	}
}

// TestUnits multiplies units of all lengths, those whose sums are the largest among them: rows that are equal or opposite, of one
// element or of equal ones, all rounded away from zero.
func TestUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for length := unitStep; length <= 3*1024; length += unitStep {
		rows := make([]int8, 8*length)
		for i := range 8 {
			row := rows[i*length : (i+1)*length]
			x, square := make([]float64, length), 0.0
			for k := range x {
				switch {
				case i < 2: // equal
					x[k] = 1
				case i == 2: // a few
					x[k] = max(rng.NormFloat64()-2, 0)
				case i == 3:
					x[k] = rng.NormFloat64()
				case i == 4: // one
					x[min(length-1, 7)] = -1
				case i == 5: // opposite
					x[k] = -1
				case i == 6:
					x[k] = float64(1 - 2*(k&1))
				case i == 7 && k < unitStep:
					x[k] = 1
				}
			}
			for _, v := range x {
				square += v * v
			}
			for k, v := range x {
				v *= 128 / math.Sqrt(max(square, 1e-9))
				row[k] = int8(min(max(v+math.Copysign(0.5, v), -128), 127))
				if v == 0 {
					row[k] = 0
				}
			}
		}
		for _, at := range [][2]int{{0, 0}, {0, 4}, {4, 0}, {4, 4}} {
			var got [16]int32
			units4x4(&got, rows[at[0]*length:][:4*length], rows[at[1]*length:][:4*length], length)
			for i := range 4 {
				for j := range 4 {
					want := dot8Generic(rows[(at[0]+i)*length:][:length], rows[(at[1]+j)*length:][:length])
					if got[4*i+j] != want {
						t.Fatalf("length %d, rows %d and %d: %d, want %d", length, at[0]+i, at[1]+j, got[4*i+j], want)
					}
				}
			}
		}
	}
}

// TestDots compares products of rows, in slices that end where the rows do, with sums in float64.
func TestDots(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for n := 4; n <= 100; n += 4 {
		strideA, strideB := n+rng.IntN(9), n+rng.IntN(9)
		a, b := make([]float32, 3*strideA+n), make([]float32, 3*strideB+n)
		for i := range a {
			a[i] = float32(rng.NormFloat64())
		}
		for i := range b {
			b[i] = float32(rng.NormFloat64())
		}
		var got, generic [16]float32
		dots4x4(&got, a, strideA, b, strideB, n)
		dotsGeneric(&generic, a, strideA, b, strideB, n)
		for i := range 4 {
			for j := range 4 {
				want := 0.0
				for k := range n {
					want += float64(a[i*strideA+k]) * float64(b[j*strideB+k])
				}
				for name, sums := range map[string][16]float32{"this machine's": got, "Go's": generic} {
					if math.Abs(float64(sums[4*i+j])-want) > 1e-4 {
						t.Errorf("n = %d, rows %d and %d, %s: %v, want %v", n, i, j, name, sums[4*i+j], want)
					}
				}
			}
		}
	}
}

// TestAddUnits compares sums of units with the definition.
func TestAddUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for n := unitStep; n < 10*unitStep; n += unitStep {
		row, to, generic, want := make([]int8, n), make([]float32, n), make([]float32, n), make([]float64, n)
		for range 5 {
			x := float32(rng.NormFloat64())
			for i := range row {
				row[i] = int8(rng.Uint32())
				want[i] += float64(x) * float64(row[i])
			}
			addUnits(to, x, row)
			addUnitsGeneric(generic, x, row)
		}
		for i := range want {
			if math.Abs(float64(to[i])-want[i]) > 1e-3 || math.Abs(float64(generic[i])-want[i]) > 1e-3 {
				t.Errorf("n = %d, %d: %v, Go %v, want %v", n, i, to[i], generic[i], want[i])
			}
		}
	}
}
