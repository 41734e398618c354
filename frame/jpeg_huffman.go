package frame

import (
	"encoding/binary"
	"fmt"

	"edge/internal/marker"
)

// huffmanTable finds a code's symbol: at once if the code is short, else by comparing codes of each length.
type huffmanTable struct {
	short   [1 << shortCode]uint16 // the next bits: symbol<<8 | length; 0 if the code is longer
	end     [18]uint32             // for each length: what its codes, as 16 bits, are less than; 17 ends each search
	index   [17]int32              // for each length: its first symbol's place, less its first code
	symbols [256]uint8
}

const shortCode = 9

// read makes the table of what a DHT segment holds, and returns how many bytes that took. (ITU-T T.81, annex C.)
func (h *huffmanTable) read(s []byte) (int, error) {
	total := 0
	for _, n := range s[:min(len(s), 16)] {
		total += int(n)
	}
	if len(s) < 16 || total > 256 || total > len(s)-16 {
		return 0, fmt.Errorf("a Huffman table of %d symbols in %d bytes", total, len(s))
	}
	copy(h.symbols[:], s[16:][:total])
	clear(h.short[:])
	code, place := uint32(0), 0
	for length := 1; length <= 16; length++ {
		n := int(s[length-1])
		h.index[length] = int32(place) - int32(code)
		if int(code)+n > 1<<length {
			return 0, fmt.Errorf("a Huffman table with too many codes of %d bits", length)
		}
		for range n {
			if length <= shortCode {
				first := code << (shortCode - length)
				for i := range uint32(1) << (shortCode - length) {
					h.short[first+i] = uint16(h.symbols[place])<<8 | uint16(length)
				}
			}
			code++
			place++
		}
		h.end[length] = code << (16 - length)
		code <<= 1
	}
	h.end[17] = 1 << 16
	return 16 + total, nil
}

// long returns the symbol and the length of a code longer than shortCode that the upper 16 bits of acc begin with;
// length 17 if there is none.
func (h *huffmanTable) long(acc uint64) (symbol uint8, length uint) {
	next := uint32(acc >> 48)
	length = shortCode + 1
	for next >= h.end[length] {
		length++
	}
	if length == 17 {
		return 0, length
	}
	return h.symbols[uint8(int32(next>>(16-length))+h.index[length])], length
}

// The tables for pictures that bring none. (ITU-T T.81, annex K.3.) By class (DC, AC) and number (luma, chroma).
var standardHuffman = [2][2][]byte{
	{
		[]byte("\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00" +
			"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"),
		[]byte("\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" +
			"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"),
	},
	{
		[]byte("\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d" +
			"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42" +
			"\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35" +
			"\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67" +
			"\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98" +
			"\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7" +
			"\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4" +
			"\xf5\xf6\xf7\xf8\xf9\xfa"),
		[]byte("\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77" +
			"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1" +
			"\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a" +
			"\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66" +
			"\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x92\x93\x94\x95\x96" +
			"\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5" +
			"\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4" +
			"\xf5\xf6\xf7\xf8\xf9\xfa"),
	},
}

// zigzag is the place of each coefficient of a file's block, row by row. (ITU-T T.81, figure 5.)
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// bitReader reads the bits of entropy-coded data. After the last, before a marker, it continues with zeros and counts
// them, so that decoding need not check each bit.
type bitReader struct {
	data []byte
	at   int    // the next byte
	acc  uint64 // the next bits, from the top
	n    uint   // how many of them count
	made uint   // how many of those, the last ones, are made up
}

// fill adds bits to acc, which holds n, so that there are 56 at least. It takes and returns the two, which the caller
// has in registers.
func (r *bitReader) fill(acc uint64, n uint) (uint64, uint) {
	if r.at+8 <= len(r.data) {
		next := binary.BigEndian.Uint64(r.data[r.at:])
		const ones, tops = 0x0101010101010101, 0x8080808080808080
		if (^next-ones)&next&tops == 0 { // no byte is ff
			// Bits of a byte that doesn't fit wholly are or-ed too; they will be again, when their turn comes.
			acc |= next >> n
			r.at += int(63-n) / 8
			return acc, n | 56
		}
	}
	for n <= 56 {
		switch {
		case r.at >= len(r.data):
			r.made += 8
		case r.data[r.at] == 0xff:
			next := r.at + 1
			for next < len(r.data) && r.data[next] == 0xff {
				next++
			}
			if next == len(r.data) || r.data[next] != 0 { // a marker
				r.made += 8
				break
			}
			acc |= 0xff << (56 - n) // the zero says that it is none
			r.at = next + 1
		default:
			acc |= uint64(r.data[r.at]) << (56 - n)
			r.at++
		}
		n += 8
	}
	return acc, n
}

