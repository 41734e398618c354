package main

import (
	"fmt"
	"slices"
)

// tile256 is a pointwise kernel for AVX2 or AVX-VNNI: rows pixels by two vectors of 8 channels.
type tile256 struct {
	*code
	name    string
	rows    int
	by      multiply256
	requant requant
}

// multiply256 is how a tile multiplies.
type multiply256 int

const (
	byWords  multiply256 = iota // VPMADDWD: two input channels of 16 bits a step
	byChains                    // VPMADDUBSW: four of 8 bits, summed in 16 bits as long as they hold it
	byVNNI                      // VPDPBUSD: four of 8 bits
)

const (
	columns256 = 2
	width256   = 8 * columns256 // channels
)

func pointwiseAVX2() *code {
	c := newFile(`
Pointwise convolution with AVX2. A tile is R pixels by 16 output channels; an accumulator is a lane. Activations have been
widened to 16 bits. For each two input channels:

             k, k+1 of 8 channels     k, k+1 of 8 channels
             ┌────────── Yw0 ──────┐  ┌────────── Yw1 ──────┐
 pixel 0 ──▶ Ya ● VPMADDWD, VPADDD ▶ Yacc00  ●    ▶ Yacc01      Ya: the pixel's two activations in every lane
 pixel 1 ──▶ Ya ●                  ▶ Yacc10  ●    ▶ Yacc11
   …

The panel in memory: bias [16]int32; then the constants of requantization, see requant_amd64.go; then weights
[pairs][16][2]int16.

The order of channels is such that packing within 128-bit lanes puts them in order: the first vector has channels 0…3 and
8…11, the second 4…7 and 12…15.`)
	c.tiles256("pointwiseAVX2", byWords)
	widenAVX2(c)
	return c
}

func pointwiseVEX() *code {
	c := newFile(`
Pointwise convolution with AVX-VNNI: as with AVX2, but for steps of four input channels, by VPDPBUSD. Go's assembler writes
that only as AVX-512 has it, so it is given as bytes.`)
	c.tiles256("pointwiseVEX", byVNNI)
	sumsAVX2(c)
	return c
}

func pointwiseChains() *code {
	c := newFile(`
Pointwise convolution with AVX2 where weights are small: VPMADDUBSW multiplies four activations of 8 bits by four weights and
adds them in pairs, in 16 bits. That saturates in general. But where the positive weights of a pair are 128 in sum at most,
and its negative ones −128 at least, it can't: 255 · 128 < 2¹⁵. The same holds for more than a pair. So a panel is cut into
chains of such quads of input channels, which 16 bits hold whatever the activations are; see chains_amd64.go. For each quad
of a chain:

             k…k+3 of 8 channels          k…k+3 of 8 channels
             ┌────────── Yw0 ──────┐      ┌────────── Yw1 ──────┐
 pixel 0 ──▶ Ya ● VPMADDUBSW, VPADDW ▶ Ysum00  ●    ▶ Ysum01      Ya: the pixel's four activations in every lane
 pixel 1 ──▶ Ya ●                    ▶ Ysum10  ●    ▶ Ysum11      a sum: 16 × int16, two for each channel
   …
 at the chain's end: VPMADDWD by ones, VPADDD ▶ accumulators, which are in memory

The panel is that of VPMADDWD but for the weights: [quads][16][4]int8, less the zero point. Where each quad is in a pixel
follows from the list of chains.`)
	c.table("ones256", slices.Repeat([]uint64{0x0001000100010001}, 4)...)
	c.tiles256("pointwiseChains", byChains)
	return c
}

// tiles256 writes the tiles of all sizes that multiply in a way.
func (c *code) tiles256(name string, by multiply256) {
	for _, rows := range []int{6, 1} {
		for _, how := range requants {
			tile := tile256{code: c, name: fmt.Sprintf("%sx%dx16%s", name, rows, how), rows: rows, by: by, requant: how}
			tile.write()
		}
	}
}

