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
	double         bool

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

// reg names vector register i of the kernel's width, half the one of half of it.
func (d *depthwise) reg(i int) string  { return vector(d.bytes, i) }
func (d *depthwise) half(i int) string { return vector(d.bytes/2, i) }

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
func (d *depthwise) clampAt(i int) int { return i * d.width }
func (d *depthwise) biasAt(v int) int  { return 2*d.width + v*d.bytes }
func (d *depthwise) requantAt() int    { return 2*d.width + 4*d.width }
func (d *depthwise) mulAt(v int) int   { return d.requantAt() + v*d.bytes }
func (d *depthwise) addAt(v int) int   { return d.mulAt(v) + 4*d.width }
func (d *depthwise) weightsAt() int {
	if d.double {
		return d.requantAt() + 3*8*d.width
	}
	return d.requantAt() + 2*4*d.width
}

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
		d.column(c, c/d.stride)
	}
	d.at("columns")
	for i := range d.sets * d.stride {
		d.column(d.kernel-1+i, 1<<30)
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

// column loads column c and multiplies it into the outputs that it is a part of, of those up to last.
func (d *depthwise) column(c, last int) {
	d.note("column %d", c)
	d.interleave()
	d.op("ADDQ", step, column)
	d.op("DECQ", remaining)
	d.op("JZ", fmt.Sprintf("segment%d", d.labels))
	d.line("column%d:", d.labels)
	d.labels++
	finished := -1
	for tap := d.kernel - 1; tap >= 0; tap-- {
		if (c-tap)%d.stride != 0 || c < tap {
			continue
		}
		o := (c - tap) / d.stride
		for v := range d.vectors {
			if tap == 0 {
				d.load(d.biasAt(v), d.acc(o, v))
			}
			d.multiply(tap, v, d.acc(o, v))
		}
		if tap == d.kernel-1 {
			finished = o
		}
	}
	if finished >= 0 {
		d.finish(finished)
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

// columnReg is part p of the column, for accumulators v.
func (d *depthwise) columnReg(v, p int) int { return d.temp(v*d.parts + p) }

// scratchReg is temporary i behind those of the column.
func (d *depthwise) scratchReg(i int) int { return d.temp(d.vectors*d.parts + i) }

func (d *depthwise) rowAt(i int) string { return memory(0, depthwiseRows[i], "("+column+"*1)") }

// interleave loads a column.
func (d *depthwise) interleave() {
	if d.bytes == d.width {
		d.interleaveBytes()
	} else {
		d.interleaveWords()
	}
}

// interleaveBytes makes of up to four rows, each a vector of bytes, four vectors of quads: within 128-bit lanes,
//
//	a0 a1 …, b0 b1 …, c0 c1 …, d0 d1 …  ▶  a0 b0 c0 d0 a1 b1 c1 d1 …
func (d *depthwise) interleaveBytes() {
	for part := range d.parts {
		rows := min(4, d.kernel-4*part)
		var r [4]int // the rows; a missing one may be any, its weights are 0
		for i := range rows {
			r[i] = d.scratchReg(i)
			d.op("VMOVDQU64", d.rowAt(4*part+i), d.reg(r[i]))
		}
		for i := rows; i < 4; i++ {
			r[i] = r[i-1]
		}
		q := [4]int{d.columnReg(0, part), d.columnReg(1, part), d.columnReg(2, part), d.columnReg(3, part)}
		if rows == 1 {
			// a a a a: its own neighbours
			d.op("VPUNPCKHBW", d.reg(r[0]), d.reg(r[0]), d.reg(q[2]))
			d.op("VPUNPCKLBW", d.reg(r[0]), d.reg(r[0]), d.reg(q[0]))
			d.op("VPUNPCKHWD", d.reg(q[0]), d.reg(q[0]), d.reg(q[1]))
			d.op("VPUNPCKLWD", d.reg(q[0]), d.reg(q[0]), d.reg(q[0]))
			d.op("VPUNPCKHWD", d.reg(q[2]), d.reg(q[2]), d.reg(q[3]))
			d.op("VPUNPCKLWD", d.reg(q[2]), d.reg(q[2]), d.reg(q[2]))
			continue
		}
		d.op("VPUNPCKLBW", d.reg(r[1]), d.reg(r[0]), d.reg(q[0]))
		d.op("VPUNPCKHBW", d.reg(r[1]), d.reg(r[0]), d.reg(q[2]))
		d.op("VPUNPCKLBW", d.reg(r[3]), d.reg(r[2]), d.reg(r[0]))
		d.op("VPUNPCKHBW", d.reg(r[3]), d.reg(r[2]), d.reg(r[1]))
		d.op("VPUNPCKHWD", d.reg(r[0]), d.reg(q[0]), d.reg(q[1]))
		d.op("VPUNPCKLWD", d.reg(r[0]), d.reg(q[0]), d.reg(q[0]))
		d.op("VPUNPCKHWD", d.reg(r[1]), d.reg(q[2]), d.reg(q[3]))
		d.op("VPUNPCKLWD", d.reg(r[1]), d.reg(q[2]), d.reg(q[2]))
	}
}

// interleaveWords widens rows of 16 bytes to words, and makes pairs or quads of them.
func (d *depthwise) interleaveWords() {
	rows := 2
	if d.vnni {
		rows = 4
	}
	for part := range d.parts {
		n := min(rows, d.kernel-rows*part)
		for i := range n {
			if d.vex {
				d.op("VPMOVZXBW", d.rowAt(rows*part+i), d.reg(d.scratchReg(i)))
			} else {
				d.op("VPMOVZXBW.Z", d.rowAt(rows*part+i), "K1", d.reg(d.scratchReg(i)))
			}
		}
		low, high := d.reg(d.columnReg(0, part)), d.reg(d.columnReg(1, part))
		s := [4]string{d.reg(d.scratchReg(0)), d.reg(d.scratchReg(1)), d.reg(d.scratchReg(2)), d.reg(d.scratchReg(3))}
		if d.vnni { // a + 256·b, c + 256·d
			for i := 1; i < n; i += 2 {
				d.op("VPSLLW", 8, s[i], s[i])
				d.op(d.or(), s[i], s[i-1], s[i-1])
			}
			s[1] = s[2]
			if n <= 2 {
				s[1] = s[0] // its weights are 0
			}
		} else if n == 1 {
			s[1] = s[0]
		}
		d.op("VPUNPCKLWD", s[1], s[0], low)
		d.op("VPUNPCKHWD", s[1], s[0], high)
	}
}

func (d *depthwise) or() string {
	if d.vex {
		return "VPOR"
	}
	return "VPORD"
}

// multiply adds the products of the column and the weights of a tap to accumulators v.
func (d *depthwise) multiply(tap, v, acc int) {
	for part := range d.parts {
		q := d.reg(d.columnReg(v, part))
		switch {
		case d.inRegs:
			d.dot(d.weight(tap, v), d.columnReg(v, part), acc)
		case d.vnni:
			for half := 0; half == 0 || half == 1 && d.wide; half++ {
				at := d.weightAt(half, tap, v, part)
				if d.vex {
					d.load(at, d.scratchReg(0))
					d.dot(d.scratchReg(0), d.columnReg(v, part), acc)
				} else {
					d.op("VPDPBUSD", memory(at, constants), q, d.reg(acc))
				}
			}
		default:
			d.op("VPMADDWD", memory(d.weightAt(0, tap, v, part), constants), q, d.reg(d.scratchReg(0)))
			d.op("VPADDD", d.reg(d.scratchReg(0)), d.reg(acc), d.reg(acc))
		}
	}
}

func (d *depthwise) dot(weights, activations, acc int) {
	if d.vex {
		d.dotVEX(weights, activations, acc)
		return
	}
	d.op("VPDPBUSD", d.reg(weights), d.reg(activations), d.reg(acc))
}

// finish requantizes an output, clamps and stores it.
func (d *depthwise) finish(o int) {
	for v := range d.vectors {
		acc := d.acc(o, v)
		if d.double {
			d.finishDouble(acc, v)
			continue
		}
		t := d.reg(d.temp(0))
		d.op("VMOVUPS", memory(d.mulAt(v), constants), t)
		d.op("VCVTDQ2PS", d.reg(acc), d.reg(acc))
		d.op("VFMADD213PS", memory(d.addAt(v), constants), t, d.reg(acc))
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
		d.op("VPERMQ", 0x08, d.reg(a), d.reg(a))
	}
	stored := vector(d.width, a)
	d.op("VPMAXUB", memory(d.clampAt(0), constants), stored, stored)
	d.op("VPMINUB", memory(d.clampAt(1), constants), stored, stored)
	switch {
	case d.masked():
		d.op("VMOVDQU8", stored, "K1", memory(0, output))
	case d.vex:
		d.op("VMOVDQU", stored, memory(0, output))
	default:
		d.op("VMOVDQU64", stored, memory(0, output))
	}
	d.op("ADDQ", step, output)
}

func (d *depthwise) finishDouble(acc, v int) {
	lanes := d.bytes / 8 // of a vector of float64
	var t [4]int
	for i := range t {
		t[i] = d.temp(i)
	}
	at := func(array, half int) string {
		return memory(d.requantAt()+8*(array*d.width+2*lanes*v+lanes*half), constants)
	}
	extract, insert, narrow := "VEXTRACTI64X4", "VINSERTI64X4", "VCVTPD2DQ"
	if d.bytes == 32 {
		extract, insert, narrow = "VEXTRACTI32X4", "VINSERTI32X4", "VCVTPD2DQY"
	}
	if d.vex {
		extract, insert = "VEXTRACTI128", "VINSERTI128"
	}
	if !d.vex {
		d.op("VPMOVD2M", d.reg(acc), "K3")
	}
	d.op(extract, 1, d.reg(acc), d.half(t[1]))
	d.op("VCVTDQ2PD", d.half(acc), d.reg(t[0]))
	d.op("VCVTDQ2PD", d.half(t[1]), d.reg(t[1]))
	for half := range 2 {
		sum := t[2]
		d.op("VMOVUPD", at(1, half), d.reg(sum))
		d.op("VFMADD231PD", at(0, half), d.reg(t[half]), d.reg(sum))
		if d.vex {
			// below where the accumulator is negative, else 0
			d.op("VXORPD", d.reg(t[3]), d.reg(t[3]), d.reg(t[3]))
			d.op("VBLENDVPD", d.reg(t[half]), at(2, half), d.reg(t[3]), d.reg(t[3]))
			d.op("VADDPD", d.reg(t[3]), d.reg(sum), d.reg(sum))
		} else {
			d.op("VADDPD", at(2, half), d.reg(sum), "K3", d.reg(sum))
			if half == 0 {
				d.op("KSHIFTRW", lanes, "K3", "K3")
			}
		}
		d.op(narrow, d.reg(sum), d.half(t[half]))
	}
	d.op(insert, 1, d.half(t[1]), d.reg(t[0]), d.reg(acc))
}

// depthwise512 are the kernels of AVX-512 VNNI. There are two for each size: one for layers that are as most are, and one
// for any, with weights beyond int8 and float64.
func depthwise512() *code {
	c := newFile(`
Depthwise convolution with AVX-512 VNNI; how, is told in internal/gen/depthwise.go.`)
	for _, kernel := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			for _, width := range []int{64, 32, 16} {
				for _, any := range []bool{false, true} {
					newDepthwise(c, depthwise{
						name: depthwiseName("512", kernel, stride, width, any), kernel: kernel, stride: stride,
						width: width, bytes: max(width, 32), vnni: true, wide: any, double: any,
					}).write()
				}
			}
		}
	}
	return c
}

func depthwiseName(set string, kernel, stride, width int, any bool) string {
	name := fmt.Sprintf("depthwise%sk%ds%dx%d", set, kernel, stride, width)
	if any {
		return name + "Any"
	}
	return name
}
