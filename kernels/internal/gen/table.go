package main

import "fmt"

// tableFile writes the kernels that look bytes up in a table of 256.
func tableFile() *code {
	c := newFile("Functions of one activation: looking bytes up in a table of 256, with AVX-512 VBMI and with AVX2.")
	tableVBMI(c)
	tableAVX2(c)
	return c
}

func (c *code) loadTableBytes() {
	c.op("MOVQ", c.arg("table"), "BX")
	c.op("MOVQ", c.arg("src"), "SI")
	c.op("MOVQ", c.arg("dst"), "DI")
	c.op("MOVQ", c.arg("n"), "CX")
}

// endTableStep moves to the next 64 bytes.
func (c *code) endTableStep() {
	c.op("ADDQ", 64, "SI")
	c.op("ADDQ", 64, "DI")
	c.op("SUBQ", 64, "CX")
	c.op("JNZ", "step")
	c.op("VZEROUPPER")
	c.op("RET")
}

func tableVBMI(c *code) {
	c.function("table__avx512vbmi", "tableBytes", `
looks up 64 bytes at a time.

VPERMI2B takes bytes from two registers, 128, by the lower seven bits of an index: once from Z0 and Z1, once from Z2 and Z3;
the index' top bit (K1) chooses. Z4 the index, Z5 and Z6 what was found.`)
	c.loadTableBytes()
	for i := range 4 {
		c.op("VMOVDQU64", memory(64*i, "BX"), z(i))
	}
	c.at("step")
	c.op("VMOVDQU64", "(SI)", "Z4")
	c.op("VPMOVB2M", "Z4", "K1")
	c.op("VMOVDQA64", "Z4", "Z5")
	c.op("VPERMI2B", "Z1", "Z0", "Z5")
	c.op("VPERMI2B", "Z3", "Z2", "Z4")
	c.op("VMOVDQU8", "Z4", "K1", "Z5")
	c.op("VMOVDQU64", "Z5", "(DI)")
	c.endTableStep()
}

func tableAVX2(c *code) {
	const (
		found, index, result = 0, 2, 4 // two registers each, of 32 bytes
		row, sixteen         = 6, 7
	)
	c.function("table__avx2", "tableBytes", `
looks up 64 bytes at a time.

VPSHUFB looks up 16 bytes by the lower four bits of an index, and gives 0 if the index' top bit is set. Row by row of the
table, which has 16, the index falls by 16. Of a row it gets the right byte, or nothing, but before and after it something
from other rows too; so the rows are packed such that all that is found, added without carry, is the right byte (see
table_amd64.go). From row 9 on the index saturates, so that one below 0 stays there.`)
	c.loadTableBytes()
	c.op("MOVL", 0x10101010, "AX")
	c.op("VMOVD", "AX", x(sixteen))
	c.op("VPBROADCASTD", x(sixteen), y(sixteen))
	c.at("step")
	for i := range 2 {
		c.op("VMOVDQU", memory(32*i, "SI"), y(index+i))
	}
	for r := range 16 {
		if r > 0 {
			subtract := "VPSUBB"
			if r > 8 {
				subtract = "VPSUBSB"
			}
			for i := range 2 {
				c.op(subtract, y(sixteen), y(index+i), y(index+i))
			}
		}
		c.op("VBROADCASTI128", memory(16*r, "BX"), y(row))
		for i := range 2 {
			if r == 0 {
				c.op("VPSHUFB", y(index+i), y(row), y(result+i))
				continue
			}
			c.op("VPSHUFB", y(index+i), y(row), y(found+i))
			c.op("VPXOR", y(found+i), y(result+i), y(result+i))
		}
	}
	for i := range 2 {
		c.op("VMOVDQU", y(result+i), memory(32*i, "DI"))
	}
	c.endTableStep()
}

// multiplyFile writes the kernels that multiply two tensors.
func multiplyFile() *code {
	c := newFile("Products of two tensors in float32, with AVX-512 and with AVX2.")
	multiplyFloat(c, "avx512vnni", 64)
	multiplyFloat(c, "avx2", 32)
	return c
}