func (t *tile256) acc(row, column int) int { return row*columns256 + column }
func (t *tile256) weight(column int) int   { return 12 + column }

// Vector registers.
const (
	ones256       = 4 // in every lane of 16 bits
	activation256 = 14
	product256    = 15
)

// General registers of chains.
const (
	chains       = "R12" // that remain
	accumulators = "R14" // in the frame
)

func (t *tile256) write() {
	switch {
	case t.by != byChains:
		t.function(t.name, "pointwiseTile", tileSize, `
Accumulators Y0…Y11, weights Y12 and Y13, activations Y14, products Y15.`)
	case t.rows > 1:
		t.functionWithFrame(t.name, "pointwiseTile", tileSize, 32*columns256*t.rows+32, `
Sums Y0…Y11, weights Y12 and Y13, activations Y14, products Y15, accumulators on the stack.`)
	default:
		t.function(t.name, "pointwiseTile", tileSize, `
Each quad is a chain of its own: a single pixel doesn't wait for multiplications, but for weights. Accumulators Y0 and Y1,
weights Y12 and Y13, ones Y4, activations Y14, products Y15.`)
	}
	t.op("MOVQ", "t_src+0(FP)", srcRow)
	t.op("MOVQ", "t_srcStride+16(FP)", srcStride)
	t.op("MOVQ", "t_dst+8(FP)", dst)
	t.op("MOVQ", "t_dstStride+24(FP)", dstStride)
	t.op("MOVQ", "t_panel+32(FP)", panel)
	if t.by == byVNNI {
		t.op("MOVQ", "t_sums+40(FP)", sums)
	}
	if t.rows > 1 {
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*2)"), srcStride3)
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*4)"), srcStride5)
	}
	t.op("MOVQ", "t_next+80(FP)", next)
	t.op("MOVQ", 64, fetch)
	switch {
	case t.by != byChains:
	case t.rows > 1:
		t.note("accumulators are at the frame's first multiple of 32")
		t.op("LEAQ", "31(SP)", accumulators)
		t.op("ANDQ", "$~31", accumulators)
	default:
		t.op("VMOVDQU", "ones256<>(SB)", y(ones256))
	}

	t.at("tile")
	switch {
	case t.by != byChains:
		t.begin()
		t.multiply()
	case t.rows > 1:
		t.multiplyChains()
	default:
		t.begin()
		t.multiplyQuads()
	}
	t.finish()
}

// begin makes the accumulators the bias, with the pixel's sum where weights have a zero point.
func (t *tile256) begin() {
	if t.by == byVNNI {
		t.note("accumulators begin as the bias, with the pixel's sum where weights have a zero point")
		t.op("TESTQ", sums, sums)
		t.op("JZ", "symmetric")
		for r := range t.rows {
			t.op("VPBROADCASTD", memory(4*r, sums), y(product256))
			for c := range columns256 {
				t.op("VPADDD", memory(32*c, panel), y(product256), y(t.acc(r, c)))
			}
		}
		t.op("ADDQ", 4*t.rows, sums)
		t.op("JMP", "multiply")
		t.at("symmetric")
	}
	for r := range t.rows {
		for c := range columns256 {
			t.op("VMOVDQU", memory(32*c, panel), y(t.acc(r, c)))
		}
	}
}

// weightsAt is where weights begin in a panel.
func (t *tile256) weightsAt() string { return memory(4*width256*(1+t.requant.arrays()), panel) }

// multiply adds all products, two steps a turn.
func (t *tile256) multiply() {
	t.at("multiply")
	t.op("MOVQ", srcRow, src)
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", "t_steps+48(FP)", quads)
	t.op("SUBQ", 2, quads)
	t.op("JL", "last")
	t.at("steps")
	t.step(0)
	t.step(1)
	t.op("ADDQ", 8, src)
	t.op("ADDQ", 2*32*columns256, weights)
	t.op("SUBQ", 2, quads)
	t.op("JGE", "steps")
	t.at("last")
	t.op("ADDQ", 1, quads)
	t.op("JL", "multiplied")
	t.step(0)
	t.at("multiplied")
}

