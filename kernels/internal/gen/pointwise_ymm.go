package main

import (
	"fmt"
	"slices"
)

// tileYMM is a pointwise kernel for AVX2 or AVX-VNNI: rows pixels by two vectors of 8 channels.
type tileYMM struct {
	*code
	name    string
	rows    int
	by      multiplyYMM
	requant requant
}

// multiplyYMM is how a tile multiplies.
type multiplyYMM int

const (
	byWords  multiplyYMM = iota // VPMADDWD: two input channels of 16 bits a step
	byChains                    // VPMADDUBSW: four of 8 bits, summed in 16 bits as long as they hold it
	byVNNI                      // VPDPBUSD: four of 8 bits
)

const (
	columnsYMM = 2
	widthYMM   = 8 * columnsYMM // channels
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
	c.tilesYMM("c2", "avx2", byWords)
	widenAVX2(c)
	return c
}

func pointwiseAVXVNNI() *code {
	c := newFile(`
Pointwise convolution with AVX-VNNI: as with AVX2, but for steps of four input channels, by VPDPBUSD. Go's assembler writes
that only as AVX-512 has it, so it is given as bytes.`)
	c.tilesYMM("c4", "avxvnni", byVNNI)
	pixelSumsAVX2(c)
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
	c.table("ones", slices.Repeat([]uint64{0x0001000100010001}, 4)...)
	c.tilesYMM("c4chain", "avx2", byChains)
	return c
}

// tilesYMM writes the tiles of all sizes that multiply in a way.
func (c *code) tilesYMM(depth, set string, by multiplyYMM) {
	for _, rows := range []int{6, 1} {
		for _, how := range requants {
			name := fmt.Sprintf("pointwise_%dx%d%s_%s__%s", rows, widthYMM, depth, how, set)
			tile := tileYMM{code: c, name: name, rows: rows, by: by, requant: how}
			tile.write()
		}
	}
}

func (t *tileYMM) acc(row, column int) int { return row*columnsYMM + column }
func (t *tileYMM) weight(column int) int   { return 12 + column }

// Vector registers.
const (
	ones          = 4 // in every lane of 16 bits
	activationYMM = 14
	productYMM    = 15
)

// General registers of chains.
const (
	chains       = "R12" // that remain
	accumulators = "R14" // in the frame
)

func (t *tileYMM) write() {
	about := fmt.Sprintf("computes tiles of %d × %d, and requantizes %s.\n\n", t.rows, widthYMM, t.requant.how())
	switch {
	case t.by != byChains:
		t.function(t.name, "pointwiseTile", about+`Accumulators Y0…Y11, weights Y12 and Y13, activations Y14, products Y15.`)
	case t.rows > 1:
		t.functionWithFrame(t.name, "pointwiseTile", 32*columnsYMM*t.rows+32, about+`Sums Y0…Y11, weights Y12 and Y13, activations Y14, products Y15, accumulators on the stack.`)
	default:
		t.function(t.name, "pointwiseTile", about+`Each quad is a chain of its own: a single pixel doesn't wait for multiplications, but for weights. Accumulators Y0 and Y1,
weights Y12 and Y13, ones Y4, activations Y14, products Y15.`)
	}
	t.op("MOVQ", t.arg("src"), srcRow)
	t.op("MOVQ", t.arg("srcStride"), srcStride)
	t.op("MOVQ", t.arg("dst"), dst)
	t.op("MOVQ", t.arg("dstStride"), dstStride)
	t.op("MOVQ", t.arg("panel"), panel)
	if t.by == byVNNI {
		t.op("MOVQ", t.arg("sums"), sums)
	}
	if t.rows > 1 {
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*2)"), srcStride3)
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*4)"), srcStride5)
	}
	t.op("MOVQ", t.arg("next"), next)
	t.op("MOVQ", 64, fetch)
	switch {
	case t.by != byChains:
	case t.rows > 1:
		t.note("accumulators are at the frame's first multiple of 32")
		t.op("LEAQ", "31(SP)", accumulators)
		t.op("ANDQ", "$~31", accumulators)
	default:
		t.op("VMOVDQU", "ones<>(SB)", y(ones))
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

// begin makes the accumulators the bias, with the pixel's sum if weights have a zero point.
func (t *tileYMM) begin() {
	if t.by == byVNNI {
		t.note("accumulators begin as the bias, with the pixel's sum where weights have a zero point")
		t.op("TESTQ", sums, sums)
		t.op("JZ", "symmetric")
		for r := range t.rows {
			t.op("VPBROADCASTD", memory(4*r, sums), y(productYMM))
			for c := range columnsYMM {
				t.op("VPADDD", memory(32*c, panel), y(productYMM), y(t.acc(r, c)))
			}
		}
		t.op("ADDQ", 4*t.rows, sums)
		t.op("JMP", "multiply")
		t.at("symmetric")
	}
	for r := range t.rows {
		for c := range columnsYMM {
			t.op("VMOVDQU", memory(32*c, panel), y(t.acc(r, c)))
		}
	}
}

// weightsAt is where weights begin in a panel.
func (t *tileYMM) weightsAt() string { return memory(4*widthYMM*(1+t.requant.arrays()), panel) }

// multiply adds all products, two steps a turn.
func (t *tileYMM) multiply() {
	t.at("multiply")
	t.op("MOVQ", srcRow, src)
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", t.arg("steps"), quads)
	t.op("SUBQ", 2, quads)
	t.op("JL", "last")
	t.at("steps")
	t.step(0)
	t.step(1)
	t.op("ADDQ", 8, src)
	t.op("ADDQ", 2*32*columnsYMM, weights)
	t.op("SUBQ", 2, quads)
	t.op("JGE", "steps")
	t.at("last")
	t.op("ADDQ", 1, quads)
	t.op("JL", "multiplied")
	t.step(0)
	t.at("multiplied")
}

// multiplyChains adds all products, chain by chain.
func (t *tileYMM) multiplyChains() {
	acc := func(i int) string { return memory(32*i, accumulators) }
	for c := range columnsYMM {
		t.op("VMOVDQU", memory(32*c, panel), y(t.weight(c)))
		for r := range t.rows {
			t.op("VMOVDQU", y(t.weight(c)), acc(t.acc(r, c)))
		}
	}
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", t.arg("chains"), chains)
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
	t.op("VMOVDQU", "ones<>(SB)", y(t.weight(0)))
	for i := range columnsYMM * t.rows {
		t.op("VPMADDWD", y(t.weight(0)), y(i), y(i))
		t.op("VPADDD", acc(i), y(i), y(i))
		t.op("VMOVDQU", y(i), acc(i))
	}
	t.op("JMP", "chain")
	t.at("multiplied")
	for i := range columnsYMM * t.rows {
		t.op("VMOVDQU", acc(i), y(i))
	}
}

// quad adds the products of a quad to the sums, or makes the sums of those.
func (t *tileYMM) quad(first bool) {
	for c := range columnsYMM {
		t.op("VMOVDQU", memory(32*c, weights), y(t.weight(c)))
	}
	t.op("PREFETCHT0", memory(0, next))
	t.op("ADDQ", fetch, next)
	for r := range t.rows {
		t.op("VPBROADCASTD", t.activations(r, 0), y(activationYMM))
		for c := range columnsYMM {
			if first {
				t.op("VPMADDUBSW", y(t.weight(c)), y(activationYMM), y(t.acc(r, c)))
				continue
			}
			t.op("VPMADDUBSW", y(t.weight(c)), y(activationYMM), y(productYMM))
			t.op("VPADDW", y(productYMM), y(t.acc(r, c)), y(t.acc(r, c)))
		}
	}
	t.op("ADDQ", 4, src)
	t.op("ADDQ", 32*columnsYMM, weights)
}

// multiplyQuads adds all products of a pixel: of the quads, one after the other, and then of the chains that repeat some.
func (t *tileYMM) multiplyQuads() {
	quad := func() {
		t.op("PREFETCHT0", memory(0, next))
		t.op("ADDQ", fetch, next)
		t.op("VPBROADCASTD", memory(0, src), y(activationYMM))
		for c := range columnsYMM {
			t.op("VPMADDUBSW", memory(32*c, weights), y(activationYMM), y(productYMM))
			t.op("VPMADDWD", y(ones), y(productYMM), y(productYMM))
			t.op("VPADDD", y(productYMM), y(c), y(c))
		}
		t.op("ADDQ", 32*columnsYMM, weights)
	}
	t.op("MOVQ", srcRow, src)
	t.op("LEAQ", t.weightsAt(), weights)
	t.op("MOVQ", t.arg("steps"), quads)
	t.at("quad")
	quad()
	t.op("ADDQ", 4, src)
	t.op("DECQ", quads)
	t.op("JNZ", "quad")
	t.op("MOVQ", t.arg("chains"), chains)
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

// finish requantizes the accumulators, stores them and moves to the next tile.
func (t *tileYMM) finish() {
	for c := range columnsYMM {
		if t.requant != inFloat32 {
			t.note("requantize")
			for r := range t.rows {
				at := func(array int) string { return memory(4*widthYMM*(1+array)+32*c, panel) }
				t.requantizeInteger(32, t.acc(r, c), 12, t.requant == inSignedIntegers, at)
			}
			continue
		}
		t.note("requantize: round(acc·mul + add)")
		t.op("VMOVUPS", memory(4*widthYMM+32*c, panel), y(12))
		t.op("VMOVUPS", memory(8*widthYMM+32*c, panel), y(13))
		for r := range t.rows {
			acc := y(t.acc(r, c))
			t.op("VCVTDQ2PS", acc, acc)
			t.op("VFMADD213PS", y(13), y(12), acc)
			t.op("VCVTPS2DQ", acc, acc)
		}
	}
	t.note("two rows of 16 channels: int32 to uint8, clamped")
	t.op("VPBROADCASTB", t.arg("lo"), y(12))
	t.op("VPBROADCASTB", t.arg("hi"), y(13))
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
	t.op("DECQ", t.arg("tiles"))
	t.op("JNZ", "tile")
	t.op("VZEROUPPER")
	t.op("RET")
}

// activations is the operand of row r's activations at step i from the running k on.
func (t *tileYMM) activations(r, i int) string {
	at := [...]string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)", "(R10*1)"}[r]
	return memory(4*i, src, at)
}

// step multiplies step i from the running k on.
func (t *tileYMM) step(i int) {
	for c := range columnsYMM {
		t.op("VMOVDQU", memory(32*(columnsYMM*i+c), weights), y(t.weight(c)))
	}
	t.op("PREFETCHT0", memory(0, next))
	t.op("ADDQ", fetch, next)
	for r := range t.rows {
		t.op("VPBROADCASTD", t.activations(r, i), y(activationYMM))
		for c := range columnsYMM {
			if t.by == byVNNI {
				t.dpbusdVEX(32, t.weight(c), activationYMM, t.acc(r, c))
				continue
			}
			t.op("VPMADDWD", y(t.weight(c)), y(activationYMM), y(productYMM))
			t.op("VPADDD", y(productYMM), y(t.acc(r, c)), y(t.acc(r, c)))
		}
	}
}

// widenAVX2 writes the kernel that widens the activations of pixels to 16 bits.
func widenAVX2(c *code) {
	c.function("widen__avx2", "widenPixels", `
widens the activations of pixels to 16 bits.

For each pixel: dst[i] = uint16(src[i]), 16 channels at a time, the last 16 again where they are less than that; a pixel of
less than 16 one by one.`)
	c.op("MOVQ", c.arg("src"), "SI")
	c.op("MOVQ", c.arg("dst"), "DI")
	c.op("MOVQ", c.arg("srcStride"), "R8")
	c.op("MOVQ", c.arg("dstStride"), "R9")
	c.op("MOVQ", c.arg("channels"), "R10")
	c.op("MOVQ", c.arg("pixels"), "R11")
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

// pixelSumsAVX2 writes the kernel that sums the activations of each pixel, for weights with a zero point.
func pixelSumsAVX2(c *code) {
	c.table("lastBytes", 0, 0, ^uint64(0), ^uint64(0))
	c.function("pixelsums__avx2", "pixelSums", `
sums the activations of each pixel, times a factor.

Four pixels a group, one after the other: VPSADBW sums 8 bytes each. Of the last 16 channels those that were summed
before are masked away. There are at least 16.`)
	c.op("MOVQ", c.arg("src"), "SI")
	c.op("MOVQ", c.arg("dst"), "DI")
	c.op("MOVQ", c.arg("stride"), "R8")
	c.op("MOVQ", c.arg("channels"), "R10")
	c.op("MOVQ", c.arg("groups"), "R11")
	c.op("SHLQ", 2, "R11")
	c.op("MOVL", c.arg("factor"), "R12")
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
