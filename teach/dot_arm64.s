#include "textflag.h"

// Go's assembler doesn't know these.
#define SMLAL_8H(m, n, d) WORD $(0x0e208000 | (m)<<16 | (n)<<5 | (d))  // d.8H += n.8B · m.8B
#define SMLAL2_8H(m, n, d) WORD $(0x4e208000 | (m)<<16 | (n)<<5 | (d)) // d.8H += n.16B · m.16B, the upper halves
#define SADDLP_4S(n, d) WORD $(0x4e602800 | (n)<<5 | (d))              // d.4S = pairs of n.8H
#define FADDP_4S(m, n, d) WORD $(0x6e20d400 | (m)<<16 | (n)<<5 | (d))  // d.4S = pairs of n.4S, pairs of m.4S

#define SXTL_8H(n, d) WORD $(0x0f08a400 | (n)<<5 | (d))                // d.8H = n.8B
#define SXTL2_8H(n, d) WORD $(0x4f08a400 | (n)<<5 | (d))               // d.8H = n.16B, the upper half
#define SXTL_4S(n, d) WORD $(0x0f10a400 | (n)<<5 | (d))                // d.4S = n.4H
#define SXTL2_4S(n, d) WORD $(0x4f10a400 | (n)<<5 | (d))               // d.4S = n.8H, the upper half
#define SCVTF_4S(n, d) WORD $(0x4e21d800 | (n)<<5 | (d))               // d.4S = n.4S, as floating-point numbers

// The two that multiply rows: V0 to V3 are of a's rows R1 to R4, V4 to V7 of b's rows R5 to R8; V16 to V31 are the 16 sums, row by row of a. A
// Cortex-A53 executes in order, one vector instruction a cycle and a load beside it: a register is loaded again as soon as its last product is
// begun, long before it is needed.

// ROWS makes pointers of R1 and R5 and the strides in R10 and R11, in bytes.
#define ROWS \
	ADD R10, R1, R2; \
	ADD R10, R2, R3; \
	ADD R10, R3, R4; \
	ADD R11, R5, R6; \
	ADD R11, R6, R7; \
	ADD R11, R7, R8

#define LOAD \
	FMOVQ.P 16(R1), F0; \
	FMOVQ.P 16(R5), F4; \
	FMOVQ.P 16(R6), F5; \
	FMOVQ.P 16(R7), F6; \
	FMOVQ.P 16(R8), F7; \
	FMOVQ.P 16(R2), F1; \
	FMOVQ.P 16(R3), F2; \
	FMOVQ.P 16(R4), F3

#define ZERO4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16; \
	VEOR b.B16, b.B16, b.B16; \
	VEOR c.B16, c.B16, c.B16; \
	VEOR d.B16, d.B16, d.B16

#define ZERO \
	ZERO4(V16, V17, V18, V19); \
	ZERO4(V20, V21, V22, V23); \
	ZERO4(V24, V25, V26, V27); \
	ZERO4(V28, V29, V30, V31)

#define UNITS(a, to) \
	SMLAL_8H(a, 4, to); \
	SMLAL_8H(a, 5, to+1); \
	SMLAL_8H(a, 6, to+2); \
	SMLAL_8H(a, 7, to+3)

#define UNITS2(a, to) \
	SMLAL2_8H(a, 4, to); \
	SMLAL2_8H(a, 5, to+1); \
	SMLAL2_8H(a, 6, to+2); \
	SMLAL2_8H(a, 7, to+3)

// UNIT_SUMS adds a row's sums to those at R0: 4 × 8 of 16 bits become 4 of 32.
#define UNIT_SUMS(s0, s1, s2, s3, number) \
	VADDP s1.H8, s0.H8, s0.H8; \
	VADDP s3.H8, s2.H8, s2.H8; \
	VADDP s2.H8, s0.H8, s0.H8; \
	SADDLP_4S(number, number); \
	FMOVQ (R0), F0; \
	VADD s0.S4, V0.S4, V0.S4; \
	FMOVQ.P F0, 16(R0)

// func unitsNEON(sums *[16]int32, a, b *int8, stride, n int)
TEXT ·unitsNEON(SB), NOSPLIT, $0-40
	MOVD sums+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R5
	MOVD stride+24(FP), R10
	MOVD n+32(FP), R9
	MOVD R10, R11
	ROWS
	LOAD
	ZERO
	SUBS $16, R9, R9
	BEQ  last

next:
	UNITS(0, 16)
	UNITS(1, 20)
	UNITS2(0, 16)
	FMOVQ.P 16(R1), F0
	UNITS2(1, 20)
	FMOVQ.P 16(R2), F1
	UNITS(2, 24)
	UNITS(3, 28)
	UNITS2(2, 24)
	FMOVQ.P 16(R3), F2
	SMLAL2_8H(3, 4, 28)
	FMOVQ.P 16(R5), F4
	SMLAL2_8H(3, 5, 29)
	FMOVQ.P 16(R6), F5
	SMLAL2_8H(3, 6, 30)
	FMOVQ.P 16(R7), F6
	SMLAL2_8H(3, 7, 31)
	FMOVQ.P 16(R8), F7
	SUBS $16, R9, R9
	FMOVQ.P 16(R4), F3
	BNE  next

