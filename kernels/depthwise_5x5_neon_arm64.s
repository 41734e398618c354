//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Depthwise 5×5 by SMULL, one output row of eight channels, of rows that have the columns of padding, too. Products of two taps are
// summed in 16 bits. A Cortex-A53 issues in order: two instructions a cycle if only one of them is the vector unit's, and one
// load of 64 bits. So each line is one cycle: a step of the computation, and a load for one of the next five. What is left of the
// requantization of the pixel before stands between a pixel's first products.
//
//	V0, V1    accumulators, when a pixel is complete
//	V2, V3    bias and the sums so far
//	V4…V7     sums of two products, of which four are on their way
//	V8…V14    activations    V15…V21 weights
//	V22, V23  bias    V24, V25 multipliers    V26, V27 shifts    V28 the pixel before    V29, V30 clamp range

#define PANEL   R0
#define BLOCKS  R1
#define CALL    R2
#define ROW0    R3 // the next pixel's first tap in each row
#define ROW1    R4
#define ROW2    R5
#define ROW3    R6
#define ROW4    R7
#define OFF1    R8 // from there to the other columns
#define OFF2    R9
#define OFF3    R10
#define OFF4    R11
#define PIXEL   R12 // how far to the next pixel
#define DST     R13
#define DSTEP   R14
#define ADVANCE R15 // DSTEP, or 0 if what is written at DST is to be written over
#define COUNT   R16
#define KIND    R17
#define WEIGHTS R19
#define CHANNEL R20

#define ZERO16 28
#define LO     29
#define HI     30
#define SPARE  31
#define ZERO32 31
#include "requant_arm64.h"
#include "depthwise_arm64.h"

#define OTHER \
	FMOVQ (channels8_header+header_zero16)(PANEL), F28;   \
	FLDPQ (channels8_header+header_lo)(PANEL), (F29, F30); \
	OTHER1

// depthwise_5x5_8ch_pairs__neon computes one output row at any stride, by products of which two are summed in 16 bits.
//
// func depthwise_5x5_8ch_pairs__neon(call *paddedCall)
TEXT ·depthwise_5x5_8ch_pairs__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	MOVD paddedCall_panel(CALL), PANEL
	MOVD paddedCall_blocks(CALL), BLOCKS
	MOVD paddedCall_step(CALL), OFF1
	MOVD paddedCall_pixelStep(CALL), PIXEL
	MOVD paddedCall_dstStep(CALL), DSTEP
	ADD  OFF1, OFF1, OFF2
	ADD  OFF1, OFF2, OFF3
	ADD  OFF2, OFF2, OFF4

panel:
	LDP   (paddedCall_rows+0)(CALL), (ROW0, ROW1)
	LDP   (paddedCall_rows+16)(CALL), (ROW2, ROW3)
	MOVD  (paddedCall_rows+32)(CALL), ROW4
	MOVD  paddedCall_dst(CALL), DST
	MOVD  paddedCall_width(CALL), COUNT
	MOVD  (channels8_header+header_channel)(PANEL), CHANNEL
	MOVD  (channels8_header+header_kind)(PANEL), KIND
	ADD   CHANNEL, ROW0
	ADD   CHANNEL, ROW1
	ADD   CHANNEL, ROW2
	ADD   CHANNEL, ROW3
	ADD   CHANNEL, ROW4
	ADD   CHANNEL, DST
	ADD   $channels8__size, PANEL, WEIGHTS
	FLDPQ channels8_bias(PANEL), (F22, F23)
	FLDPQ channels8_multiplier(PANEL), (F24, F25)
	FLDPQ channels8_right(PANEL), (F26, F27)
	FMOVQ (channels8_header+header_lo)(PANEL), F29
	FLDPD 0(WEIGHTS), (F15, F16)
	FLDPD 16(WEIGHTS), (F17, F18)
	FMOVD (ROW0), F8
	FMOVD (ROW0)(OFF2), F9
	MOVD  ZR, ADVANCE // before the first pixel there is none

pixel:
	CBNZ KIND, slow

