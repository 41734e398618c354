package teach

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// None names the class of what is none of the others, and its folder.
const None = "none"

// burstCosine is from which cosine between their pooled features on two pictures of a class are of one burst: a still scene
// gives 0.98 and more, two photographs of a fruit rarely more than 0.95.
const burstCosine = 0.96

// Lambdas and temperatures to choose from, the λ to take without better knowledge first. Cosines make them the same for
// every lesson.
var (
	lambdas      = []float64{0.01, 1}
	temperatures = []float64{2, 4, 8, 16, 32, 64}
)

// usualTemperature is what most lessons choose.
const usualTemperature = 16

// minShare is from which share on a combination takes part in the answer.
const minShare = 0.01

// Fit says which features tell a lesson's classes apart, and how well.
type Fit struct {
	set     *set
	classes int
	class   []int   // of each picture
	bursts  [][]int // pictures that are nearly the same; by first picture
	weights []float64

	parts   []part      // whose scores together are the answer, the one with the largest share first
	chosen  combination // the layers of all parts
	leftOut [][]float64 // scores by picture and class, its burst left out

	familiar    combination
	familiarity []float64   // of each picture with its own class, its burst left out
	prototypes  [][]float32 // of each class: weights of the familiar features, concatenated
	thresholds  []float32   // of each class
	notOwn      int         // the class that is none of the others; −1 if there is no such
}

// part is the regression on one combination of layers, with one λ.
type part struct {
	combination
	kernel  *kernel
	lambda  float64
	alpha   [][]float64 // by picture and class
	leftOut [][]float64 // scores by picture and class, its burst left out
	share   float64     // of the answer; all parts' are 1 together
	scale   float64     // what its scores are multiplied by: the temperature times the share
	losses  []float64   // by burst, left out
}

// fit chooses features and regularization by leave-one-burst-out, and fits. class is what each picture shows, of so many
// classes.
func fit(b *Backbone, pictures []raw, class []int, names []string) *Fit {
	f := &Fit{set: newSet(b.layers, pictures), classes: len(names), class: class, notOwn: slices.Index(names, None)}
	list := f.set.combinations()
	last := len(list) - 1
	if alone := []int{pooled}; !slices.Equal(list[last].layers, alone) {
		list = append(list, combination{layers: alone})
	}
	kernels := f.set.kernels(list)
	f.findBursts(&kernels[len(list)-1])
	clear(kernels[last+1:]) // which is large
	f.choose(list[:last+1], kernels)
	f.familiar = list[last]
	f.findThresholds(&kernels[last])
	return f
}

// findBursts joins pictures of a class that are nearly the same, and makes each burst count as one picture, and each
// class as much as another.
func (f *Fit) findBursts(k *kernel) {
	n := len(f.class)
	first := make([]int, n) // of the burst of each picture
	root := func(i int) int {
		for first[i] != i {
			first[i] = first[first[i]]
			i = first[i]
		}
		return i
	}
	for i := range n {
		first[i] = i
		for j, cosine := range k.row(i)[:i] {
			if cosine >= burstCosine && f.class[i] == f.class[j] {
				if a, b := root(i), root(j); a != b {
					first[max(a, b)] = min(a, b)
				}
			}
		}
	}
	of := map[int]int{}
	count := make([]float64, f.classes)
	for i := range n {
		r := root(i)
		b, ok := of[r]
		if !ok {
			b = len(f.bursts)
			of[r] = b
			f.bursts = append(f.bursts, nil)
			count[f.class[i]]++
		}
		f.bursts[b] = append(f.bursts[b], i)
	}
	mean := float64(len(f.bursts)) / float64(f.classes)
	f.weights = make([]float64, n)
	for _, burst := range f.bursts {
		for _, i := range burst {
			f.weights[i] = mean / count[f.class[i]] / float64(len(burst))
		}
	}
}

// choose gives each combination with each λ the share of the answer that it earned: in proportion to the probability that it gave all
// bursts when they were left out. With few pictures, when the differences are chance, the combinations are averaged; with
// many, the best one answers alone. (Pseudo-Bayesian model averaging: Geisser & Eddy, A Predictive Approach to Model
// Selection, 1979.) All are linear, and so is their sum: it costs the network nothing.
func (f *Fit) choose(list []combination, kernels []kernel) {
	bursts := make([]int, f.classes)
	for _, burst := range f.bursts {
		bursts[f.class[burst[0]]]++
	}
	alone := slices.Min(bursts) < 2 // a class of which nothing would be left: leaving out tells nothing
	least := math.Inf(1)
	solver := newTriangle(len(f.class))
	for c := range list {
		for _, lambda := range lambdas {
			p := f.try(list[c], &kernels[c], solver, lambda, alone)
			least = min(least, mean(p.losses))
			f.parts = append(f.parts, p)
		}
	}
	for i := range f.parts {
		p := &f.parts[i]
		if p.share = 1; !alone {
			p.share = math.Exp(float64(len(f.bursts)) * (least - mean(p.losses)))
		}
	}
	f.parts = slices.DeleteFunc(f.parts, func(p part) bool { return p.share < minShare })
	all := 0.0
	for _, p := range f.parts {
		all += p.share
	}
	for i := range f.parts {
		p := &f.parts[i]
		p.share /= all
		p.scale *= p.share
	}
	slices.SortStableFunc(f.parts, func(a, b part) int { return cmp.Compare(b.share, a.share) })

	f.leftOut = matrix(len(f.class), f.classes)
	var names []string
	for _, p := range f.parts {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
		f.chosen.layers = append(f.chosen.layers, p.layers...)
		for k, scores := range p.leftOut {
			addScaled(f.leftOut[k], p.scale, scores)
		}
	}
	f.chosen.name = strings.Join(names, " + ")
	slices.Sort(f.chosen.layers)
	f.chosen.layers = slices.Compact(f.chosen.layers)
}

