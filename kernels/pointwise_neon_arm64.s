//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "requant_arm64.h"

// Pointwise by SMULL and SMLAL, 4 pixels × 4 output channels at a time. An accumulator has four partial sums of one
// pixel and one output channel, added up at the end:
//
//	V0…V3     accumulators of the first pixel: channel 0, 1, 2, 3; V4…V7: second; V8…V11; V12…V15
//	V16…V19   16 input channels of each pixel, V20…V23 the next 16, which are loaded a little later
//	V24, V25  32 weights of one output channel; V26, V27: of the next one
//	V28…V31   products, one for each pixel: int16 lanes
//
//	for each tile {
//		for each 32 input channels {
//			for n := range 4 {
//				V28…V31 = the sums of 4 products (SMULL, SMLAL2, SMLAL, SMLAL2)    flag 0
//				acc[…][n] += the pairs of V28…V31 (SADALP)
//			}
//		}
//		16, then 8 more if there are
//		dst[p][n] = requant(bias[n] + correction[n]·sums[p] + acc[p][n])
//	}
//
// Four products fit into 16 bits if their weights' magnitudes add up to no more than 255, which is so nearly everywhere
// in real networks with one scale for all channels. Else there are two products at a time (flag 1); one, where both
// of two weights are −128 (flag 2). The first products set the accumulators (SADDLP) instead of adding.
//
// A Cortex-A53 issues in order, two instructions a cycle if only one of them is the vector unit's, whose results can be used
// four cycles later. So the loads of what comes next stand between multiplications, and no product is used within the next
// three. The last steps of requantization, which are one after the other, and the stores stand between the first products
// of the tile after, if that is possible (SLOW): a tile leaves its results in V3, V7, V11 and V15, accumulators of the
// channel that comes last.

#define CHANNELS 4
#define SRC      R0
#define DST      R1
#define SSTRIDE  R2
#define DSTRIDE  R3
#define P0       R4 // to P3: the pixels of a tile
#define P1       R5
#define P2       R6
#define P3       R7
#define W        R8
#define FLAGS    R9
#define FLAG     R10
#define COUNT    R11
#define TILES    R12
#define PANEL    R13
#define STEPS    R14
#define REST     R15
#define SUMS     R16
#define KIND     R17
#define CORRECTS R19
#define WEIGHTS  R20

#define CALL     R21
#define PANELS   R22
#define SIZE     R23
#define COLUMN   R24 // of the output: where a panel's first pixel goes
#define SLOW     R25 // not 0: a tile is finished before the next one begins

#define LOAD_PANEL \
	MOVD COLUMN, DST;                     \
	MOVD pointwiseCall_src(CALL), SRC;    \
	MOVD pointwiseCall_sums(CALL), SUMS;  \
	MOVD pointwiseCall_tiles(CALL), TILES; \
	MOVD (channels4_header+header_kind)(PANEL), KIND; \
	MOVD (channels4_header+header_corrects)(PANEL), CORRECTS; \
	MOVD (channels4_header+header_weights)(PANEL), WEIGHTS; \
	ADD  PANEL, WEIGHTS

// The constants of requantization, where pixels and weights were.
#define MULTIPLIER   26
#define MULTIPLIER_B 26
#define RIGHT        28
#define RIGHT_B      28
#define LEFT         20
#define LEFT_B       20
#define ZERO16       22
#define LO           23
#define HI           24
#define ZERO32       25
#define SPARE        16
#define SPARE2       17
#define SPARE3       18

#define LOAD_REQUANT \
	FMOVQ (channels4_header+header_lo)(PANEL), F23

#define LOAD_REQUANT_SIGNED \
	FMOVQ (channels4_header+header_zero16)(PANEL), F22; \
	FMOVQ (channels4_header+header_hi)(PANEL), F24

#define LOAD_REQUANT_ANY \
	FMOVQ channels4_left(PANEL), F20;                   \
	FMOVQ (channels4_header+header_zero32)(PANEL), F25

#define LOAD(at, to) FMOVQ.P 16(at), to

#define LOAD_PIXELS_16 \
	FMOVQ.P 16(P0), F16; \
	FMOVQ.P 16(P1), F17; \
	FMOVQ.P 16(P2), F18; \
	FMOVQ.P 16(P3), F19

