//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Depthwise 3×3, one output row (or two) of eight channels after another. Going along a row, three columns of the input
// are in registers: A, B, C. Each output pixel needs a new column, or with stride 2 two, and the registers' parts
// change round. Rows above and below the input are pointers to one pixel of padding, which aren't moved.
//
//	             A   B   C   A   B …                  stride 2   A   B   C   B   A …
//	row 0        ·   ·   ·   ·   ·                               ·   ·   ·   ·   ·
//	row 1        ·   ·   ·   ·   ·                               ·   ·   ·   ·   ·
//	row 2        ·   ·   ·   ·   ·                               ·   ·   ·   ·   ·
//	             └───────┘ pixel 1                               └───────┘ pixel 1
//	                 └───────┘ pixel 2                                   └───────┘ pixel 2
//
//	for each panel of eight channels {
//		A = the padding, or the first column; B = the next (stride 1)
//		for each output pixel { C = the next column; dst = requant(bias + weights·(A, B, C)); A, B, C = B, C, A }
//	}

#define PANEL   R0
#define BLOCKS  R1
#define CALL    R2
#define CHANNEL R3
#define ROW0    R4 // where the next column is, in each row
#define ROW1    R5
#define ROW2    R6
#define ROW3    R7
#define STEP0   R8 // how far the one after it is: the channels, or 0 in the padding
#define STEP1   R9
#define STEP2   R10
#define STEP3   R11
#define DST0    R12
#define DST1    R13
#define DSTEP0  R14
#define DSTEP1  R15
#define COUNT   R16
#define KIND    R17
#define PADDING R19
#define LEFT    R20
#define RIGHT   R21
#define LAST    R22
#define WIDTH   R23
#define WEIGHTS R24

// Registers as LDR_D names them.
#define row0 4
#define row1 5
#define row2 6

#define ZERO16 28
#define LO     29
#define HI     30
#define SPARE  31
#define ZERO32 31
#include "requant_arm64.h"
#include "depthwise_arm64.h"

#define LOAD_CALL \
	MOVD depthwiseCall_panel(CALL), PANEL;          \
	MOVD depthwiseCall_blocks(CALL), BLOCKS;        \
	MOVD (depthwiseCall_steps+0)(CALL), STEP0;      \
	MOVD (depthwiseCall_steps+8)(CALL), STEP1;      \
	MOVD (depthwiseCall_steps+16)(CALL), STEP2;     \
	MOVD (depthwiseCall_steps+24)(CALL), STEP3;     \
	MOVD (depthwiseCall_dstSteps+0)(CALL), DSTEP0;  \
	MOVD (depthwiseCall_dstSteps+8)(CALL), DSTEP1;  \
	MOVD depthwiseCall_left(CALL), LEFT;            \
	MOVD depthwiseCall_right(CALL), RIGHT;          \
	MOVD depthwiseCall_width(CALL), WIDTH

#define LOAD_PANEL \
	LDP  (depthwiseCall_rows+0)(CALL), (ROW0, ROW1);  \
	LDP  (depthwiseCall_rows+16)(CALL), (ROW2, ROW3); \
	LDP  depthwiseCall_dst(CALL), (DST0, DST1);       \
	MOVD depthwiseCall_padding(CALL), PADDING;        \
	MOVD (channels8_header+header_channel)(PANEL), CHANNEL; \
	MOVD (channels8_header+header_kind)(PANEL), KIND; \
	ADD  CHANNEL, ROW0;                               \
	ADD  CHANNEL, ROW1;                               \
	ADD  CHANNEL, ROW2;                               \
	ADD  CHANNEL, ROW3;                               \
	ADD  CHANNEL, DST0;                               \
	ADD  CHANNEL, DST1;                               \
	ADD  $channels8__size, PANEL, WEIGHTS;            \
	FLDPQ channels8_bias(PANEL), (F22, F23);          \
	FLDPQ channels8_multiplier(PANEL), (F24, F25);    \
	FLDPQ channels8_right(PANEL), (F26, F27);         \
	FMOVQ (channels8_header+header_zero16)(PANEL), F28; \
	FLDPQ (channels8_header+header_lo)(PANEL), (F29, F30)

