//go:build !purego && (amd64 || arm64)

package kernels

// wideFactors is how many factors a repeated B is written out to at most.
const wideFactors = 4096

func (m *multiplication) run(c MultiplyCall) {
	n := len(c.B)
	if n == len(c.A) {
		m.row(c.A, c.B, c.Dst)
		return
	}
	// B is written out until it has whole blocks of the kernel. If that is too long, pixels are computed one by one.
	var wide [wideFactors]byte
	b := c.B
	if unit := n * (multiplyBlock / commonPower(n, multiplyBlock)); unit <= len(wide) {
		b = wide[:min(len(wide)/unit*unit, roundUp(len(c.A), unit))]
		for i := 0; i < len(b); i += n {
			copy(b[i:], c.B)
		}
	}
	for at := 0; at < len(c.A); at += len(b) {
		n := min(len(b), len(c.A)-at)
		m.row(c.A[at:at+n], b[:n], c.Dst[at:at+n])
	}
}

// commonPower returns the largest divisor that n has in common with block, a power of two.
func commonPower(n, block int) int { return min(n&-n, block) }

// row multiplies tensors of one length.
func (m *multiplication) row(a, b, dst []byte) {
	const most = 1 << 15 // elements of one call into assembly, as it can't be interrupted
	n := len(a) / multiplyBlock * multiplyBlock
	for i := 0; i < n; i += most {
		m.blocks(&a[i], &b[i], &dst[i], min(most, n-i))
	}
	if n < len(a) { // less than a block: by way of the stack
		var tail [2][multiplyBlock]byte
		copy(tail[0][:], a[n:])
		copy(tail[1][:], b[n:])
		m.blocks(&tail[0][0], &tail[1][0], &tail[0][0], multiplyBlock)
		copy(dst[n:len(a)], tail[0][:])
	}
}
