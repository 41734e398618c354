package main

import (
	"fmt"
	"strings"
)

// depthwise is a depthwise kernel: rows of kernel×kernel taps, at a stride, for blocks of width channels.
//
// It walks along the columns of the input. A column is loaded once, its bytes (or words) are interleaved so that the
// taps of one channel are neighbours in a lane, and it is then multiplied into every output that it is a part of. With
// three taps and a stride of 1, c a column and w0, w1, w2 the weights' columns, a sum's way is
//
//	               w0·c, new ▶ partial 1 ─ w1·c ▶ partial 0 ─ w2·c ▶ requantize, store
//
//	column      0     1     2     3     4   …
//	output 0    w0    w1    w2 ▶
//	output 1          w0    w1    w2 ▶
//	output 2                w0    w1    w2 ▶
//
// so each column finishes one output, moves the others on by one and begins another; at a stride of 2 each second column
// does, and those between only add to them. The first kernel−1 columns have nothing to finish.
type depthwise struct {
	*code
	family
	kernel, stride int
	zeroed         bool // weights have a zero point
}

// family is what the kernels of a set, for one width, have in common.
type family struct {
	set     string
	width   int  // channels of a block
	vectors int  // of 32-bit lanes, for one accumulator of each channel
	bytes   int  // of a vector
	vnni    bool // VPDPBUSD, four taps in a lane; else VPMADDWD, two
	vex     bool // no AVX-512
}

// General registers; rows of a column are depthwiseRows.
const (
	column       = "AX" // offset of the column, and the block, from the rows
	remaining    = "CX" // columns of the segment
	step         = "DX" // from pixel to pixel
	output       = "BX"
	constants    = "R11" // of the block
	outputs      = "R12" // that are done; negative at first, while columns finish none
	segment      = "R13"
	requantizing = "R14" // how: a requant
	block        = "R15" // offset of the block from the first
)

var depthwiseRows = [...]string{"SI", "DI", "R8", "R9", "R10"}

// masked reports whether the last block may have fewer channels than the others.
func (f *family) masked() bool { return !f.vex && f.width == 16 }

// reg names vector register i of the kernel's width.
func (f *family) reg(i int) string { return vector(f.bytes, i) }

func vector(bytes, i int) string {
	return fmt.Sprintf("%c%d", map[int]rune{64: 'Z', 32: 'Y', 16: 'X'}[bytes], i)
}

// macro names a macro for kernels of this width.
func (f *family) macro(name string) string { return fmt.Sprintf("%s_%d", name, f.width) }

// The register map, also told in the files' heads.

func (f *family) partial(i, v int) int { return i*f.vectors + v }

// weight is the register of a tap's weights, of kernels with inRegs.
func (f *family) weight(tap, v int) int { return (2+tap)*f.vectors + v }

// columnReg is a part of the column, for the accumulators v.
func (f *family) columnReg(part, v int) int {
	switch {
	case !f.vex:
		return 24 - 8*part + v
	case f.vnni:
		return 10 - 2*part + v
	}
	return 12 - 2*part + v
}

// sum is the sums of the column's taps, of kernels that are zeroed, times the zero point.
func (f *family) sum(v int) int {
	if f.vex {
		return 12 + v
	}
	return 20 + v
}

// scratch registers hold rows while they are interleaved, products, and what requantization needs.
func (f *family) scratch(i int) int {
	if f.vex {
		return 14 + i
	}
	return 28 + i
}

// taps is how many a lane has.
func (f *family) taps() int {
	if f.vnni {
		return 4
	}
	return 2
}

// parts is how many vectors of a column there are for one vector of accumulators.
func (f *family) parts(kernel int) int { return (kernel + f.taps() - 1) / f.taps() }

func (d *depthwise) inRegs() bool { return d.vnni && d.kernel == 3 }

// Offsets in a block's constants: clamp range, bias, weights, their zero point, requantization.
func (f *family) clampAt(i int) int { return i * f.width }
func (f *family) biasAt(v int) int  { return 2*f.width + v*f.bytes }

func (d *depthwise) weightAt(tap, v, part int) int {
	return 6*d.width + ((tap*d.vectors+v)*d.parts(d.kernel)+part)*d.bytes
}
func (d *depthwise) zeroAt(part int) int { return d.weightAt(d.kernel, 0, part) }