// TO_PADDING lets the next column be one of padding.
#define TO_PADDING \
	MOVD PADDING, ROW0; \
	MOVD PADDING, ROW1; \
	MOVD PADDING, ROW2; \
	MOVD PADDING, ROW3; \
	MOVD $1, COUNT;     \
	MOVD ZR, LAST

// How a pixel is computed differs:
//
//	LOAD(a)      load the next column into the registers from a on
//	PAD(a)       let that be a column of padding
//	SUM(a, b, c) the accumulators of a pixel
//	RELU, OTHER  from accumulators to activations: for requantRelu, for the others
//	STORE        write them, and move to the next pixel
#define STRIDE1(a, b, c, WEIGHT, LOAD, PAD, SUM, RELU, OTHER, STORE) \
panel: \
	LOAD_PANEL;           \
	WEIGHT;               \
	CBNZ LEFT, padded;    \
	LOAD(a);              \
	B    begin;           \
padded: \
	PAD(a);               \
begin: \
	LOAD(b);              \
	SUB  RIGHT, WIDTH, COUNT; \
	MOVD RIGHT, LAST;     \
	CBZ  COUNT, end3;     \
pixel1: \
	LOAD(c);              \
	SUM(a, b, c);         \
	CBNZ KIND, slow1;     \
	RELU;                 \
store1: \
	STORE;                \
	SUBS $1, COUNT;       \
	BEQ  end1;            \
pixel2: \
	LOAD(a);              \
	SUM(b, c, a);         \
	CBNZ KIND, slow2;     \
	RELU;                 \
store2: \
	STORE;                \
	SUBS $1, COUNT;       \
	BEQ  end2;            \
pixel3: \
	LOAD(b);              \
	SUM(c, a, b);         \
	CBNZ KIND, slow3;     \
	RELU;                 \
store3: \
	STORE;                \
	SUBS $1, COUNT;       \
	BNE  pixel1;          \
end3: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel1;          \
end1: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel2;          \
end2: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel3;          \
next: \
	ADD  $const_depthwisePanel, PANEL; \
	SUBS $1, BLOCKS;      \
	BNE  panel;           \
	RET;                  \
slow1: \
	OTHER; B store1;       \
slow2: \
	OTHER; B store2;       \
slow3: \
	OTHER; B store3

#define STRIDE2(a, b, c, WEIGHT, LOAD, PAD, SUM, RELU, OTHER, STORE) \
panel: \
	LOAD_PANEL;           \
	WEIGHT;               \
	CBNZ LEFT, padded;    \
	LOAD(a);              \
	B    begin;           \
padded: \
	PAD(a);               \
begin: \
	SUB  RIGHT, WIDTH, COUNT; \
	MOVD RIGHT, LAST;     \
	CBZ  COUNT, end2;     \
pixel1: \
	LOAD(b);              \
last1: \
	LOAD(c);              \
	SUM(a, b, c);         \
	CBNZ KIND, slow1;     \
	RELU;                 \
store1: \
	STORE;                \
	SUBS $1, COUNT;       \
	BEQ  end1;            \
pixel2: \
	LOAD(b);              \
last2: \
	LOAD(a);              \
	SUM(c, b, a);         \
	CBNZ KIND, slow2;     \
	RELU;                 \
store2: \
	STORE;                \
	SUBS $1, COUNT;       \
	BNE  pixel1;          \
end2: \
	CBZ  LAST, next;      \
	LOAD(b);              \
	TO_PADDING;           \
	B    last1;           \
end1: \
	CBZ  LAST, next;      \
	LOAD(b);              \
	TO_PADDING;           \
	B    last2;           \
next: \
	ADD  $const_depthwisePanel, PANEL; \
	SUBS $1, BLOCKS;      \
	BNE  panel;           \
	RET;                  \
slow1: \
	OTHER; B store1;       \
slow2: \
	OTHER; B store2

// With SDOT. A column is two registers: channels 0…3 and 4…7, of each channel four rows. Two output rows need those
// four rows: the first with weights (w0, w1, w2, 0), the second with (0, w0, w1, w2).
//
//	V0…V3    accumulators, which STORE sets to the bias of the next pixel: loads leave the vector pipes to the products
//	V4, V5   column A    V6, V7: B    V8, V9: C
//	V10…V15  weights of the first output row: columns 0, 1, 2    V16…V21: of the second
//	V22, V23, V28, V31   the rows of a column before they are interleaved
//	V24, V25 multipliers    V26, V27 shifts    V28 zero point, where it is needed    V29, V30 clamp range
#define INTERLEAVE(a) \
	ZIP1_B(23, 22, 22);    \
	ZIP1_B(31, 28, 28);    \
	ZIP1_H(28, 22, (a));   \
	ZIP2_H(28, 22, (a)+1)