// try fits on one combination, with the temperature that suits it best.
func (f *Fit) try(c combination, k *kernel, solver *triangle, lambda float64, alone bool) part {
	p := part{combination: c, kernel: k, lambda: lambda, scale: usualTemperature}
	p.alpha = solver.regress(k.row, lambda, f.weights, f.class, f.classes)
	p.leftOut = solver.leaveOut(p.alpha, f.bursts, f.class, f.classes)
	if alone {
		p.losses = f.losses(p.leftOut, usualTemperature)
		return p
	}
	for _, t := range temperatures {
		if losses := f.losses(p.leftOut, t); p.losses == nil || mean(losses) < mean(p.losses) {
			p.losses, p.scale = losses, t
		}
	}
	return p
}

// losses are −log of the probability of the right class, by burst.
func (f *Fit) losses(leftOut [][]float64, temperature float64) []float64 {
	losses := make([]float64, len(f.bursts))
	for b, burst := range f.bursts {
		for _, i := range burst {
			losses[b] += lossOf(leftOut[i], f.class[i], temperature) / float64(len(burst))
		}
	}
	return losses
}

func lossOf(scores []float64, class int, temperature float64) float64 {
	top := slices.Max(scores)
	sum := 0.0
	for _, v := range scores {
		sum += math.Exp((v - top) * temperature)
	}
	return math.Log(sum) - (scores[class]-top)*temperature
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}

// Familiarity thresholds lie this many standard deviations below the mean of what the class's own pictures have; classes
// with few pictures borrow the others' deviation, as if it were that of priorPictures of theirs.
const (
	deviations    = 1.9
	priorPictures = 30
)

// findThresholds makes the prototype of each class, the mean of its pictures' units, and finds from which cosine to it on
// a picture is one of the class: from what its own have when their burst isn't in the mean.
func (f *Fit) findThresholds(k *kernel) {
	n := len(f.class)
	// The products of the sums of units: of a picture with a class, and of a class with itself.
	with := matrix(n, f.classes)
	norm := make([]float64, f.classes)
	for i := range n {
		for j, cosine := range k.row(i)[:i] {
			with[i][f.class[j]] += f.weights[j] * float64(cosine)
			with[j][f.class[i]] += f.weights[i] * float64(cosine)
		}
		with[i][f.class[i]] += f.weights[i] * float64(k.at(i, i))
	}
	for i := range n {
		norm[f.class[i]] += f.weights[i] * with[i][f.class[i]]
	}
	f.familiarity = make([]float64, n)
	byClass := make([][]float64, f.classes) // a value a burst
	for _, burst := range f.bursts {
		class := f.class[burst[0]]
		inner := 0.0 // what the burst has with itself
		outer := 0.0 // and with all of the class
		for _, i := range burst {
			outer += f.weights[i] * with[i][class]
			for _, j := range burst {
				inner += f.weights[i] * f.weights[j] * float64(k.at(i, j))
			}
		}
		rest := norm[class] - 2*outer + inner
		alone := rest <= 1e-6*norm[class]
		sum := 0.0
		for _, i := range burst {
			own := with[i][class]
			for _, j := range burst {
				own -= f.weights[j] * float64(k.at(i, j))
			}
			if !alone {
				f.familiarity[i] = own / math.Sqrt(rest)
			}
			sum += f.familiarity[i] / float64(len(burst))
		}
		if !alone {
			byClass[class] = append(byClass[class], sum)
		}
	}
	for c, values := range byClass {
		more := f.oneMore(c, len(values), norm[c])
		for i := range values {
			values[i] *= more
		}
	}
	var usual []float32
	f.thresholds, usual = thresholdsOf(byClass, f.notOwn)
	// What is no more familiar than the other classes are isn't familiar; unless those look nearly the same.
	for c := range f.thresholds {
		if c != f.notOwn {
			f.thresholds[c] = max(f.thresholds[c], min(f.strangers(with, norm, c), (f.thresholds[c]+usual[c])/2))
		}
	}

	f.prototypes = make([][]float32, f.classes)
	for c := range f.classes {
		scale := float32(1 / math.Sqrt(max(norm[c], 1e-9)) / 128 / float64(len(f.familiar.layers)))
		f.prototypes[c] = f.sum(f.familiar, func(_, i int) float32 {
			if f.class[i] != c {
				return 0
			}
			return float32(f.weights[i]) * scale
		})
	}
}

