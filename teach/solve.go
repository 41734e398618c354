package teach

import "math"

// triangle is the lower half of a symmetric matrix, or a lower triangular one. Its rows lie in groups of four that are equally
// long, up to the end of the group's diagonal, for dots4x4. What is above the diagonal is never read; the last group is filled with
// empty rows:
//
//	 0  .  .  .
//	 4  5  .  .
//	 8  9 10  .
//	12 13 14 15
//	16 17 18 19 20  .  .  .
//	24 25 26 27 28 29  .  .
//
// Single precision is enough for a matrix of cosines: a row of its L is about as long as a picture's features, 1, so that a product
// of two rows is wrong by some 1e-7, of which a thousand add up to less than a hundredth of the least λ.
type triangle struct {
	n        int
	cells    []float32
	inverses []float32 // of L's diagonal
}

// atOnce is how many rows are computed side by side: what they are multiplied with is read once for all of them, and a thousand
// cells of each fit into a second-level cache.
const atOnce = 32

func upTo4(n int) int { return (n + 3) &^ 3 }

func newTriangle(n int) *triangle {
	groups := upTo4(n) / 4
	return &triangle{n, make([]float32, 8*groups*(groups+1)), make([]float32, 4*groups)}
}

// group is the four rows from i on, a multiple of 4, and how far they lie apart.
func (t *triangle) group(i int) (rows []float32, stride int) {
	g := i / 4
	return t.cells[8*g*(g+1) : 8*(g+1)*(g+2)], 4 * (g + 1)
}

// row is row i up to the diagonal.
func (t *triangle) row(i int) []float32 {
	rows, stride := t.group(i)
	return rows[i%4*stride:][:i+1]
}

// factor turns a symmetric, positive definite A into the L of A = L·Lᵀ, in its place (Cholesky). Rounding may take a small pivot
// away: floor is the least that is left.
func (t *triangle) factor(floor float32) {
	for from := 0; from < t.n; from += atOnce {
		to := min(from+atOnce, t.n)
		for j := 0; j < to; j += 4 {
			if j >= from {
				t.pivot(j, floor)
			}
			for i := max(from, j+4); i < to; i += 4 {
				rows, stride := t.group(i)
				t.eliminate(rows, stride, 0, j)
			}
		}
	}
}

// pivot computes L's cells on the diagonal of the group from j on; those to the left are done.
func (t *triangle) pivot(j int, floor float32) {
	rows, stride := t.group(j)
	var known [16]float32
	if j > 0 {
		dots4x4(&known, rows, stride, rows, stride, j)
	}
	for r := range 4 {
		x := rows[r*stride+j:][:4]
		for c := range r + 1 {
			v := x[c] - known[4*r+c]
			for k, l := range rows[c*stride+j:][:c] {
				v -= x[k] * l
			}
			if c < r {
				x[c] = v * t.inverses[j+c]
				continue
			}
			x[r] = float32(math.Sqrt(float64(max(v, floor))))
			t.inverses[j+r] = 1 / x[r]
		}
	}
}

// eliminate computes the cells from j on of four rows x of X·Lᵀ = B, in the place of B's; those to the left are done, and zero before from.
func (t *triangle) eliminate(x []float32, stride, from, j int) {
	l, strideL := t.group(j)
	var known [16]float32
	if j > from {
		dots4x4(&known, x[from:], stride, l[from:], strideL, j-from)
	}
	l1, l2, l3 := l[strideL+j:][:1], l[2*strideL+j:][:2], l[3*strideL+j:][:3]
	inverse := t.inverses[j:][:4]
	for r := range 4 {
		to, k := x[r*stride+j:][:4], known[4*r:][:4]
		x0 := (to[0] - k[0]) * inverse[0]
		x1 := (to[1] - k[1] - x0*l1[0]) * inverse[1]
		x2 := (to[2] - k[2] - x0*l2[0] - x1*l2[1]) * inverse[2]
		to[0], to[1], to[2] = x0, x1, x2
		to[3] = (to[3] - k[3] - x0*l3[0] - x1*l3[1] - x2*l3[2]) * inverse[3]
	}
}

// forward turns rows of B into those of the X of X·Lᵀ = B. Their number and stride are multiples of 4; all are zero before from.
func (t *triangle) forward(rows []float32, stride, from int) {
	for j := from &^ 3; j < t.n; j += 4 {
		for i := 0; i < len(rows); i += 4 * stride {
			t.eliminate(rows[i:], stride, from&^3, j)
		}
	}
}

