//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "requant_arm64.h"

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

#define SRC      R0
#define DST      R1
#define SSTRIDE  R2
#define DSTRIDE  R3
#define P0       R4 // to P7: the pixels of a tile
#define P1       R5
#define P2       R6
#define P3       R7
#define P4       R8
#define P5       R9
#define P6       R10
#define P7       R11
#define W        R12
#define COUNT    R13
#define TILES    R14
#define PANEL    R15
#define STEPS    R16
#define REST     R17
#define SUMS     R19
#define KIND     R20
#define CORRECTS R21

#define CALL     R22
#define PANELS   R23
#define SIZE     R24
#define COLUMN   R25 // of the output: where a panel's first pixel goes

#define LOAD_CALL(call) \
	MOVD call, CALL;                              \
	MOVD pointwiseCall_srcStride(CALL), SSTRIDE;  \
	MOVD pointwiseCall_dstStride(CALL), DSTRIDE;  \
	MOVD pointwiseCall_steps(CALL), STEPS;        \
	MOVD pointwiseCall_rest(CALL), REST;          \
	MOVD pointwiseCall_dst(CALL), COLUMN;         \
	MOVD pointwiseCall_panel(CALL), PANEL;        \
	MOVD pointwiseCall_panels(CALL), PANELS;      \
	MOVD pointwiseCall_panelSize(CALL), SIZE

#define LOAD_PANEL \
	MOVD COLUMN, DST;                     \
	MOVD pointwiseCall_src(CALL), SRC;    \
	MOVD pointwiseCall_sums(CALL), SUMS;  \
	MOVD pointwiseCall_tiles(CALL), TILES; \
	MOVD (channels8_header+header_kind)(PANEL), KIND; \
	MOVD (channels8_header+header_corrects)(PANEL), CORRECTS

// The constants of requantization, where pixels and weights were. Of eight channels, those of 0…3 come first.
#define MULTIPLIER   16 // and 17
#define MULTIPLIER_B 17
#define RIGHT        18 // and 19
#define RIGHT_B      19
#define LEFT         20 // and 21
#define LEFT_B       21
#define ZERO16       22
#define LO           23
#define HI           24
#define ZERO32       25
#define SPARE        26
#define SPARE2       27
#define SPARE3       28

#define LOAD_REQUANT \
	FLDPQ channels8_multiplier(PANEL), (F16, F17);      \
	FLDPQ channels8_right(PANEL), (F18, F19);           \
	FMOVQ (channels8_header+header_lo)(PANEL), F23

#define LOAD_REQUANT_SIGNED \
	FMOVQ (channels8_header+header_zero16)(PANEL), F22; \
	FMOVQ (channels8_header+header_hi)(PANEL), F24

#define LOAD_REQUANT_ANY \
	FLDPQ channels8_left(PANEL), (F20, F21);            \
	FMOVQ (channels8_header+header_zero32)(PANEL), F25

#define EACH16(OP, x, y) EACH8(OP, x, y); \
	OP(8, x); OP(9, y); OP(10, x); OP(11, y); OP(12, x); OP(13, y); OP(14, x); OP(15, y)
#define EACH8(OP, x, y) EACH2(OP, x, y); OP(2, x); OP(3, y); OP(4, x); OP(5, y); OP(6, x); OP(7, y)
#define EACH2(OP, x, y) OP(0, x); OP(1, y)

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

// CORRECT adds correction[n]·sums[p] for the two accumulators of pixel i of the sums in register sums.
#define CORRECT(i, sums, a, b) MLA_S_LANE(i, sums, 18, a); MLA_S_LANE(i, sums, 19, b)

// STORE writes a pair of pixels.
#define STORE(v0) VST1.P v0.D[0], (DST)(DSTRIDE); VST1.P v0.D[1], (DST)(DSTRIDE)