#define LOAD_NEXT_PIXELS_16 \
	LOAD(P0, F20); \
	LOAD(P1, F21); \
	LOAD(P2, F22); \
	LOAD(P3, F23)

#define LOAD_PIXELS_8 \
	FMOVD (P0), F16; \
	FMOVD (P1), F17; \
	FMOVD (P2), F18; \
	FMOVD (P3), F19

// For the four pixels: products of weights w and a half of the inputs, set or added; then into the accumulators of
// channel n.
#define LOW(OP, w)      OP(w, 16, 28); OP(w, 17, 29); OP(w, 18, 30); OP(w, 19, 31)
#define HIGH(OP, w)     OP(w, 20, 28); OP(w, 21, 29); OP(w, 22, 30); OP(w, 23, 31)
#define SUM(OP, n)      OP(28, (n)); OP(29, (n)+4); OP(30, (n)+8); OP(31, (n)+12)

#define PAIRS(OP, n, lo, hi) \
	LOW(SMULL, lo);  LOW(SMLAL2, lo);  SUM(OP, n); \
	HIGH(SMULL, hi); HIGH(SMLAL2, hi); SUM(SADALP_H, n)
#define ONES(OP, n, lo, hi) \
	LOW(SMULL, lo);   SUM(OP, n);       LOW(SMULL2, lo);  SUM(SADALP_H, n); \
	HIGH(SMULL, hi);  SUM(SADALP_H, n); HIGH(SMULL2, hi); SUM(SADALP_H, n)

// ALL does HOW for the four channels.
#define ALL(HOW, OP) \
	LOAD_NEXT_PIXELS_16;       \
	FLDPQ.P 32(W), (F26, F27); \
	HOW(OP, 0, 24, 25);        \
	FLDPQ.P 32(W), (F24, F25); \
	HOW(OP, 1, 26, 27);        \
	FLDPQ.P 32(W), (F26, F27); \
	HOW(OP, 2, 24, 25);        \
	HOW(OP, 3, 26, 27)

// AHEAD multiplies the pixels in v to v+3 by weights w, and does something after each two.
#define AHEAD(MUL, w, v, DO1, DO2) \
	MUL(w, (v), 28); MUL(w, (v)+1, 29); DO1; MUL(w, (v)+2, 30); MUL(w, (v)+3, 31); DO2

// FOURS does it with four products at a time: for three channels, and for the last, where it loads the first pixels and
// weights of the next step, if there is one. A to H are something to do besides.
#define FOURS(OP, A, B, C, D, E, F, G, H) \
	AHEAD(SMULL, 24, 16, LOAD(P0, F20), LOAD(P1, F21));  A; \
	AHEAD(SMLAL2, 24, 16, LOAD(P2, F22), LOAD(P3, F23)); B; \
	AHEAD(SMLAL, 25, 20, LOAD(W, F26), LOAD(W, F27));    C; \
	HIGH(SMLAL2, 25);                                    D; \
	SUM(OP, 0);                                          E; \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    F; \
	LOW(SMLAL2, 26);                                     G; \
	AHEAD(SMLAL, 27, 20, H, NOTHING);                    \
	HIGH(SMLAL2, 27); SUM(OP, 1);                        \
	AHEAD(SMULL, 24, 16, LOAD(W, F26), LOAD(W, F27));    \
	LOW(SMLAL2, 24); HIGH(SMLAL, 25); HIGH(SMLAL2, 25); SUM(OP, 2)
#define NOTHING
#define ALONE(OP) FOURS(OP, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
#define LAST_FOURS(OP) \
	LOW(SMULL, 26); LOW(SMLAL2, 26); HIGH(SMLAL, 27); HIGH(SMLAL2, 27); SUM(OP, 3)
#define LAST_FOURS_AHEAD(OP) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26);                                     \
	AHEAD(SMLAL, 27, 20, LOAD(P0, F16), LOAD(P1, F17));  \
	AHEAD(SMLAL2, 27, 20, LOAD(P2, F18), LOAD(P3, F19)); \
	SUM(OP, 3)

// What is left of the tile before, in steps for FOURS: NARROW_RELU or NARROW, with constants in accumulators that aren't
// set yet, and the stores.
#define RELU_A \
	UZP1_H(7, 3, 3); FMOVQ (channels4_header+header_lo)(PANEL), F1; \
	UZP1_H(15, 11, 11)
