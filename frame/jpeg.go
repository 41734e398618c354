package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"edge/internal/marker"
)

// jpegDecoder decodes JPEG pictures, grey or Y Cb Cr as JFIF means them (BT.601, full range), with the standard Huffman
// tables if they bring none. It is made for a camera's stream of pictures of one kind, and allocates only when their size
// changes. A camera's pictures must be baseline: what they take in time and memory depends on their size alone.
//
// With a jpegFile it also reads progressive pictures and four components (jpeg_progressive.go, jpeg_file.go), and can make
// pictures smaller while it decodes them.
//
// start reads the headers, so that the caller sees the geometry; decode then fills the planes.
type jpegDecoder struct {
	geometry jpegGeometry
	pix      []byte // the planes, as the geometry's layout says

	quant   [4][64]int32 // in the order of the file (zigzag)
	huffman [2][4]huffmanTable
	hasQ    [4]bool    // what this picture has brought
	hasH    [2][4]bool // by class (0: DC, 1: AC) and number
	tables  int        // how many it has brought
	restart int        // MCUs from one restart marker to the next; 0: none

	data          []byte
	marker.Walker        // in data
	scanHeader    []byte // the segment that the walker has just passed

	file *jpegFile // nil for a camera's pictures
}

// jpegGeometry is all of a picture's headers that the planes depend on.
type jpegGeometry struct {
	width, height int
	count         int // of components
	components    [4]jpegComponent
	block         int // samples of a decoded block's side: 8; 4, 2 or 1 of a picture that is made smaller
}

// jpegComponent is a component as the frame header tells: an MCU holds h × v blocks of it.
type jpegComponent struct {
	id, h, v, quant uint8
}

// scaled returns the size of the picture when it is decoded.
func (g *jpegGeometry) scaled() (width, height int) {
	return divUp(g.width*g.block, 8), divUp(g.height*g.block, 8)
}

func (g *jpegGeometry) maxSampling() (h, v int) {
	for _, c := range g.components[:g.count] {
		h, v = max(h, int(c.h)), max(v, int(c.v))
	}
	return h, v
}

// find returns the place of the component with that id, −1 if there is none.
func (g *jpegGeometry) find(id uint8) int {
	for i, c := range g.components[:g.count] {
		if c.id == id {
			return i
		}
	}
	return -1
}

// mcus returns how many MCUs the picture has in each direction.
func (g *jpegGeometry) mcus() (x, y int) {
	h, v := g.maxSampling()
	return divUp(g.width, 8*h), divUp(g.height, 8*v)
}

// layout returns where the samples are in the decoder's pix: whole blocks in rows, plane after plane.
func (g *jpegGeometry) layout() layout {
	maxH, maxV := g.maxSampling()
	mcusX, mcusY := g.mcus()
	l := layout{kind: luma}
	if g.count == 3 {
		l.kind = yuv
	}
	width, height := g.scaled()
	offset := 0
	for i, c := range g.components[:g.count] {
		subX, subY := maxH/int(c.h), maxV/int(c.v)
		stride := mcusX * int(c.h) * g.block
		l.planes = append(l.planes, plane{offset, stride, divUp(width, subX), divUp(height, subY), subY})
		l.components = append(l.components, component{i, 0, 1, divUp(width, subX), subX})
		offset += stride * mcusY * int(c.v) * g.block
	}
	return l
}

// blocks returns how many blocks all components have.
func (g *jpegGeometry) blocks() int64 {
	mcusX, mcusY := g.mcus()
	n := int64(0)
	for _, c := range g.components[:g.count] {
		n += int64(c.h) * int64(c.v)
	}
	return n * int64(mcusX) * int64(mcusY)
}

// bytes returns the size of all planes.
func (g *jpegGeometry) bytes() int64 { return g.blocks() * int64(g.block*g.block) }

func divUp(a, b int) int { return (a + b - 1) / b }

// damaged is an ErrDamaged of a JPEG picture.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: JPEG: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// start reads the headers of a picture up to its first scan.
func (d *jpegDecoder) start(data []byte) error {
	if len(data) < 2 || data[0] != 0xff || data[1] != marker.SOI {
		return damaged("it doesn't start with a picture")
	}
	d.data, d.At = data, 2
	d.hasQ, d.hasH, d.tables, d.restart, d.geometry = [4]bool{}, [2][4]bool{}, 0, 0, jpegGeometry{}
	code, err := d.headers()
	if err != nil {
		return err
	}
	if code == marker.EOI || d.geometry.count == 0 {
		return damaged("no picture before byte %d", d.At)
	}
	return nil
}

