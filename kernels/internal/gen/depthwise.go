package main

import "fmt"

// depthwise is a depthwise kernel: rows of kernel×kernel taps, at a stride, for blocks of width channels.
//
// It walks along the columns of the input. A column is loaded once, its bytes (or words) are interleaved so that the
// taps of one channel are neighbours in a lane, and it is then multiplied into every output that it is a part of. With
// three taps and a stride of 1, an output's accumulators are begun, continued and finished like this:
//
//	column      0    1    2    3    4   …
//	output 0    w0   w1   w2 ▶ store
//	output 1         w0   w1   w2 ▶ store
//	output 2              w0   w1   w2 ▶ store       accumulators: those of output 0 again for output 3
type depthwise struct {
	*code
	name           string
	kernel, stride int
	width          int  // channels of a block
	bytes          int  // of a vector register
	vnni           bool // VPDPBUSD, else VPMADDWD
	vex            bool // no AVX-512
	wide           bool // weights are the sum of two vectors
	requant        requant

	sets    int // outputs that are under way at the same time
	vectors int // of accumulators, an output
	parts   int // vectors of a column for one vector of accumulators
	inRegs  bool
	labels  int
}

// General registers; rows of a column are depthwiseRows.
const (
	column    = "AX" // offset of the column, and the block, from the rows
	remaining = "CX" // columns of the segment
	step      = "DX" // from pixel to pixel
	output    = "BX"
	constants = "R11" // of the block
	outputs   = "R12" // that remain
	segment   = "R13"
	block     = "R15" // offset of the block from the first
)

var depthwiseRows = [...]string{"SI", "DI", "R8", "R9", "R10"}

// Offsets in a depthwiseRow.
const (
	segmentSize = 48
	segmentRows = 40 // offset of the count
	rowSize     = 240
)

func newDepthwise(c *code, d depthwise) *depthwise {
	d.code = c
	d.sets = (d.kernel + d.stride - 1) / d.stride
	d.vectors = d.width * 4 / d.bytes
	taps := 2
	if d.vnni {
		taps = 4
	}
	d.parts = (d.kernel + taps - 1) / taps
	d.inRegs = d.vnni && !d.wide && d.kernel == 3
	return &d
}

// masked tells whether the last block may have less channels than the others.
func (d *depthwise) masked() bool { return !d.vex && d.width == 16 }

// reg names vector register i of the kernel's width.
func (d *depthwise) reg(i int) string { return vector(d.bytes, i) }

func vector(bytes, i int) string {
	return fmt.Sprintf("%c%d", map[int]rune{64: 'Z', 32: 'Y', 16: 'X'}[bytes], i)
}

// Registers: accumulators, weights where they stay in registers, then temporaries.
func (d *depthwise) acc(set, v int) int { return set%d.sets*d.vectors + v }

func (d *depthwise) weight(tap, v int) int {
	return d.sets*d.vectors + tap*d.vectors + v
}

func (d *depthwise) temp(i int) int {
	first := d.sets * d.vectors
	if d.inRegs {
		first += d.kernel * d.vectors
	}
	if i += first; i >= 32 || d.vex && i >= 16 {
		panic(d.name + ": out of registers")
	}
	return i
}

// Offsets in a block's constants: clamp range, bias, requantization, weights.
func (d *depthwise) clampAt(i int) int           { return i * d.width }
func (d *depthwise) biasAt(v int) int            { return 2*d.width + v*d.bytes }
func (d *depthwise) requantAt() int              { return 2*d.width + 4*d.width }
func (d *depthwise) constantAt(array, v int) int { return d.requantAt() + array*4*d.width + v*d.bytes }
func (d *depthwise) weightsAt() int              { return d.constantAt(d.requant.arrays(), 0) }

func (d *depthwise) weightAt(half, tap, v, part int) int {
	return d.weightsAt() + (((half*d.kernel+tap)*d.vectors+v)*d.parts+part)*d.bytes
}

