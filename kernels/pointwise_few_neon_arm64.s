//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Pointwise by SMULL and SMLAL of at most 24 input channels, 4 pixels × 4 output channels at a time. A panel's weights stay in
// registers, if there are no more than 16, and so do its constants. Where there are so few products, what comes after them counts: if they fit, they are
// added up in 16 bits once more (ADDP) before they become 32 bits wide, eight instead of sixteen times.
//
//	V0…V15    products: of the first pixel with channel 0, 1, 2, 3; of the second; …
//	V16, V17  bias, correction    V18, V19 multiplier, shift
//	V20…V23   the pixels: 16 channels, then the next eight
//	V24…V27   the weights of channel 0, 1, 2, 3: the same
//	V28…V31   results, four channels of each pixel
//
//	for each panel {
//		for each tile {
//			V0…V15 = products of 8 channels, or the sums of two or three (SMULL, SMLAL2, SMLAL)
//			V28…V31 = the sums of those of each pixel and channel (ADDP, SADDLP, ADDP)
//			dst[p][n] = requant(bias[n] + correction[n]·sums[p] + V28…V31)
//		}
//	}
//
// The last steps of requantization and the stores stand between the next tile's products. Before the first tile there is
// nothing to store, and something is: where its own results will be.

#define SSTRIDE  R0 // of four pixels
#define DSTRIDE  R1
#define DSTRIDE4 R2
#define P0       R3
#define P1       R4
#define P2       R5
#define P3       R6
#define TILES    R7
#define PANEL    R8
#define SUMS     R9
#define KIND     R10
#define CORRECTS R11
#define CALL     R12
#define PANELS   R13
#define SIZE     R14
#define COLUMN   R15 // of the output: where a panel's first pixel goes
#define DST      R16 // where the results in V28…V31 go
#define NEXT     R17 // and those of the tile after
#define AT       R19
#define WEIGHTS  R20

#define ZERO16 29
#define LO     29
#define HI     29
#define SPARE  0
#define SPARE2 1
#define SPARE3 2
#define ZERO32 3
#include "requant_arm64.h"

#define LOAD_CALL \
	MOVD call+0(FP), CALL;                         \
	MOVD pointwiseCall_dstStride(CALL), DSTRIDE;   \
	LSL  $2, DSTRIDE, DSTRIDE4;                    \
	MOVD pointwiseCall_dst(CALL), COLUMN;          \
	MOVD pointwiseCall_panel(CALL), PANEL;         \
	MOVD pointwiseCall_panels(CALL), PANELS;       \
	MOVD pointwiseCall_panelSize(CALL), SIZE

#define LOAD_PANEL \
	MOVD COLUMN, DST;                              \
	MOVD COLUMN, NEXT;                             \
	MOVD pointwiseCall_src(CALL), P0;              \
	MOVD pointwiseCall_srcStride(CALL), AT;        \
	ADD  AT, P0, P1;                               \
	ADD  AT, P1, P2;                               \
	ADD  AT, P2, P3;                               \
	LSL  $2, AT, SSTRIDE;                          \
	MOVD pointwiseCall_sums(CALL), SUMS;           \
	MOVD pointwiseCall_tiles(CALL), TILES;         \
	MOVD (channels4_header+header_kind)(PANEL), KIND; \
	MOVD (channels4_header+header_corrects)(PANEL), CORRECTS; \
	MOVD (channels4_header+header_weights)(PANEL), WEIGHTS; \
	ADD  PANEL, WEIGHTS;                           \
	FLDPQ channels4_bias(PANEL), (F16, F17);       \
	FLDPQ channels4_multiplier(PANEL), (F18, F19)

#define LOAD_8 \
	FMOVD (P0), F20; \
	FMOVD (P1), F21; \
	FMOVD (P2), F22; \
	FMOVD (P3), F23
#define LOAD_16 \
	FMOVQ (P0), F20; \
	FMOVQ (P1), F21; \
	FMOVQ (P2), F22; \
	FMOVQ (P3), F23