// multiplyChains adds all products, chain by chain.
func (t *tile256) multiplyChains() {
	acc := func(i int) string { return memory(32*i, accumulators) }
	for c := range columns256 {
		t.op("VMOVDQU", memory(32*c, panel), y(t.weight(c)))
		for r := range t.rows {
			t.op("VMOVDQU", y(t.weight(c)), acc(t.acc(r, c)))
		}
	}
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", "t_chains+96(FP)", chains)
	t.at("chain")
	t.op("MOVL", memory(0, chains), src)
	t.op("MOVL", memory(4, chains), quads)
	t.op("ADDQ", 8, chains)
	t.op("ADDQ", srcRow, src)
	t.op("TESTQ", quads, quads)
	t.op("JZ", "multiplied")
	t.quad(true)
	t.op("DECQ", quads)
	t.op("JZ", "summed")
	t.at("quad")
	t.quad(false)
	t.op("DECQ", quads)
	t.op("JNZ", "quad")
	t.at("summed")
	t.op("VMOVDQU", "ones256<>(SB)", y(t.weight(0)))
	for i := range columns256 * t.rows {
		t.op("VPMADDWD", y(t.weight(0)), y(i), y(i))
		t.op("VPADDD", acc(i), y(i), y(i))
		t.op("VMOVDQU", y(i), acc(i))
	}
	t.op("JMP", "chain")
	t.at("multiplied")
	for i := range columns256 * t.rows {
		t.op("VMOVDQU", acc(i), y(i))
	}
}

// quad adds the products of a quad to the sums, or makes the sums of those.
func (t *tile256) quad(first bool) {
	for c := range columns256 {
		t.op("VMOVDQU", memory(32*c, weights), y(t.weight(c)))
	}
	t.op("PREFETCHT0", memory(0, next))
	t.op("ADDQ", fetch, next)
	for r := range t.rows {
		t.op("VPBROADCASTD", t.activations(r, 0), y(activation256))
		for c := range columns256 {
			if first {
				t.op("VPMADDUBSW", y(t.weight(c)), y(activation256), y(t.acc(r, c)))
				continue
			}
			t.op("VPMADDUBSW", y(t.weight(c)), y(activation256), y(product256))
			t.op("VPADDW", y(product256), y(t.acc(r, c)), y(t.acc(r, c)))
		}
	}
	t.op("ADDQ", 4, src)
	t.op("ADDQ", 32*columns256, weights)
}

// multiplyQuads adds all products of a pixel: of the quads, one after the other, and then of the chains that repeat some.
func (t *tile256) multiplyQuads() {
	quad := func() {
		t.op("PREFETCHT0", memory(0, next))
		t.op("ADDQ", fetch, next)
		t.op("VPBROADCASTD", memory(0, src), y(activation256))
		for c := range columns256 {
			t.op("VPMADDUBSW", memory(32*c, weights), y(activation256), y(product256))
			t.op("VPMADDWD", y(ones256), y(product256), y(product256))
			t.op("VPADDD", y(product256), y(c), y(c))
		}
		t.op("ADDQ", 32*columns256, weights)
	}
	t.op("MOVQ", srcRow, src)
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", "t_steps+48(FP)", quads)
	t.at("quad")
	quad()
	t.op("ADDQ", 4, src)
	t.op("DECQ", quads)
	t.op("JNZ", "quad")
	t.op("MOVQ", "t_chains+96(FP)", chains)
	t.at("chain")
	t.op("MOVL", memory(0, chains), src)
	t.op("ADDQ", srcRow, src)
	t.op("CMPL", memory(4, chains), 0)
	t.op("JEQ", "multiplied")
	quad()
	t.op("ADDQ", 8, chains)
	t.op("JMP", "chain")
	t.at("multiplied")
}

