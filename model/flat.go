package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"
)

// flat is a FlatBuffer of unknown origin. Every offset is proved to lie inside bytes before it is followed. The first
// damage found is kept in err, and what is read from then on is empty, so that a reader may ask once for many fields.
type flat struct {
	bytes []byte
	// left is how many bytes may still be allocated: many offsets can lead to one large vector, so the size of
	// the file alone doesn't bound what is made of it.
	left int
	err  error
}

func (f *flat) damaged(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("damaged file: "+format, args...)
	}
}

// spend reports whether n more bytes may be allocated.
func (f *flat) spend(n int) bool {
	if f.err == nil && n > f.left {
		f.err = fmt.Errorf("damaged file: its tables describe more than fits in memory here")
	}
	if f.err != nil {
		return false
	}
	f.left -= n
	return true
}

// has reports whether n bytes from position at on lie inside the file.
func (f *flat) has(at, n int) bool { return at >= 0 && n >= 0 && at <= len(f.bytes)-n }

func (f *flat) uint16(at int) int { return int(flatbuffers.GetUint16(f.bytes[at:])) }
func (f *flat) uint32(at int) int { return int(flatbuffers.GetUint32(f.bytes[at:])) }

// table is one table of a flat: at is its position; the zero table has no fields. Its vtable has been proved sound.
//
//	at:     i32 vtable's distance backwards, then the fields
//	vtable: u16 its size, u16 the table's size, u16 for each slot: the field's offset from at, 0 if it is absent
type table struct {
	*flat
	flatbuffers.Table
	size int
}

func (f *flat) table(at int) table {
	if f.err != nil {
		return table{}
	}
	if !f.has(at, 4) {
		f.damaged("a table lies at byte %d, outside it", at)
		return table{}
	}
	vtable := at - int(flatbuffers.GetInt32(f.bytes[at:]))
	if !f.has(vtable, 4) {
		f.damaged("the table at byte %d has its vtable outside the file", at)
		return table{}
	}
	slots, size := f.uint16(vtable), f.uint16(vtable+2)
	if slots < 4 || slots%2 != 0 || !f.has(vtable, slots) || size < 4 || !f.has(at, size) {
		f.damaged("the table at byte %d has an impossible vtable", at)
		return table{}
	}
	return table{f, flatbuffers.Table{Bytes: f.bytes, Pos: flatbuffers.UOffsetT(at)}, size}
}

// root is the table that the file begins with.
func (f *flat) root() table {
	if !f.has(0, 8) {
		f.damaged("only %d bytes", len(f.bytes))
		return table{}
	}
	return f.table(f.uint32(0))
}

// field returns where the n bytes of a field are, and false if it is absent.
func (t table) field(slot, n int) (int, bool) {
	if t.flat == nil || t.err != nil {
		return 0, false
	}
	offset := int(t.Offset(flatbuffers.VOffsetT(4 + 2*slot)))
	if offset == 0 {
		return 0, false
	}
	if offset < 4 || offset+n > t.size {
		t.damaged("field %d of the table at byte %d lies outside the table", slot, t.Pos)
		return 0, false
	}
	return int(t.Pos) + offset, true
}

func (t table) byte(slot int) byte {
	if at, ok := t.field(slot, 1); ok {
		return t.Bytes[at]
	}
	return 0
}

func (t table) bool(slot int) bool { return t.byte(slot) != 0 }

func (t table) int32(slot, absent int) int {
	if at, ok := t.field(slot, 4); ok {
		return int(flatbuffers.GetInt32(t.Bytes[at:]))
	}
	return absent
}

func (t table) uint32(slot int) int {
	if at, ok := t.field(slot, 4); ok {
		return t.flat.uint32(at)
	}
	return 0
}

func (t table) uint64(slot int) uint64 {
	if at, ok := t.field(slot, 8); ok {
		return flatbuffers.GetUint64(t.Bytes[at:])
	}
	return 0
}

func (t table) float32(slot int) float32 {
	if at, ok := t.field(slot, 4); ok {
		return flatbuffers.GetFloat32(t.Bytes[at:])
	}
	return 0
}

// follow returns where the offset in a field leads to.
func (t table) follow(slot int) (int, bool) {
	at, ok := t.field(slot, 4)
	if !ok {
		return 0, false
	}
	to := at + t.flat.uint32(at)
	if !t.has(to, 4) {
		t.damaged("field %d of the table at byte %d points to byte %d, outside the file", slot, t.Pos, to)
		return 0, false
	}
	return to, true
}

func (t table) table(slot int) (table, bool) {
	at, ok := t.follow(slot)
	if !ok {
		return table{}, false
	}
	sub := t.flat.table(at)
	return sub, sub.flat != nil
}

// vector returns the bytes of a vector's elements, size bytes each, and where they begin. Nothing is copied.
func (t table) vector(slot, size int) (elements []byte, at int) {
	at, ok := t.follow(slot)
	if !ok {
		return nil, 0
	}
	n := t.flat.uint32(at)
	at += 4
	if n < 0 || n > (len(t.Bytes)-at)/size {
		t.damaged("the vector at byte %d ends beyond the file", at-4)
		return nil, 0
	}
	return t.Bytes[at : at+n*size : at+n*size], at
}

func (t table) bytes(slot int) []byte {
	elements, _ := t.vector(slot, 1)
	return elements
}

// string returns a copy of a string field, as valid UTF-8.
func (t table) string(slot int) string {
	s := t.bytes(slot)
	if len(s) == 0 || !t.spend(4*len(s)) {
		return ""
	}
	return strings.ToValidUTF8(string(s), "�")
}

func (t table) int32s(slot int) []int {
	elements, _ := t.vector(slot, 4)
	if len(elements) == 0 || !t.spend(2*len(elements)) {
		return nil
	}
	return int32s(elements)
}

func (t table) float32s(slot int) []float32 {
	elements, _ := t.vector(slot, 4)
	if len(elements) == 0 || !t.spend(len(elements)) {
		return nil
	}
	return float32s(elements)
}

// tables is a vector of tables.
type tables struct {
	*flat
	at, n int
}

func (t table) tables(slot int) tables {
	elements, at := t.vector(slot, 4)
	return tables{t.flat, at, len(elements) / 4}
}

func (v tables) table(i int) table {
	at := v.at + 4*i
	return v.flat.table(at + v.uint32(at))
}

// int32s decodes little-endian integers.
func int32s(b []byte) []int {
	v := make([]int, len(b)/4)
	for i := range v {
		v[i] = int(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return v
}

// int64s decodes little-endian integers; on a machine of 32 bits, those beyond are clamped.
func int64s(b []byte) []int {
	v := make([]int, len(b)/8)
	for i := range v {
		x := int64(binary.LittleEndian.Uint64(b[8*i:]))
		v[i] = int(min(max(x, math.MinInt), math.MaxInt))
	}
	return v
}

// float32s decodes little-endian numbers.
func float32s(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}