sum:
	SMULL(15, 8, 4);        FMOVD (ROW0)(OFF1), F10
	SMULL(17, 9, 5);        FMOVD (ROW0)(OFF3), F11
	MULTIPLY(0, 24);        FLDPD 32(WEIGHTS), (F19, F20)
	MULTIPLY(1, 25)
	SMLAL(16, 10, 4);       FMOVD (ROW0)(OFF4), F12
	SMLAL(18, 11, 5);       ADD PIXEL, ROW0
	SHIFT_RIGHT(0, 26)
	SHIFT_RIGHT(1, 27)
	SMULL(19, 12, 6);       FMOVD (ROW1), F13
	SADDW_H(4, 22, 2);      FLDPD 48(WEIGHTS), (F15, F16)
	SADDW2_H(4, 23, 3)
	UZP1_H(1, 0, 28);       FMOVD (ROW1)(OFF1), F14
	SMLAL(20, 13, 6);       FLDPD 64(WEIGHTS), (F17, F18)
	SADDW_H(5, 2, 2)
	SADDW2_H(5, 3, 3);      FMOVD (ROW1)(OFF2), F8
	SQXTUN_H(28, 28);       FLDPD 80(WEIGHTS), (F19, F20)
	SMULL(15, 14, 7)
	SADDW_H(6, 2, 2);       FMOVD (ROW1)(OFF3), F9
	SADDW2_H(6, 3, 3);      FMOVD (ROW2), F10
	EOR(LO, 28, 28);        FMOVD (ROW1)(OFF4), F11
	SMLAL(16, 8, 7);        FLDPD 96(WEIGHTS), (F15, F16)
	SMULL(17, 9, 4);        ADD PIXEL, ROW1
	SMULL(19, 10, 5);       FMOVD (ROW2)(OFF1), F12
	SMLAL(18, 11, 4);       FMOVD (ROW2)(OFF2), F13
	SADDW_H(7, 2, 2);       FLDPD 112(WEIGHTS), (F17, F18)
	SADDW2_H(7, 3, 3)
	SMLAL(20, 12, 5);       FMOVD (ROW2)(OFF3), F14
	SMULL(15, 13, 6);       FMOVD (ROW2)(OFF4), F8
	SADDW_H(4, 2, 2);       FLDPD 128(WEIGHTS), (F19, F20)
	SADDW2_H(4, 3, 3);      ADD PIXEL, ROW2
	SMLAL(16, 14, 6);       FMOVD (ROW3), F9
	SMULL(17, 8, 7);        FMOVD (ROW3)(OFF1), F10
	SADDW_H(5, 2, 2);       FLDPD 144(WEIGHTS), (F15, F16)
	SADDW2_H(5, 3, 3);      FMOVD F28, (DST)
	SMLAL(18, 9, 7);        FMOVD (ROW3)(OFF2), F11
	SMULL(19, 10, 4);       FMOVD (ROW3)(OFF3), F12
	SADDW_H(6, 2, 2);       FLDPD 160(WEIGHTS), (F17, F18)
	SADDW2_H(6, 3, 3);      ADD ADVANCE, DST
	SMLAL(20, 11, 4);       FMOVD (ROW3)(OFF4), F13
	SMULL(15, 12, 5);       FMOVD (ROW4), F14
	SADDW_H(7, 2, 2);       FLDPD 176(WEIGHTS), (F19, F20)
	SADDW2_H(7, 3, 3);      ADD PIXEL, ROW3
	SMLAL(16, 13, 5);       FMOVD (ROW4)(OFF1), F8
	SMULL(17, 14, 6);       FMOVD (ROW4)(OFF2), F9
	SADDW_H(4, 2, 2)
	SADDW2_H(4, 3, 3);      FMOVD (ROW4)(OFF3), F10
	SMLAL(18, 8, 6);        FMOVD 192(WEIGHTS), F21
	SMULL(19, 9, 7);        FMOVD (ROW4)(OFF4), F11
	SADDW_H(5, 2, 2);       ADD PIXEL, ROW4
	SADDW2_H(5, 3, 3);      MOVD DSTEP, ADVANCE
	SMLAL(20, 10, 7);       SUBS $1, COUNT
	SMULL(21, 11, 4)
	SADDW_H(6, 2, 2);       FLDPD 0(WEIGHTS), (F15, F16)
	SADDW2_H(6, 3, 3)
	FLDPD 16(WEIGHTS), (F17, F18)
	SADDL_H(4, 7, 0)
	SADDL2_H(4, 7, 1);      FMOVD (ROW0), F8
	FMOVD (ROW0)(OFF2), F9
	ADD_S(2, 0, 0)
	ADD_S(3, 1, 1)
	BNE  pixel
	CBNZ KIND, slowLast
	RELU1

last:
	FMOVD F0, (DST)
	ADD   $const_depthwisePanel5x5Pairs, PANEL
	SUBS  $1, BLOCKS
	BNE   panel
	RET

slow: // the pixel before is requantized by itself; what the sums write in its place is written over
	OTHER
	FMOVD F0, (DST)
	ADD   ADVANCE, DST
	MOVD  ZR, ADVANCE
	B     sum

slowLast:
	OTHER
	B last
