package main

import "fmt"

// The vectors of constants of an addition in integers, 64 bytes each: three multipliers, then zero points and the clamp
// range.
const (
	multiplierVectors = 5 // left, mul, add, below, right
	addAZero          = 3 * multiplierVectors
	addBZero          = addAZero + 1
	addLo             = addAZero + 2
	addHi             = addAZero + 3
)

// loadAddPart loads the argument: SI A, DI B, DX the sum, CX elements, BX constants.
func (c *code) loadAddPart() {
	c.op("MOVQ", c.arg("a"), "SI")
	c.op("MOVQ", c.arg("b"), "DI")
	c.op("MOVQ", c.arg("dst"), "DX")
	c.op("MOVQ", c.arg("n"), "CX")
	c.op("MOVQ", c.arg("constants"), "BX")
}

// addInteger writes the kernel that adds tensors in integers, with vectors of 64 or 32 bytes.
func addInteger(c *code, name string, bytes int) {
	c.function(name, "addPart", `
adds two tensors in integers.

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
	c.loadAddPart()
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

// addFloat writes the kernel that adds them in float32, with vectors of 64 or 32 bytes.
func addFloat(c *code, name string, bytes int) {
	const (
		aMul, bMul, add     = 8, 9, 10
		lo, hi, flip, order = 11, 12, 13, 14
	)
	c.function(name, "addPart", fmt.Sprintf(`
adds two tensors in float32.

%d elements at a time, in four vectors of 32-bit lanes:

	dst = clamp(round(A·aMul + (B·bMul + add)) + 128)

Vectors 0…3 are B, then the sum; 4…7 A; 8…10 aMul, bMul, add; 11 and 12 the clamp range; 13 the sign bits, 14 the order
of the packed fours.`, bytes))
	reg := func(i int) string { return vector(bytes, i) }
	broadcast := func(kind, field string, to int) {
		c.op("VBROADCAST"+kind, "addFloats_"+field+"(BX)", reg(to))
	}
	c.loadAddPart()
	for i, field := range []string{"aMul", "bMul", "add", "lo", "hi", "flip"} {
		broadcast("SS", field, aMul+i)
	}
	table, move := "order_"+name, "VMOVDQU"
	xor := "VPXOR"
	if bytes == 64 {
		move, xor = "VMOVDQU32", "VPXORD"
	}
	c.op(move, table+"<>(SB)", reg(order))
	c.at("elements")
	for i := range 4 {
		c.op("VPMOVZXBD", memory(i*bytes/4, "DI"), reg(i))
		c.op("VPMOVZXBD", memory(i*bytes/4, "SI"), reg(4+i))
	}
	for i := range 8 {
		c.op("VCVTDQ2PS", reg(i), reg(i))
	}
	for i := range 4 {
		c.op("VFMADD213PS", reg(add), reg(bMul), reg(i))
	}
	for i := range 4 {
		c.op("VFMADD231PS", reg(aMul), reg(4+i), reg(i))
	}
	for i := range 4 {
		c.op("VCVTPS2DQ", reg(i), reg(i))
	}
	c.op("VPACKSSDW", reg(1), reg(0), reg(0))
	c.op("VPACKSSDW", reg(3), reg(2), reg(2))
	c.op("VPACKSSWB", reg(2), reg(0), reg(0))
	c.op("VPERMD", reg(0), reg(order), reg(0))
	c.op(xor, reg(flip), reg(0), reg(0))
	c.op("VPMAXUB", reg(lo), reg(0), reg(0))
	c.op("VPMINUB", reg(hi), reg(0), reg(0))
	c.op(move, reg(0), "(DX)")
	for _, at := range []string{"SI", "DI", "DX"} {
		c.op("ADDQ", bytes, at)
	}
	c.op("SUBQ", bytes, "CX")
	c.op("JNZ", "elements")
	c.op("VZEROUPPER")
	c.op("RET")

	c.table(table, packedOrder(bytes)...)
}

func addFile() *code {
	c := newFile("Addition of two tensors, with AVX-512 and with AVX2: in float32, and in integers.")
	addFloat(c, "add_float__avx512vnni", 64)
	addFloat(c, "add_float__avx2", 32)
	addInteger(c, "add_integer__avx512vnni", 64)
	addInteger(c, "add_integer__avx2", 32)
	return c
}
