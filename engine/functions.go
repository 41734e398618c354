package engine

import (
	"math"

	"edge/model"
	"edge/quant"
)

// Functions of one value. Each is a table, filled in the reference's own arithmetic.

// logistic is 1 / (1 + e^−x).
func (c *compiler) logistic(n *model.Node) {
	c.real(n, "logistic", func(x float32) float32 { return 1 / (1 + float32(math.Exp(float64(-x)))) })
}

func (c *compiler) tanh(n *model.Node) {
	c.real(n, "tanh", func(x float32) float32 { return float32(math.Tanh(float64(x))) })
}

// real adds a step that computes a function of real numbers, in the float32 of the reference:
//
//	out = clamp(round(f(real of in) · (1 / scale of out)) + zero point of out)
func (c *compiler) real(n *model.Node, kind string, f func(x float32) float32) {
	in, o := c.tensor(n.Inputs[0]).Quant[0], c.tensor(n.Outputs[0]).Quant[0]
	inverse := 1 / o.Scale
	c.unary(n, kind, func(q int32) int32 {
		y := float32(math.Round(float64(f(in.Real(q)) * inverse)))
		return quant.Saturate(float64(y + float32(o.ZeroPoint)))
	})
}

// rectifier is an activation as an operation of its own: it may change the scale, too.
func (c *compiler) rectifier(n *model.Node, op model.Rectifier) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	m, err := quant.MultiplierOf(float64(in.Quant[0].Scale / o.Quant[0].Scale))
	if err != nil {
		return err
	}
	lo, hi := c.clamp(o, op.Activation)
	lo, hi = lo-c.move(o), hi-c.move(o)
	c.unary(n, "relu", func(q int32) int32 {
		return min(max(m.Apply(q-in.Quant[0].ZeroPoint)+o.Quant[0].ZeroPoint, lo), hi)
	})
	return nil
}

func (c *compiler) leakyRelu(n *model.Node, op model.LeakyRelu) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	positive, err := quant.MultiplierOf(float64(in.Quant[0].Scale / o.Quant[0].Scale))
	if err != nil {
		return err
	}
	negative, err := quant.MultiplierOf(float64(in.Quant[0].Scale * op.Alpha / o.Quant[0].Scale))
	if err != nil {
		return err
	}
	c.unary(n, "leaky relu", func(q int32) int32 {
		q -= in.Quant[0].ZeroPoint
		if q >= 0 {
			return positive.Apply(q) + o.Quant[0].ZeroPoint
		}
		return negative.Apply(q) + o.Quant[0].ZeroPoint
	})
	return nil
}

// hardSwish is x · relu6(x + 3) / 6, in the reference's 16 bits (A. Howard et al., Searching for MobileNetV3,
// arXiv:1905.02244, section 5.2):
//
//	fine  = x, in 128 steps for each of the input's
//	relu  = clamp(x / 3) in Q0.15, then (relu + 1) / 2: relu6(x + 3) / 6
//	out   = relu · fine, brought to the output's scale in two steps, before and after the product
func (c *compiler) hardSwish(n *model.Node) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	output, relu, err := model.HardSwishMultipliers(in, o)
	if err != nil {
		return err
	}
	c.unary(n, "hard swish", func(q int32) int32 {
		fine := int16((q - in.Quant[0].ZeroPoint) * 128)
		scaled := highMul16(fine, mantissa16(output))
		r := fine
		if relu.Shift > 0 {
			r = shiftLeft16(r, relu.Shift-1)
		}
		r = highMul16(r, mantissa16(relu))
		if relu.Shift > 0 {
			r = shiftLeft16(r, 1)
		} else {
			r = roundingShift16(r, -relu.Shift)
		}
		r = int16((int32(r) + 1<<15) >> 1)
		product := int16(int32(r) * int32(scaled) / (1 << 15)) // towards 0; never both −2^15, as r isn't negative
		return int32(roundingShift16(product, -output.Shift)) + o.Quant[0].ZeroPoint
	})
	return nil
}

// mantissa16 is a multiplier's mantissa in Q0.15.
func mantissa16(m quant.Multiplier) int16 {
	return int16(min((int64(m.Mantissa)+1<<15)>>16, math.MaxInt16))
}

// highMul16 returns a·b / 2^15, rounded to nearest, saturated. (gemmlowp: SaturatingRoundingDoublingHighMul.)
func highMul16(a, b int16) int16 {
	if a == math.MinInt16 && b == math.MinInt16 {
		return math.MaxInt16
	}
	ab, nudge := int32(a)*int32(b), int32(1<<14)
	if ab < 0 {
		nudge = 1 - 1<<14
	}
	return int16((ab + nudge) / (1 << 15))
}

func shiftLeft16(x int16, e int32) int16 {
	return int16(min(max(int64(x)<<e, math.MinInt16), math.MaxInt16))
}

// roundingShift16 is x / 2^e, rounded to nearest with halves away from zero. (gemmlowp: RoundingDivideByPOT, whose mask
// of more than 15 bits is −1 in 16.)
func roundingShift16(x int16, e int32) int16 {
	mask := int16(int64(1)<<e - 1)
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	y := int16(int32(x) >> e)
	if x&mask > threshold {
		y++
	}
	return y
}
