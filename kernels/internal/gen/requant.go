package main

// requant is how a kernel requantizes.
type requant int

const (
	inFloat32 requant = iota
	inIntegers
	inSignedIntegers
)

var requants = []requant{inFloat32, inIntegers, inSignedIntegers}

// String is its part of a kernel's name.
func (r requant) String() string { return [...]string{"float", "integer", "signed"}[r] }

// how says it in a sentence.
func (r requant) how() string {
	return [...]string{"in float32", "in integers, if no output is below zero", "in integers"}[r]
}

// arrays is how many constants there are for each channel, of 32 bits each.
func (r requant) arrays() int {
	if r == inFloat32 {
		return 2
	}
	return 8
}

// The arrays of constants of requantization in integers.
const (
	leftArray = iota
	mulArray
	mulOddArray // each second channel, 64 bits
	addEvenArray
	addOddArray
	belowEvenArray
	belowOddArray
	rightArray
)

// requantizeInteger makes the accumulators of a vector outputs, not clamped:
//
//	a = acc << left; (a·mul + add (+ below where a·mul < 0)) >> 32 >> right
//
// The products of even and odd lanes are 64 bits wide; their upper halves are put together again. The constants of an
// array are the operand at(array). It uses register temp, and without AVX-512 the next; with it, K5 is 0x5555.
func (c *code) requantizeInteger(bytes, acc, temp int, signed bool, at func(array int) string) {
	a, odd := vector(bytes, acc), vector(bytes, temp)
	c.op("VPSLLVD", at(leftArray), a, a)
	c.op("VPSRLQ", 32, a, odd)
	c.op("VPMULDQ", at(mulArray), a, a)
	c.op("VPMULDQ", at(mulOddArray), odd, odd)
	evex := bytes == 64 || c.evex
	if signed {
		if evex {
			c.op("VPMOVQ2M", a, "K3")
			c.op("VPMOVQ2M", odd, "K4")
			c.op("VPADDQ", at(belowEvenArray), a, "K3", a)
			c.op("VPADDQ", at(belowOddArray), odd, "K4", odd)
		} else {
			for i, product := range []string{a, odd} {
				negative := vector(bytes, temp+1)
				c.op("VPXOR", negative, negative, negative)
				c.op("VPCMPGTQ", product, negative, negative)
				c.op("VPAND", at(belowEvenArray+i), negative, negative)
				c.op("VPADDQ", negative, product, product)
			}
		}
	}
	c.op("VPADDQ", at(addEvenArray), a, a)
	c.op("VPADDQ", at(addOddArray), odd, odd)
	if evex {
		c.op("VMOVSHDUP", a, "K5", odd)
		c.op("VPSRAVD", at(rightArray), odd, a)
	} else {
		c.op("VPSRLQ", 32, a, a)
		c.op("VPBLENDD", 0xAA, odd, a, a)
		c.op("VPSRAVD", at(rightArray), a, a)
	}
}