func (d *depthwise) constantsSize() int {
	halves := 1
	if d.wide {
		halves = 2
	}
	return d.weightAt(halves, 0, 0, 0)
}

func (d *depthwise) write() {
	d.function(d.name, "depthwiseRow", rowSize, fmt.Sprintf("Blocks of %d channels.", d.width))
	d.op("MOVQ", "t_step+208(FP)", step)
	d.op("MOVQ", "t_data+216(FP)", constants)
	d.op("XORQ", block, block)
	if d.evex {
		d.op("MOVL", 0x5555, "AX")
		d.op("KMOVW", "AX", "K5")
	}

	d.at("block")
	if d.masked() {
		d.note("K1: the channels of the block that exist, all but in the last one")
		d.op("MOVQ", "t_mask+232(FP)", "AX")
		d.op("CMPQ", "t_blocks+224(FP)", 1)
		d.op("JEQ", "masked")
		d.op("MOVQ", -1, "AX")
		d.at("masked")
		d.op("KMOVW", "AX", "K1")
	}
	d.op("MOVQ", "t_dst+192(FP)", output)
	d.op("ADDQ", block, output)
	d.op("MOVQ", "t_outputs+200(FP)", outputs)
	d.op("LEAQ", "t_segments+0(FP)", segment)
	d.nextSegment()
	if d.inRegs {
		for tap := range d.kernel {
			for v := range d.vectors {
				d.load(d.weightAt(0, tap, v, 0), d.weight(tap, v))
			}
		}
	}
	for c := range d.kernel - 1 {
		d.column(c)
	}
	d.at("columns")
	for i := range d.sets * d.stride {
		d.column(d.kernel - 1 + i)
	}
	d.op("JMP", "columns")

	d.at("done")
	d.op("ADDQ", d.width, block)
	d.op("ADDQ", d.constantsSize(), constants)
	d.op("DECQ", "t_blocks+224(FP)")
	d.op("JNZ", "block")
	d.op("VZEROUPPER")
	d.op("RET")

	for i := range d.labels {
		d.at(fmt.Sprintf("segment%d", i))
		d.nextSegment()
		d.op("JMP", fmt.Sprintf("column%d", i))
	}
}

func (d *depthwise) nextSegment() {
	for i := range d.kernel {
		d.op("MOVQ", memory(8*i, segment), depthwiseRows[i])
	}
	d.op("MOVQ", memory(segmentRows, segment), remaining)
	d.op("ADDQ", segmentSize, segment)
	d.op("MOVQ", block, column)
}

// column loads column c and multiplies it into the outputs that it is a part of, the first of them output 0.
func (d *depthwise) column(c int) {
	d.note("column %d", c)
	for part := range d.parts {
		d.interleave(part)
		if part == d.parts-1 {
			d.op("ADDQ", step, column)
			d.op("DECQ", remaining)
			d.op("JZ", fmt.Sprintf("segment%d", d.labels))
			d.line("column%d:", d.labels)
			d.labels++
		}
		for tap := min(c, d.kernel-1); tap >= 0; tap-- {
			if (c-tap)%d.stride != 0 {
				continue
			}
			for v := range d.vectors {
				acc := d.acc((c-tap)/d.stride, v)
				if tap == 0 && part == 0 {
					d.load(d.biasAt(v), acc)
				}
				d.multiply(tap, v, part, acc)
			}
		}
	}
	if c >= d.kernel-1 && (c-d.kernel+1)%d.stride == 0 {
		d.finish((c - d.kernel + 1) / d.stride)
		d.op("DECQ", outputs)
		d.op("JZ", "done")
	}
}

func (d *depthwise) load(offset, i int) {
	name := "VMOVDQU32"
	if d.vex {
		name = "VMOVDQU"
	}
	d.op(name, memory(offset, constants), d.reg(i))
}

// columnReg is the register of a part of the column, for accumulators v.
func (d *depthwise) columnReg(v int) int { return d.temp(v) }

// scratchReg is temporary i behind those of the column.
func (d *depthwise) scratchReg(i int) int { return d.temp(d.vectors + i) }

