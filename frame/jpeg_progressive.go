package frame

import (
	"errors"
	"math/bits"

	"edge/internal/marker"
)

// A progressive picture comes in scans, each of which brings some coefficients of all blocks, or one bit more of them.
// So all coefficients are kept until the last scan. A picture that is made smaller needs only those of low frequency;
// of the others one bit tells that they aren't zero, which is all that later scans depend on. (ITU-T T.81, annex G.)

// coefficients are those of a component's blocks.
type coefficients struct {
	perRow  int      // blocks
	block   int      // of each block, block × block coefficients are kept, row by row
	kept    []int16  // block by block
	nonzero []uint64 // for each block a bit for each coefficient, in the file's order: it isn't zero
}

// blockOf is one block's coefficients.
type blockOf struct {
	*coefficients
	index int
}

func (c *coefficients) at(bx, by int) blockOf { return blockOf{c, by*c.perRow + bx} }

// place returns the place in kept of the coefficient k, counted in the file's order; false if it isn't kept.
func (b blockOf) place(k int) (int, bool) {
	row, column := int(zigzag[k])/8, int(zigzag[k])%8
	return (b.index*b.block+row)*b.block + column, row < b.block && column < b.block
}

// set sets the coefficient k, which was zero.
func (b blockOf) set(k int, value int32) {
	b.nonzero[b.index] |= 1 << k
	if at, ok := b.place(k); ok {
		b.kept[at] = int16(value)
	}
}

// correct adds bit to the magnitude of the coefficient k.
func (b blockOf) correct(k int, bit int16) {
	at, ok := b.place(k)
	switch {
	case !ok:
	case b.kept[at] < 0:
		b.kept[at] -= bit
	default:
		b.kept[at] += bit
	}
}

// correctAll reads a bit for each of the coefficients first…last that isn't zero, and corrects it.
func (b blockOf) correctAll(in *bitReader, first, last int, bit int16) {
	for left := b.nonzero[b.index] >> first << first & (1<<(last+1) - 1); left != 0; left &= left - 1 {
		if in.take(1) != 0 {
			b.correct(bits.TrailingZeros64(left), bit)
		}
	}
}

// sound reports whether a scan with this number of components may hold this part. (ITU-T T.81, G.1.1.1.)
func (p scanPart) sound(components int) bool {
	return p.first <= p.last && p.last < 64 && (p.first > 0 || p.last == 0) && (p.first == 0 || components == 1) &&
		p.low < 14 && (p.high == 0 || p.high == p.low+1)
}

// add reads what a scan has for a block.
func (t *target) add(in *bitReader, b blockOf) bool {
	switch {
	case t.part.first > 0 && t.part.refines():
		return t.refineAC(in, b)
	case t.part.first > 0:
		return t.firstAC(in, b)
	case t.part.refines():
		b.kept[b.index*b.block*b.block] |= int16(in.take(1) << t.part.low)
		return true
	}
	size, ok := in.symbol(t.dc)
	if !ok || size > 15 {
		return false
	}
	t.last += in.signed(size)
	b.kept[b.index*b.block*b.block] = int16(t.last << t.part.low)
	return true
}

// firstAC reads the first bits of a block's coefficients. (ITU-T T.81, figure G.3.)
func (t *target) firstAC(in *bitReader, b blockOf) bool {
	if t.skip > 0 {
		t.skip--
		return true
	}
	for k := int(t.part.first); k <= int(t.part.last); k++ {
		symbol, ok := in.symbol(t.ac)
		if !ok {
			return false
		}
		zeros, size := symbol>>4, symbol&15
		switch {
		case size == 0 && zeros < 15:
			t.skip = 1<<zeros - 1 + int(in.take(uint(zeros)))
			return true
		case size == 0:
			k += 15
		default:
			if k += int(zeros); k > int(t.part.last) {
				return false
			}
			b.set(k, in.signed(size)<<t.part.low)
		}
	}
	return true
}

