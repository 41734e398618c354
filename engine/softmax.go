package engine

import (
	"math"
	"math/bits"

	"edge/model"
	"edge/quant"
)

// softmax over the last dimension, in the fixed-point arithmetic of the reference (gemmlowp):
//
//	out[i] = e^(β·scale·(in[i] − max)) / Σ_j e^(β·scale·(in[j] − max))
//
// As in[i] − max takes only 256 values, the exponentials are computed when the network is compiled.
func (c *compiler) softmax(n *model.Node, op model.Softmax) error {
	in := c.tensor(n.Inputs[0])
	exponentials, err := exponentialsOf(float64(op.Beta) * float64(in.Quant[0].Scale))
	if err != nil {
		return err
	}
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	depth := in.Shape[len(in.Shape)-1]
	sign := byte(0) // turns activations into unsigned ones of the same order
	if c.set.Signed {
		sign = 0x80
	}
	c.add(StepInfo{Kind: "softmax"}, n, single(func() {
		for at := 0; at < len(src); at += depth {
			softmaxRow(dst[at:at+depth], src[at:at+depth], sign, exponentials)
		}
	}))
	return nil
}

// softmaxRow computes one distribution. exponentials[d] is e^−(β·scale·d) in Q0.31; 0 if it is too small to count.
func softmaxRow(dst, src []byte, sign byte, exponentials *[256]int32) {
	top := byte(0)
	for _, b := range src {
		top = max(top, b^sign)
	}
	sum := int32(0) // Q12.19
	for _, b := range src {
		sum += quant.RoundingShift(exponentials[top-b^sign], 12)
	}
	inverse, exponent := reciprocal(sum)
	if exponent > 31 { // more than 512 classes that are all alike: none reaches 1/512. The reference aborts here.
		fill(dst, sign)
		return
	}
	for i, b := range src {
		q := quant.RoundingShift(quant.HighMul(inverse, exponentials[top-b^sign]), exponent)
		dst[i] = byte(min(q, 255)) ^ sign
	}
}

// exponentialsOf makes the table for a difference of one step that stands for step. The reference aborts if that is below
// 2^−26, as in networks that were never trained; its arithmetic is continued here.
func exponentialsOf(step float64) (*[256]int32, error) {
	const integerBits = 5 // differences are Q5.26
	m, err := quant.MultiplierOf(min(step*(1<<(31-integerBits)), 1<<30))
	if err != nil {
		return nil, err
	}
	least := math.Floor((1<<integerBits - 1) * (1 << (31 - integerBits)) / math.Ldexp(1, int(m.Shift)))
	var table [256]int32
	for d := range table {
		if float64(d) <= least {
			table[d] = expNegative(m.Apply(-int32(d)))
		}
	}
	return &table, nil
}

// expNegative is e^a, in Q0.31, for a ≤ 0 in Q5.26. (gemmlowp: exp_on_negative_values.)
func expNegative(a int32) int32 {
	if a == 0 {
		return math.MaxInt32
	}
	const quarter = 1 << 24
	fraction := a&(quarter-1) - quarter // in [−1/4, 0)
	result := expQuarter(fraction << 5)
	rest := fraction - a // a multiple of 1/4: e^−(2^k) for each bit k of it
	for i, factor := range [...]int32{1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242} {
		if rest&(quarter<<i) != 0 {
			result = quant.HighMul(result, factor)
		}
	}
	return result
}

// expQuarter is e^a for a in [−1/4, 0), both Q0.31: a Taylor series of degree 4 around −1/8.
func expQuarter(a int32) int32 {
	const (
		expEighth = 1895147668 // e^(−1/8)
		third     = 715827883
	)
	x := a + 1<<28
	x2 := quant.HighMul(x, x)
	x3 := quant.HighMul(x2, x)
	x4 := quant.HighMul(x2, x2)
	tail := quant.RoundingShift(quant.HighMul(quant.RoundingShift(x4, 2)+x3, third)+x2, 1)
	return expEighth + quant.HighMul(expEighth, x+tail)
}

// reciprocal returns 1/x for x in Q12.19, as a mantissa in Q0.31 and the shift that brings its product with a Q0.31
// number to 8 bits. (gemmlowp: GetReciprocal, one_over_one_plus_x_for_x_in_0_1; three Newton steps.)
func reciprocal(x int32) (mantissa, shift int32) {
	headroom := int32(bits.LeadingZeros32(uint32(x)))
	a := int32(uint32(x)<<headroom - 1<<31) // x = (1 + a) · 2^…
	half := int32((int64(a) + math.MaxInt32 + 1) >> 1)
	const (
		c48over17    = 1515870810 // Q2.29
		cMinus32by17 = -1010580540
		one          = 1 << 29
	)
	y := c48over17 + quant.HighMul(half, cMinus32by17)
	for range 3 {
		step := quant.HighMul(y, one-quant.HighMul(half, y)) // Q4.27
		y += quant.SaturatingShift(step, 2)
	}
	return quant.SaturatingShift(y, 1), 12 - headroom + 31 - 8
}
