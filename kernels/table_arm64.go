//go:build !purego

package kernels

const tableBlock = 32

// nativeTable is a table as the kernel reads it: as it is.
type nativeTable [256]byte

func packTableNeon(table *[256]byte) *Table {
	t := nativeTable(*table)
	return &Table{t.run}
}

func (t *nativeTable) blocks(src, dst *byte, n int) { table__neon((*[256]byte)(t), src, dst, n) }