// overrun says whether bits were used that aren't in the data.
func (r *bitReader) overrun() bool { return r.made > r.n }

// restart skips to behind the restart marker of that number (0…7), which must follow. Many cameras write bytes before
// it. As libjpeg does, it skips those, markers that don't exist, and the two restart markers before this one, which a
// camera may have written twice; any other marker says that data are missing.
func (r *bitReader) restart(number byte) bool {
	if r.overrun() {
		return false
	}
	for next := r.at; ; {
		at, ok := marker.Find(r.data, next)
		if !ok {
			return false
		}
		switch code := r.data[at+1]; {
		case code == marker.RST0+number:
			*r = bitReader{data: r.data, at: at + 2}
			return true
		case code >= marker.SOF0 && (!marker.IsRestart(code) || (number-code)&7 > 2):
			return false
		}
		next = at + 2
	}
}

// block decodes a block of t, dequantized, into b, which is zero before. last is the place in the file's order of the
// last coefficient that isn't zero; not ok is a code that doesn't exist. (ITU-T T.81, annex F.2.)
func (r *bitReader) block(b *block, t *target) (last int, ok bool) {
	acc, n := r.acc, r.n
	if n < 32 {
		acc, n = r.fill(acc, n)
	}

	entry := t.dc.short[acc>>(64-shortCode)]
	size, length := uint8(entry>>8), uint(entry&0xff)
	if length == 0 {
		if size, length = t.dc.long(acc); length > 16 {
			return 0, false
		}
	}
	if size > 15 {
		return 0, false
	}
	acc <<= length
	t.last += extend(acc, size)
	b.set(0, t.last*t.quant[0])
	acc <<= size
	n -= length + uint(size)

	for k := 1; k < 64; k++ {
		if n < 32 {
			acc, n = r.fill(acc, n)
		}
		entry := t.ac.short[acc>>(64-shortCode)]
		symbol, length := uint8(entry>>8), uint(entry&0xff)
		if length == 0 {
			if symbol, length = t.ac.long(acc); length > 16 {
				return 0, false
			}
		}
		acc <<= length & 63
		n -= length
		size := symbol & 15
		if size == 0 {
			if symbol != 0xf0 { // end of block
				break
			}
			k += 15
			continue
		}
		k += int(symbol >> 4)
		if k > 63 {
			return 0, false
		}
		b.set(zigzag[k], extend(acc, size)*t.quant[k])
		last = k
		acc <<= size
		n -= uint(size)
	}
	r.acc, r.n = acc, n
	return last, true
}

// extend returns the signed number that is in the upper size bits of acc, at most 15: numbers whose first bit is 0
// stand for negative ones. (ITU-T T.81, F.2.2.1.)
func extend(acc uint64, size uint8) int32 {
	value := int32(acc >> 1 >> (63 - size&63))
	negative := int32(^int64(acc) >> 63)
	return value + negative&(1-int32(1)<<(size&31))
}

// symbol reads a code and returns its symbol; false if there is no such code.
func (r *bitReader) symbol(h *huffmanTable) (symbol uint8, ok bool) {
	if r.n < 32 {
		r.acc, r.n = r.fill(r.acc, r.n)
	}
	entry := h.short[r.acc>>(64-shortCode)]
	symbol, length := uint8(entry>>8), uint(entry&0xff)
	if length == 0 {
		if symbol, length = h.long(r.acc); length > 16 {
			return 0, false
		}
	}
	r.acc <<= length
	r.n -= length
	return symbol, true
}

// take reads a number of size bits, at most 15.
func (r *bitReader) take(size uint) uint32 {
	if r.n < 32 {
		r.acc, r.n = r.fill(r.acc, r.n)
	}
	value := uint32(r.acc >> (64 - size))
	r.acc <<= size
	r.n -= size
	return value
}

// signed reads a number of size bits, at most 15, as extend means them.
func (r *bitReader) signed(size uint8) int32 {
	if r.n < 32 {
		r.acc, r.n = r.fill(r.acc, r.n)
	}
	value := extend(r.acc, size)
	r.acc <<= size
	r.n -= uint(size)
	return value
}
