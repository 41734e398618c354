package teach

import "math"

// triangle is the lower half of a symmetric matrix, or a lower triangular one, row by row:
//
//	0
//	1 2
//	3 4 5
type triangle struct {
	n     int
	cells []float64
}

func newTriangle(n int) triangle { return triangle{n, make([]float64, n*(n+1)/2)} }

// row is row i up to the diagonal.
func (t triangle) row(i int) []float64 { return t.cells[i*(i+1)/2 : (i+1)*(i+2)/2] }

// factor turns a symmetric, positive definite A into the L of A = L·Lᵀ, in its place (Cholesky, row by row, so that
// memory is read along rows). Rounding may take a small pivot away: floor is the least that is left.
func (t triangle) factor(floor float64) {
	for i := range t.n {
		ri := t.row(i)
		for j := range i {
			rj := t.row(j)
			ri[j] = (ri[j] - dot64(ri[:j], rj[:j])) / rj[j]
		}
		ri[i] = math.Sqrt(max(ri[i]-dot64(ri[:i], ri[:i]), floor))
	}
}

// invert turns a lower triangular matrix into its inverse, in its place.
func (t triangle) invert() {
	sum := make([]float64, t.n)
	for i := range t.n {
		ri := t.row(i)
		to := sum[:i]
		clear(to)
		k := 0
		for ; k+1 < i; k += 2 {
			addScaled2(to[:k+1], ri[k], t.row(k), ri[k+1], t.row(k+1))
			to[k+1] += ri[k+1] * t.row(k + 1)[k+1]
		}
		for ; k < i; k++ {
			addScaled(to[:k+1], ri[k], t.row(k))
		}
		inverse := 1 / ri[i]
		for j, s := range to {
			ri[j] = -s * inverse
		}
		ri[i] = inverse
	}
}

func dot64(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

func addScaled(to []float64, x float64, row []float64) {
	row = row[:len(to)]
	for i, r := range row {
		to[i] += x * r
	}
}

func addScaled2(to []float64, x float64, a []float64, y float64, b []float64) {
	a, b = a[:len(to)], b[:len(to)]
	for i := range to {
		to[i] += x*a[i] + y*b[i]
	}
}

// solution is a kernel ridge regression of one column for each class:
//
//	α = (K + λ·W⁻¹)⁻¹ · Y
//
// and what it would say of each picture if that picture's burst had not been taught. For a burst B,
//
//	left out[B] = Y[B] − (M[B,B])⁻¹ · α[B],  M = (K + λ·W⁻¹)⁻¹
//
// which one factorization gives for all of them (Rifkin & Lippert, Notes on Regularized Least Squares, 2007, for a single
// picture; An, Liu & Venkatesh, Fast cross-validation algorithms for least squares SVM and KRR, 2007, for several).
type solution struct {
	alpha   [][]float64 // by picture and class
	leftOut [][]float64 // the same
}

// solve fits. k isn't changed; weights are 1 for a picture as important as one by itself; bursts lists the pictures of each
// burst; class is what each picture shows.
func solve(k func(i int) []float32, n int, lambda float64, weights []float64, bursts [][]int, class []int, classes int) *solution {
	l := newTriangle(n)
	for i := range n {
		row := l.row(i)
		for j, v := range k(i)[:i+1] {
			row[j] = float64(v)
		}
		row[i] += lambda / weights[i]
	}
	l.factor(lambda / 100)
	l.invert() // now M = lᵀ·l
	s := &solution{matrix(n, classes), matrix(n, classes)}
	half := matrix(n, classes) // l·Y
	for i := range n {
		for j, v := range l.row(i) {
			half[i][class[j]] += v
		}
		sum := 0.0 // of the row: every class's target is −1/classes, the picture's own 1 more
		for _, v := range l.row(i) {
			sum += v
		}
		for c := range half[i] {
			half[i][c] -= sum / float64(classes)
		}
	}
	diagonal := make([]float64, n)
	for i := range n {
		for j, v := range l.row(i) {
			diagonal[j] += v * v
			to := s.alpha[j]
			for c, h := range half[i] {
				to[c] += v * h
			}
		}
	}
	for _, burst := range bursts {
		if len(burst) == 1 {
			i := burst[0]
			for c := range classes {
				s.leftOut[i][c] = target(class[i], c, classes) - s.alpha[i][c]/diagonal[i]
			}
			continue
		}
		s.leaveOut(l, burst, class, classes)
	}
	return s
}

func target(is, class, classes int) float64 {
	t := -1 / float64(classes)
	if is == class {
		t++
	}
	return t
}

// leaveOut is for a burst of several pictures.
func (s *solution) leaveOut(l triangle, burst, class []int, classes int) {
	b := len(burst)
	m := newTriangle(b)
	for k := range l.n {
		row := l.row(k)
		for i, pi := range burst {
			if pi >= len(row) || row[pi] == 0 {
				continue
			}
			to := m.row(i)
			for j, pj := range burst[:i+1] {
				if pj < len(row) {
					to[j] += row[pi] * row[pj]
				}
			}
		}
	}
	m.factor(1e-12)
	x := make([]float64, b)
	for c := range classes {
		for i := range b { // forward
			x[i] = (s.alpha[burst[i]][c] - dot64(m.row(i)[:i], x[:i])) / m.row(i)[i]
		}
		for i := b - 1; i >= 0; i-- { // and back
			x[i] /= m.row(i)[i]
			addScaled(x[:i], -x[i], m.row(i)[:i])
		}
		for i, p := range burst {
			s.leftOut[p][c] = target(class[p], c, classes) - x[i]
		}
	}
}

func matrix(rows, columns int) [][]float64 {
	cells := make([]float64, rows*columns)
	m := make([][]float64, rows)
	for i := range m {
		m[i] = cells[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return m
}