// back turns b into the x of Lᵀ·x = b.
func (t *triangle) back(b []float32) {
	for i := t.n - 1; i >= 0; i-- {
		b[i] *= t.inverses[i]
		x := b[i]
		row := t.row(i)[:i]
		to := b[:len(row)]
		for k, l := range row {
			to[k] -= x * l
		}
	}
}

// regress fits a kernel ridge regression of one column for each class, and leaves its factor in t:
//
//	α = (K + λ·W⁻¹)⁻¹ · Y
//
// α is by picture and class. k isn't changed; weights are 1 for a picture as important as one by itself; class is what each picture shows.
func (t *triangle) regress(k func(i int) []float32, lambda float64, weights []float64, class []int, classes int) [][]float64 {
	for i := range t.n {
		row := t.row(i)
		copy(row, k(i))
		row[i] += float32(lambda / weights[i])
	}
	t.factor(float32(lambda / 100))
	stride := upTo4(t.n)
	y := make([]float32, upTo4(classes)*stride) // by class
	for c := range classes {
		for i, is := range class {
			y[c*stride+i] = target(is, c, classes)
		}
	}
	t.forward(y, stride, 0)
	alpha := matrix(t.n, classes)
	for c := range classes {
		of := y[c*stride:][:t.n]
		t.back(of)
		for i, v := range of {
			alpha[i][c] = float64(v)
		}
	}
	return alpha
}

// leaveOut says what the regression whose factor t is would say of each picture if that picture's burst had not been taught. For a burst B,
//
//	left out[B] = Y[B] − (M[B,B])⁻¹ · α[B],  M = (K + λ·W⁻¹)⁻¹ = L⁻ᵀ·L⁻¹
//
// which one factorization gives for all of them (Rifkin & Lippert, Notes on Regularized Least Squares, 2007, for a single
// picture; An, Liu & Venkatesh, Fast cross-validation algorithms for least squares SVM and KRR, 2007, for several). Of L⁻¹ only some
// bursts' columns are there at a time.
func (t *triangle) leaveOut(alpha [][]float64, bursts [][]int, class []int, classes int) [][]float64 {
	left := matrix(t.n, classes)
	stride := upTo4(t.n)
	var columns []float32 // row by row
	m := newTriangle(1)
	for len(bursts) > 0 {
		some, pictures := 0, 0
		for some == 0 || some < len(bursts) && pictures+len(bursts[some]) <= atOnce {
			pictures += len(bursts[some])
			some++
		}
		if size := upTo4(pictures) * stride; size <= cap(columns) {
			columns = columns[:size]
			clear(columns)
		} else {
			columns = make([]float32, size)
		}
		at, from := 0, t.n
		for _, burst := range bursts[:some] {
			for _, i := range burst {
				columns[at*stride+i] = 1
				at, from = at+1, min(from, i)
			}
		}
		t.forward(columns, stride, from)
		at = 0
		for _, burst := range bursts[:some] {
			if m.n != len(burst) {
				m = newTriangle(len(burst))
			}
			m.products(columns, stride, at, from&^3)
			m.factor(1e-6)
			at += len(burst)
			x := make([]float32, upTo4(classes)*upTo4(m.n))
			for c := range classes {
				for k, i := range burst {
					x[c*upTo4(m.n)+k] = float32(alpha[i][c])
				}
			}
			m.forward(x, upTo4(m.n), 0)
			for c := range classes {
				of := x[c*upTo4(m.n):][:m.n]
				m.back(of)
				for k, i := range burst {
					left[i][c] = float64(target(class[i], c, classes) - of[k])
				}
			}
		}
		bursts = bursts[some:]
	}
	return left
}

// products makes m the products of the rows from at on with one another. All are zero before from.
func (t *triangle) products(rows []float32, stride, at, from int) {
	for i := at &^ 3; i < at+t.n; i += 4 {
		for j := at &^ 3; j <= i; j += 4 {
			var known [16]float32
			dots4x4(&known, rows[i*stride+from:], stride, rows[j*stride+from:], stride, stride-from)
			for k, v := range known {
				if r, c := i+k/4-at, j+k%4-at; 0 <= c && c <= r && r < t.n {
					t.row(r)[c] = v
				}
			}
		}
	}
}

func target(is, class, classes int) float32 {
	t := -1 / float32(classes)
	if is == class {
		t++
	}
	return t
}

func addScaled(to []float64, x float64, row []float64) {
	row = row[:len(to)]
	for i, r := range row {
		to[i] += x * r
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
