//go:build !purego

#include "textflag.h"

// table__neon looks up 32 bytes at a time.
//
// TBL looks up in 64 bytes, and gives 0 for an index beyond; TBX leaves what is there. So the index falls by 64 from one
// quarter of the table to the next.
//
//	V0…V15 the table    V16, V17 the index    V18, V19 what was found    V20 sixty-four
//
// func table__neon(table *[256]byte, src, dst *byte, n int)
TEXT ·table__neon(SB), NOSPLIT, $0-32
	MOVD table+0(FP), R0
	MOVD src+8(FP), R1
	MOVD dst+16(FP), R2
	MOVD n+24(FP), R3
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R0), [V4.B16, V5.B16, V6.B16, V7.B16]
	VLD1.P 64(R0), [V8.B16, V9.B16, V10.B16, V11.B16]
	VLD1   (R0), [V12.B16, V13.B16, V14.B16, V15.B16]
	VMOVI  $64, V20.B16

step:
	VLD1.P 32(R1), [V16.B16, V17.B16]
	SUBS   $32, R3
	VTBL   V16.B16, [V0.B16, V1.B16, V2.B16, V3.B16], V18.B16
	VTBL   V17.B16, [V0.B16, V1.B16, V2.B16, V3.B16], V19.B16
	VSUB   V20.B16, V16.B16, V16.B16
	VSUB   V20.B16, V17.B16, V17.B16
	VTBX   V16.B16, [V4.B16, V5.B16, V6.B16, V7.B16], V18.B16
	VTBX   V17.B16, [V4.B16, V5.B16, V6.B16, V7.B16], V19.B16
	VSUB   V20.B16, V16.B16, V16.B16
	VSUB   V20.B16, V17.B16, V17.B16
	VTBX   V16.B16, [V8.B16, V9.B16, V10.B16, V11.B16], V18.B16
	VTBX   V17.B16, [V8.B16, V9.B16, V10.B16, V11.B16], V19.B16
	VSUB   V20.B16, V16.B16, V16.B16
	VSUB   V20.B16, V17.B16, V17.B16
	VTBX   V16.B16, [V12.B16, V13.B16, V14.B16, V15.B16], V18.B16
	VTBX   V17.B16, [V12.B16, V13.B16, V14.B16, V15.B16], V19.B16
	VST1.P [V18.B16, V19.B16], 32(R2)
	BNE    step
	RET