#define RELU_B SQXTUN_H(3, 3)
#define RELU_C SQXTUN2_H(11, 3)
#define RELU_D EOR(1, 3, 3)
#define SIGNED_A \
	SQXTN_S(3, 3);   FMOVQ (channels4_header+header_zero16)(PANEL), F1; \
	SQXTN_S(11, 11); FMOVQ (channels4_header+header_lo)(PANEL), F2
#define SIGNED_B \
	SQXTN2_S(7, 3);   FMOVQ (channels4_header+header_hi)(PANEL), F6; \
	SQXTN2_S(15, 11)
#define SIGNED_C SQADD_H(1, 3, 3); SQADD_H(1, 11, 11)
#define SIGNED_D SQXTN_H(3, 3)
#define SIGNED_E SQXTN2_H(11, 3)
#define SIGNED_F SMAX_B(2, 3, 3)
#define SIGNED_G SMIN_B(6, 3, 3)

// STORE writes the tile in V3.
#define STORE \
	VDUP  V3.S[1], V7.S4;  FMOVS F3, (DST); ADD DSTRIDE, DST;  \
	VDUP  V3.S[2], V11.S4; FMOVS F7, (DST); ADD DSTRIDE, DST;  \
	VDUP  V3.S[3], V15.S4; FMOVS F11, (DST); ADD DSTRIDE, DST; \
	FMOVS F15, (DST);      ADD DSTRIDE, DST

#define PAIR_16(OP, n, w) LOW(SMULL, w); LOW(SMLAL2, w); SUM(OP, n)
#define ONES_16(OP, n, w) LOW(SMULL, w); SUM(OP, n); LOW(SMULL2, w); SUM(SADALP_H, n)
#define ONE_8(OP, n, w)   LOW(SMULL, w); SUM(OP, n)
#define ALL_16(HOW, OP) \
	VLD1.P 64(W), [V24.B16, V25.B16, V26.B16, V27.B16]; \
	HOW(OP, 0, 24); \
	HOW(OP, 1, 25); \
	HOW(OP, 2, 26); \
	HOW(OP, 3, 27)
#define ALL_8(OP) \
	VLD1 (W), [V24.B8, V25.B8, V26.B8, V27.B8]; \
	ONE_8(OP, 0, 24); \
	ONE_8(OP, 1, 25); \
	ONE_8(OP, 2, 26); \
	ONE_8(OP, 3, 27)

#define ZERO4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16; \
	VEOR b.B16, b.B16, b.B16; \
	VEOR c.B16, c.B16, c.B16; \
	VEOR d.B16, d.B16, d.B16

// TOTAL adds up the partial sums of one pixel: a becomes its four channels.
#define TOTAL(a, b, c, d) ADDP_S(b, a, a); ADDP_S(d, c, c); ADDP_S(c, a, a)

#define EACH4(OP, x, y) OP(3, x); OP(7, x); OP(11, x); OP(15, x)
#define EACH1(OP, x, y) OP(0, x)
#define BIAS(v, x)   ADD_S(x, v, v)

#define QUADS4(OP) OP(3, 7, 11, 15); STORE
#define QUADS1(OP) OP(0, 4, 8, 12); FMOVS F0, (DST)

#include "pointwise_arm64.h"

// pointwise_4x4c32__neon computes tiles of 4 pixels × 4 output channels.
//
// func pointwise_4x4c32__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c32__neon(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL
	MOVBU channels4__size(PANEL), SLOW // the first flag
	LSR   $1, KIND, R26
	ORR   R26, SLOW
	CMP   $0, STEPS
	CSINC NE, SLOW, ZR, SLOW

tile:
	MOVD SRC, P0
	ADD  SSTRIDE, P0, P1
	ADD  SSTRIDE, P1, P2
	ADD  SSTRIDE, P2, P3
	ADD  SSTRIDE, P3, SRC
	MOVD WEIGHTS, W
	ADD  $channels4__size, PANEL, FLAGS
	MOVD STEPS, COUNT
	CBZ  STEPS, few

	MOVBU.P 1(FLAGS), FLAG
	FLDPQ.P 32(W), (F24, F25)
	LOAD_PIXELS_16
	SUBS $1, COUNT
	CBNZ FLAG, firstPairs
	ALONE(SADDLP_H)

