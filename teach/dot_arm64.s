#include "textflag.h"

// Go's assembler doesn't know these three.
#define SMULL_8H(m, n, d) WORD $(0x0E20C000 | (m)<<16 | (n)<<5 | (d))  // d.8H = n.8B · m.8B
#define SMULL2_8H(m, n, d) WORD $(0x4E20C000 | (m)<<16 | (n)<<5 | (d)) // d.8H = n.16B · m.16B, the upper halves
#define SADALP_4S(n, d) WORD $(0x4E606800 | (n)<<5 | (d))              // d.4S += pairs of n.8H

// func dot8NEON(a, b *int8, n int) int32
TEXT ·dot8NEON(SB), NOSPLIT, $0-28
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD n+16(FP), R2
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

next:
	VLD1.P 16(R0), [V2.B16]
	VLD1.P 16(R1), [V3.B16]
	SMULL_8H(3, 2, 4)
	SMULL2_8H(3, 2, 5)
	SADALP_4S(4, 0)
	SADALP_4S(5, 1)
	SUBS $16, R2, R2
	BGT  next

	VADD V1.S4, V0.S4, V0.S4
	VADDV V0.S4, V0
	VMOV V0.S[0], R0
	MOVW R0, ret+24(FP)
	RET