func (d *depthwise) requantAt() int {
	if d.zeroed {
		return d.zeroAt(d.parts(d.kernel))
	}
	return d.zeroAt(0)
}

func (d *depthwise) write() {
	name := fmt.Sprintf("depthwise_%dx%ds%d_%dch", d.kernel, d.kernel, d.stride, d.width)
	about := fmt.Sprintf("computes outputs of %d×%d taps at a stride of %d, in blocks of %d channels", d.kernel, d.kernel, d.stride, d.width)
	if d.zeroed {
		name += "_zero"
		about += "; weights have a zero point"
	}
	d.function(name+"__"+d.set, "depthwiseRow", about+".")
	d.op("MOVQ", d.arg("step"), step)
	d.op("MOVQ", d.arg("data"), constants)
	d.op("MOVQ", d.arg("requant"), requantizing)
	d.op("XORQ", block, block)
	if d.evex {
		d.op("MOVL", "$0x5555", "AX")
		d.op("KMOVW", "AX", "K5")
	}

	d.at("block")
	if d.masked() {
		d.op("LOAD_MASK")
	}
	d.op("MOVQ", d.arg("dst"), output)
	d.op("ADDQ", block, output)
	d.op("MOVQ", -(d.kernel-1)/d.stride, outputs)
	d.op("LEAQ", d.arg("segments"), segment)
	d.op(d.nextSegment())
	if d.inRegs() {
		d.op(d.macro("LOAD_WEIGHTS"))
	}

	d.op("PCALIGN", 64)
	d.at("column")
	d.column("segment", "loaded")
	d.op("INCQ", outputs)
	d.op("JLE", "begin")
	d.add(d.kernel-1, 0, 0)
	d.note("finish an output")
	d.op("TESTQ", requantizing, requantizing)
	d.op("JNE", "integers")
	d.op(fmt.Sprintf("%s(%d)", d.macro("FLOATS"), d.requantAt()))
	d.at("store")
	d.op(d.macro("STORE"))
	d.op("CMPQ", outputs, d.arg("outputs"))
	d.op("JEQ", "done")

	d.at("begin")
	last := (d.kernel-1)/d.stride - 1
	for i := range last {
		d.add(d.kernel-1-(i+1)*d.stride, i+1, i)
	}
	d.begin(last)
	if d.stride == 2 {
		d.note("a column between")
		d.column("segmentBetween", "loadedBetween")
		for i := range last + 1 {
			d.add(d.kernel-2-2*i, i, i)
		}
	}
	d.op("JMP", "column")

	d.at("done")
	d.op("ADDQ", d.width, block)
	d.op("ADDQ", d.arg("size"), constants)
	d.op("DECQ", d.arg("blocks"))
	d.op("JNZ", "block")
	d.op("VZEROUPPER")
	d.op("RET")

	d.at("integers")
	d.op("CMPQ", requantizing, 1)
	d.op("JNE", "signed")
	d.op(fmt.Sprintf("%s(%d)", d.macro("INTEGERS"), d.requantAt()))
	d.op("JMP", "store")
	d.at("signed")
	d.op(fmt.Sprintf("%s(%d)", d.macro("SIGNED"), d.requantAt()))
	d.op("JMP", "store")

	d.at("segment")
	d.op(d.nextSegment())
	d.op("JMP", "loaded")
	if d.stride == 2 {
		d.at("segmentBetween")
		d.op(d.nextSegment())
		d.op("JMP", "loadedBetween")
	}
}

func (d *depthwise) nextSegment() string { return fmt.Sprintf("NEXT_SEGMENT_%d", d.kernel) }

// column loads a column, goes to the next one, and sums what the zero point of the weights is multiplied by.
func (d *depthwise) column(segment, loaded string) {
	d.op(d.macro(fmt.Sprintf("COLUMN%d", d.kernel)))
	d.op("ADDQ", step, column)
	d.op("DECQ", remaining)
	d.op("JZ", segment)
	d.at(loaded)
	if !d.zeroed {
		return
	}
	for v := range d.vectors {
		sum := d.sum(v)
		if d.vex {
			d.op("VPXOR", d.reg(sum), d.reg(sum), d.reg(sum))
		} else {
			d.op("VPXORD", d.reg(sum), d.reg(sum), d.reg(sum))
		}
		for part := range d.parts(d.kernel) {
			d.dot(d.zeroAt(part), d.columnReg(part, v), sum)
		}
	}
}