// headers reads segments up to a scan header, or the picture's end, whose marker it returns; d.At is then behind it.
func (d *jpegDecoder) headers() (code byte, err error) {
	for {
		at := d.At
		code, segment, err := d.Next(d.data)
		if err != nil {
			return 0, damaged("near byte %d of %d: %w", at, len(d.data), err)
		}
		switch code {
		case marker.EOI:
			return code, nil
		case marker.SOS:
			d.scanHeader = segment
			return code, nil
		case marker.DQT:
			err = d.readQuant(segment)
		case marker.DHT:
			err = d.readHuffman(segment)
		case marker.SOF0, marker.SOF1:
			err = d.readFrameHeader(segment)
		case marker.APP1, marker.APP14:
			if d.file != nil {
				d.file.readApplication(code, segment)
			}
		case marker.DRI:
			if len(segment) < 2 {
				err = fmt.Errorf("a restart interval of %d bytes", len(segment))
			} else {
				d.restart = int(binary.BigEndian.Uint16(segment))
			}
		case marker.SOF2:
			if d.file == nil {
				err = errors.New("it is progressive; cameras' pictures must be baseline")
			} else {
				d.file.progressive = true
				err = d.readFrameHeader(segment)
			}
		case marker.DAC:
			err = errors.New("arithmetic coding")
		case marker.SOI:
			err = errors.New("a picture begins within it")
		default:
			switch {
			case marker.IsFrame(code):
				err = fmt.Errorf("it is of kind SOF%d, which nobody uses (lossless, hierarchical or arithmetic coding)", code-marker.SOF0)
			case marker.IsReserved(code):
				err = fmt.Errorf("an impossible marker %02x", code)
			}
		}
		if err != nil {
			return 0, damaged("near byte %d: %w", at, err)
		}
	}
}

func (d *jpegDecoder) readQuant(s []byte) error {
	for len(s) > 0 {
		number, size := s[0]&15, 1
		if s[0]>>4 != 0 {
			size = 2
		}
		s = s[1:]
		if number > 3 || len(s) < 64*size {
			return fmt.Errorf("quantization table %d of %d bytes", number, len(s))
		}
		for i := range d.quant[number] {
			if size == 1 {
				d.quant[number][i] = int32(s[i])
			} else {
				d.quant[number][i] = int32(binary.BigEndian.Uint16(s[2*i:]))
			}
		}
		d.hasQ[number] = true
		s = s[64*size:]
	}
	return nil
}

// maxTables is how many Huffman tables a picture may bring. Four will do, and encoders of progressive pictures write one
// or two a scan; a table costs a microsecond, and 20 bytes of a file can be one.
const maxTables = 1 << 10

func (d *jpegDecoder) readHuffman(s []byte) error {
	for len(s) > 0 {
		class, number := s[0]>>4, s[0]&15
		if class > 1 || number > 3 {
			return fmt.Errorf("a Huffman table %d of class %d", number, class)
		}
		if d.tables++; d.tables > maxTables {
			return fmt.Errorf("more than %d Huffman tables", maxTables)
		}
		size, err := d.huffman[class][number].read(s[1:])
		if err != nil {
			return err
		}
		d.hasH[class][number] = true
		s = s[1+size:]
	}
	return nil
}

