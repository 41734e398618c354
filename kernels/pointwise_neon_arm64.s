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
// A Cortex-A53 issues in order, two instructions a cycle if only one of them is a multiplication. So the loads of what
// comes next stand between multiplications, and no product is used within the next three.

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
#define MULTIPLIER   16
#define MULTIPLIER_B 16
#define RIGHT        18
#define RIGHT_B      18
#define LEFT         20
#define LEFT_B       20
#define ZERO16       22
#define LO           23
#define HI           24
#define ZERO32       25
#define SPARE        26
#define SPARE2       27
#define SPARE3       28

#define LOAD_REQUANT \
	FLDPQ channels4_multiplier(PANEL), (F16, F18);      \
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

// AHEAD multiplies the pixels in v to v+3 by weights w, and loads something after each two.
#define AHEAD(MUL, w, v, LOAD1, LOAD2) \
	MUL(w, (v), 28); MUL(w, (v)+1, 29); LOAD1; MUL(w, (v)+2, 30); MUL(w, (v)+3, 31); LOAD2

// FOURS does it with four products at a time: for three channels, and for the last, where it loads the first pixels and
// weights of the next step, if there is one.
#define FOURS(OP) \
	AHEAD(SMULL, 24, 16, LOAD(P0, F20), LOAD(P1, F21));  \
	AHEAD(SMLAL2, 24, 16, LOAD(P2, F22), LOAD(P3, F23)); \
	AHEAD(SMLAL, 25, 20, LOAD(W, F26), LOAD(W, F27));    \
	HIGH(SMLAL2, 25); SUM(OP, 0);                        \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26); HIGH(SMLAL, 27); HIGH(SMLAL2, 27); SUM(OP, 1); \
	AHEAD(SMULL, 24, 16, LOAD(W, F26), LOAD(W, F27));    \
	LOW(SMLAL2, 24); HIGH(SMLAL, 25); HIGH(SMLAL2, 25); SUM(OP, 2)
#define LAST_FOURS(OP) \
	LOW(SMULL, 26); LOW(SMLAL2, 26); HIGH(SMLAL, 27); HIGH(SMLAL2, 27); SUM(OP, 3)
#define LAST_FOURS_AHEAD(OP) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26);                                     \
	AHEAD(SMLAL, 27, 20, LOAD(P0, F16), LOAD(P1, F17));  \
	AHEAD(SMLAL2, 27, 20, LOAD(P2, F18), LOAD(P3, F19)); \
	SUM(OP, 3)

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

#define EACH4(OP, x, y) OP(0, x); OP(4, x); OP(8, x); OP(12, x)
#define EACH1(OP, x, y) OP(0, x)
#define BIAS(v, x)   ADD_S(x, v, v)

#define QUADS4(OP) \
	OP(0, 4, 8, 12); \
	VST1.P V0.S[0], (DST)(DSTRIDE); \
	VST1.P V0.S[1], (DST)(DSTRIDE); \
	VST1.P V0.S[2], (DST)(DSTRIDE); \
	VST1.P V0.S[3], (DST)(DSTRIDE)
#define QUADS1(OP) OP(0, 4, 8, 12); FMOVS F0, (DST)

#include "pointwise_arm64.h"

// pointwise_4x4c32__neon computes tiles of 4 pixels × 4 output channels.
//
// func pointwise_4x4c32__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c32__neon(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

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
	FOURS(SADDLP_H)
	BEQ  firstLast
	LAST_FOURS_AHEAD(SADDLP_H)

step: // the pixels' first 16 input channels are loaded, and the first weights
	MOVBU.P 1(FLAGS), FLAG
	SUBS $1, COUNT
	CBNZ FLAG, pairs
	FOURS(SADALP_H)
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
	FLDPQ channels4_bias(PANEL), (F27, F28)
	TOTAL(0, 1, 2, 3)
	TOTAL(4, 5, 6, 7)
	TOTAL(8, 9, 10, 11)
	TOTAL(12, 13, 14, 15)
	LOAD_REQUANT
	EACH4(BIAS, 27, _)
	CBZ  CORRECTS, requant
	FMOVQ.P 16(SUMS), F29
	MLA_S_LANE(0, 29, 28, 0)
	MLA_S_LANE(1, 29, 28, 4)
	MLA_S_LANE(2, 29, 28, 8)
	MLA_S_LANE(3, 29, 28, 12)

requant:
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
	FLDPQ channels4_bias(PANEL), (F27, F28)
	TOTAL(0, 1, 2, 3)
	LOAD_REQUANT
	BIAS(0, 27)
	CBZ  CORRECTS, requant
	FMOVS (SUMS), F29
	MLA_S_LANE(0, 29, 28, 0)

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