first:
	BEQ  firstLast
	LAST_FOURS_AHEAD(SADDLP_H)

step: // the pixels' first 16 input channels are loaded, and the first weights
	MOVBU.P 1(FLAGS), FLAG
	SUBS $1, COUNT
	CBNZ FLAG, pairs
	ALONE(SADALP_H)
	BEQ  last
	LAST_FOURS_AHEAD(SADALP_H)
	B    step

last:
	LAST_FOURS(SADALP_H)

rest:
	CBZ  REST, total
	TBZ  $1, REST, eight
	MOVBU.P 1(FLAGS), FLAG
	LOAD_PIXELS_16
	TBNZ $1, FLAG, ones16
	ALL_16(PAIR_16, SADALP_H)

restEight:
	TBZ  $0, REST, total

eight:
	LOAD_PIXELS_8
	ALL_8(SADALP_H)

total:
	FLDPQ channels4_bias(PANEL), (F29, F30)
	ADDP_S(1, 0, 0)
	ADDP_S(3, 2, 2)
	MOVD  SRC, P0
	ADDP_S(5, 4, 4)
	ADD   SSTRIDE, P0, P1
	ADDP_S(7, 6, 6)
	ADD   SSTRIDE, P1, P2
	ADDP_S(9, 8, 8)
	ADD   SSTRIDE, P2, P3
	ADDP_S(11, 10, 10)
	FMOVQ channels4_multiplier(PANEL), F26
	ADDP_S(13, 12, 12)
	FMOVQ channels4_right(PANEL), F28
	ADDP_S(15, 14, 14)
	MOVD  WEIGHTS, W
	ADDP_S(2, 0, 3)
	ADD   $(channels4__size+1), PANEL, FLAGS
	ADDP_S(6, 4, 7)
	MOVD  STEPS, COUNT
	ADDP_S(10, 8, 11)
	ADDP_S(14, 12, 15)
	EACH4(BIAS, 29, _)
	CBZ   CORRECTS, corrected
	FMOVQ.P 16(SUMS), F31
	MLA_S_LANE(0, 31, 30, 3)
	MLA_S_LANE(1, 31, 30, 7)
	MLA_S_LANE(2, 31, 30, 11)
	MLA_S_LANE(3, 31, 30, 15)

corrected:
	CBNZ SLOW, requant
	CMP  $1, TILES
	BEQ  requant
	SUB  $1, TILES
	ADD  SSTRIDE, P3, SRC
	MULTIPLY(3, 26);     LOAD(P0, F16)
	MULTIPLY(7, 26);     LOAD(P1, F17)
	MULTIPLY(11, 26);    LOAD(P2, F18)
	MULTIPLY(15, 26);    LOAD(P3, F19)
	CBNZ KIND, signedAhead
	SHIFT_RIGHT(3, 28);  LOAD(W, F24)
	SHIFT_RIGHT(7, 28);  LOAD(W, F25)
	SHIFT_RIGHT(11, 28); SUBS $1, COUNT
	SHIFT_RIGHT(15, 28)
	FOURS(SADDLP_H, RELU_A, RELU_B, RELU_C, RELU_D, NOTHING, STORE, NOTHING, NOTHING)
	B    first

signedAhead:
	AWAY(3, _);          LOAD(W, F24)
	AWAY(7, _);          LOAD(W, F25)
	AWAY(11, _);         SUBS $1, COUNT
	AWAY(15, _)
	SHIFT_RIGHT(3, 28)
	SHIFT_RIGHT(7, 28)
	SHIFT_RIGHT(11, 28)
	SHIFT_RIGHT(15, 28)
	FOURS(SADDLP_H, SIGNED_A, SIGNED_B, SIGNED_C, SIGNED_D, SIGNED_E, SIGNED_F, SIGNED_G, STORE)
	B    first

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH4, QUADS4)

firstLast:
	LAST_FOURS(SADDLP_H)
	B    rest

few: // less than 32 input channels
	TBZ  $1, REST, onlyEight
	MOVBU.P 1(FLAGS), FLAG
	LOAD_PIXELS_16
	TBNZ $1, FLAG, firstOnes16
	ALL_16(PAIR_16, SADDLP_H)
	B    restEight