func (d *jpegDecoder) readFrameHeader(s []byte) error {
	switch {
	case d.geometry.count != 0:
		return fmt.Errorf("a second frame header")
	case len(s) < 6 || len(s) < 6+3*int(s[5]):
		return fmt.Errorf("a frame header of %d bytes", len(s))
	case s[0] != 8:
		return fmt.Errorf("%d bits a sample instead of 8", s[0])
	case s[5] != 1 && s[5] != 3 && (s[5] != 4 || d.file == nil):
		return fmt.Errorf("%d components instead of 1 or 3", s[5])
	}
	g := jpegGeometry{
		width:  int(binary.BigEndian.Uint16(s[3:])),
		height: int(binary.BigEndian.Uint16(s[1:])),
		count:  int(s[5]),
		block:  8,
	}
	if g.width == 0 || g.height == 0 || g.width > maxSide || g.height > maxSide {
		return fmt.Errorf("%d×%d pixels", g.width, g.height)
	}
	for i := range g.count {
		c := s[6+3*i:]
		g.components[i] = jpegComponent{id: c[0], h: c[1] >> 4, v: c[1] & 15, quant: c[2]}
		if g.count == 1 { // sampling factors mean nothing then: blocks come one by one
			g.components[i].h, g.components[i].v = 1, 1
		}
	}
	maxH, maxV := g.maxSampling()
	for _, c := range g.components[:g.count] {
		if c.h == 0 || c.v == 0 || c.h > 4 || c.v > 4 || maxH%int(c.h) != 0 || maxV%int(c.v) != 0 || c.quant > 3 {
			return fmt.Errorf("a component of %d×%d blocks, where the largest has %d×%d, quantized by table %d",
				c.h, c.v, maxH, maxV, c.quant)
		}
	}
	if d.file != nil { // which may be made smaller
	} else if n := g.bytes(); n > maxMemory {
		return fmt.Errorf("%d×%d pixels would take more than %d MiB", g.width, g.height, maxMemory>>20)
	}
	d.geometry = g
	return nil
}

// scan is a scan header.
type scan struct {
	count      int
	components [4]scanComponent
	part       scanPart
}

// scanPart is which coefficients a scan of a progressive picture holds, from first to last in the file's order, and
// which of their bits: those above low, of which those above high have come before. It is all of them in a baseline
// picture.
type scanPart struct{ first, last, high, low uint8 }

// refines reports whether the scan adds a bit to coefficients that came before.
func (p scanPart) refines() bool { return p.high != 0 }

// scanComponent is a component by its place in the frame header, and its Huffman tables' numbers.
type scanComponent struct {
	index  int
	dc, ac uint8
}

func (d *jpegDecoder) readScanHeader() (s scan, err error) {
	b := d.scanHeader
	if len(b) < 1 || b[0] < 1 || b[0] > 4 || len(b) < 4+2*int(b[0]) {
		return s, damaged("a scan header of %d bytes before byte %d", len(b), d.At)
	}
	s.count = int(b[0])
	s.part = scanPart{last: 63}
	if d.file != nil && d.file.progressive {
		last := b[1+2*s.count:]
		s.part = scanPart{last[0], last[1], last[2] >> 4, last[2] & 15}
		if !s.part.sound(s.count) {
			return s, damaged("a scan of coefficients %d…%d, bits %d…%d, of %d components", last[0], last[1], last[2]>>4, last[2]&15, s.count)
		}
	}
	seen := [4]bool{}
	for i := range s.count {
		id, tables := b[1+2*i], b[2+2*i]
		index := d.geometry.find(id)
		c := scanComponent{index, tables >> 4, tables & 15}
		if index < 0 || seen[index] || c.dc > 3 || c.ac > 3 {
			return s, damaged("a scan of component %d with Huffman tables %d and %d", id, c.dc, c.ac)
		}
		seen[index] = true
		if quant := d.geometry.components[index].quant; !d.hasQ[quant] {
			return s, damaged("no quantization table %d", quant)
		}
		if s.part.first == 0 && !s.part.refines() {
			if err := d.needHuffman(0, c.dc); err != nil {
				return s, err
			}
		}
		if s.part.last > 0 {
			if err := d.needHuffman(1, c.ac); err != nil {
				return s, err
			}
		}
		s.components[i] = c
	}
	return s, nil
}

// needHuffman puts the standard table in the place of one that this picture hasn't brought.
func (d *jpegDecoder) needHuffman(class, number uint8) error {
	if d.hasH[class][number] {
		return nil
	}
	if number > 1 {
		return damaged("no Huffman table %d", number)
	}
	_, err := d.huffman[class][number].read(standardHuffman[class][number])
	d.hasH[class][number] = true
	return err
}

// decode reads the scans. Of each component's samples it computes those in wanted (a rectangle that is empty, none),
// and perhaps some around them.
func (d *jpegDecoder) decode(wanted *[4]rect) error {
	if n := int(d.geometry.bytes()); n > cap(d.pix) {
		d.pix = make([]byte, n)
	} else {
		d.pix = d.pix[:n]
	}
	if d.file != nil && d.file.progressive {
		return d.decodeProgressive()
	}
	var decoded [4]bool
	for left := d.geometry.count; ; {
		s, err := d.readScanHeader()
		if err != nil {
			return err
		}
		for _, c := range s.components[:s.count] {
			if decoded[c.index] {
				return damaged("a component's second scan before byte %d", d.At)
			}
			decoded[c.index] = true
		}
		if err := d.decodeScan(&s, wanted); err != nil {
			return err
		}
		if left -= s.count; left == 0 {
			return nil // whatever follows: padding of the driver's buffer, or no end marker at all
		}
		code, err := d.headers()
		if err != nil {
			return err
		}
		if code == marker.EOI {
			return damaged("it ends before all of its scans")
		}
	}
}