// refineAC reads one bit more of a block's coefficients. Between the codes, which bring coefficients that were zero
// until now, come the bits of those that were not. (ITU-T T.81, figure G.7.)
func (t *target) refineAC(in *bitReader, b blockOf) bool {
	bit, k, last := int16(1)<<t.part.low, int(t.part.first), int(t.part.last)
	for ; t.skip == 0 && k <= last; k++ {
		symbol, ok := in.symbol(t.ac)
		if !ok {
			return false
		}
		zeros, size := int(symbol>>4), symbol&15
		value := int32(0)
		switch {
		case size == 0 && zeros < 15:
			t.skip = 1<<zeros + int(in.take(uint(zeros)))
		case size == 1:
			if value = int32(bit); in.take(1) == 0 {
				value = -value
			}
		case size > 1:
			return false
		}
		if t.skip > 0 {
			break
		}
		for ; k <= last; k++ {
			if b.nonzero[b.index]>>k&1 != 0 {
				b.correctAll(in, k, k, bit)
				continue
			}
			if zeros == 0 {
				break
			}
			zeros--
		}
		if value != 0 {
			if k > last {
				return false
			}
			b.set(k, value)
		}
	}
	if t.skip > 0 {
		b.correctAll(in, k, last, bit)
		t.skip--
	}
	return true
}

// maxVisits is how many blocks all scans of a picture may visit together; each block counts once for each scan. A photograph
// of 100 megapixels, as cameras and editors write it, takes 14 million. A file of some kilobytes can describe thousands
// of scans of nothing.
const maxVisits = 1 << 25

// decodeProgressive reads all scans, and then decodes the blocks.
func (d *jpegDecoder) decodeProgressive() error {
	g := &d.geometry
	mcusX, mcusY := g.mcus()
	for i, c := range g.components[:g.count] {
		blocks := mcusX * int(c.h) * mcusY * int(c.v)
		d.file.coefficients[i] = coefficients{
			mcusX * int(c.h), g.block, make([]int16, blocks*g.block*g.block), make([]uint64, blocks),
		}
	}
	var everything [4]rect // of which nothing is decoded yet
	var begun [4]bool
	visits := 0
	for {
		s, err := d.readScanHeader()
		if err != nil {
			return err
		}
		for _, c := range s.components[:s.count] {
			begun[c.index] = begun[c.index] || s.part.first == 0
			visits += len(d.file.coefficients[c.index].nonzero)
		}
		if visits > maxVisits {
			return damaged("its scans, until byte %d of %d, are more work than any photograph", d.At, len(d.data))
		}
		if err := d.decodeScan(&s, &everything); err != nil {
			return err
		}
		code, err := d.headers()
		if (errors.Is(err, marker.ErrShort) || code == marker.EOI) && begun == [4]bool{g.count > 0, g.count > 1, g.count > 2, g.count > 3} {
			break // also without an end marker
		}
		if err != nil {
			return err
		}
		if code == marker.EOI {
			return damaged("it ends before all of its scans")
		}
	}
	offset := 0
	for i, c := range g.components[:g.count] {
		rows := mcusY * int(c.v)
		stride := mcusX * int(c.h) * g.block
		if err := d.invert(&d.file.coefficients[i], &d.quant[c.quant], d.pix[offset:][:stride*rows*g.block]); err != nil {
			return err
		}
		d.file.coefficients[i] = coefficients{}
		offset += stride * rows * g.block
	}
	return nil
}

// invert decodes a component's blocks into its plane.
func (d *jpegDecoder) invert(c *coefficients, quant *[64]int32, plane []byte) error {
	stride := c.perRow * c.block
	for i := range c.nonzero {
		if i%c.perRow == 0 {
			if err := d.file.ctx.Err(); err != nil {
				return err
			}
		}
		var b block
		in := blockOf{c, i}
		for left := c.nonzero[i] | 1; left != 0; left &= left - 1 {
			k := bits.TrailingZeros64(left)
			if at, ok := in.place(k); ok {
				b.set(zigzag[k], int32(c.kept[at])*quant[k])
			}
		}
		to := plane[i/c.perRow*c.block*stride+i%c.perRow*c.block:]
		if c.block == 8 {
			b.inverse(to, stride)
		} else {
			b.reduced(to, stride, c.block)
		}
	}
	return nil
}
