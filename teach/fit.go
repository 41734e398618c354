package teach

import (
	"math"
	"slices"
)

// None names the class of what is none of the others, and its folder.
const None = "none"

// burstCosine is from which cosine between their pooled features on two pictures of a class are of one burst: a still scene
// gives 0.98 and more, two photographs of a fruit rarely more than 0.95.
const burstCosine = 0.96

// Lambdas and temperatures to choose from. Cosines make them the same for every lesson.
var (
	lambdas      = []float64{0.03, 0.01, 0.1}
	temperatures = []float64{2, 4, 8, 16, 32, 64}
)

// usualTemperature is what most lessons choose.
const usualTemperature = 16

// Fit says which features tell a lesson's classes apart, and how well.
type Fit struct {
	set      *set
	classes  int
	class    []int   // of each picture
	bursts   [][]int // pictures that are nearly the same; by first picture
	weights  []float64
	chosen   combination
	solution *solution
	kernel   kernel // of the chosen combination

	temperature float64
	familiar    combination
	familiarity []float64   // of each picture with its own class, its burst left out
	prototypes  [][]float32 // of each class: weights of the familiar features, concatenated
	thresholds  []float32   // of each class
	notOwn      int         // the class that is none of the others; −1 if there is no such
}

// fit chooses features and regularization by leave-one-burst-out, and fits. class is what each picture shows, of so many
// classes.
func fit(b *Backbone, pictures []raw, class []int, names []string) *Fit {
	f := &Fit{set: newSet(b.layers, pictures), classes: len(names), class: class, notOwn: slices.Index(names, None)}
	combinations := f.set.combinations()
	kernels := f.set.kernels(combinations)
	objects := slices.IndexFunc(combinations, func(c combination) bool { return c.name == "objects" })
	f.findBursts(&kernels[objects])
	f.choose(combinations, kernels)
	f.familiar = combinations[len(combinations)-1]
	f.findThresholds(&kernels[len(kernels)-1])
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

// choose takes the first combination whose leave-one-out loss isn't worse than the best one's by more than the standard
// error of their difference: with few pictures differences are chance.
func (f *Fit) choose(list []combination, kernels []kernel) {
	type result struct {
		s           *solution
		losses      []float64
		temperature float64
		mean        float64
	}
	bursts := make([]int, f.classes)
	for _, burst := range f.bursts {
		bursts[f.class[burst[0]]]++
	}
	alone := slices.Min(bursts) < 2 // a class of which nothing would be left: leaving out tells nothing
	try := func(c int, lambda float64) result {
		s := solve(kernels[c].row, len(f.class), lambda, f.weights, f.bursts, f.class, f.classes)
		r := result{s: s, mean: math.Inf(1)}
		if alone {
			return result{s, f.losses(s, usualTemperature), usualTemperature, 0}
		}
		for _, t := range temperatures {
			if losses := f.losses(s, t); mean(losses) < r.mean {
				r.losses, r.temperature, r.mean = losses, t, mean(losses)
			}
		}
		return r
	}
	results := make([]result, len(list))
	best := 0
	for c := range list {
		results[c] = try(c, lambdas[0])
		if results[c].mean < results[best].mean {
			best = c
		}
	}
	at := best
	for c := range best {
		if worse, deviation := difference(results[c].losses, results[best].losses); worse <= deviation {
			at = c
			break
		}
	}
	r := results[at]
	for _, lambda := range lambdas[1:] {
		other := try(at, lambda)
		if better, deviation := difference(r.losses, other.losses); better > deviation {
			r = other
		}
	}
	f.chosen, f.kernel, f.solution, f.temperature = list[at], kernels[at], r.s, r.temperature
}

// losses are −log of the probability of the right class, by burst.
func (f *Fit) losses(s *solution, temperature float64) []float64 {
	losses := make([]float64, len(f.bursts))
	for b, burst := range f.bursts {
		for _, i := range burst {
			losses[b] += lossOf(s.leftOut[i], f.class[i], temperature) / float64(len(burst))
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

// difference is the mean of a − b, and its standard error.
func difference(a, b []float64) (mean, deviation float64) {
	n := float64(len(a))
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	for i := range a {
		d := a[i] - b[i] - mean
		deviation += d * d / max(n-1, 1) / n
	}
	return mean, math.Sqrt(deviation)
}

// Familiarity thresholds lie this many standard deviations below the mean of what the class's own pictures have; classes
// with few pictures borrow the others' deviation, as if it were that of priorPictures of theirs.
const (
	deviations    = 2
	priorPictures = 8
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
		f.prototypes[c] = f.sum(f.familiar, func(i int) float32 {
			if f.class[i] != c {
				return 0
			}
			return float32(f.weights[i]) * scale
		})
	}
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
func (f *Fit) sum(c combination, weight func(i int) float32) []float32 {
	var sums []float32
	for _, l := range c.layers {
		at := len(sums)
		sums = append(sums, make([]float32, f.set.layers[l].channels)...)
		to := sums[at:]
		for i, u := range f.set.units[l] {
			w := weight(i)
			if w == 0 {
				continue
			}
			for k, v := range u {
				to[k] += w * float32(v)
			}
		}
	}
	return sums
}

// logits are the weights of each class's score, times the temperature: for units in steps of 1/128 as reals.
func (f *Fit) logits() [][]float32 {
	rows := make([][]float32, f.classes)
	for c := range rows {
		scale := f.temperature / 128 / float64(len(f.chosen.layers))
		rows[c] = f.sum(f.chosen, func(i int) float32 { return float32(f.solution.alpha[i][c] * scale) })
	}
	return rows
}

// scores are a picture's, by class, times the temperature: what the network's logits are but for their quantization.
func (f *Fit) scores(units [][]int8) []float64 {
	scores := make([]float64, f.classes)
	other := make([][]int8, len(f.set.layers))
	for i, alpha := range f.solution.alpha {
		for _, l := range f.chosen.layers {
			other[l] = f.set.units[l][i]
		}
		cosine := float64(f.chosen.cosine(units, other)) * f.temperature
		for c, a := range alpha {
			scores[c] += a * cosine
		}
	}
	return scores
}

// largest is the largest score among the pictures, taught and left out.
func (f *Fit) largest() float64 {
	largest := 0.0
	n := len(f.class)
	for i := range n {
		for c := range f.classes {
			largest = max(largest, math.Abs(f.solution.leftOut[i][c]))
		}
	}
	for i := range n {
		for c := range f.classes {
			sum := 0.0
			for j := range n {
				sum += f.solution.alpha[j][c] * float64(f.kernel.at(i, j))
			}
			largest = max(largest, math.Abs(sum))
		}
	}
	return largest * f.temperature
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
