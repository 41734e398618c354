//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "requant_arm64.h"
#include "pointwise_8ch_arm64.h"
#include "pointwise_arm64.h"

// Pointwise by SDOT, 8 output channels at a time.
//
//	V0, V1    accumulators of the first pixel: channels 0…3, 4…7
//	V2, V3    of the second, and so on, up to V15
//	V16…V23   16 input channels of each pixel
//	V24…V31   their weights: a quad is 4 input channels of each of the 8 output channels
//	          V24: [n0 k0…k3] [n1 k0…k3] [n2 k0…k3] [n3 k0…k3], V25: n4…n7, then the next quad
//
//	for each tile {
//		acc[p][n] = bias[n] + correction[n]·sums[p]
//		for each 16 input channels { 4 quads }
//		the quads that are left
//		dst[p][n] = requant(acc[p][n])
//	}

// SET makes the bias a pixel's accumulators. Loads leave the vector pipes to the products, which copies of registers don't.
#define SET(a, b) FLDPQ channels8_bias(PANEL), (a, b)
#define SET4 SET(F0, F1); SET(F2, F3); SET(F4, F5); SET(F6, F7)

// QUAD adds the products of quad i of the pixels, and the weights in w0 and w1.
#define QUAD8(i, w0, w1) QUAD4(i, w0, w1); \
	SDOT_LANE(i, 20, w0, 8);  SDOT_LANE(i, 20, w1, 9);  \
	SDOT_LANE(i, 21, w0, 10); SDOT_LANE(i, 21, w1, 11); \
	SDOT_LANE(i, 22, w0, 12); SDOT_LANE(i, 22, w1, 13); \
	SDOT_LANE(i, 23, w0, 14); SDOT_LANE(i, 23, w1, 15)
#define QUAD4(i, w0, w1) QUAD1(i, w0, w1); \
	SDOT_LANE(i, 17, w0, 2); SDOT_LANE(i, 17, w1, 3); \
	SDOT_LANE(i, 18, w0, 4); SDOT_LANE(i, 18, w1, 5); \
	SDOT_LANE(i, 19, w0, 6); SDOT_LANE(i, 19, w1, 7)
#define QUAD1(i, w0, w1) SDOT_LANE(i, 16, w0, 0); SDOT_LANE(i, 16, w1, 1)

// pointwise_8x8c4__neondot computes tiles of 8 pixels × 8 output channels.
//
// func pointwise_8x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_8x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL
	SET4
	SET(F8, F9)
	SET(F10, F11)
	SET(F12, F13)
	SET(F14, F15)

tile:
	LOAD_PIXELS8
	ADD   $channels8__size, PANEL, W
	CBZ   CORRECTS, corrected
	CORRECT8

corrected:
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	FMOVQ.P 16(P0), F16
	FMOVQ.P 16(P1), F17
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	FMOVQ.P 16(P2), F18
	FMOVQ.P 16(P3), F19
	FMOVQ.P 16(P4), F20
	FMOVQ.P 16(P5), F21
	FMOVQ.P 16(P6), F22
	FMOVQ.P 16(P7), F23
	SUBS    $1, COUNT
	QUAD8(0, 24, 25)
	VLD1.P  64(W), [V28.B16, V29.B16, V30.B16, V31.B16]
	QUAD8(1, 26, 27)
	QUAD8(2, 28, 29)
	QUAD8(3, 30, 31)
	BNE     step

rest:
	CBZ   REST, requant
	FMOVQ (P0), F16
	FMOVQ (P1), F17
	FMOVQ (P2), F18
	FMOVQ (P3), F19
	FMOVQ (P4), F20
	FMOVQ (P5), F21
	FMOVQ (P6), F22
	FMOVQ (P7), F23
	FLDPQ (W), (F24, F25)
	QUAD8(0, 24, 25)
	CMP   $2, REST
	BLT   requant
	FLDPQ 32(W), (F26, F27)
	QUAD8(1, 26, 27)
	BEQ   requant
	FLDPQ 64(W), (F28, F29)
	QUAD8(2, 28, 29)

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH16, QUADS8)

// pointwise_4x8c4__neondot computes tiles of 4 pixels × 8 output channels.
//
// func pointwise_4x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_4x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL
	SET4

tile:
	LOAD_PIXELS4
	ADD   $channels8__size, PANEL, W
	CBZ   CORRECTS, corrected
	CORRECT4

corrected:
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	FMOVQ.P 16(P0), F16
	FMOVQ.P 16(P1), F17
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	FMOVQ.P 16(P2), F18
	FMOVQ.P 16(P3), F19
	VLD1.P  64(W), [V28.B16, V29.B16, V30.B16, V31.B16]
	SUBS    $1, COUNT
	QUAD4(0, 24, 25)
	QUAD4(1, 26, 27)
	QUAD4(2, 28, 29)
	QUAD4(3, 30, 31)
	BNE     step

rest:
	CBZ   REST, requant
	FMOVQ (P0), F16
	FMOVQ (P1), F17
	FMOVQ (P2), F18
	FMOVQ (P3), F19
	FLDPQ (W), (F24, F25)
	QUAD4(0, 24, 25)
	CMP   $2, REST
	BLT   requant
	FLDPQ 32(W), (F26, F27)
	QUAD4(1, 26, 27)
	BEQ   requant
	FLDPQ 64(W), (F28, F29)
	QUAD4(2, 28, 29)

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH8, QUADS4)

// pointwise_1x8c4__neondot computes one pixel × 8 output channels.
//
// Its sums of products are in two pairs of accumulators, as one SDOT waits for another with the same.
//
// func pointwise_1x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_1x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	ADD   $channels8__size, PANEL, W
	FLDPQ channels8_bias(PANEL), (F0, F1)
	VEOR  V2.B16, V2.B16, V2.B16
	VEOR  V3.B16, V3.B16, V3.B16
	CBZ   CORRECTS, corrected
	CORRECT1

corrected:
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	FMOVQ.P 16(SRC), F16
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1.P  64(W), [V28.B16, V29.B16, V30.B16, V31.B16]
	SUBS    $1, COUNT
	QUAD1(0, 24, 25)
	SDOT_LANE(1, 16, 26, 2)
	SDOT_LANE(1, 16, 27, 3)
	QUAD1(2, 28, 29)
	SDOT_LANE(3, 16, 30, 2)
	SDOT_LANE(3, 16, 31, 3)
	BNE     step

rest:
	CBZ   REST, requant
	FMOVQ (SRC), F16
	FLDPQ (W), (F24, F25)
	QUAD1(0, 24, 25)
	CMP   $2, REST
	BLT   requant
	FLDPQ 32(W), (F26, F27)
	QUAD1(1, 26, 27)
	BEQ   requant
	FLDPQ 64(W), (F28, F29)
	QUAD1(2, 28, 29)

requant:
	ADD_S(2, 0, 0)
	ADD_S(3, 1, 1)
	LOAD_REQUANT
	REQUANTIZE(EACH2, QUADS1)
