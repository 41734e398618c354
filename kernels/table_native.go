//go:build !purego && (amd64 || arm64)

package kernels

func (t *nativeTable) run(c TableCall) {
	const most = 1 << 16 // bytes of one call into assembly, as it can't be interrupted
	n := len(c.Src) / tableBlock * tableBlock
	for i := 0; i < n; i += most {
		t.blocks(&c.Src[i], &c.Dst[i], min(most, n-i))
	}
	if n < len(c.Src) { // less than a block: by way of the stack
		var tail [tableBlock]byte
		copy(tail[:], c.Src[n:])
		t.blocks(&tail[0], &tail[0], tableBlock)
		copy(c.Dst[n:len(c.Src)], tail[:])
	}
}