#define LOAD_DOT2(a) \
	VLD1.P (ROW0)(STEP0), [V22.B8]; \
	VLD1.P (ROW1)(STEP1), [V23.B8]; \
	VLD1.P (ROW2)(STEP2), [V28.B8]; \
	VLD1.P (ROW3)(STEP3), [V31.B8]; \
	INTERLEAVE(a)
#define PAD_DOT(a) VLD1R (PADDING), [V22.B16]; MOV(22, (a)); MOV(22, (a)+1)
#define WEIGHT_DOT2 \
	BIAS2; \
	VLD1.P 64(WEIGHTS), [V10.B16, V11.B16, V12.B16, V13.B16]; \
	VLD1.P 64(WEIGHTS), [V14.B16, V15.B16, V16.B16, V17.B16]; \
	VLD1   (WEIGHTS), [V18.B16, V19.B16, V20.B16, V21.B16]
#define SUM_DOT2(a, b, c) \
	SDOT(10, (a), 0); SDOT(11, (a)+1, 1); SDOT(16, (a), 2); SDOT(17, (a)+1, 3); \
	SDOT(12, (b), 0); SDOT(13, (b)+1, 1); SDOT(18, (b), 2); SDOT(19, (b)+1, 3); \
	SDOT(14, (c), 0); SDOT(15, (c)+1, 1); SDOT(20, (c), 2); SDOT(21, (c)+1, 3)
#define LOAD_ZERO FMOVQ (channels8_header+header_zero16)(PANEL), F28
#define OTHER_DOT2 LOAD_ZERO; OTHER2
#define STORE_DOT2 STORE2; BIAS2