func (d *depthwise) rowAt(i int) string { return memory(0, depthwiseRows[i], "("+column+"*1)") }

// interleave loads a part of a column: four rows as bytes, or two as words.
func (d *depthwise) interleave(part int) {
	switch {
	case d.bytes == d.width:
		d.interleaveBytes(4*part, min(4, d.kernel-4*part))
	case d.vnni:
		d.interleaveWordsToQuads(4*part, min(4, d.kernel-4*part))
	default:
		d.interleaveWords(2*part, min(2, d.kernel-2*part))
	}
}

// interleaveBytes makes of up to four rows, each a vector of bytes, four vectors of quads: within 128-bit lanes,
//
//	a0 a1 …, b0 b1 …, c0 c1 …, d0 d1 …  ▶  a0 b0 c0 d0 a1 b1 c1 d1 …
//
// In place of a missing row there may be any: its weights are 0.
func (d *depthwise) interleaveBytes(first, rows int) {
	var q, r [4]string
	for i := range q {
		q[i] = d.reg(d.columnReg(i))
		r[i] = d.reg(d.scratchReg(min(i, rows-1)))
	}
	for i := range rows {
		d.op("VMOVDQU64", d.rowAt(first+i), r[i])
	}
	d.op("VPUNPCKLBW", r[min(1, rows-1)], r[0], q[0])
	d.op("VPUNPCKHBW", r[min(1, rows-1)], r[0], q[2])
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
func (d *depthwise) widen(row, to int) {
	if d.masked() {
		d.op("VPMOVZXBW.Z", d.rowAt(row), "K1", d.reg(to))
	} else {
		d.op("VPMOVZXBW", d.rowAt(row), d.reg(to))
	}
}

// interleaveWords makes of up to two rows, widened to words, two vectors of pairs: within 128-bit lanes, a0 b0 a1 b1 ….
func (d *depthwise) interleaveWords(first, rows int) {
	a, b := d.columnReg(0), d.columnReg(0)
	d.widen(first, a)
	if rows == 2 {
		b = d.scratchReg(0)
		d.widen(first+1, b)
	}
	d.op("VPUNPCKHWD", d.reg(b), d.reg(a), d.reg(d.columnReg(1)))
	d.op("VPUNPCKLWD", d.reg(b), d.reg(a), d.reg(a))
}

// interleaveWordsToQuads makes of up to four rows two vectors of quads of bytes: of a + 256·b and c + 256·d as words.
func (d *depthwise) interleaveWordsToQuads(first, rows int) {
	or := "VPORD"
	if d.vex {
		or = "VPOR"
	}
	ab, cd := d.columnReg(0), d.columnReg(0)
	d.widen(first, ab)
	if rows > 1 {
		t := d.scratchReg(0)
		d.widen(first+1, t)
		d.op("VPSLLW", 8, d.reg(t), d.reg(t))
		d.op(or, d.reg(t), d.reg(ab), d.reg(ab))
	}
	if rows > 2 {
		cd = d.scratchReg(0)
		d.widen(first+2, cd)
	}
	if rows > 3 {
		t := d.columnReg(1)
		d.widen(first+3, t)
		d.op("VPSLLW", 8, d.reg(t), d.reg(t))
		d.op(or, d.reg(t), d.reg(cd), d.reg(cd))
	}
	d.op("VPUNPCKHWD", d.reg(cd), d.reg(ab), d.reg(d.columnReg(1)))
	d.op("VPUNPCKLWD", d.reg(cd), d.reg(ab), d.reg(ab))
}

// multiply adds the products of a part of the column and the weights of a tap to accumulators v.
func (d *depthwise) multiply(tap, v, part, acc int) {
	q := d.columnReg(v)
	if d.inRegs {
		d.dot(d.weight(tap, v), q, acc)
		return
	}
	for half := 0; half == 0 || half == 1 && d.wide; half++ {
		at := d.weightAt(half, tap, v, part)
		switch {
		case !d.vnni:
			t := d.reg(d.scratchReg(0))
			d.op("VPMADDWD", memory(at, constants), d.reg(q), t)
			d.op("VPADDD", t, d.reg(acc), d.reg(acc))
		case d.vex:
			d.load(at, d.scratchReg(0))
			d.dot(d.scratchReg(0), q, acc)
		default:
			d.op("VPDPBUSD", memory(at, constants), d.reg(q), d.reg(acc))
		}
	}
}

func (d *depthwise) dot(weights, activations, acc int) {
	if d.vex {
		d.dpbusdVEX(d.bytes, weights, activations, acc)
		return
	}
	d.op("VPDPBUSD", d.reg(weights), d.reg(activations), d.reg(acc))
}

// finish requantizes an output, clamps and stores it.
func (d *depthwise) finish(o int) {
	for v := range d.vectors {
		acc := d.acc(o, v)
		at := func(array int) string { return memory(d.constantAt(array, v), constants) }
		if d.requant != inFloat32 {
			d.requantizeInteger(d.bytes, acc, d.temp(0), d.requant == inSignedIntegers, at)
			continue
		}
		t := d.reg(d.temp(0))
		d.op("VMOVUPS", at(0), t)
		d.op("VCVTDQ2PS", d.reg(acc), d.reg(acc))
		d.op("VFMADD213PS", at(1), t, d.reg(acc))
		d.op("VCVTPS2DQ", d.reg(acc), d.reg(acc))
	}
	a := d.acc(o, 0)
	if d.vectors == 4 {
		d.op("VPACKSSDW", d.reg(a+1), d.reg(a), d.reg(a))
		d.op("VPACKSSDW", d.reg(a+3), d.reg(a+2), d.reg(a+2))
		d.op("VPACKUSWB", d.reg(a+2), d.reg(a), d.reg(a))
	} else {
		d.op("VPACKSSDW", d.reg(a+1), d.reg(a), d.reg(a))
		d.op("VPACKUSWB", d.reg(a), d.reg(a), d.reg(a))
		if d.bytes == 32 {
			d.op("VPERMQ", 0x08, d.reg(a), d.reg(a))
		}
	}
	stored := vector(max(d.width, 16), a)
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

// depthwiseKinds are the kernels for each size.
var depthwiseKinds = []struct {
	name    string
	wide    bool // weights need not fit int8
	any     bool
	requant requant
}{
	{name: "", requant: inFloat32},
	{name: "Exact", requant: inIntegers},
	{name: "Wide", wide: true, requant: inFloat32}, // 3×3 only: this is for networks of uint8
	{name: "Any", wide: true, any: true, requant: inSignedIntegers},
}

// depthwiseKernels writes all kernels of a set.
func depthwiseKernels(about, set string, widths []int, vnni, vex bool) *code {
	c := newFile(about + "\nHow, is told in internal/gen/depthwise.go.")
	c.evex = !vex
	for _, kernel := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			for _, width := range widths {
				for _, kind := range depthwiseKinds {
					if kind.wide && !kind.any && (!vnni || kernel != 3) {
						continue
					}
					newDepthwise(c, depthwise{
						name:   fmt.Sprintf("depthwise%sk%ds%dx%d%s", set, kernel, stride, width, kind.name),
						kernel: kernel, stride: stride, width: width, bytes: max(width, min(32, 2*width)),
						vnni: vnni, vex: vex, wide: vnni && kind.wide, requant: kind.requant,
					}).write()
				}
			}
		}
	}
	return c
}

func depthwise512() *code {
	return depthwiseKernels("Depthwise convolution with AVX-512 VNNI.", "512", []int{64, 32, 16}, true, false)
}

func depthwiseAVX2() *code {
	return depthwiseKernels("Depthwise convolution with AVX2.", "AVX2", []int{16, 8}, false, true)
}

func depthwiseVEX() *code {
	return depthwiseKernels("Depthwise convolution with AVX-VNNI.", "VEX", []int{16, 8}, true, true)
}