func (f *family) move() string {
	if f.vex {
		return "VMOVDQU"
	}
	return "VMOVDQU32"
}

func (d *depthwise) load(offset, i int) { d.op(d.move(), memory(offset, constants), d.reg(i)) }

// add makes partial output to of from and the products of the column and the weights of a tap.
func (d *depthwise) add(tap, from, to int) {
	if !d.vnni {
		d.tapWords(tap, to, func(v int) string { return d.reg(d.partial(from, v)) })
		return
	}
	move := "VMOVDQA32"
	if d.vex {
		move = "VMOVDQA"
	}
	for v := range d.vectors {
		switch {
		case d.zeroed:
			d.op("VPSUBD", d.reg(d.sum(v)), d.reg(d.partial(from, v)), d.reg(d.partial(to, v)))
		case from != to:
			d.op(move, d.reg(d.partial(from, v)), d.reg(d.partial(to, v)))
		}
	}
	d.tap(tap, to)
}

// begin makes a partial output of the bias and the products with the first tap.
func (d *depthwise) begin(to int) {
	if !d.vnni {
		d.tapWords(0, to, func(v int) string { return memory(d.biasAt(v), constants) })
		return
	}
	for v := range d.vectors {
		acc := d.partial(to, v)
		d.load(d.biasAt(v), acc)
		if d.zeroed {
			d.op("VPSUBD", d.reg(d.sum(v)), d.reg(acc), d.reg(acc))
		}
	}
	d.tap(0, to)
}

// tapName is the macro for a tap whose weights are in memory.
func (d *depthwise) tapName() string { return d.macro(fmt.Sprintf("TAP%d", d.kernel)) }

func (d *depthwise) tapWords(tap, to int, from func(v int) string) {
	args := fmt.Sprint(d.weightAt(tap, 0, 0))
	for v := range d.vectors {
		args += fmt.Sprintf(", %s, %s", from(v), d.reg(d.partial(to, v)))
	}
	d.op(d.tapName() + "(" + args + ")")
}

// tap adds the products of the column and a tap's weights to a partial output.
func (d *depthwise) tap(tap, to int) {
	if !d.vex && !d.inRegs() {
		args := fmt.Sprint(d.weightAt(tap, 0, 0))
		for v := range d.vectors {
			args += ", " + d.reg(d.partial(to, v))
		}
		d.op(d.tapName() + "(" + args + ")")
		return
	}
	for v := range d.vectors {
		for part := range d.parts(d.kernel) {
			activations, acc := d.columnReg(part, v), d.partial(to, v)
			switch {
			case !d.inRegs():
				d.dot(d.weightAt(tap, v, part), activations, acc)
			case d.vex:
				d.dpbusdVEX(d.bytes, d.weight(tap, v), activations, acc)
			default:
				d.op("VPDPBUSD", d.reg(d.weight(tap, v)), d.reg(activations), d.reg(acc))
			}
		}
	}
}

// dot adds products of activations and the weights at an offset.
func (d *depthwise) dot(weightsAt, activations, acc int) {
	if !d.vex {
		d.op("VPDPBUSD", memory(weightsAt, constants), d.reg(activations), d.reg(acc))
		return
	}
	weights := d.scratch(0)
	d.load(weightsAt, weights)
	d.dpbusdVEX(d.bytes, weights, activations, acc)
}

// tapMacro defines that for taps whose weights are in memory, at an offset.
func (d *depthwise) tapMacro() {
	var parameters string
	at := func(v, part int) string {
		return fmt.Sprintf("(offset+%d)(R11)", d.weightAt(0, v, part)-d.weightAt(0, 0, 0))
	}
	for v := range d.vectors {
		if !d.vnni {
			parameters += fmt.Sprintf(", from%d, to%d", v, v)
		} else {
			parameters += fmt.Sprintf(", acc%d", v)
		}
	}
	d.line("")
	if d.vnni {
		d.comment(d.tapName() + " adds the products of the column and the weights at an offset.")
	} else {
		d.comment(d.tapName() + " adds the products of the column and the weights at an offset to what is in from.")
	}
	d.define(d.tapName()+"(offset"+parameters+")", func() {
		for v := range d.vectors {
			from, to := fmt.Sprint("from", v), fmt.Sprint("to", v)
			for part := range d.parts(d.kernel) {
				activations := d.reg(d.columnReg(part, v))
				if d.vnni {
					d.op("VPDPBUSD", at(v, part), activations, fmt.Sprint("acc", v))
					continue
				}
				product := d.reg(d.scratch(part % 2))
				d.op("VPMADDWD", at(v, part), activations, product)
				d.op("VPADDD", from, product, to)
				from = to
			}
		}
	})
}