// MUL multiplies pixel p, and does something after that.
#define MUL(OP, p, DO) \
	OP(24, 20+(p), 4*(p));   OP(25, 20+(p), 4*(p)+1); \
	OP(26, 20+(p), 4*(p)+2); OP(27, 20+(p), 4*(p)+3); DO

// From here the products of each pixel and channel are added up. Meanwhile P0 to P3 become the next tile's pixels, if there is
// one: the flags say so until the end of the tile. NEIGHBOURS_8 and _16 do it in 16 bits first, WIDE in 32.
#define NOTHING
#define ADD_NEIGHBOURS(E, F) \
	ADDP_H(1, 0, 0);    SUBS $1, TILES;           \
	ADDP_H(3, 2, 2);    CSEL NE, SSTRIDE, ZR, AT; \
	ADDP_H(5, 4, 4);    ADD AT, P0;               \
	ADDP_H(7, 6, 6);    ADD AT, P1; E;            \
	ADDP_H(9, 8, 8);    ADD AT, P2;               \
	ADDP_H(11, 10, 10); ADD AT, P3;               \
	ADDP_H(13, 12, 12);                           \
	ADDP_H(15, 14, 14); F
#define WIDEN(LOAD, G, H) \
	SADDLP_H(0, 0);   LOAD(P0, F20);     \
	SADDLP_H(2, 2);   LOAD(P1, F21);     \
	SADDLP_H(4, 4);   LOAD(P2, F22);     \
	SADDLP_H(6, 6);   LOAD(P3, F23);  G; \
	SADDLP_H(8, 8);   SADDLP_H(10, 10);  \
	SADDLP_H(12, 12); SADDLP_H(14, 14); H
#define LOAD_D(at, to) FMOVD (at), to
#define LOAD_Q(at, to) FMOVQ (at), to

#define NEIGHBOURS_8(A, B, C, D, E, F, G, H) \
	MUL(SMULL, 0, A);  MUL(SMULL, 1, B);  MUL(SMULL, 2, C);  MUL(SMULL, 3, D); \
	ADD_NEIGHBOURS(E, F); \
	WIDEN(LOAD_D, G, H)
#define NEIGHBOURS_16(A, B, C, D, E, F, G, H) \
	MUL(SMULL, 0, A);  MUL(SMULL, 1, B);  MUL(SMULL, 2, C);  MUL(SMULL, 3, D); \
	MUL(SMLAL2, 0, E); MUL(SMLAL2, 1, F); MUL(SMLAL2, 2, G); MUL(SMLAL2, 3, H); \
	ADD_NEIGHBOURS(NOTHING, NOTHING); \
	WIDEN(LOAD_Q, NOTHING, NOTHING)
#define WIDE_16(A, B, C, D, E, F, G, H) \
	MUL(SMULL, 0, A);  MUL(SMULL, 1, B);  MUL(SMULL, 2, C);  MUL(SMULL, 3, D); \
	MUL(SMLAL2, 0, E); MUL(SMLAL2, 1, F); MUL(SMLAL2, 2, G); MUL(SMLAL2, 3, H); \
	WIDE

