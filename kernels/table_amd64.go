//go:build !purego

package kernels

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// tableBytes is what a kernel that looks bytes up works on: n is a multiple of tableBlock, ≥ 1.
type tableBytes struct {
	table, src, dst unsafe.Pointer
	n               int
}

const tableBlock = 64

// nativeTable is a table as the kernels read it.
type nativeTable struct {
	rows [16][16]byte
	vbmi bool // AVX-512 has it with VBMI only
}

func (s *x86) packTable(table *[256]byte) *Table {
	t := &nativeTable{vbmi: s.masked && cpu.X86.HasAVX512VBMI}
	for i := range t.rows {
		copy(t.rows[i][:], table[16*i:])
	}
	if !t.vbmi {
		t.makeDifferences()
	}
	return &Table{t.run}
}

// makeDifferences replaces the rows T by what table__avx2 wants. There an index of row h finds something in row i if
// index − 16·i, in 8 bits, has no top bit: in the rows
//
//	0…h             if h < 8
//	h−7…7 and 8…h   else
//
// What is found is to be T[h] when it is added without carry. So rows D[i] = T[i] ⊕ T[i−1] up to the seventh; then
// D[0] ⊕ … ⊕ D[h] = T[h] as it should, and D[h−7] ⊕ … ⊕ D[7] = T[7] ⊕ T[h−8], which D[8] ⊕ … ⊕ D[h] = E[h] takes out:
// E[h] = T[h] ⊕ T[7] ⊕ T[h−8].
func (t *nativeTable) makeDifferences() {
	rows := t.rows
	for k := range 16 {
		column := func(h int) byte {
			switch {
			case h < 0:
				return 0
			case h < 8:
				return rows[h][k]
			}
			return rows[h][k] ^ rows[7][k] ^ rows[h-8][k]
		}
		for h := range rows {
			before := column(h - 1)
			if h == 8 {
				before = 0
			}
			t.rows[h][k] = column(h) ^ before
		}
	}
}

func (t *nativeTable) blocks(src, dst *byte, n int) {
	part := tableBytes{unsafe.Pointer(&t.rows), unsafe.Pointer(src), unsafe.Pointer(dst), n}
	if t.vbmi {
		table__avx512vbmi(part)
	} else {
		table__avx2(part)
	}
}
