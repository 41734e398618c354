package main

import "fmt"

// tileZMM is a pointwise kernel for AVX-512 VNNI: rows pixels by columns vectors of 16 channels.
type tileZMM struct {
	*code
	rows, columns int
	requant       requant
}

// The tiles that there are. Seven rows divide every pixel count of the networks but the small ones.
var tilesZMM = [][2]int{{7, 2}, {7, 3}, {14, 1}, {1, 1}, {1, 2}, {1, 3}}

// General registers.
const (
	srcRow     = "SI"  // the tile's first pixel
	src        = "AX"  // the same, at the running k
	src7       = "DX"  // the eighth row, at the running k
	dst        = "DI"  // the tile's first output
	dstRow     = "CX"  // running over the tile's rows
	panel      = "BX"  // bias, constants of requantization, weights
	weights    = "R15" // running over the panel's
	quads      = "CX"  // that remain
	srcStride  = "R8"
	srcStride3 = "R9"
	srcStride5 = "R10"
	dstStride  = "R11"
	sums       = "R12" // of the running tile's rows, or nil
	next       = "R13" // running over the next panel, which is fetched ahead
	fetch      = "DX"  // bytes of it a step, or 0; not with more than 7 rows
)

// Vector registers that hold for the whole call.
const (
	oddEven = "Z28" // permutation: even quadwords, then odd ones
	byRow   = "Z29" // permutation: transposes 4×4 doublewords
	lowest  = "Z30" // clamp range, in every byte
	highest = "Z31"
)

func pointwiseAVX512VNNI() *code {
	c := newFile(`
Pointwise convolution with AVX-512 VNNI. A tile is R pixels by C vectors of 16 output channels; an accumulator is a lane.
For each four input channels (a quad):

             k…k+3 of 16 channels     k…k+3 of 16 channels
             ┌────────── Zw0 ──────┐  ┌────────── Zw1 ──────┐
 pixel 0 ──▶ Za ● VPDPBUSD ▶ Zacc00    ● VPDPBUSD ▶ Zacc01      Za: the pixel's four activations in every lane
 pixel 1 ──▶ Za ●          ▶ Zacc10    ●          ▶ Zacc11
   …

The panel in memory, of N = 16·C channels: bias [N]int32; then the constants of requantization, see
requant_amd64.go; then weights [quads][N][4]int8.

The tile's order of channels in a pair of vectors is such that packing within 128-bit lanes puts them in order: lane i of
the first vector has channels 8i…8i+3, that of the second 8i+4…8i+7. A vector without a partner has its channels in
order, and four rows of it are transposed.`)
	c.table("oddEven", 0, 2, 4, 6, 1, 3, 5, 7)
	c.table("byRow", 4<<32, 12<<32|8, 5<<32|1, 13<<32|9, 6<<32|2, 14<<32|10, 7<<32|3, 15<<32|11)
	for _, size := range tilesZMM {
		for _, how := range requants {
			tile := tileZMM{c, size[0], size[1], how}
			tile.write()
		}
	}
	pixelSumsAVX512VNNI(c)
	return c
}

// pixelSumsAVX512VNNI writes the kernel that sums the activations of each pixel, for weights with a zero point.
func pixelSumsAVX512VNNI(c *code) {
	c.function("pixelsums__avx512vnni", "pixelSums", `
sums the activations of each pixel, times a factor.

Four pixels at a time: VPDPBUSD with ones, 64 channels a step, then a transposing sum of the lanes.
Accumulators Z0…Z3, activations Z4, ones Z20, factor X21.`)
	c.op("MOVQ", c.arg("src"), srcRow)
	c.op("MOVQ", c.arg("stride"), srcStride)
	c.op("MOVQ", c.arg("dst"), dst)
	c.op("LEAQ", memory(0, srcStride, "("+srcStride+"*2)"), srcStride3)
	c.op("MOVL", 0x01010101, "AX")
	c.op("VPBROADCASTD", "AX", "Z20")
	c.op("MOVL", c.arg("factor"), "AX")
	c.op("VPBROADCASTD", "AX", "X21")
	c.note("K1: the channels after the last 64")
	c.op("MOVQ", c.arg("channels"), "CX")
	c.op("MOVQ", "CX", "BX")
	c.op("SHRQ", 6, "BX")
	c.op("ANDQ", 63, "CX")
	c.op("MOVQ", 1, "AX")
	c.op("SHLQ", "CX", "AX")
	c.op("DECQ", "AX")
	c.op("KMOVQ", "AX", "K1")

	c.at("group")
	for i := range 4 {
		c.op("VPXORD", z(i), z(i), z(i))
	}
	c.op("MOVQ", srcRow, src)
	c.op("MOVQ", "BX", "CX")
	c.op("TESTQ", "CX", "CX")
	c.op("JZ", "tail")
	rows := [4]string{"(AX)", "(AX)(R8*1)", "(AX)(R8*2)", "(AX)(R9*1)"}
	c.at("step")
	for i, row := range rows {
		c.op("VMOVDQU64", row, "Z4")
		c.op("VPDPBUSD", "Z20", "Z4", z(i))
	}
	c.op("ADDQ", 64, src)
	c.op("DECQ", "CX")
	c.op("JNZ", "step")
	c.at("tail")
	for i, row := range rows {
		c.op("VMOVDQU8.Z", row, "K1", "Z4")
		c.op("VPDPBUSD", "Z20", "Z4", z(i))
	}
	for i := 0; i < 4; i += 2 {
		c.op("VPUNPCKHDQ", z(i+1), z(i), "Z4")
		c.op("VPUNPCKLDQ", z(i+1), z(i), z(i))
		c.op("VPADDD", "Z4", z(i), z(i))
	}
	c.op("VPUNPCKHQDQ", "Z2", "Z0", "Z4")
	c.op("VPUNPCKLQDQ", "Z2", "Z0", "Z0")
	c.op("VPADDD", "Z4", "Z0", "Z0")
	c.op("VEXTRACTI64X4", 1, "Z0", "Y4")
	c.op("VPADDD", "Y4", "Y0", "Y0")
	c.op("VEXTRACTI128", 1, "Y0", "X4")
	c.op("VPADDD", "X4", "X0", "X0")
	c.op("VPMULLD", "X21", "X0", "X0")
	c.op("VMOVDQU", "X0", memory(0, dst))
	c.op("ADDQ", 16, dst)
	c.op("LEAQ", memory(0, srcRow, "("+srcStride+"*4)"), srcRow)
	c.op("DECQ", c.arg("groups"))
	c.op("JNZ", "group")
	c.op("VZEROUPPER")
	c.op("RET")
}

// fetches reports whether the next panel is fetched into the cache while this one is computed.
func (t *tileZMM) fetches() bool { return t.rows == 7 }

func (t *tileZMM) acc(row, column int) int { return row*t.columns + column }
func (t *tileZMM) weight(column int) int   { return t.rows*t.columns + column }
func (t *tileZMM) free() int               { return t.rows * t.columns } // the first register free in the epilogue

// offsets into the panel
func (t *tileZMM) constants() int { return 64 * t.columns }
func (t *tileZMM) weightsAt() int { return 64 * t.columns * (1 + t.requant.arrays()) }

// row is the operand of row r's four activations.
func (t *tileZMM) row(r int) string {
	base := src
	if r >= 7 {
		base, r = src7, r-7
	}
	switch r {
	case 0:
		return memory(0, base)
	case 1, 2, 4:
		return memory(0, base, fmt.Sprintf("(%s*%d)", srcStride, r))
	case 3, 6:
		return memory(0, base, fmt.Sprintf("(%s*%d)", srcStride3, r/3))
	default:
		return memory(0, base, fmt.Sprintf("(%s*1)", srcStride5))
	}
}

func (t *tileZMM) write() {
	name := fmt.Sprintf("pointwise_%dx%dc4_%s__avx512vnni", t.rows, 16*t.columns, t.requant)
	t.function(name, "pointwiseTile", fmt.Sprintf(`
computes tiles of %d × %d, and requantizes %s.

Accumulators Z0…Z%d, weights Z%d…Z%d, activations Z%d.`,
		t.rows, 16*t.columns, t.requant.how(), t.free()-1, t.weight(0), t.weight(t.columns-1), t.weight(t.columns)))

	t.op("MOVQ", t.arg("src"), srcRow)
	t.op("MOVQ", t.arg("srcStride"), srcStride)
	t.op("MOVQ", t.arg("dst"), dst)
	t.op("MOVQ", t.arg("dstStride"), dstStride)
	t.op("MOVQ", t.arg("panel"), panel)
	t.op("MOVQ", t.arg("sums"), sums)
	if t.rows > 1 {
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*2)"), srcStride3)
		t.op("LEAQ", memory(0, srcStride, "("+srcStride+"*4)"), srcStride5)
	}
	t.op("VMOVDQU64", "oddEven<>(SB)", oddEven)
	t.op("VMOVDQU64", "byRow<>(SB)", byRow)
	t.op("VPBROADCASTB", t.arg("lo"), lowest)
	t.op("VPBROADCASTB", t.arg("hi"), highest)
	t.op("MOVQ", t.arg("mask"), "AX")
	t.note("K1: the channels of the pair of vectors that exist, K2: those of the single one")
	t.op("KMOVD", "AX", "K1")
	if t.columns > 1 {
		t.op("SHRQ", 32, "AX")
	}
	t.op("KMOVW", "AX", "K2")

	if t.fetches() {
		t.op("MOVQ", t.arg("next"), next)
		t.op("MOVQ", 64, fetch)
	}

	t.at("tile")
	t.note("accumulators begin as the bias, with the pixel's sum where weights have a zero point")
	for c := range t.columns {
		t.op("VMOVDQU32", memory(64*c, panel), z(t.weight(c)))
	}
	t.op("TESTQ", sums, sums)
	t.op("JZ", "symmetric")
	for r := range t.rows {
		for c := range t.columns {
			t.op("VPADDD.BCST", memory(4*r, sums), z(t.weight(c)), z(t.acc(r, c)))
		}
	}
	t.op("ADDQ", 4*t.rows, sums)
	t.op("JMP", "multiply")
	t.at("symmetric")
	for r := range t.rows {
		for c := range t.columns {
			t.op("VMOVDQA64", z(t.weight(c)), z(t.acc(r, c)))
		}
	}
	t.at("multiply")
	t.op("MOVQ", srcRow, src)
	if t.rows > 7 {
		t.op("LEAQ", memory(0, srcRow, "("+srcStride+"*8)"), src7)
		t.op("SUBQ", srcStride, src7)
	}
	t.op("LEAQ", memory(t.weightsAt(), panel), weights)
	t.op("MOVQ", t.arg("steps"), quads)
	t.at("quad")
	for c := range t.columns {
		t.op("VMOVDQU64", memory(64*c, weights), z(t.weight(c)))
	}
	if t.fetches() {
		t.op("PREFETCHT0", memory(0, next))
		t.op("ADDQ", fetch, next)
	}
	for r := range t.rows {
		t.op("VPBROADCASTD", t.row(r), z(t.weight(t.columns)))
		for c := range t.columns {
			t.op("VPDPBUSD", z(t.weight(c)), z(t.weight(t.columns)), z(t.acc(r, c)))
		}
	}
	t.op("ADDQ", 4, src)
	if t.rows > 7 {
		t.op("ADDQ", 4, src7)
	}
	t.op("ADDQ", 64*t.columns, weights)
	t.op("DECQ", quads)
	t.op("JNZ", "quad")
	t.line("")

	if t.requant == inFloat32 {
		t.requantizeFloat()
	} else {
		t.note("requantize")
		t.op("MOVL", 0x5555, "AX")
		t.op("KMOVW", "AX", "K5")
		for r := range t.rows {
			for c := range t.columns {
				at := func(array int) string { return memory(t.constants()+64*(t.columns*array+c), panel) }
				t.requantizeInteger(64, t.acc(r, c), t.free(), t.requant == inSignedIntegers, at)
			}
		}
	}
	if t.columns >= 2 {
		t.storePairs()
	}
	if t.columns%2 == 1 {
		t.storeLast()
	}
	t.op("MOVQ", dstRow, dst)

	if t.fetches() {
		stopFetching(t.code)
	}
	t.op("IMUL3Q", t.rows, srcStride, "AX")
	t.op("ADDQ", "AX", srcRow)
	t.op("DECQ", t.arg("tiles"))
	t.op("JNZ", "tile")
	t.op("VZEROUPPER")
	t.op("RET")
}

// stopFetching ends fetching the next panel after as many tiles as it takes, at a line of the cache each step.
func stopFetching(c *code) {
	c.op("MOVQ", c.arg("tiles"), "AX")
	c.op("CMPQ", "AX", c.arg("fetched"))
	c.op("JGT", "unfetched")
	c.op("XORQ", fetch, fetch)
	c.at("unfetched")
}

// requantizeFloat makes the accumulators outputs, not clamped: round(acc·mul + add).
func (t *tileZMM) requantizeFloat() {
	t.note("requantize: round(acc·mul + add)")
	mul, add := t.free(), t.free()+t.columns
	for c := range t.columns {
		t.op("VMOVUPS", memory(t.constants()+64*c, panel), z(mul+c))
		t.op("VMOVUPS", memory(t.constants()+64*(t.columns+c), panel), z(add+c))
	}
	for r := range t.rows {
		for c := range t.columns {
			acc := z(t.acc(r, c))
			t.op("VCVTDQ2PS", acc, acc)
			t.op("VFMADD213PS", z(add+c), z(mul+c), acc)
			t.op("VCVTPS2DQ", acc, acc)
		}
	}
}

func (t *tileZMM) clampBytes(i int) {
	t.op("VPMAXUB", lowest, z(i), z(i))
	t.op("VPMINUB", highest, z(i), z(i))
}

// storePairs packs the first two vectors of each two rows into one and stores them.
func (t *tileZMM) storePairs() {
	t.note("two rows of 32 channels: int32 to uint8")
	t.op("MOVQ", dst, dstRow)
	for r := 0; r < t.rows; r += 2 {
		other := min(r+1, t.rows-1)
		a, b := t.acc(r, 0), t.acc(other, 0)
		t.op("VPACKSSDW", z(a+1), z(a), z(a))
		if other != r {
			t.op("VPACKSSDW", z(b+1), z(b), z(b))
		}
		t.op("VPACKUSWB", z(b), z(a), z(a))
		t.op("VPERMQ", z(a), oddEven, z(a))
		t.clampBytes(a)
		t.op("VMOVDQU8", y(a), "K1", memory(0, dstRow))
		t.op("ADDQ", dstStride, dstRow)
		if other != r {
			t.op("VEXTRACTI64X4", 1, z(a), y(a))
			t.op("VMOVDQU8", y(a), "K1", memory(0, dstRow))
			t.op("ADDQ", dstStride, dstRow)
		}
	}
}

// storeLast packs the last vector of each four rows into one and stores them.
func (t *tileZMM) storeLast() {
	offset := 16 * (t.columns - 1)
	t.note("four rows of 16 channels: int32 to uint8")
	t.op("MOVQ", dst, dstRow)
	for r := 0; r < t.rows; r += 4 {
		var v [4]int
		for i := range v {
			v[i] = t.acc(min(r+i, t.rows-1), t.columns-1)
		}
		t.op("VPACKSSDW", z(v[1]), z(v[0]), z(v[0]))
		if v[2] != v[1] {
			t.op("VPACKSSDW", z(v[3]), z(v[2]), z(v[2]))
		} else {
			v[2] = v[0] // no such rows
		}
		t.op("VPACKUSWB", z(v[2]), z(v[0]), z(v[0]))
		t.op("VPERMD", z(v[0]), byRow, z(v[0]))
		t.clampBytes(v[0])
		for i := range min(4, t.rows-r) {
			if i > 0 {
				t.op("VEXTRACTI32X4", i, z(v[0]), x(t.free()))
				t.op("VMOVDQU8", x(t.free()), "K2", memory(offset, dstRow))
			} else {
				t.op("VMOVDQU8", x(v[0]), "K2", memory(offset, dstRow))
			}
			t.op("ADDQ", dstStride, dstRow)
		}
	}
}