// multiplyFloat writes the kernel with vectors of 64 or 32 bytes.
func multiplyFloat(c *code, set string, bytes int) {
	const (
		aZero, bZero, mul, middle, aside, sign = 8, 9, 10, 11, 12, 13
		order, zero                            = 14, 15
	)
	name := "multiply_float__" + set
	c.function(name, "multiplyPart", fmt.Sprintf(`
multiplies two tensors in float32.

%d elements at a time, in four vectors of 32-bit lanes:

	p = (A − aZero)·(B − bZero); dst = clamp(round(p·mul + middle ± aside) + zero), ± as p is

Vectors 0…3 are A, then the product; 4…7 B; 8…12 constants, 13 the sign bit, 14 the order of the packed fours, 15 the zero
point in 16 bits. The clamp range is in memory.`, bytes))
	reg := func(i int) string { return vector(bytes, i) }
	c.op("MOVQ", c.arg("a"), "SI")
	c.op("MOVQ", c.arg("b"), "DI")
	c.op("MOVQ", c.arg("dst"), "DX")
	c.op("MOVQ", c.arg("n"), "CX")
	c.op("MOVQ", c.arg("constants"), "BX")
	for i, field := range []string{"aZero", "bZero", "mul", "middle", "aside", "sign"} {
		c.op("VBROADCASTSS", "multiplyFloats_"+field+"(BX)", reg(aZero+i))
	}
	c.op("VBROADCASTSS", "multiplyFloats_zero(BX)", reg(zero))
	table, move := "order_"+name, "VMOVDQU"
	if bytes == 64 {
		move = "VMOVDQU32"
	}
	c.op(move, table+"<>(SB)", reg(order))
	c.at("elements")
	for i := range 4 {
		c.op("VPMOVZXBD", memory(i*bytes/4, "SI"), reg(i))
		c.op("VPMOVZXBD", memory(i*bytes/4, "DI"), reg(4+i))
	}
	for i := range 8 {
		c.op("VCVTDQ2PS", reg(i), reg(i))
	}
	for i := range 4 {
		c.op("VSUBPS", reg(aZero), reg(i), reg(i))
		c.op("VSUBPS", reg(bZero), reg(4+i), reg(4+i))
	}
	for i := range 4 {
		c.op("VMULPS", reg(4+i), reg(i), reg(i))
	}
	for i := range 4 {
		// 4+i: aside with the product's sign
		if bytes == 64 {
			c.op("VMOVDQA32", reg(i), reg(4+i))
			c.op("VPTERNLOGD", 0xEA, reg(aside), reg(sign), reg(4+i)) // (product AND sign) OR aside
		} else {
			c.op("VPAND", reg(sign), reg(i), reg(4+i))
			c.op("VPOR", reg(aside), reg(4+i), reg(4+i))
		}
	}
	for i := range 4 {
		c.op("VFMADD213PS", reg(middle), reg(mul), reg(i))
	}
	for i := range 4 {
		c.op("VADDPS", reg(4+i), reg(i), reg(i))
	}
	for i := range 4 {
		c.op("VCVTPS2DQ", reg(i), reg(i))
	}
	for i := 0; i < 4; i += 2 {
		c.op("VPACKSSDW", reg(i+1), reg(i), reg(i))
		c.op("VPADDSW", reg(zero), reg(i), reg(i))
	}
	c.op("VPACKUSWB", reg(2), reg(0), reg(0))
	c.op("VPERMD", reg(0), reg(order), reg(0))
	for i, field := range []string{"lo", "hi"} {
		c.op("VBROADCASTSS", "multiplyFloats_"+field+"(BX)", reg(1))
		c.op([]string{"VPMAXUB", "VPMINUB"}[i], reg(1), reg(0), reg(0))
	}
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

// packedOrder is the order that undoes two steps of packing, from 32 bits to 8, of four vectors: packing works within
// lanes of 128 bits, which then hold four elements of each vector.
func packedOrder(bytes int) (quads []uint64) {
	lanes := bytes / 16
	for i := 0; i < 4*lanes; i += 2 {
		place := func(i int) uint64 { return uint64(i%lanes*4 + i/lanes) }
		quads = append(quads, place(i)|place(i+1)<<32)
	}
	return quads
}