// macros writes those that the kernels of the family use.
func (f *family) macros(c *code) {
	d := &depthwise{code: c, family: *f}
	for _, kernel := range []int{3, 5} {
		d.kernel = kernel
		c.line("")
		c.comment(fmt.Sprintf("%s loads a column of %d channels.", d.macro(fmt.Sprintf("COLUMN%d", kernel)), d.width))
		c.define(d.macro(fmt.Sprintf("COLUMN%d", kernel)), func() {
			for part := range d.parts(kernel) {
				d.interleave(part)
			}
		})
		if !d.inRegs() && (!d.vnni || !d.vex) {
			d.tapMacro()
		}
	}
	if d.vnni {
		d.kernel = 3
		c.line("")
		c.comment(fmt.Sprintf("%s loads the weights of a block, of 3×3 taps.", d.macro("LOAD_WEIGHTS")))
		c.define(d.macro("LOAD_WEIGHTS"), func() {
			for tap := range d.kernel {
				for v := range d.vectors {
					d.load(d.weightAt(tap, v, 0), d.weight(tap, v))
				}
			}
		})
	}
	at := func(array, v int) string {
		return fmt.Sprintf("(offset+%d)(R11)", array*4*d.width+v*d.bytes)
	}
	c.line("")
	c.comment(fmt.Sprintf("%s, %s and %s requantize the first partial outputs, with constants at an offset.",
		d.macro("FLOATS"), d.macro("INTEGERS"), d.macro("SIGNED")))
	c.define(d.macro("FLOATS")+"(offset)", func() {
		for v := range d.vectors {
			acc, mul := d.reg(d.partial(0, v)), d.reg(d.scratch(v%2))
			d.op("VMOVUPS", at(0, v), mul)
			d.op("VCVTDQ2PS", acc, acc)
			d.op("VFMADD213PS", at(1, v), mul, acc)
			d.op("VCVTPS2DQ", acc, acc)
		}
	})
	for _, r := range []requant{inIntegers, inSignedIntegers} {
		name := map[requant]string{inIntegers: "INTEGERS", inSignedIntegers: "SIGNED"}[r]
		c.line("")
		c.define(d.macro(name)+"(offset)", func() {
			for v := range d.vectors {
				d.requantizeInteger(d.bytes, d.partial(0, v), d.scratch(0), r == inSignedIntegers, func(array int) string {
					return at(array, v)
				})
			}
		})
	}
	c.line("")
	c.comment(fmt.Sprintf("%s packs outputs to bytes, clamps and stores them.", d.macro("STORE")))
	c.define(d.macro("STORE"), d.store)
}

// shared writes the macros of all kernels of a file.
func shared(c *code, masked bool) {
	c.argument = "depthwiseRow"
	for _, kernel := range []int{3, 5} {
		c.line("")
		if kernel == 3 {
			c.comment("NEXT_SEGMENT goes to the columns behind, which lie elsewhere: padding or the row.")
		}
		c.define(fmt.Sprintf("NEXT_SEGMENT_%d", kernel), func() {
			for i := range kernel {
				c.op("MOVQ", fmt.Sprintf("(depthwiseColumns_rows+%d)(%s)", 8*i, segment), depthwiseRows[i])
			}
			c.op("MOVQ", "depthwiseColumns_count("+segment+")", remaining)
			c.op("ADDQ", "$depthwiseColumns__size", segment)
			c.op("MOVQ", block, column)
		})
	}
	if masked {
		c.line("")
		c.comment("LOAD_MASK sets K1: the channels of the block that exist, all but in the last one.")
		c.define("LOAD_MASK", func() {
			c.op("MOVQ", -1, "AX")
			c.op("CMPQ", c.arg("blocks"), 1)
			c.op("CMOVQEQ", c.arg("mask"), "AX")
			c.op("KMOVW", "AX", "K1")
		})
	}
}

func (d *depthwise) rowAt(i int) string { return memory(0, depthwiseRows[i], "("+column+"*1)") }