// target is where a scan's component goes.
type target struct {
	dc, ac *huffmanTable
	quant  *[64]int32
	h, v   int // blocks in an MCU
	plane  []byte
	stride int
	block  int  // samples of a decoded block's side
	wanted rect // blocks
	last   int32

	part         scanPart      // of a progressive picture,
	coefficients *coefficients // whose blocks are decoded when all scans have been read
	skip         int           // blocks that end at once: the rest of a run of such
}

// decodeScan decodes the entropy-coded segments at d.At.
func (d *jpegDecoder) decodeScan(s *scan, wanted *[4]rect) error {
	g := &d.geometry
	mcusX, mcusY := g.mcus()
	var targets [4]target
	offset := 0
	for i, c := range g.components[:g.count] {
		t := target{quant: &d.quant[c.quant], h: int(c.h), v: int(c.v), stride: mcusX * int(c.h) * g.block, block: g.block, part: s.part}
		t.plane = d.pix[offset:][:t.stride*mcusY*int(c.v)*g.block]
		offset += len(t.plane)
		w := wanted[i]
		t.wanted = rect{w.x / 8, w.y / 8, divUp(w.x+w.w, 8) - w.x/8, divUp(w.y+w.h, 8) - w.y/8}
		if w.w == 0 || w.h == 0 {
			t.wanted = rect{}
		}
		if d.file != nil && d.file.progressive {
			t.coefficients = &d.file.coefficients[i]
		}
		for j, in := range s.components[:s.count] {
			if in.index == i {
				t.dc, t.ac = &d.huffman[0][in.dc], &d.huffman[1][in.ac]
				targets[j] = t
			}
		}
	}
	if s.count == 1 { // not interleaved: an MCU is one block, and there are none beyond the picture's edge
		c := g.components[s.components[0].index]
		maxH, maxV := g.maxSampling()
		mcusX = divUp(divUp(g.width*int(c.h), maxH), 8)
		mcusY = divUp(divUp(g.height*int(c.v), maxV), 8)
		targets[0].h, targets[0].v = 1, 1
	}

	bits := bitReader{data: d.data, at: d.At}
	left, restarts := d.restart, byte(0)
	for y := range mcusY {
		for x := range mcusX {
			if d.restart > 0 && left == 0 {
				if !bits.restart(restarts) {
					return damaged("no restart marker at byte %d", bits.at)
				}
				left, restarts = d.restart, (restarts+1)&7
				for i := range targets {
					targets[i].last, targets[i].skip = 0, 0
				}
			}
			left--
			for i := range targets[:s.count] {
				if !targets[i].decodeMCU(&bits, x, y) {
					return damaged("a wrong code near byte %d", bits.at)
				}
			}
		}
		if d.file != nil {
			if err := d.file.ctx.Err(); err != nil {
				return err
			}
		}
		if bits.overrun() {
			return damaged("it ends at byte %d, in row %d of %d", bits.at, y+1, mcusY)
		}
	}
	d.At = bits.at
	return nil
}

// decodeMCU decodes one component's blocks of an MCU.
func (t *target) decodeMCU(bits *bitReader, x, y int) bool {
	var b block
	for by := y * t.v; by < (y+1)*t.v; by++ {
		for bx := x * t.h; bx < (x+1)*t.h; bx++ {
			if t.coefficients != nil {
				if !t.add(bits, t.coefficients.at(bx, by)) {
					return false
				}
				continue
			}
			last, ok := bits.block(&b, t)
			if !ok {
				return false
			}
			if !t.wanted.has(bx, by) {
				clear(b[:])
				continue
			}
			to := t.plane[by*t.block*t.stride+bx*t.block:]
			switch {
			case t.block != 8:
				b.reduced(to, t.stride, t.block)
			case last == 0:
				b.fillFlat(to, t.stride)
			default:
				b.inverse(to, t.stride)
			}
		}
	}
	return true
}

func (r rect) has(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }
