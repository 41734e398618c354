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
//				V28…V31 = the sums of 4 products (SMULL, SMLAL2, SMLAL, SMLAL2)
//				acc[…][n] += the pairs of V28…V31 (SADALP)
//			}
//		}
//		16 or 8 more if there are
//		dst[p][n] = requant(bias[n] + correction[n]·sums[p] + acc[p][n])
//	}
//
// Four products fit into 16 bits if their weights' magnitudes add up to no more than 255, which is so nearly everywhere
// in real networks with one scale for all channels. Else there are two products at a time: bit n of a step's flags says so
// of channel n. Where both of two weights are −128 there is one at a time, for all channels (bit 4). The first products set
// the accumulators (SADDLP) instead of adding.
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
#define FIRST    R26 // the first step's flags

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

// AHEAD multiplies the pixels in v to v+3 by weights w, and does something after each two.
#define AHEAD(MUL, w, v, DO1, DO2) \
	MUL(w, (v), 28); MUL(w, (v)+1, 29); DO1; MUL(w, (v)+2, 30); MUL(w, (v)+3, 31); DO2
#define NOTHING

// PREFETCH fetches of the next panel what lies where the weights do that are loaded: 64 bytes, twice a step.
#define PREFETCH PRFM_X(23, 8) // SIZE, W

// Channels 0 to 3 with four products at a time. Each loads what the next one needs; A to H are something to do besides.
#define FOURS_0(OP, A, B, C, D, E) \
	AHEAD(SMULL, 24, 16, LOAD(P0, F20), LOAD(P1, F21));  A; \
	AHEAD(SMLAL2, 24, 16, LOAD(P2, F22), LOAD(P3, F23)); B; \
	AHEAD(SMLAL, 25, 20, LOAD(W, F26), LOAD(W, F27));    C; \
	HIGH(SMLAL2, 25);                          PREFETCH; D; \
	SUM(OP, 0);                                          E
#define FOURS_1(OP, F, G, H) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    F; \
	LOW(SMLAL2, 26);                                     G; \
	AHEAD(SMLAL, 27, 20, H, NOTHING);                    \
	HIGH(SMLAL2, 27); SUM(OP, 1)
#define FOURS_2(OP) \
	AHEAD(SMULL, 24, 16, LOAD(W, F26), LOAD(W, F27));    \
	LOW(SMLAL2, 24); PREFETCH; HIGH(SMLAL, 25); HIGH(SMLAL2, 25); SUM(OP, 2)
#define FOURS_3(OP) \
	LOW(SMULL, 26); LOW(SMLAL2, 26); HIGH(SMLAL, 27); HIGH(SMLAL2, 27); SUM(OP, 3)

// With two.
#define PAIRS_0(OP, A, B, C, D, E) \
	AHEAD(SMULL, 24, 16, LOAD(P0, F20), LOAD(P1, F21));  A; \
	AHEAD(SMLAL2, 24, 16, LOAD(P2, F22), LOAD(P3, F23)); B; \
	SUM(OP, 0);                                          C; \
	AHEAD(SMULL, 25, 20, LOAD(W, F26), LOAD(W, F27));    D; \
	HIGH(SMLAL2, 25); PREFETCH; SUM(SADALP_H, 0);        E
#define PAIRS_1(OP) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26); SUM(OP, 1); HIGH(SMULL, 27); HIGH(SMLAL2, 27); SUM(SADALP_H, 1)
#define PAIRS_2(OP) \
	AHEAD(SMULL, 24, 16, LOAD(W, F26), LOAD(W, F27));    \
	LOW(SMLAL2, 24); PREFETCH; SUM(OP, 2); HIGH(SMULL, 25); HIGH(SMLAL2, 25); SUM(SADALP_H, 2)
#define PAIRS_3(OP) \
	LOW(SMULL, 26); LOW(SMLAL2, 26); SUM(OP, 3); HIGH(SMULL, 27); HIGH(SMLAL2, 27); SUM(SADALP_H, 3)

// The last channel, and the first pixels and weights of what comes next.
#define FOURS_3_AHEAD(OP) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26);                                     \
	AHEAD(SMLAL, 27, 20, LOAD(P0, F16), LOAD(P1, F17));  \
	AHEAD(SMLAL2, 27, 20, LOAD(P2, F18), LOAD(P3, F19)); \
	SUM(OP, 3)
#define PAIRS_3_AHEAD(OP) \
	AHEAD(SMULL, 26, 16, LOAD(W, F24), LOAD(W, F25));    \
	LOW(SMLAL2, 26); SUM(OP, 3);                         \
	AHEAD(SMULL, 27, 20, LOAD(P0, F16), LOAD(P1, F17));  \
	AHEAD(SMLAL2, 27, 20, LOAD(P2, F18), LOAD(P3, F19)); \
	SUM(SADALP_H, 3)

// With one, for all channels; and what a step finds loaded is, at the end, that of the next.
#define ONES(OP, n, lo, hi) \
	LOW(SMULL, lo);  SUM(OP, n);       LOW(SMULL2, lo);  SUM(SADALP_H, n); \
	HIGH(SMULL, hi); SUM(SADALP_H, n); HIGH(SMULL2, hi); SUM(SADALP_H, n)
#define ALL_ONES(OP) \
	LOAD(P0, F20);            \
	LOAD(P1, F21);            \
	LOAD(P2, F22);            \
	LOAD(P3, F23);            \
	FLDPQ.P 32(W), (F26, F27); \
	ONES(OP, 0, 24, 25);      \
	FLDPQ.P 32(W), (F24, F25); \
	ONES(OP, 1, 26, 27);      \
	FLDPQ.P 32(W), (F26, F27); \
	ONES(OP, 2, 24, 25);      \
	ONES(OP, 3, 26, 27)

// What is left of the tile before, in steps for FOURS_0 and FOURS_1: NARROW_RELU or NARROW, with constants in accumulators that aren't
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

// LANES and STORE write the tile in V3.
#define LANES VDUP V3.S[1], V7.S4; VDUP V3.S[2], V11.S4; VDUP V3.S[3], V15.S4
#define STORE \
	FMOVS F3, (DST);  ADD DSTRIDE, DST; \
	FMOVS F7, (DST);  ADD DSTRIDE, DST; \
	FMOVS F11, (DST); ADD DSTRIDE, DST; \
	FMOVS F15, (DST); ADD DSTRIDE, DST

// A rest of 16, whose pixels and first two channels' weights are loaded, and one of 8.
#define ONES_16(OP, n, w) LOW(SMULL, w); SUM(OP, n); LOW(SMULL2, w); SUM(SADALP_H, n)
#define ONE_8(OP, n, w)   LOW(SMULL, w); SUM(OP, n)
#define PAIRS_16(OP) \
	AHEAD(SMULL, 24, 16, LOAD(W, F26), LOAD(W, F27)); LOW(SMLAL2, 24); SUM(OP, 0); \
	LOW(SMULL, 25); LOW(SMLAL2, 25); SUM(OP, 1); \
	LOW(SMULL, 26); LOW(SMLAL2, 26); SUM(OP, 2); \
	LOW(SMULL, 27); LOW(SMLAL2, 27); SUM(OP, 3)
#define ALL_ONES_16(OP) \
	FLDPQ.P 32(W), (F26, F27); \
	ONES_16(OP, 0, 24); \
	ONES_16(OP, 1, 25); \
	ONES_16(OP, 2, 26); \
	ONES_16(OP, 3, 27)
#define ALL_8(OP) \
	FLDPD 0(W), (F24, F25);  \
	FLDPD 16(W), (F26, F27); \
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

#define QUADS4(OP) OP(3, 7, 11, 15); LANES; STORE
#define QUADS1(OP) OP(0, 4, 8, 12); FMOVS F0, (DST)

#include "pointwise_arm64.h"

// pointwise_4x4c32__neon computes tiles of 4 pixels × 4 output channels.
//
// func pointwise_4x4c32__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c32__neon(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL
	MOVBU channels4__size(PANEL), FIRST
	UBFX  $4, FIRST, $1, SLOW
	LSR   $1, KIND, FLAG
	ORR   FLAG, SLOW
	CMP   $0, STEPS
	CSINC NE, SLOW, ZR, SLOW

tile:
	MOVD SRC, P0
	ADD  SSTRIDE, P0, P1
	ADD  SSTRIDE, P1, P2
	ADD  SSTRIDE, P2, P3
	ADD  SSTRIDE, P3, SRC
	MOVD WEIGHTS, W
	ADD  $(channels4__size+1), PANEL, FLAGS
	MOVD STEPS, COUNT
	MOVD FIRST, FLAG
	FLDPQ.P 32(W), (F24, F25)
	TBNZ $1, REST, pixels16
	CBZ  STEPS, few

pixels16:
	LOAD_PIXELS_16
	CBZ  STEPS, few
	SUBS $1, COUNT

first: // as step, which adds
	TBNZ $4, FLAG, firstOnes
	TBNZ $0, FLAG, firstPairs0
	FOURS_0(SADDLP_H, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)

first1:
	TBNZ $1, FLAG, firstPairs1
	FOURS_1(SADDLP_H, NOTHING, NOTHING, NOTHING)

first2:
	TBNZ $2, FLAG, firstPairs2
	FOURS_2(SADDLP_H)

first3:
	BEQ  firstLast
	TBNZ $3, FLAG, firstPairs3
	FOURS_3_AHEAD(SADDLP_H)

step: // the pixels' first 16 input channels are loaded, and the first weights
	MOVBU.P 1(FLAGS), FLAG
	SUBS $1, COUNT
	TBNZ $4, FLAG, ones
	TBNZ $0, FLAG, pairs0
	FOURS_0(SADALP_H, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)

step1:
	TBNZ $1, FLAG, pairs1
	FOURS_1(SADALP_H, NOTHING, NOTHING, NOTHING)

step2:
	TBNZ $2, FLAG, pairs2
	FOURS_2(SADALP_H)

step3:
	BEQ  last
	TBNZ $3, FLAG, pairs3
	FOURS_3_AHEAD(SADALP_H)
	B    step

last:
	TBNZ $1, REST, last16
	TBNZ $3, FLAG, pairsLast
	FOURS_3(SADALP_H)

lastEight:
	CBZ  REST, total

eight:
	LOAD_PIXELS_8
	ALL_8(SADALP_H)
	B    total

last16: // 16 more
	TBNZ $3, FLAG, pairsLast16
	FOURS_3_AHEAD(SADALP_H)

rest16:
	MOVBU.P 1(FLAGS), FLAG
	TBNZ $4, FLAG, ones16
	PAIRS_16(SADALP_H)

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
	MOVD FIRST, FLAG
	MULTIPLY(3, 26);     LOAD(P0, F16)
	MULTIPLY(7, 26);     LOAD(P1, F17)
	MULTIPLY(11, 26);    LOAD(P2, F18)
	MULTIPLY(15, 26);    LOAD(P3, F19)
	CBNZ KIND, signedAhead
	SHIFT_RIGHT(3, 28);  LOAD(W, F24)
	SHIFT_RIGHT(7, 28);  LOAD(W, F25)
	SHIFT_RIGHT(11, 28); SUBS $1, COUNT
	SHIFT_RIGHT(15, 28)
	TBNZ $0, FLAG, reluPairs0
	FOURS_0(SADDLP_H, RELU_A, RELU_B, RELU_C, RELU_D, LANES)

relu1:
	TBNZ $1, FLAG, reluPairs1
	FOURS_1(SADDLP_H, STORE, NOTHING, NOTHING)
	B    first2

reluPairs0:
	PAIRS_0(SADDLP_H, RELU_A, RELU_B, RELU_C, RELU_D, LANES)
	B    relu1

reluPairs1:
	STORE
	B    firstPairs1

signedAhead:
	AWAY(3, _);          LOAD(W, F24)
	AWAY(7, _);          LOAD(W, F25)
	AWAY(11, _);         TST $3, FLAG
	AWAY(15, _)
	SHIFT_RIGHT(3, 28)
	SHIFT_RIGHT(7, 28)
	SHIFT_RIGHT(11, 28)
	SHIFT_RIGHT(15, 28)
	BNE  signedNow
	SUBS $1, COUNT
	FOURS_0(SADDLP_H, SIGNED_A, SIGNED_B, SIGNED_C, SIGNED_D, SIGNED_E)
	FOURS_1(SADDLP_H, SIGNED_F, SIGNED_G, LANES)
	STORE
	B    first2

signedNow: // the first channels' products leave no room
	SUBS $1, COUNT
	SIGNED_A
	SIGNED_B
	SIGNED_C
	SIGNED_D
	SIGNED_E
	SIGNED_F
	SIGNED_G
	LANES
	STORE
	B    first

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH4, QUADS4)

firstLast:
	TBNZ $1, REST, firstLast16
	TBNZ $3, FLAG, firstPairsLast
	FOURS_3(SADDLP_H)
	B    lastEight

firstLast16:
	TBNZ $3, FLAG, firstPairsLast16
	FOURS_3_AHEAD(SADDLP_H)
	B    rest16

firstPairs0:
	PAIRS_0(SADDLP_H, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
	B    first1

firstPairs1:
	PAIRS_1(SADDLP_H)
	B    first2

firstPairs2:
	PAIRS_2(SADDLP_H)
	B    first3

firstPairs3:
	PAIRS_3_AHEAD(SADDLP_H)
	B    step

firstPairsLast:
	PAIRS_3(SADDLP_H)
	B    lastEight

firstPairsLast16:
	PAIRS_3_AHEAD(SADDLP_H)
	B    rest16

pairs0:
	PAIRS_0(SADALP_H, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
	B    step1

pairs1:
	PAIRS_1(SADALP_H)
	B    step2

pairs2:
	PAIRS_2(SADALP_H)
	B    step3

pairs3:
	PAIRS_3_AHEAD(SADALP_H)
	B    step

pairsLast:
	PAIRS_3(SADALP_H)
	B    lastEight

pairsLast16:
	PAIRS_3_AHEAD(SADALP_H)
	B    rest16

few: // less than 32 input channels
	TBZ  $1, REST, onlyEight
	TBNZ $4, FLAG, firstOnes16
	PAIRS_16(SADDLP_H)
	B    total

onlyEight:
	MOVD WEIGHTS, W
	LOAD_PIXELS_8
	ALL_8(SADDLP_H)
	B    total

firstOnes:
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

ones:
	ALL_ONES(SADALP_H)
	BNE  load
	TBNZ $1, REST, load16
	B    lastEight

load: // what a step finds loaded
	FLDPQ.P 32(W), (F24, F25)
	LOAD_PIXELS_16
	B    step

load16:
	FLDPQ.P 32(W), (F24, F25)
	LOAD_PIXELS_16
	B    rest16

firstOnes16:
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)

ones16:
	ALL_ONES_16(SADALP_H)
	B    total

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
#define LOAD_STEP \
	FLDPQ.P 32(WEIGHTS), (F24, F25); \
	FLDPQ.P 32(WEIGHTS), (F26, F27); \
	FLDPQ.P 32(WEIGHTS), (F4, F5);   \
	FLDPQ.P 32(WEIGHTS), (F6, F7);   \
	FLDPQ.P 32(P0), (F16, F20)

step:
	LOAD_STEP

loaded: // each weight's register is loaded anew once it was used: the step after finds all of them
	MOVBU.P 1(FLAGS), FLAG
	SUBS    $1, COUNT
	BEQ     last
	CBNZ    FLAG, ones
	PRFM    512(WEIGHTS), PLDL1KEEP
	EACH_CHANNEL(SMULL, 16, 24, 26, 4, 6)
	PRFM    576(WEIGHTS), PLDL1KEEP
	EACH_CHANNEL(SMLAL2, 16, 24, 26, 4, 6)
	FMOVQ.P 16(P0), F16
	SMLAL(25, 20, 28)
	FMOVQ   (WEIGHTS), F24
	SMLAL(27, 20, 29)
	FMOVQ   32(WEIGHTS), F26
	SMLAL(5, 20, 30)
	FMOVQ   64(WEIGHTS), F4
	SMLAL(7, 20, 31)
	FMOVQ   96(WEIGHTS), F6
	SMLAL2(25, 20, 28)
	FMOVQ   16(WEIGHTS), F25
	SMLAL2(27, 20, 29)
	FMOVQ   48(WEIGHTS), F27
	SMLAL2(5, 20, 30)
	FMOVQ   80(WEIGHTS), F5
	SMLAL2(7, 20, 31)
	FMOVQ   112(WEIGHTS), F7
	SADALP_H(28, 0)
	FMOVQ.P 16(P0), F20
	SADALP_H(29, 1)
	ADD     $128, WEIGHTS
	SADALP_H(30, 2)
	SADALP_H(31, 3)
	B       loaded

last:
	CBNZ    FLAG, ones
	EACH_CHANNEL(SMULL, 16, 24, 26, 4, 6)
	EACH_CHANNEL(SMLAL2, 16, 24, 26, 4, 6)
	EACH_CHANNEL(SMLAL, 20, 25, 27, 5, 7)
	EACH_CHANNEL(SMLAL2, 20, 25, 27, 5, 7)
	SUM_CHANNELS

nextStep:
	CBNZ COUNT, step

rest:
	CBZ  REST, total
	TBZ  $1, REST, eight
	FMOVQ.P 16(P0), F16
	VLD1.P  64(WEIGHTS), [V24.B16, V25.B16, V26.B16, V27.B16]
	EACH_CHANNEL(SMULL, 16, 24, 25, 26, 27)
	SUM_CHANNELS
	EACH_CHANNEL(SMULL2, 16, 24, 25, 26, 27)
	SUM_CHANNELS
	B    total

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