// The last pixel's products leave the weights' registers to the next eight channels, and then to the next tile.
#define WIDE_24(A, B, C, D, E, F, G, H) \
	MUL(SMULL, 0, A);  MUL(SMULL, 1, B);  MUL(SMULL, 2, C);  MUL(SMULL, 3, D); \
	MUL(SMLAL2, 0, E); FMOVD 16(P0), F20; \
	MUL(SMLAL2, 1, F); FMOVD 16(P1), F21; \
	MUL(SMLAL2, 2, G); FMOVD 16(P2), F22; \
	SMLAL2(24, 23, 12); FMOVD 16(WEIGHTS), F24;  \
	SMLAL2(25, 23, 13); FMOVD 48(WEIGHTS), F25;  \
	SMLAL2(26, 23, 14); FMOVD 80(WEIGHTS), F26;  \
	SMLAL2(27, 23, 15); FMOVD 112(WEIGHTS), F27; H; \
	FMOVD 16(P3), F23; \
	MUL(SMLAL, 0, NOTHING); MUL(SMLAL, 1, NOTHING); MUL(SMLAL, 2, NOTHING); \
	SMLAL(24, 23, 12); FMOVQ 0(WEIGHTS), F24;  \
	SMLAL(25, 23, 13); FMOVQ 32(WEIGHTS), F25; \
	SMLAL(26, 23, 14); FMOVQ 64(WEIGHTS), F26; \
	SMLAL(27, 23, 15); FMOVQ 96(WEIGHTS), F27; \
	WIDE
#define WIDE \
	SADDLP_H(1, 1);   SUBS $1, TILES;           \
	SADDLP_H(3, 3);   CSEL NE, SSTRIDE, ZR, AT; \
	SADDLP_H(5, 5);   ADD AT, P0;               \
	SADDLP_H(7, 7);   ADD AT, P1;               \
	SADDLP_H(9, 9);   ADD AT, P2;               \
	SADDLP_H(11, 11); ADD AT, P3;               \
	SADDLP_H(13, 13);                           \
	SADDLP_H(15, 15);                           \
	WIDEN(LOAD_Q, NOTHING, NOTHING);            \
	ADDP_S(1, 0, 0); ADDP_S(3, 2, 2);    ADDP_S(5, 4, 4);    ADDP_S(7, 6, 6); \
	ADDP_S(9, 8, 8); ADDP_S(11, 10, 10); ADDP_S(13, 12, 12); ADDP_S(15, 14, 14)

#define EACH4(OP, x) OP(28, x); OP(29, x); OP(30, x); OP(31, x)
#define BIAS(v, x)   ADD_S(x, v, v)
#define NO_AWAY(v, x)

// TILE computes a tile up to where the rest of it is left to the next.
#define TILE(tile, corrected, PRODUCTS, ROUND, A, B, C, D, E, F, G, H) \
tile: \
	PRODUCTS(A, B, C, D, E, F, G, H); \
	ADDP_S(2, 0, 28);   \
	ADDP_S(6, 4, 29);   \
	ADDP_S(10, 8, 30);  \
	ADDP_S(14, 12, 31); \
	EACH4(BIAS, 16);    \
	CBZ  CORRECTS, corrected;  \
	FMOVQ.P 16(SUMS), F0;      \
	MLA_S_LANE(0, 0, 17, 28);  \
	MLA_S_LANE(1, 0, 17, 29);  \
	MLA_S_LANE(2, 0, 17, 30);  \
	MLA_S_LANE(3, 0, 17, 31);  \
corrected: \
	EACH4(MULTIPLY, 18);    \
	EACH4(ROUND, _);        \
	EACH4(SHIFT_RIGHT, 19); \
	BNE  tile

// The rest in steps: NARROW_RELU, NARROW, and the stores.
#define RELU_A UZP1_H(29, 28, 28); UZP1_H(31, 30, 30); FMOVQ (channels4_header+header_lo)(PANEL), F29
#define RELU_B SQXTUN_H(28, 28)
#define RELU_C SQXTUN2_H(30, 28)
#define RELU_D EOR(LO, 28, 28)
#define SIGNED_A SQXTN_S(28, 28); SQXTN_S(30, 30)
#define SIGNED_B \
	SQXTN2_S(29, 28); SQXTN2_S(31, 30);                 \
	FMOVQ (channels4_header+header_zero16)(PANEL), F29; \
	FMOVQ (channels4_header+header_lo)(PANEL), F31
#define SIGNED_C SQADD_H(ZERO16, 28, 28); SQADD_H(ZERO16, 30, 30)
#define SIGNED_D SQXTN_H(28, 28); FMOVQ (channels4_header+header_hi)(PANEL), F29
#define SIGNED_E SQXTN2_H(30, 28)
#define SIGNED_F SMAX_B(31, 28, 28)
#define SIGNED_G SMIN_B(HI, 28, 28)
#define LANES VDUP V28.S[1], V29.S4; VDUP V28.S[2], V30.S4; VDUP V28.S[3], V31.S4
#define STORE \
	FMOVS F28, (DST); ADD DSTRIDE, DST, AT; \
	FMOVS F29, (AT);  ADD DSTRIDE, AT;      \
	FMOVS F30, (AT);  ADD DSTRIDE, AT;      \
	FMOVS F31, (AT);                        \
	MOVD  NEXT, DST;  ADD DSTRIDE4, NEXT
#define LANES_STORE LANES; STORE

#define PANELS_BY(WEIGHTS, LOAD, PRODUCTS) \
panel: \
	LOAD_PANEL;        \
	WEIGHTS;           \
	LOAD;              \
	CBNZ KIND, signed; \
	TILE(reluTile, reluCorrected, PRODUCTS, NO_AWAY, RELU_A, RELU_B, RELU_C, RELU_D, LANES, STORE, NOTHING, NOTHING); \
	RELU_A;            \
	RELU_B;            \
	RELU_C;            \
	RELU_D;            \
	B    store;        \
signed: \
	TILE(tile, corrected, PRODUCTS, AWAY, SIGNED_A, SIGNED_B, SIGNED_C, SIGNED_D, SIGNED_E, SIGNED_F, SIGNED_G, LANES_STORE); \
	SIGNED_A;          \
	SIGNED_B;          \
	SIGNED_C;          \
	SIGNED_D;          \
	SIGNED_E;          \
	SIGNED_F;          \
	SIGNED_G;          \
store: \
	LANES_STORE;       \
	ADD  SIZE, PANEL;  \
	ADD  $4, COLUMN;   \
	SUBS $1, PANELS;   \
	BNE  panel;        \
	RET

#define WEIGHTS_8  FLDPD 0(WEIGHTS), (F24, F25); FLDPD 16(WEIGHTS), (F26, F27)
#define WEIGHTS_16 FLDPQ 0(WEIGHTS), (F24, F25); FLDPQ 32(WEIGHTS), (F26, F27)
#define WEIGHTS_24 FMOVQ 0(WEIGHTS), F24; FMOVQ 32(WEIGHTS), F25; FMOVQ 64(WEIGHTS), F26; FMOVQ 96(WEIGHTS), F27

// pointwise_4x4c8__neon computes tiles of 4 pixels × 4 output channels from at most 8 input channels.
//
// func pointwise_4x4c8__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c8__neon(SB), NOSPLIT, $0-8
	LOAD_CALL
	PANELS_BY(WEIGHTS_8, LOAD_8, NEIGHBOURS_8)

// pointwise_4x4c16__neon computes tiles of 4 pixels × 4 output channels from at most 16 input channels.
//
// func pointwise_4x4c16__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c16__neon(SB), NOSPLIT, $0-8
	LOAD_CALL
	PANELS_BY(WEIGHTS_16, LOAD_16, NEIGHBOURS_16)

// pointwise_4x4c16_wide__neon does it if not all sums fit into 16 bits.
//
// func pointwise_4x4c16_wide__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c16_wide__neon(SB), NOSPLIT, $0-8
	LOAD_CALL
	PANELS_BY(WEIGHTS_16, LOAD_16, WIDE_16)

// pointwise_4x4c24_wide__neon does it for 17 to 24 input channels.
//
// func pointwise_4x4c24_wide__neon(call *pointwiseCall)
TEXT ·pointwise_4x4c24_wide__neon(SB), NOSPLIT, $0-8
	LOAD_CALL
	PANELS_BY(WEIGHTS_24, LOAD_16, WIDE_24)