// finish requantizes the accumulators, stores them and goes on to the next tile.
func (t *tile256) finish() {
	for c := range columns256 {
		if t.requant != inFloat32 {
			t.note("requantize")
			for r := range t.rows {
				at := func(array int) string { return memory(4*width256*(1+array)+32*c, panel) }
				t.requantizeInteger(32, t.acc(r, c), 12, t.requant == inSignedIntegers, at)
			}
			continue
		}
		t.note("requantize: round(acc·mul + add)")
		t.op("VMOVUPS", memory(4*width256+32*c, panel), y(12))
		t.op("VMOVUPS", memory(8*width256+32*c, panel), y(13))
		for r := range t.rows {
			acc := y(t.acc(r, c))
			t.op("VCVTDQ2PS", acc, acc)
			t.op("VFMADD213PS", y(13), y(12), acc)
			t.op("VCVTPS2DQ", acc, acc)
		}
	}
	t.note("two rows of 16 channels: int32 to uint8, clamped")
	t.op("VPBROADCASTB", "t_lo+72(FP)", y(12))
	t.op("VPBROADCASTB", "t_hi+73(FP)", y(13))
	for r := 0; r < t.rows; r += 2 {
		a := t.acc(r, 0)
		b := a
		t.op("VPACKSSDW", y(a+1), y(a), y(a))
		if r+1 < t.rows {
			b = t.acc(r+1, 0)
			t.op("VPACKSSDW", y(b+1), y(b), y(b))
		}
		t.op("VPACKUSWB", y(b), y(a), y(a))
		t.op("VPERMQ", 0xD8, y(a), y(a))
		t.op("VPMAXUB", y(12), y(a), y(a))
		t.op("VPMINUB", y(13), y(a), y(a))
		t.op("VMOVDQU", x(a), memory(0, dst))
		t.op("ADDQ", dstStride, dst)
		if r+1 < t.rows {
			t.op("VEXTRACTI128", 1, y(a), memory(0, dst))
			t.op("ADDQ", dstStride, dst)
		}
	}
	stopFetching(t.code)
	t.op("IMUL3Q", t.rows, srcStride, "AX")
	t.op("ADDQ", "AX", srcRow)
	t.op("DECQ", "t_tiles+56(FP)")
	t.op("JNZ", "tile")
	t.op("VZEROUPPER")
	t.op("RET")
}

// activations is the operand of row r's activations at step i from the running k on.
func (t *tile256) activations(r, i int) string {
	at := [...]string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)", "(R10*1)"}[r]
	return memory(4*i, src, at)
}

// step multiplies step i from the running k on.
func (t *tile256) step(i int) {
	for c := range columns256 {
		t.op("VMOVDQU", memory(32*(columns256*i+c), weights), y(t.weight(c)))
	}
	t.op("PREFETCHT0", memory(0, next))
	t.op("ADDQ", fetch, next)
	for r := range t.rows {
		t.op("VPBROADCASTD", t.activations(r, i), y(activation256))
		for c := range columns256 {
			if t.by == byVNNI {
				t.dpbusdVEX(32, t.weight(c), activation256, t.acc(r, c))
				continue
			}
			t.op("VPMADDWD", y(t.weight(c)), y(activation256), y(product256))
			t.op("VPADDD", y(product256), y(t.acc(r, c)), y(t.acc(r, c)))
		}
	}
}

