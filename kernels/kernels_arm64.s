//go:build !purego

// The Arm kernels, by what they compute:
//
//	pointwise_neon_arm64.s, pointwise_few_neon_arm64.s, pointwise_neondot_arm64.s, pointwise_neoni8mm_arm64.s
//	                                                a tile of pixels × output channels
//	depthwise_arm64.s, depthwise_taps_arm64.s       3×3 windows; windows of any other size
//	add_arm64.s                                     two tensors
//	kernels_arm64.s                                 the small ones: sums of pixels and of windows, patches
//
// Instructions that Go's assembler lacks are macros in neon_arm64.h, requantization is in requant_arm64.h. What calls
// the kernels is in the .go files of the same names; kernels_arm64.go puts the sets together.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Rows are copied in two words, the second ending where the row ends:
//
//	R8  the row in src    R9 rows left    R7 where the second word begins    R0 the row in dst
//
//	for each patch { for each row { two words } }
#define LOAD \
	MOVD dst+0(FP), R0;    \
	MOVD src+8(FP), R1;    \
	MOVD count+16(FP), R2; \
	MOVD rows+24(FP), R3;  \
	MOVD row+32(FP), R4;   \
	MOVD pitch+40(FP), R5; \
	MOVD step+48(FP), R6

// patches_8b copies patches whose rows have 8 to 16 bytes. Three rows (the usual stem) are copied in one word of 16 each, as
// long as the last patch's last row doesn't end before: what is written behind a row, the next one overwrites.
//
// func patches_8b(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches_8b(SB), NOSPLIT, $0-56
	LOAD
	SUB  $8, R4, R7
	SUB  $1, R2, R10
	MUL  R6, R10
	ADD  R1, R10
	ADD  R4, R10
	SUB  $16, R10 // the last place to read 16 bytes from
	CMP  $3, R3
	BNE  patch

three:
	CMP   R10, R1
	BHI   patch
	FMOVQ (R1), F0
	ADD   R5, R1, R8
	FMOVQ (R8), F1
	ADD   R5, R8
	FMOVQ (R8), F2
	ADD   R6, R1
	ADD   R4, R0, R9
	SUBS  $1, R2
	FMOVQ F0, (R0)
	ADD   R4, R9, R11
	FMOVQ F1, (R9)
	ADD   R4, R11, R0
	FMOVQ F2, (R11)
	BNE   three
	RET

patch:
	MOVD R1, R8
	MOVD R3, R9
	ADD  R6, R1

row:
	MOVD (R8), R10
	MOVD (R8)(R7), R11
	ADD  R5, R8
	SUBS $1, R9
	MOVD R10, (R0)
	MOVD R11, (R0)(R7)
	ADD  R4, R0
	BNE  row
	SUBS $1, R2
	BNE  patch
	RET

// patches_16b copies patches whose rows have 16 to 32 bytes.
//
// func patches_16b(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches_16b(SB), NOSPLIT, $0-56
	LOAD
	SUB $16, R4, R7

patch:
	MOVD R1, R8
	MOVD R3, R9
	ADD  R6, R1

row:
	ADD   R7, R8, R12
	ADD   R7, R0, R13
	FMOVQ (R8), F0
	FMOVQ (R12), F1
	ADD   R5, R8
	SUBS  $1, R9
	FMOVQ F0, (R0)
	FMOVQ F1, (R13)
	ADD   R4, R0
	BNE   row
	SUBS  $1, R2
	BNE   patch
	RET

// pixelsums__neon adds up each pixel's activations, four pixels at a time.
//
//	V0…V3   sums, in four parts each    V4…V7   16 activations of each pixel
//	V8      the mask of the last 16
//
//	for each four pixels { for each 16 channels { V0…V3 += the pairs' sums' pairs' sums of V4…V7 } }
//
// func pixelsums__neon(s *pixelSums)
TEXT ·pixelsums__neon(SB), NOSPLIT, $0-8
	MOVD  s+0(FP), R11
	MOVD  pixelSums_src(R11), R0
	MOVD  pixelSums_dst(R11), R1
	MOVD  pixelSums_stride(R11), R2
	MOVD  pixelSums_fours(R11), R3
	MOVD  pixelSums_steps(R11), R4
	MOVD  pixelSums_rest(R11), R5
	FMOVQ pixelSums_mask(R11), F8

#define PAIRS(v, acc) SADDLP_B(v, v); SADALP_H(v, acc)
#define PAIRS4 PAIRS(4, 0); PAIRS(5, 1); PAIRS(6, 2); PAIRS(7, 3)

four:
	MOVD R0, R6
	ADD  R2, R6, R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R0
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	MOVD R4, R10
	CBZ  R10, rest

step:
	FMOVQ.P 16(R6), F4
	FMOVQ.P 16(R7), F5
	FMOVQ.P 16(R8), F6
	FMOVQ.P 16(R9), F7
	SUBS    $1, R10
	PAIRS4
	BNE     step

rest:
	CBZ   R5, sum
	FMOVQ (R6), F4
	FMOVQ (R7), F5
	FMOVQ (R8), F6
	FMOVQ (R9), F7
	VAND  V8.B16, V4.B16, V4.B16
	VAND  V8.B16, V5.B16, V5.B16
	VAND  V8.B16, V6.B16, V6.B16
	VAND  V8.B16, V7.B16, V7.B16
	PAIRS4

sum:
	ADDP_S(1, 0, 0)
	ADDP_S(3, 2, 2)
	ADDP_S(2, 0, 0)
	FMOVQ.P F0, 16(R1)
	SUBS  $1, R3
	BNE   four
	RET