// oneMore is by what factor a new picture looks more familiar than one that was left out of so many: the mean has one
// picture more, and with pictures whose cosines are c among each other, a new picture has √(m·c² / (1 + (m−1)·c)) with the
// mean of m. norm is the square of the sum of the class's units.
func (f *Fit) oneMore(class, n int, norm float64) float64 {
	if n < 2 {
		return 1
	}
	sum, squares := 0.0, 0.0
	for _, burst := range f.bursts {
		if f.class[burst[0]] == class {
			w := f.weights[burst[0]] * float64(len(burst))
			sum, squares = sum+w, squares+w*w
		}
	}
	c := min(max((norm-squares)/(sum*sum-squares), 0), 1)
	m := float64(n)
	return math.Sqrt(m / (m - 1) * (1 + (m-2)*c) / (1 + (m-1)*c))
}

// strangers is how familiar the other classes' pictures look to a class, on average.
func (f *Fit) strangers(with [][]float64, norm []float64, class int) float32 {
	sum, count := 0.0, 0.0
	for i := range with {
		if f.class[i] != class {
			sum += f.weights[i] * with[i][class] / math.Sqrt(norm[class])
			count += f.weights[i]
		}
	}
	return float32(sum / max(count, 1e-9))
}

// thresholdsOf: see deviations. usual is the mean that they lie below. A class without pictures to measure takes the
// others'.
func thresholdsOf(byClass [][]float64, notOwn int) (thresholds, usual []float32) {
	variance, count := 0.0, 0.0
	level, levels := 0.0, 0.0
	for c, values := range byClass {
		if c == notOwn || len(values) == 0 {
			continue
		}
		m := mean(values)
		level, levels = level+m, levels+1
		for _, v := range values {
			variance += (v - m) * (v - m)
		}
		count += float64(len(values) - 1)
	}
	const typical = 0.08 // deviation, of real lessons
	variance = (variance + typical*typical*4) / (count + 4)
	thresholds, usual = make([]float32, len(byClass)), make([]float32, len(byClass))
	for c, values := range byClass {
		m := level / max(levels, 1)
		own, n := 0.0, 0.0
		if len(values) > 0 {
			m = mean(values)
			for _, v := range values {
				own += (v - m) * (v - m)
			}
			n = float64(len(values) - 1)
		}
		if levels == 0 {
			m = 0.8
		}
		d := math.Sqrt((own + priorPictures*variance) / (n + priorPictures))
		thresholds[c], usual[c] = float32(min(max(m-deviations*d, 0), 1)), float32(min(m, 1))
		if c == notOwn {
			thresholds[c] = 0
		}
	}
	return thresholds, usual
}

// sum is a weighted sum of the pictures' units, of a combination's layers one after another.
func (f *Fit) sum(c combination, weight func(layer, i int) float32) []float32 {
	var sums []float32
	for _, l := range c.layers {
		length := f.set.layers[l].length()
		to := make([]float32, length)
		for i := range f.class {
			if w := weight(l, i); w != 0 {
				addUnits(to, w, f.set.rows[l][i*length:][:length])
			}
		}
		sums = append(sums, to[:f.set.layers[l].channels]...)
	}
	return sums
}

// logits are the weights of each class's score: for units in steps of 1/128 as reals.
func (f *Fit) logits() [][]float32 {
	rows := make([][]float32, f.classes)
	for c := range rows {
		rows[c] = f.sum(f.chosen, func(layer, i int) float32 {
			sum := 0.0
			for _, p := range f.parts {
				if slices.Contains(p.layers, layer) {
					sum += p.alpha[i][c] * p.scale / float64(len(p.layers))
				}
			}
			return float32(sum / 128)
		})
	}
	return rows
}

// scores are a picture's, by class: what the network's logits are but for their quantization.
func (f *Fit) scores(units [][]int8) []float64 {
	scores := make([]float64, f.classes)
	other := make([][]int8, len(f.set.layers))
	for i := range f.class {
		for _, l := range f.chosen.layers {
			other[l] = f.set.units[l][i]
		}
		for _, p := range f.parts {
			addScaled(scores, p.scale*float64(p.cosine(units, other)), p.alpha[i])
		}
	}
	return scores
}

// largest is the largest score among the pictures, taught and left out. What a regression says of what it was taught is
//
//	K·α = Y − λ·W⁻¹·α
func (f *Fit) largest() float64 {
	largest := 0.0
	for i, is := range f.class {
		for c := range f.classes {
			score := 0.0
			for _, p := range f.parts {
				score += p.scale * (float64(target(is, c, f.classes)) - p.lambda/f.weights[i]*p.alpha[i][c])
			}
			largest = max(largest, math.Abs(score), math.Abs(f.leftOut[i][c]))
		}
	}
	return largest
}

// familiarTo is the cosine of a picture to a class's prototype.
func (f *Fit) familiarTo(units [][]int8, class int) float64 {
	sum, at := 0.0, 0
	for _, l := range f.familiar.layers {
		for i, v := range units[l] {
			sum += float64(f.prototypes[class][at+i]) * float64(v)
		}
		at += len(units[l])
	}
	return sum / 128
}