// interleave loads a part of a column: four rows as bytes, or two as words.
func (d *depthwise) interleave(part int) {
	first := part * d.taps()
	rows := min(d.taps(), d.kernel-first)
	var q [4]string
	for v := range d.vectors {
		q[v] = d.reg(d.columnReg(part, v))
	}
	switch {
	case d.bytes == d.width:
		d.interleaveBytes(first, rows, q)
	case d.vnni:
		d.interleaveWordsToQuads(first, rows, q)
	default:
		d.interleaveWords(first, rows, q)
	}
}

// interleaveBytes makes of up to four rows, each a vector of bytes, four vectors of quads: within 128-bit lanes,
//
//	a0 a1 …, b0 b1 …, c0 c1 …, d0 d1 …  ▶  a0 b0 c0 d0 a1 b1 c1 d1 …
//
// In place of a missing row there may be any: its weights are 0.
func (d *depthwise) interleaveBytes(first, rows int, q [4]string) {
	var r [4]string
	for i := range r {
		r[i] = d.reg(d.scratch(min(i, rows-1)))
	}
	for i := range rows {
		d.op("VMOVDQU64", d.rowAt(first+i), r[i])
	}
	d.op("VPUNPCKLBW", r[1], r[0], q[0])
	d.op("VPUNPCKHBW", r[1], r[0], q[2])
	cd0, cd1 := q[0], q[2]
	if rows > 2 {
		cd0, cd1 = r[0], r[1]
		d.op("VPUNPCKLBW", r[3], r[2], cd0)
		d.op("VPUNPCKHBW", r[3], r[2], cd1)
	}
	d.op("VPUNPCKHWD", cd0, q[0], q[1])
	d.op("VPUNPCKLWD", cd0, q[0], q[0])
	d.op("VPUNPCKHWD", cd1, q[2], q[3])
	d.op("VPUNPCKLWD", cd1, q[2], q[2])
}

// widen loads a row of a block as words.
func (d *depthwise) widen(row int, to string) {
	if d.masked() {
		d.op("VPMOVZXBW.Z", d.rowAt(row), "K1", to)
	} else {
		d.op("VPMOVZXBW", d.rowAt(row), to)
	}
}

// interleaveWords makes of up to two rows, widened to words, two vectors of pairs: within 128-bit lanes, a0 b0 a1 b1 ….
func (d *depthwise) interleaveWords(first, rows int, q [4]string) {
	a, b := q[0], q[0]
	d.widen(first, a)
	if rows == 2 {
		b = d.reg(d.scratch(0))
		d.widen(first+1, b)
	}
	d.op("VPUNPCKHWD", b, a, q[1])
	d.op("VPUNPCKLWD", b, a, a)
}

// interleaveWordsToQuads makes of up to four rows two vectors of quads of bytes: of a + 256·b and c + 256·d as words.
func (d *depthwise) interleaveWordsToQuads(first, rows int, q [4]string) {
	or := "VPORD"
	if d.vex {
		or = "VPOR"
	}
	ab, cd, t := q[0], q[0], d.reg(d.scratch(1))
	d.widen(first, ab)
	if rows > 1 {
		d.widen(first+1, t)
		d.op("VPSLLW", 8, t, t)
		d.op(or, t, ab, ab)
	}
	if rows > 2 {
		cd = d.reg(d.scratch(0))
		d.widen(first+2, cd)
	}
	if rows > 3 {
		d.widen(first+3, t)
		d.op("VPSLLW", 8, t, t)
		d.op(or, t, cd, cd)
	}
	d.op("VPUNPCKHWD", cd, ab, q[1])
	d.op("VPUNPCKLWD", cd, ab, ab)
}

// store writes an output, from the first accumulators.
func (d *depthwise) store() {
	r := d.reg
	d.op("VPACKSSDW", r(1), r(0), r(0))
	if d.vectors == 4 {
		d.op("VPACKSSDW", r(3), r(2), r(2))
		d.op("VPACKUSWB", r(2), r(0), r(0))
	} else {
		d.op("VPACKUSWB", r(0), r(0), r(0))
		if d.bytes == 32 {
			d.op("VPERMQ", 0x08, r(0), r(0))
		}
	}
	stored := vector(max(d.width, 16), 0)
	d.op("VPMAXUB", memory(d.clampAt(0), constants), stored, stored)
	d.op("VPMINUB", memory(d.clampAt(1), constants), stored, stored)
	switch {
	case d.masked():
		d.op("VMOVDQU8", stored, "K1", memory(0, output))
	case d.width == 8:
		d.op("VMOVQ", stored, memory(0, output))
	case d.vex:
		d.op("VMOVDQU", stored, memory(0, output))
	default:
		d.op("VMOVDQU64", stored, memory(0, output))
	}
	d.op("ADDQ", step, output)
}