// widenAVX2 writes the kernel that widens the activations of pixels to 16 bits.
func widenAVX2(c *code) {
	c.function("widenAVX2", "widenPixels", 48, `
For each pixel: dst[i] = uint16(src[i]), 16 channels at a time, the last 16 again where they are less than that; a pixel of
less than 16 one by one.`)
	c.op("MOVQ", "t_src+0(FP)", "SI")
	c.op("MOVQ", "t_dst+8(FP)", "DI")
	c.op("MOVQ", "t_srcStride+16(FP)", "R8")
	c.op("MOVQ", "t_dstStride+24(FP)", "R9")
	c.op("MOVQ", "t_channels+32(FP)", "R10")
	c.op("MOVQ", "t_pixels+40(FP)", "R11")
	c.at("pixel")
	c.op("XORQ", "AX", "AX")
	c.op("MOVQ", "R10", "CX")
	c.op("SUBQ", 16, "CX")
	c.op("JL", "small")
	c.at("sixteen")
	c.op("VPMOVZXBW", "(SI)(AX*1)", "Y0")
	c.op("VMOVDQU", "Y0", "(DI)(AX*2)")
	c.op("ADDQ", 16, "AX")
	c.op("CMPQ", "AX", "CX")
	c.op("JLE", "sixteen")
	c.op("CMPQ", "AX", "R10")
	c.op("JEQ", "next")
	c.op("VPMOVZXBW", "(SI)(CX*1)", "Y0")
	c.op("VMOVDQU", "Y0", "(DI)(CX*2)")
	c.op("JMP", "next")
	c.at("small")
	c.op("MOVBLZX", "(SI)(AX*1)", "DX")
	c.op("MOVW", "DX", "(DI)(AX*2)")
	c.op("INCQ", "AX")
	c.op("CMPQ", "AX", "R10")
	c.op("JLT", "small")
	c.at("next")
	c.op("ADDQ", "R8", "SI")
	c.op("ADDQ", "R9", "DI")
	c.op("DECQ", "R11")
	c.op("JNZ", "pixel")
	c.op("VZEROUPPER")
	c.op("RET")
}

// sumsAVX2 writes the kernel that sums the activations of each pixel, for weights with a zero point.
func sumsAVX2(c *code) {
	c.table("lastBytes", 0, 0, ^uint64(0), ^uint64(0))
	c.function("sumsAVX2", "pixelSums", 48, `
Four pixels a group, one after the other: VPSADBW sums 8 bytes each. Of the last 16 channels those that were summed
before are masked away. There are at least 16.`)
	c.op("MOVQ", "t_src+0(FP)", "SI")
	c.op("MOVQ", "t_dst+8(FP)", "DI")
	c.op("MOVQ", "t_stride+16(FP)", "R8")
	c.op("MOVQ", "t_channels+24(FP)", "R10")
	c.op("MOVQ", "t_groups+32(FP)", "R11")
	c.op("SHLQ", 2, "R11")
	c.op("MOVL", "t_factor+40(FP)", "R12")
	c.note("X3: the mask of the last 16")
	c.op("LEAQ", "lastBytes<>(SB)", "BX")
	c.op("MOVQ", "R10", "CX")
	c.op("ANDQ", 15, "CX")
	c.op("VMOVDQU", "(BX)(CX*1)", "X3")
	c.op("VPXOR", "X4", "X4", "X4")
	c.op("MOVQ", "R10", "DX")
	c.op("SUBQ", 16, "DX")
	c.at("pixel")
	c.op("VPXOR", "X0", "X0", "X0")
	c.op("XORQ", "AX", "AX")
	c.at("sixteen")
	c.op("VPSADBW", "(SI)(AX*1)", "X4", "X1")
	c.op("VPADDD", "X1", "X0", "X0")
	c.op("ADDQ", 16, "AX")
	c.op("CMPQ", "AX", "DX")
	c.op("JLE", "sixteen")
	c.op("VPAND", "(SI)(DX*1)", "X3", "X1")
	c.op("VPSADBW", "X1", "X4", "X1")
	c.op("VPADDD", "X1", "X0", "X0")
	c.op("VPSHUFD", 0x4E, "X0", "X1")
	c.op("VPADDD", "X1", "X0", "X0")
	c.op("VMOVD", "X0", "AX")
	c.op("IMULL", "R12", "AX")
	c.op("MOVL", "AX", "(DI)")
	c.op("ADDQ", 4, "DI")
	c.op("ADDQ", "R8", "SI")
	c.op("DECQ", "R11")
	c.op("JNZ", "pixel")
	c.op("RET")
}