// pointwise_8x8c4__neondot computes tiles of 8 pixels × 8 output channels.
//
// func pointwise_8x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_8x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	MOVD  SRC, P0
	ADD   SSTRIDE, P0, P1
	ADD   SSTRIDE, P1, P2
	ADD   SSTRIDE, P2, P3
	ADD   SSTRIDE, P3, P4
	ADD   SSTRIDE, P4, P5
	ADD   SSTRIDE, P5, P6
	ADD   SSTRIDE, P6, P7
	ADD   SSTRIDE, P7, SRC
	ADD   $channels8__size, PANEL, W
	FLDPQ channels8_bias(PANEL), (F0, F1)
	MOV(0, 2); MOV(1, 3); MOV(0, 4); MOV(1, 5); MOV(0, 6); MOV(1, 7); MOV(0, 8); MOV(1, 9)
	MOV(0, 10); MOV(1, 11); MOV(0, 12); MOV(1, 13); MOV(0, 14); MOV(1, 15)
	CBZ   CORRECTS, corrected
	FLDPQ.P 32(SUMS), (F16, F17)
	FLDPQ channels8_correction(PANEL), (F18, F19)
	CORRECT(0, 16, 0, 1); CORRECT(1, 16, 2, 3); CORRECT(2, 16, 4, 5); CORRECT(3, 16, 6, 7)
	CORRECT(0, 17, 8, 9); CORRECT(1, 17, 10, 11); CORRECT(2, 17, 12, 13); CORRECT(3, 17, 14, 15)

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
	CBNZ KIND, signed
	EACH16(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH16(SHIFT_RIGHT, RIGHT, RIGHT_B)
	NARROW_RELU(0, 1, 2, 3)
	STORE(V0)
	NARROW_RELU(4, 5, 6, 7)
	STORE(V4)
	NARROW_RELU(8, 9, 10, 11)
	STORE(V8)
	NARROW_RELU(12, 13, 14, 15)
	STORE(V12)
	SUBS $1, TILES
	BNE  tile

next:
	ADD  SIZE, PANEL
	ADD  $8, COLUMN
	SUBS $1, PANELS
	BNE  panel
	RET

signed:
	LOAD_REQUANT_SIGNED
	TBNZ $1, KIND, any
	EACH16(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH16(AWAY, _, _)
	EACH16(SHIFT_RIGHT, RIGHT, RIGHT_B)

narrow:
	NARROW(0, 1, 2, 3)
	STORE(V0)
	NARROW(4, 5, 6, 7)
	STORE(V4)
	NARROW(8, 9, 10, 11)
	STORE(V8)
	NARROW(12, 13, 14, 15)
	STORE(V12)
	SUBS $1, TILES
	BNE  tile
	B    next

any:
	LOAD_REQUANT_ANY
	TBNZ $0, KIND, once
	EACH16(SHIFT_LEFT, LEFT, LEFT_B)
	EACH16(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH16(AWAY_ANY, RIGHT, RIGHT_B)
	EACH16(SHIFT_RIGHT, RIGHT, RIGHT_B)

offset:
	EACH16(OFFSET, _, _)
	B    narrow

once:
	ONCE(0, MULTIPLIER, RIGHT)
	ONCE(1, MULTIPLIER_B, RIGHT_B)
	ONCE(2, MULTIPLIER, RIGHT)
	ONCE(3, MULTIPLIER_B, RIGHT_B)
	ONCE(4, MULTIPLIER, RIGHT)
	ONCE(5, MULTIPLIER_B, RIGHT_B)
	ONCE(6, MULTIPLIER, RIGHT)
	ONCE(7, MULTIPLIER_B, RIGHT_B)
	ONCE(8, MULTIPLIER, RIGHT)
	ONCE(9, MULTIPLIER_B, RIGHT_B)
	ONCE(10, MULTIPLIER, RIGHT)
	ONCE(11, MULTIPLIER_B, RIGHT_B)
	ONCE(12, MULTIPLIER, RIGHT)
	ONCE(13, MULTIPLIER_B, RIGHT_B)
	ONCE(14, MULTIPLIER, RIGHT)
	ONCE(15, MULTIPLIER_B, RIGHT_B)
	B    offset

// pointwise_4x8c4__neondot computes tiles of 4 pixels × 8 output channels.
//
// func pointwise_4x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_4x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	MOVD  SRC, P0
	ADD   SSTRIDE, P0, P1
	ADD   SSTRIDE, P1, P2
	ADD   SSTRIDE, P2, P3
	ADD   SSTRIDE, P3, SRC
	ADD   $channels8__size, PANEL, W
	FLDPQ channels8_bias(PANEL), (F0, F1)
	MOV(0, 2); MOV(1, 3); MOV(0, 4); MOV(1, 5); MOV(0, 6); MOV(1, 7)
	CBZ   CORRECTS, corrected
	FMOVQ.P 16(SUMS), F16
	FLDPQ channels8_correction(PANEL), (F18, F19)
	CORRECT(0, 16, 0, 1); CORRECT(1, 16, 2, 3); CORRECT(2, 16, 4, 5); CORRECT(3, 16, 6, 7)

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
	CBNZ KIND, signed
	EACH8(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH8(SHIFT_RIGHT, RIGHT, RIGHT_B)
	NARROW_RELU(0, 1, 2, 3)
	STORE(V0)
	NARROW_RELU(4, 5, 6, 7)
	STORE(V4)
	SUBS $1, TILES
	BNE  tile

next:
	ADD  SIZE, PANEL
	ADD  $8, COLUMN
	SUBS $1, PANELS
	BNE  panel
	RET

signed:
	LOAD_REQUANT_SIGNED
	TBNZ $1, KIND, any
	EACH8(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH8(AWAY, _, _)
	EACH8(SHIFT_RIGHT, RIGHT, RIGHT_B)

narrow:
	NARROW(0, 1, 2, 3)
	STORE(V0)
	NARROW(4, 5, 6, 7)
	STORE(V4)
	SUBS $1, TILES
	BNE  tile
	B    next

any:
	LOAD_REQUANT_ANY
	TBNZ $0, KIND, once
	EACH8(SHIFT_LEFT, LEFT, LEFT_B)
	EACH8(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH8(AWAY_ANY, RIGHT, RIGHT_B)
	EACH8(SHIFT_RIGHT, RIGHT, RIGHT_B)

offset:
	EACH8(OFFSET, _, _)
	B    narrow

once:
	ONCE(0, MULTIPLIER, RIGHT)
	ONCE(1, MULTIPLIER_B, RIGHT_B)
	ONCE(2, MULTIPLIER, RIGHT)
	ONCE(3, MULTIPLIER_B, RIGHT_B)
	ONCE(4, MULTIPLIER, RIGHT)
	ONCE(5, MULTIPLIER_B, RIGHT_B)
	ONCE(6, MULTIPLIER, RIGHT)
	ONCE(7, MULTIPLIER_B, RIGHT_B)
	B    offset

// pointwise_1x8c4__neondot computes one pixel × 8 output channels.
//
// Its sums of products are in two pairs of accumulators, as one SDOT waits for another with the same.
//
// func pointwise_1x8c4__neondot(call *pointwiseCall)
TEXT ·pointwise_1x8c4__neondot(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL
	ADD   $channels8__size, PANEL, W
	FLDPQ channels8_bias(PANEL), (F0, F1)
	VEOR  V2.B16, V2.B16, V2.B16
	VEOR  V3.B16, V3.B16, V3.B16
	CBZ   CORRECTS, corrected
	FMOVS (SUMS), F16
	FLDPQ channels8_correction(PANEL), (F18, F19)
	CORRECT(0, 16, 0, 1)

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
	CBNZ KIND, signed
	EACH2(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH2(SHIFT_RIGHT, RIGHT, RIGHT_B)
	NARROW_RELU(0, 1, 2, 3)
	FMOVD F0, (DST)

next:
	ADD  SIZE, PANEL
	ADD  $8, COLUMN
	SUBS $1, PANELS
	BNE  panel
	RET

signed:
	LOAD_REQUANT_SIGNED
	TBNZ $1, KIND, any
	EACH2(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH2(AWAY, _, _)
	EACH2(SHIFT_RIGHT, RIGHT, RIGHT_B)

narrow:
	NARROW(0, 1, 2, 3)
	FMOVD F0, (DST)
	B    next

any:
	LOAD_REQUANT_ANY
	TBNZ $0, KIND, once
	EACH2(SHIFT_LEFT, LEFT, LEFT_B)
	EACH2(MULTIPLY, MULTIPLIER, MULTIPLIER_B)
	EACH2(AWAY_ANY, RIGHT, RIGHT_B)
	EACH2(SHIFT_RIGHT, RIGHT, RIGHT_B)

offset:
	EACH2(OFFSET, _, _)
	B    narrow

once:
	ONCE(0, MULTIPLIER, RIGHT)
	ONCE(1, MULTIPLIER_B, RIGHT_B)
	B    offset