onlyEight:
	LOAD_PIXELS_8
	ALL_8(SADDLP_H)
	B    total

firstPairs:
	TBNZ $1, FLAG, firstOnes
	ALL(PAIRS, SADDLP_H)

load: // what a step finds loaded
	BEQ  rest
	FLDPQ.P 32(W), (F24, F25)
	LOAD_PIXELS_16
	B    step

pairs:
	TBNZ $1, FLAG, ones
	ALL(PAIRS, SADALP_H)
	B    load

firstOnes:
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

ones:
	ALL(ONES, SADALP_H)
	B    load

firstOnes16:
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

ones16:
	ALL_16(ONES_16, SADALP_H)
	B    restEight

// pointwise_1x4c32__neon computes one pixel × 4 output channels.
//
//	V0…V3    accumulators: channel 0, 1, 2, 3
//	V16, V20 32 input channels
//	V24, V25; V26, V27; V4, V5; V6, V7   their weights for channel 0; 1; 2; 3
//	V28…V31  products, one for each channel
//
// func pointwise_1x4c32__neon(call *pointwiseCall)
TEXT ·pointwise_1x4c32__neon(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	ADD  $channels4__size, PANEL, FLAGS
	ZERO4(V0, V1, V2, V3)
	MOVD STEPS, COUNT
	MOVD SRC, P0
	CBZ  COUNT, rest

#define EACH_CHANNEL(OP, pixel, w0, w1, w2, w3) OP(w0, pixel, 28); OP(w1, pixel, 29); OP(w2, pixel, 30); OP(w3, pixel, 31)
#define SUM_CHANNELS SADALP_H(28, 0); SADALP_H(29, 1); SADALP_H(30, 2); SADALP_H(31, 3)

step:
	MOVBU.P 1(FLAGS), FLAG
	VLD1.P  64(WEIGHTS), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1.P  64(WEIGHTS), [V4.B16, V5.B16, V6.B16, V7.B16]
	FLDPQ.P 32(P0), (F16, F20)
	CBNZ    FLAG, ones
	EACH_CHANNEL(SMULL, 16, 24, 26, 4, 6)
	EACH_CHANNEL(SMLAL2, 16, 24, 26, 4, 6)
	EACH_CHANNEL(SMLAL, 20, 25, 27, 5, 7)
	EACH_CHANNEL(SMLAL2, 20, 25, 27, 5, 7)
	SUM_CHANNELS

nextStep:
	SUBS $1, COUNT
	BNE  step

rest:
	CBZ  REST, total
	TBZ  $1, REST, eight
	FMOVQ.P 16(P0), F16
	VLD1.P  64(WEIGHTS), [V24.B16, V25.B16, V26.B16, V27.B16]
	EACH_CHANNEL(SMULL, 16, 24, 25, 26, 27)
	SUM_CHANNELS
	EACH_CHANNEL(SMULL2, 16, 24, 25, 26, 27)
	SUM_CHANNELS
	TBZ  $0, REST, total

eight:
	FMOVD (P0), F16
	VLD1 (WEIGHTS), [V24.B8, V25.B8, V26.B8, V27.B8]
	EACH_CHANNEL(SMULL, 16, 24, 25, 26, 27)
	SUM_CHANNELS

total:
	FLDPQ channels4_bias(PANEL), (F29, F30)
	TOTAL(0, 1, 2, 3)
	FMOVQ channels4_multiplier(PANEL), F26
	FMOVQ channels4_right(PANEL), F28
	LOAD_REQUANT
	BIAS(0, 29)
	CBZ  CORRECTS, requant
	FMOVS (SUMS), F31
	MLA_S_LANE(0, 31, 30, 0)

requant:
	REQUANTIZE(EACH1, QUADS1)

ones:
	EACH_CHANNEL(SMULL, 16, 24, 26, 4, 6)
	SUM_CHANNELS
	EACH_CHANNEL(SMULL2, 16, 24, 26, 4, 6)
	SUM_CHANNELS
	EACH_CHANNEL(SMULL, 20, 25, 27, 5, 7)
	SUM_CHANNELS
	EACH_CHANNEL(SMULL2, 20, 25, 27, 5, 7)
	SUM_CHANNELS
	B    nextStep