last:
	UNITS(0, 16)
	UNITS(1, 20)
	UNITS2(0, 16)
	UNITS2(1, 20)
	UNITS(2, 24)
	UNITS(3, 28)
	UNITS2(2, 24)
	UNITS2(3, 28)
	UNIT_SUMS(V16, V17, V18, V19, 16)
	UNIT_SUMS(V20, V21, V22, V23, 20)
	UNIT_SUMS(V24, V25, V26, V27, 24)
	UNIT_SUMS(V28, V29, V30, V31, 28)
	RET

#define DOTS(a, s0, s1, s2, s3) \
	VFMLA V4.S4, a.S4, s0.S4; \
	VFMLA V5.S4, a.S4, s1.S4; \
	VFMLA V6.S4, a.S4, s2.S4; \
	VFMLA V7.S4, a.S4, s3.S4

// DOT_SUMS writes a row's sums: of 4 × 4 numbers 4.
#define DOT_SUMS(s) \
	FADDP_4S(s+1, s, 0); \
	FADDP_4S(s+3, s+2, 1); \
	FADDP_4S(1, 0, 0); \
	FMOVQ.P F0, 16(R0)

// func dotsNEON(sums *[16]float32, a *float32, strideA int, b *float32, strideB, n int)
TEXT ·dotsNEON(SB), NOSPLIT, $0-48
	MOVD sums+0(FP), R0
	MOVD a+8(FP), R1
	MOVD strideA+16(FP), R10
	MOVD b+24(FP), R5
	MOVD strideB+32(FP), R11
	MOVD n+40(FP), R9
	LSL  $2, R10, R10
	LSL  $2, R11, R11
	ROWS
	LOAD
	ZERO
	SUBS $4, R9, R9
	BEQ  last

next:
	DOTS(V0, V16, V17, V18, V19)
	FMOVQ.P 16(R1), F0
	DOTS(V1, V20, V21, V22, V23)
	FMOVQ.P 16(R2), F1
	DOTS(V2, V24, V25, V26, V27)
	FMOVQ.P 16(R3), F2
	VFMLA V4.S4, V3.S4, V28.S4
	FMOVQ.P 16(R5), F4
	VFMLA V5.S4, V3.S4, V29.S4
	FMOVQ.P 16(R6), F5
	VFMLA V6.S4, V3.S4, V30.S4
	FMOVQ.P 16(R7), F6
	VFMLA V7.S4, V3.S4, V31.S4
	FMOVQ.P 16(R8), F7
	SUBS $4, R9, R9
	FMOVQ.P 16(R4), F3
	BNE  next

last:
	DOTS(V0, V16, V17, V18, V19)
	DOTS(V1, V20, V21, V22, V23)
	DOTS(V2, V24, V25, V26, V27)
	DOTS(V3, V28, V29, V30, V31)
	DOT_SUMS(16)
	DOT_SUMS(20)
	DOT_SUMS(24)
	DOT_SUMS(28)
	RET

// func addUnitsNEON(to *float32, x float32, row *int8, n int)
TEXT ·addUnitsNEON(SB), NOSPLIT, $0-32
	MOVD  to+0(FP), R0
	FMOVS x+8(FP), F8
	MOVD  row+16(FP), R1
	MOVD  n+24(FP), R2
	VDUP  V8.S[0], V8.S4

next:
	FMOVQ.P 16(R1), F0
	FMOVQ (R0), F4
	SXTL_8H(0, 1)
	FMOVQ 16(R0), F5
	SXTL2_8H(0, 3)
	FMOVQ 32(R0), F6
	SXTL_4S(1, 0)
	FMOVQ 48(R0), F7
	SXTL2_4S(1, 1)
	SXTL_4S(3, 2)
	SXTL2_4S(3, 3)
	SCVTF_4S(0, 0)
	SCVTF_4S(1, 1)
	SCVTF_4S(2, 2)
	SCVTF_4S(3, 3)
	VFMLA V8.S4, V0.S4, V4.S4
	VFMLA V8.S4, V1.S4, V5.S4
	VFMLA V8.S4, V2.S4, V6.S4
	VFMLA V8.S4, V3.S4, V7.S4
	SUBS $16, R2, R2
	FMOVQ.P F4, 16(R0)
	FMOVQ.P F5, 16(R0)
	FMOVQ.P F6, 16(R0)
	FMOVQ.P F7, 16(R0)
	BGT  next
	RET
