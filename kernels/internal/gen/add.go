package main

// The vectors of constants of an addition, 64 bytes each: three multipliers, then zero points and the clamp range.
const (
	multiplierVectors = 5 // left, mul, add, below, right
	addAZero          = 3 * multiplierVectors
	addBZero          = addAZero + 1
	addLo             = addAZero + 2
	addHi             = addAZero + 3
)

// add writes the kernel that adds tensors, with vectors of 64 or 32 bytes.
func add(c *code, name string, bytes int) {
	c.function(name, "*addPart", 8, `
Both inputs are scaled in integers, summed, and requantized in integers; the last elements, less than a vector, are left
out where there are no masks. Accumulators 0 and 4, temporaries 1…3.`)
	reg := func(i int) string { return vector(bytes, i) }
	lanes := bytes / 4
	constant := func(i int) string { return memory(64*i, "BX") }
	multiplier := func(i int) func(array int) string {
		return func(array int) string {
			first := multiplierVectors * i
			switch array {
			case leftArray:
				return constant(first)
			case mulArray, mulOddArray:
				return constant(first + 1)
			case addEvenArray, addOddArray:
				return constant(first + 2)
			case belowEvenArray, belowOddArray:
				return constant(first + 3)
			default:
				return constant(first + 4)
			}
		}
	}
	c.op("MOVQ", "t+0(FP)", "BX")
	c.op("MOVQ", "addPart_a(BX)", "SI")
	c.op("MOVQ", "addPart_b(BX)", "DI")
	c.op("MOVQ", "addPart_dst(BX)", "DX")
	c.op("MOVQ", "addPart_n(BX)", "CX")
	c.op("LEAQ", "addPart_constants(BX)", "BX")
	if bytes == 64 {
		c.op("MOVL", 0x5555, "AX")
		c.op("KMOVW", "AX", "K5")
		c.op("MOVQ", -1, "AX")
		c.op("KMOVW", "AX", "K1")
	}
	c.at("elements")
	c.op("SUBQ", lanes, "CX")
	if bytes == 64 {
		c.op("JGE", "whole")
		c.op("ADDQ", lanes, "CX")
		c.op("JZ", "done")
		c.op("MOVQ", 1, "AX")
		c.op("SHLQ", "CX", "AX")
		c.op("DECQ", "AX")
		c.op("KMOVW", "AX", "K1")
		c.op("XORQ", "CX", "CX")
		c.at("whole")
	} else {
		c.op("JL", "done")
	}
	for i, source := range []string{"(SI)", "(DI)"} {
		v := reg(4 * i)
		if bytes == 64 {
			c.op("VPMOVZXBD.Z", source, "K1", v)
		} else {
			c.op("VPMOVZXBD", source, v)
		}
		c.op("VPSUBD", constant(addAZero+i), v, v)
		c.op("VPSLLD", 20, v, v)
		c.requantizeInteger(bytes, 4*i, 1, true, multiplier(i))
	}
	c.op("VPADDD", reg(4), reg(0), reg(0))
	c.requantizeInteger(bytes, 0, 1, true, multiplier(2))
	c.op("VPMAXSD", constant(addLo), reg(0), reg(0))
	c.op("VPMINSD", constant(addHi), reg(0), reg(0))
	if bytes == 64 {
		c.op("VPMOVDB", reg(0), "K1", "(DX)")
	} else {
		c.op("VEXTRACTI128", 1, "Y0", "X1")
		c.op("VPACKUSDW", "X1", "X0", "X0")
		c.op("VPACKUSWB", "X0", "X0", "X0")
		c.op("VMOVQ", "X0", "(DX)")
	}
	c.op("ADDQ", lanes, "SI")
	c.op("ADDQ", lanes, "DI")
	c.op("ADDQ", lanes, "DX")
	if bytes == 64 {
		c.op("TESTQ", "CX", "CX")
		c.op("JNZ", "elements")
	} else {
		c.op("JMP", "elements")
	}
	c.at("done")
	c.op("VZEROUPPER")
	c.op("RET")
}

func addFile() *code {
	c := newFile("Addition of two tensors, with AVX-512 and with AVX2.")
	add(c, "add512", 64)
	add(c, "addAVX2", 32)
	return c
}