// depthwiseKernels writes all kernels of a set.
func depthwiseKernels(about, set string, widths []int, vnni, vex bool) *code {
	c := newFile(about)
	c.evex = !vex
	families := make([]family, len(widths))
	shared(c, !vex)
	for i, width := range widths {
		bytes := max(width, min(32, 2*width))
		families[i] = family{set: set, width: width, vectors: width * 4 / bytes, bytes: bytes, vnni: vnni, vex: vex}
		families[i].macros(c)
	}
	for _, kernel := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			for _, f := range families {
				(&depthwise{code: c, family: f, kernel: kernel, stride: stride}).write()
				if vnni {
					(&depthwise{code: c, family: f, kernel: kernel, stride: stride, zeroed: true}).write()
				}
			}
		}
	}
	return c
}

// depthwiseAbout is the head of a depthwise file, with the set's own lines in it.
func depthwiseAbout(set, vectors string) string {
	return set + `

A call computes a row of outputs for one block of channels after another. It walks along the columns of the input:

	column     c      c+1    c+2    c+3           stride 1, three taps; w0, w1, w2 are the columns of weights
	output x   w0·c ─ w1·c ─ w2·c ▶               ▶: requantize, clamp, store
	       x+1        w0·c ─ w1·c ─ w2·c ▶
	       x+2               w0·c ─ w1·c ─ w2·c ▶

A column's taps of one channel are brought into one lane (COLUMN). It finishes the first partial output, each of the
others moves one on as the column is added to it, and a new one begins. At a stride of 2 that is done at each second
column; the ones between are only added. Requantization is in floating point, or for some layers in integers.

The columns lie in segments: padding, which is a row of zero points, the input's rows, padding.

	AX     offset of the column            SI, DI, R8, R9, R10   the rows of the window
	CX     columns left in the segment     R11                   constants of the block
	DX     from pixel to pixel             R12                   outputs done, negative while columns finish none
	BX     the output                      R13, R15              the next segment; offset of the block
	                                       R14                   how to requantize: 0 in floats, 1 or 2 in integers
` + strings.TrimPrefix(vectors, "\n")
}

func depthwiseAVX512VNNI() *code {
	return depthwiseKernels(depthwiseAbout("Depthwise convolution with AVX-512 VNNI.", `
	Z0–15  partial outputs, four registers each (3×3 taps: Z0–7); the first four are finished next
	Z8–19  weights of 3×3 taps             Z16–19                row 4 of the column, of 5×5 taps
	Z24–27 the column, rows 0 to 3         Z20–23, Z28–31        its sums, for weights with a zero point; scratch

Blocks of 32 channels have Y registers of the same numbers; those of 16 two of them where there are four here.`),
		"avx512vnni", []int{64, 32, 16}, true, false)
}

func depthwiseAVX2() *code {
	return depthwiseKernels(depthwiseAbout("Depthwise convolution with AVX2.", `
	Y0–7   partial outputs, two registers each; the first ones are finished next
	Y8–13  the column: row 4 of 5×5 taps, rows 2 and 3, rows 0 and 1
	Y14–15 scratch

Blocks of 8 channels have X registers of the same numbers.`),
		"avx2", []int{16, 8}, false, true)
}

func depthwiseAVXVNNI() *code {
	return depthwiseKernels(depthwiseAbout("Depthwise convolution with AVX-VNNI.", `
	Y0–7   partial outputs, two registers each; the first ones are finished next (3×3 taps: Y0–3)
	Y4–9   weights of 3×3 taps             Y8–9                  row 4 of the column, of 5×5 taps
	Y10–11 the column, rows 0 to 3         Y12–13, Y14–15        its sums, for weights with a zero point; scratch

Blocks of 8 channels have X registers of the same numbers.`),
		"avxvnni", []int{16, 8}, true, true)
}