// depthwise_3x3s1_8ch__neondot computes two output rows by SDOT, at a stride of 1.
//
// func depthwise_3x3s1_8ch__neondot(call *depthwiseCall)
TEXT ·depthwise_3x3s1_8ch__neondot(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE1(4, 6, 8, WEIGHT_DOT2, LOAD_DOT2, PAD_DOT, SUM_DOT2, RELU2, OTHER_DOT2, STORE_DOT2)

// With stride 2, one output row: its third row is interleaved with itself, and the fourth weight is 0.
#define LOAD_DOT1(a) \
	VLD1.P (ROW0)(STEP0), [V22.B8]; \
	VLD1.P (ROW1)(STEP1), [V23.B8]; \
	VLD1.P (ROW2)(STEP2), [V28.B8]; \
	ZIP1_B(23, 22, 22);             \
	ZIP1_B(28, 28, 28);             \
	ZIP1_H(28, 22, (a));            \
	ZIP2_H(28, 22, (a)+1)
#define WEIGHT_DOT1 \
	BIAS1; \
	VLD1.P 64(WEIGHTS), [V10.B16, V11.B16, V12.B16, V13.B16]; \
	VLD1   (WEIGHTS), [V14.B16, V15.B16]
#define SUM_DOT1(a, b, c) \
	SDOT(10, (a), 0); SDOT(11, (a)+1, 1);   \
	SDOT(12, (b), 0); SDOT(13, (b)+1, 1);   \
	SDOT(14, (c), 0); SDOT(15, (c)+1, 1)
#define OTHER_DOT1 LOAD_ZERO; OTHER1
#define STORE_DOT1 STORE1; BIAS1

// depthwise_3x3s2_8ch__neondot computes one output row by SDOT, at a stride of 2.
//
// func depthwise_3x3s2_8ch__neondot(call *depthwiseCall)
TEXT ·depthwise_3x3s2_8ch__neondot(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE2(4, 6, 8, WEIGHT_DOT1, LOAD_DOT1, PAD_DOT, SUM_DOT1, RELU1, OTHER_DOT1, STORE_DOT1)

// With SMULL. A column is three registers, one a row. A Cortex-A53 issues in order: two instructions a cycle if only one of
// them is the vector unit's, whose results can be used four cycles later, those of an addition two. So a pixel's products
// stand between the steps of the requantization of the pixel before (BOTH), whose activations are in V28, and its loads
// between those. V28 and V30 have no other use if these kernels requantize in this way.
//
//	V0, V1   accumulators    V2, V3, V31, V30: products
//	V4…V6    column A    V7…V9: B    V10…V12: C
//	V13…V21  weights by columns: V13…V15 those of A
//	V22…V30  as above
//
// LDR and ADD, where LD1 and ST1 would move to the next column by themselves: those take two or three steps on many cores.
#define STORE_BEFORE FMOVD F28, (DST0); ADD DSTEP0, DST0
#define LOAD_ROW0(a) LDR_D(row0, (a));   ADD STEP0, ROW0
#define LOAD_ROW1(a) LDR_D(row1, (a)+1); ADD STEP1, ROW1
#define LOAD_ROW2(a) LDR_D(row2, (a)+2); ADD STEP2, ROW2
#define LOAD_ROWS(a) LOAD_ROW0(a); LOAD_ROW1(a); LOAD_ROW2(a)
#define PAD_ROWS(a) VLD1R (PADDING), [V0.B16]; MOV(0, (a)); MOV(0, (a)+1); MOV(0, (a)+2)

// REQUANTIZE1 requantizes the pixel before by itself, if its kind needs more steps.
#define REQUANTIZE1 OTHER1; STORE1

// BOTH(a, b, c, NEXT) computes a pixel and requantizes the one before. It loads column c, and lets NEXT load another into
// b when that isn't needed any more.
#define STRIDE1_AHEAD(a, b, c, WEIGHT, LOAD, PAD, SUM, BOTH) \
panel: \
	LOAD_PANEL;           \
	WEIGHT;               \
	CBNZ LEFT, padded;    \
	LOAD(a);              \
	B    begin;           \
padded: \
	PAD(a);               \
begin: \
	LOAD(b);              \
	SUB  RIGHT, WIDTH, COUNT; \
	MOVD RIGHT, LAST;     \
	CBZ  COUNT, single;   \
first: \
	LOAD(c);              \
	SUM(a, b, c);         \
	SUBS $1, COUNT;       \
	BEQ  end1;            \
pixel2: \
	CBNZ KIND, slow2;     \
	BOTH(b, c, a, NO_NEXT); \
done2: \
	SUBS $1, COUNT;       \
	BEQ  end2;            \
pixel3: \
	CBNZ KIND, slow3;     \
	BOTH(c, a, b, NO_NEXT); \
done3: \
	SUBS $1, COUNT;       \
	BEQ  end3;            \
pixel1: \
	CBNZ KIND, slow1;     \
	BOTH(a, b, c, NO_NEXT); \
done1: \
	SUBS $1, COUNT;       \
	BNE  pixel2;          \
end1: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel2;          \
end2: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel3;          \
end3: \
	CBZ  LAST, next;      \
	TO_PADDING;           \
	B    pixel1;          \
single: \
	TO_PADDING;           \
	B    first;           \
next: \
	FINISH;               \
slow1: \
	REQUANTIZE1; LOAD(c); SUM(a, b, c); B done1; \
slow2: \
	REQUANTIZE1; LOAD(a); SUM(b, c, a); B done2; \
slow3: \
	REQUANTIZE1; LOAD(b); SUM(c, a, b); B done3

// With stride 2, COUNT is how many pixels come after the present one. The last one's new column is one of padding, or else
// mustn't be left: a column after it is loaded by NEXT, but not there.
#define TO_LAST \
	CMP  $0, RIGHT;                \
	CSEL NE, PADDING, ROW0, ROW0;  \
	CSEL NE, PADDING, ROW1, ROW1;  \
	CSEL NE, PADDING, ROW2, ROW2;  \
	MOVD ZR, STEP0;                \
	MOVD ZR, STEP1;                \
	MOVD ZR, STEP2

#define STRIDE2_AHEAD(a, b, c, WEIGHT, LOAD, PAD, SUM, BOTH) \
panel: \
	LOAD_PANEL;           \
	MOVD (depthwiseCall_steps+0)(CALL), STEP0;  \
	MOVD (depthwiseCall_steps+8)(CALL), STEP1;  \
	MOVD (depthwiseCall_steps+16)(CALL), STEP2; \
	WEIGHT;               \
	SUB  $1, WIDTH, COUNT; \
	CBNZ LEFT, padded;    \
	LOAD(a);              \
	B    begin;           \
padded: \
	PAD(a);               \
begin: \
	LOAD(b);              \
	CBZ  COUNT, end0;     \
first: \
	LOAD(c);              \
	SUM(a, b, c);         \
	CBZ  COUNT, next;     \
	LOAD(b);              \
	SUBS $1, COUNT;       \
	BEQ  end2;            \
pixel2: \
	CBNZ KIND, slow2;     \
	BOTH(c, b, a, NEXT);  \
done2: \
	CBZ  COUNT, next;     \
	SUBS $1, COUNT;       \
	BEQ  end1;            \
pixel1: \
	CBNZ KIND, slow1;     \
	BOTH(a, b, c, NEXT);  \
done1: \
	CBZ  COUNT, next;     \
	SUBS $1, COUNT;       \
	BNE  pixel2;          \
end2: \
	TO_LAST;              \
	B    pixel2;          \
end1: \
	TO_LAST;              \
	B    pixel1;          \
end0: \
	TO_LAST;              \
	B    first;           \
next: \
	FINISH;               \
slow1: \
	REQUANTIZE1; LOAD(c); SUM(a, b, c); LOAD(b); B done1; \
slow2: \
	REQUANTIZE1; LOAD(a); SUM(c, b, a); LOAD(b); B done2

// FINISH requantizes a row's last pixel and moves to the next panel.
#define FINISH \
	CBNZ KIND, slowLast;  \
	RELU1;                \
	STORE1;               \
	B    nextPanel;       \
slowLast: \
	REQUANTIZE1;          \
nextPanel: \
	ADD  $const_depthwisePanel, PANEL; \
	SUBS $1, BLOCKS;      \
	BNE  panel;           \
	RET

#define WEIGHT_ROWS \
	FLDPD 0(WEIGHTS), (F13, F14);  \
	FLDPD 16(WEIGHTS), (F15, F16); \
	FLDPD 32(WEIGHTS), (F17, F18); \
	FLDPD 48(WEIGHTS), (F19, F20); \
	FMOVD 64(WEIGHTS), F21
#define WIDEN(v, to0, to1) SADDW_H(v, to0, 0); SADDW2_H(v, to1, 1)

// NEXT does something for the pixel after, and NO_NEXT doesn't.
#define NEXT(DO, b) DO(b)
#define NO_NEXT(DO, b)

// Sums of two products: any weights but two of −128.
#define SUM_PAIRS(a, b, c) \
	SMULL(13, (a), 2);         \
	SMULL(15, (a)+2, 3);       \
	SMULL(17, (b)+1, 31);      \
	SMLAL(14, (a)+1, 2);       \
	SMLAL(16, (b), 3);         \
	SMLAL(18, (b)+2, 31);      \
	WIDEN(2, 22, 23);          \
	SMULL(19, (c), 2);         \
	WIDEN(3, 0, 1);            \
	SMULL(21, (c)+2, 3);       \
	WIDEN(31, 0, 1);           \
	SMLAL(20, (c)+1, 2);       \
	WIDEN(3, 0, 1);            \
	WIDEN(2, 0, 1)
#define BOTH_PAIRS(a, b, c, NEXT) \
	MULTIPLY(0, 24);        LOAD_ROW0(c); \
	MULTIPLY(1, 25);        \
	SMULL(13, (a), 2);      LOAD_ROW1(c); \
	SMULL(15, (a)+2, 3);    \
	SMULL(17, (b)+1, 31);   LOAD_ROW2(c); \
	SHIFT_RIGHT(0, 26);     \
	SHIFT_RIGHT(1, 27);     \
	SMLAL(14, (a)+1, 2);    \
	SMLAL(16, (b), 3);      \
	SMLAL(18, (b)+2, 31);   \
	UZP1_H(1, 0, 28);       NEXT(LOAD_ROW0, b); \
	SMULL(19, (c), 30);     \
	SADDW_H(2, 22, 0);      NEXT(LOAD_ROW1, b); \
	SADDW2_H(2, 23, 1);     \
	SMULL(21, (c)+2, 2);    NEXT(LOAD_ROW2, b); \
	SMLAL(20, (c)+1, 30);   \
	SQXTUN_H(28, 28);       \
	SADDW_H(3, 0, 0);       \
	SADDW2_H(3, 1, 1);      \
	SADDL_H(30, 2, 3);      \
	SADDL2_H(30, 2, 2);     \
	SADDW_H(31, 0, 0);      \
	SADDW2_H(31, 1, 1);     \
	EOR(LO, 28, 28);        \
	ADD_S(3, 0, 0);         \
	ADD_S(2, 1, 1);         \
	STORE_BEFORE

// Sums of three, if the magnitudes of a column's weights add up to no more than 255.
#define SUM_COLUMNS(a, b, c) \
	SMULL(13, (a), 2);         \
	SMULL(16, (b), 3);         \
	SMULL(19, (c), 31);        \
	SMLAL(14, (a)+1, 2);       \
	SMLAL(17, (b)+1, 3);       \
	SMLAL(20, (c)+1, 31);      \
	SMLAL(15, (a)+2, 2);       \
	SMLAL(18, (b)+2, 3);       \
	SMLAL(21, (c)+2, 31);      \
	WIDEN(2, 22, 23);          \
	WIDEN(3, 0, 1);            \
	WIDEN(31, 0, 1)
#define BOTH_COLUMNS(a, b, c, NEXT) \
	MULTIPLY(0, 24);        LOAD_ROW0(c); \
	MULTIPLY(1, 25);        LOAD_ROW1(c); \
	SMULL(13, (a), 2);      \
	SMULL(16, (b), 3);      LOAD_ROW2(c); \
	SMULL(19, (c), 31);     \
	SHIFT_RIGHT(0, 26);     \
	SHIFT_RIGHT(1, 27);     \
	SMLAL(14, (a)+1, 2);    \
	SMLAL(17, (b)+1, 3);    \
	SMLAL(20, (c)+1, 31);   \
	UZP1_H(1, 0, 28);       \
	SMLAL(15, (a)+2, 2);    \
	SMLAL(18, (b)+2, 3);    NEXT(LOAD_ROW0, b); \
	SMLAL(21, (c)+2, 31);   \
	SQXTUN_H(28, 28);       NEXT(LOAD_ROW1, b); \
	SADDW_H(2, 22, 0);      \
	SADDW2_H(2, 23, 1);     NEXT(LOAD_ROW2, b); \
	SADDL_H(31, 3, 2);      \
	SADDL2_H(31, 3, 3);     \
	EOR(LO, 28, 28);        \
	ADD_S(2, 0, 0);         \
	ADD_S(3, 1, 1);         \
	STORE_BEFORE

// depthwise_3x3s1_8ch_pairs__neon computes one output row at a stride of 1, by products of which two are summed in 16 bits.
//
// func depthwise_3x3s1_8ch_pairs__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s1_8ch_pairs__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE1_AHEAD(4, 7, 10, WEIGHT_ROWS, LOAD_ROWS, PAD_ROWS, SUM_PAIRS, BOTH_PAIRS)

// depthwise_3x3s2_8ch_pairs__neon computes one output row at a stride of 2, by products of which two are summed in 16 bits.
//
// func depthwise_3x3s2_8ch_pairs__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s2_8ch_pairs__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE2_AHEAD(4, 7, 10, WEIGHT_ROWS, LOAD_ROWS, PAD_ROWS, SUM_PAIRS, BOTH_PAIRS)

// depthwise_3x3s1_8ch_columns__neon computes one output row at a stride of 1, by products of which a column of three is summed in 16 bits.
//
// func depthwise_3x3s1_8ch_columns__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s1_8ch_columns__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE1_AHEAD(4, 7, 10, WEIGHT_ROWS, LOAD_ROWS, PAD_ROWS, SUM_COLUMNS, BOTH_COLUMNS)

// depthwise_3x3s2_8ch_columns__neon computes one output row at a stride of 2, by products of which a column of three is summed in 16 bits.
//
// func depthwise_3x3s2_8ch_columns__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s2_8ch_columns__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE2_AHEAD(4, 7, 10, WEIGHT_ROWS, LOAD_ROWS, PAD_ROWS, SUM_COLUMNS, BOTH_COLUMNS)

// The same with weights and activations of 16 bits, for weights that aren't int8 once their zero point is subtracted.
// Some eight channels of nearly every u8 layer have one.
#define WIDEN_ROWS(a) SXTL_B((a), (a)); SXTL_B((a)+1, (a)+1); SXTL_B((a)+2, (a)+2)
#define LOAD_WIDE(a) LOAD_ROWS(a); WIDEN_ROWS(a)
#define PAD_WIDE(a) VLD1R (PADDING), [V0.B8]; SXTL_B(0, (a)); SXTL_B(0, (a)+1); SXTL_B(0, (a)+2)
#define WEIGHT_WIDE \
	FLDPQ 0(WEIGHTS), (F13, F14);  \
	FLDPQ 32(WEIGHTS), (F15, F16); \
	FLDPQ 64(WEIGHTS), (F17, F18); \
	FLDPQ 96(WEIGHTS), (F19, F20); \
	FMOVQ 128(WEIGHTS), F21
#define TAP(w, v) SMLAL_H(w, v, 0); SMLAL2_H(w, v, 1)
#define SUM_WIDE(a, b, c) \
	MOV(22, 0); MOV(23, 1);                       \
	TAP(13, (a)); TAP(14, (a)+1); TAP(15, (a)+2); \
	TAP(16, (b)); TAP(17, (b)+1); TAP(18, (b)+2); \
	TAP(19, (c)); TAP(20, (c)+1); TAP(21, (c)+2)

#define BOTH_WIDE(a, b, c, NEXT) \
	SQRDMULH(24, 0, 28);      LOAD_ROW0(c); \
	SQRDMULH(25, 1, 30);      \
	SMULL_H(13, (a), 0);      LOAD_ROW1(c); \
	SMULL2_H(13, (a), 1);     \
	SMULL_H(14, (a)+1, 2);    LOAD_ROW2(c); \
	SMULL2_H(14, (a)+1, 3);   \
	SHIFT_RIGHT(28, 26);      \
	SHIFT_RIGHT(30, 27);      \
	SMLAL_H(15, (a)+2, 0);    \
	SMLAL2_H(15, (a)+2, 1);   \
	SMLAL_H(16, (b), 2);      \
	SMLAL2_H(16, (b), 3);     \
	UZP1_H(30, 28, 28);       \
	SMLAL_H(17, (b)+1, 0);    \
	SMLAL2_H(17, (b)+1, 1);   \
	SMLAL_H(18, (b)+2, 2);    NEXT(LOAD_ROW0, b); \
	SMLAL2_H(18, (b)+2, 3);   NEXT(LOAD_ROW1, b); \
	SQXTUN_H(28, 28);         NEXT(LOAD_ROW2, b); \
	WIDEN_ROWS(c);            \
	EOR(LO, 28, 28);          \
	SMLAL_H(19, (c), 0);      \
	SMLAL2_H(19, (c), 1);     \
	SMLAL_H(20, (c)+1, 2);    \
	SMLAL2_H(20, (c)+1, 3);   \
	SMLAL_H(21, (c)+2, 0);    STORE_BEFORE; \
	SMLAL2_H(21, (c)+2, 1);   \
	NEXT(WIDEN_ROWS, b);      \
	ADD_S(22, 2, 2);          \
	ADD_S(23, 3, 3);          \
	ADD_S(2, 0, 0);           \
	ADD_S(3, 1, 1)

// depthwise_3x3s1_8ch_wide__neon computes one output row at a stride of 1, by products of 16 bits.
//
// func depthwise_3x3s1_8ch_wide__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s1_8ch_wide__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE1_AHEAD(4, 7, 10, WEIGHT_WIDE, LOAD_WIDE, PAD_WIDE, SUM_WIDE, BOTH_WIDE)

// depthwise_3x3s2_8ch_wide__neon computes one output row at a stride of 2, by products of 16 bits.
//
// func depthwise_3x3s2_8ch_wide__neon(call *depthwiseCall)
TEXT ·depthwise_3x3s2_8ch_wide__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
	STRIDE2_AHEAD(4, 7, 10, WEIGHT_WIDE, LOAD_WIDE, PAD_WIDE, SUM_WIDE, BOTH_WIDE)
