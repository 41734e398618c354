//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Depthwise 5×5 by SDOT: a pixel each of two output rows, eight channels. Going along the rows, five columns of the input are in
// registers, A to E, whose parts change round. With stride 1 two output rows see six rows of the input, with stride 2 seven:
//
//	row 0 ┐   in two registers (channels 0…3 and 4…7) of four bytes a channel
//	row 1 │
//	row 2 │     stride 1: what each output row multiplies        stride 2
//	row 3 ┘     w0 w1 w2 w3          0  w0 w1 w2                 w0 w1 w2 w3          0  0  w0 w1
//	row 4 ┐     w4 0                 w3 w4                       w4 0  0  0           w2 w3 w4 0
//	row 5 ┤
//	row 6 ┘     stride 2 only
//
// With stride 1 the rows 4 and 5 of a column fill half of each register. The other half is the next column's, so that the five
// columns are three products: A and B, C and D, and D (its weights are 0) and E.
//
//	V0…V3     accumulators, which begin with the bias
//	V4…V13    rows 0 to 3 of the columns A (V4 and V5), B, C, D, E
//	V14…V23   the rows below, likewise
//	V24…V31   the rows of a column before they are interleaved, or weights, which don't stay, or what requantizes

#define PANEL   R0
#define BLOCKS  R1
#define CALL    R2
#define ROW0    R3 // where the next column is, in each row
#define ROW1    R4
#define ROW2    R5
#define ROW3    R6
#define ROW4    R7
#define ROW5    R8
#define ROW6    R9
#define STEP0   R10 // how far the one after it is: the channels, or 0 in the padding
#define STEP1   R11
#define STEP2   R12
#define STEP3   R13
#define STEP4   R14
#define STEP5   R15
#define STEP6   R16
#define DST0    R17
#define DST1    R19
#define DSTEP0  R20
#define DSTEP1  R21
#define COUNT   R22
#define KIND    R23
#define PADDING R24
#define LAST    R25 // pixels that see columns of padding on the right; with stride 2 that the last pixel sees
#define WEIGHTS R26

#define ZERO16 28
#define LO     29
#define HI     30
#define SPARE  31
#define ZERO32 31
#include "requant_arm64.h"
#include "depthwise_arm64.h"

#define LOAD_CALL \
	MOVD depthwiseCall_panel(CALL), PANEL;        \
	MOVD depthwiseCall_blocks(CALL), BLOCKS;      \
	MOVD depthwiseCall_padding(CALL), PADDING;    \
	LDP  depthwiseCall_dstSteps(CALL), (DSTEP0, DSTEP1)

// LOAD_PANEL leaves the columns of padding on the left in COUNT.
#define LOAD_PANEL \
	LDP  (depthwiseCall_rows+0)(CALL), (ROW0, ROW1);    \
	LDP  (depthwiseCall_rows+16)(CALL), (ROW2, ROW3);   \
	LDP  (depthwiseCall_rows+32)(CALL), (ROW4, ROW5);   \
	MOVD (depthwiseCall_rows+48)(CALL), ROW6;           \
	LDP  (depthwiseCall_steps+0)(CALL), (STEP0, STEP1); \
	LDP  (depthwiseCall_steps+16)(CALL), (STEP2, STEP3); \
	LDP  (depthwiseCall_steps+32)(CALL), (STEP4, STEP5); \
	MOVD (depthwiseCall_steps+48)(CALL), STEP6;         \
	LDP  depthwiseCall_dst(CALL), (DST0, DST1);         \
	MOVD (channels8_header+header_kind)(PANEL), KIND;   \
	MOVD (channels8_header+header_channel)(PANEL), COUNT; \
	ADD  COUNT, ROW0; \
	ADD  COUNT, ROW1; \
	ADD  COUNT, ROW2; \
	ADD  COUNT, ROW3; \
	ADD  COUNT, ROW4; \
	ADD  COUNT, ROW5; \
	ADD  COUNT, ROW6; \
	ADD  COUNT, DST0; \
	ADD  COUNT, DST1; \
	ADD  $channels8__size, PANEL, WEIGHTS;  \
	BIAS2;                                  \
	MOVD depthwiseCall_right(CALL), LAST;   \
	MOVD depthwiseCall_left(CALL), COUNT

// TO_PADDING lets all columns from the next one on be padding, for so many pixels.
#define TO_PADDING(pixels) \
	MOVD PADDING, ROW0; \
	MOVD PADDING, ROW1; \
	MOVD PADDING, ROW2; \
	MOVD PADDING, ROW3; \
	MOVD PADDING, ROW4; \
	MOVD PADDING, ROW5; \
	MOVD PADDING, ROW6; \
	MOVD ZR, STEP0;     \
	MOVD ZR, STEP1;     \
	MOVD ZR, STEP2;     \
	MOVD ZR, STEP3;     \
	MOVD ZR, STEP4;     \
	MOVD ZR, STEP5;     \
	MOVD ZR, STEP6;     \
	MOVD pixels, COUNT; \
	MOVD ZR, LAST

#define LOAD_ROWS0TO3(a) \
	VLD1.P (ROW0)(STEP0), [V24.B8]; \
	VLD1.P (ROW1)(STEP1), [V25.B8]; \
	VLD1.P (ROW2)(STEP2), [V26.B8]; \
	VLD1.P (ROW3)(STEP3), [V27.B8]; \
	VLD1.P (ROW4)(STEP4), [V28.B8]; \
	VLD1.P (ROW5)(STEP5), [V29.B8]; \
	ZIP1_B(25, 24, 24);    \
	ZIP1_B(27, 26, 26);    \
	ZIP1_H(26, 24, (a));   \
	ZIP2_H(26, 24, (a)+1)
#define PAD_ROWS0TO3(a) VLD1R (PADDING), [V24.B16]; MOV(24, (a)); MOV(24, (a)+1)

// JOIN puts the rows 4 and 5 of a column beside those of the column before it, z.
#define JOIN(z, a) ZIP2_H((a)+10, (z)+10, (z)+11); ZIP1_H((a)+10, (z)+10, (z)+10)
#define LOAD_STRIDE1(z, a) LOAD_ROWS0TO3(a); ZIP1_B(29, 28, (a)+10); JOIN(z, a)
#define PAD_STRIDE1(z, a) PAD_ROWS0TO3(a); MOV(24, (a)+10); JOIN(z, a)

#define LOAD_STRIDE2(a) \
	LOAD_ROWS0TO3(a);               \
	VLD1.P (ROW6)(STEP6), [V30.B8]; \
	ZIP1_B(29, 28, 28);             \
	ZIP1_B(30, 30, 30);             \
	ZIP1_H(30, 28, (a)+10);         \
	ZIP2_H(30, 28, (a)+11)
#define PAD_STRIDE2(a) PAD_ROWS0TO3(a); MOV(24, (a)+10); MOV(24, (a)+11)

// EVEN and ODD multiply two registers by a group of weights.
#define EVEN(group, a) \
	FLDPQ ((group)*64+0)(WEIGHTS), (F24, F25);  \
	FLDPQ ((group)*64+32)(WEIGHTS), (F26, F27); \
	SDOT(24, (a), 0); SDOT(25, (a)+1, 1); SDOT(26, (a), 2); SDOT(27, (a)+1, 3)
#define ODD(group, a) \
	FLDPQ ((group)*64+0)(WEIGHTS), (F28, F29);  \
	FLDPQ ((group)*64+32)(WEIGHTS), (F30, F31); \
	SDOT(28, (a), 0); SDOT(29, (a)+1, 1); SDOT(30, (a), 2); SDOT(31, (a)+1, 3)
#define SUM_STRIDE1(a, b, c, d, e) \
	EVEN(0, a); ODD(1, b); EVEN(5, (a)+10); ODD(2, c); EVEN(3, d); ODD(6, (c)+10); EVEN(4, e); ODD(7, (d)+10)
#define SUM_STRIDE2(a, b, c, d, e) \
	EVEN(0, a); ODD(1, (a)+10); EVEN(2, b); ODD(3, (b)+10); EVEN(4, c); ODD(5, (c)+10); \
	EVEN(6, d); ODD(7, (d)+10); EVEN(8, e); ODD(9, (e)+10)

// A pixel's end, and its other way to requantize.
#define FINISH(slow, store, end) \
	FLDPQ channels8_multiplier(PANEL), (F24, F25);             \
	FLDPQ channels8_right(PANEL), (F26, F27);                  \
	FLDPQ (channels8_header+header_lo)(PANEL), (F29, F30);     \
	CBNZ KIND, slow; \
	RELU2;           \
store: \
	STORE2;          \
	BIAS2;           \
	SUBS $1, COUNT;  \
	BEQ  end
#define SLOW(slow, store) \
slow: \
	FMOVQ (channels8_header+header_zero16)(PANEL), F28; \
	OTHER2; \
	B store

#define PIXEL_STRIDE1(pixel, slow, store, end, a, b, c, d, e) \
pixel: \
	LOAD_STRIDE1(d, e);         \
	SUM_STRIDE1(a, b, c, d, e); \
	FINISH(slow, store, end)
#define END_STRIDE1(end, pixel) \
end: \
	CBZ  LAST, next;  \
	TO_PADDING(LAST); \
	B    pixel

// depthwise_5x5s1_8ch__neondot computes two output rows by SDOT, at a stride of 1.
//
// func depthwise_5x5s1_8ch__neondot(call *depthwiseCall)
TEXT ·depthwise_5x5s1_8ch__neondot(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
panel:
	LOAD_PANEL
	CBNZ COUNT, pad1
	LOAD_STRIDE1(12, 4)
	B    column2
pad1:
	PAD_STRIDE1(12, 4)
column2:
	CMP  $2, COUNT
	BEQ  pad2
	LOAD_STRIDE1(4, 6)
	B    column3
pad2:
	PAD_STRIDE1(4, 6)
column3:
	LOAD_STRIDE1(6, 8)
	LOAD_STRIDE1(8, 10)
	MOVD depthwiseCall_width(CALL), COUNT
	SUBS LAST, COUNT
	BEQ  end5
	PIXEL_STRIDE1(pixel1, slow1, store1, end1, 4, 6, 8, 10, 12)
	PIXEL_STRIDE1(pixel2, slow2, store2, end2, 6, 8, 10, 12, 4)
	PIXEL_STRIDE1(pixel3, slow3, store3, end3, 8, 10, 12, 4, 6)
	PIXEL_STRIDE1(pixel4, slow4, store4, end4, 10, 12, 4, 6, 8)
	PIXEL_STRIDE1(pixel5, slow5, store5, end5, 12, 4, 6, 8, 10)
	B    pixel1
	END_STRIDE1(end1, pixel2)
	END_STRIDE1(end2, pixel3)
	END_STRIDE1(end3, pixel4)
	END_STRIDE1(end4, pixel5)
	END_STRIDE1(end5, pixel1)
next:
	ADD  $const_depthwisePanel5x5, PANEL
	SUBS $1, BLOCKS
	BNE  panel
	RET
	SLOW(slow1, store1)
	SLOW(slow2, store2)
	SLOW(slow3, store3)
	SLOW(slow4, store4)
	SLOW(slow5, store5)

#define PIXEL_STRIDE2(pixel, last, slow, store, end, a, b, c, d, e) \
pixel: \
	LOAD_STRIDE2(d);            \
last: \
	LOAD_STRIDE2(e);            \
	SUM_STRIDE2(a, b, c, d, e); \
	FINISH(slow, store, end)

// The last pixel sees one column of padding, or two.
#define END_STRIDE2(end, both, pixel, last, d) \
end: \
	CBZ  LAST, next;  \
	CMP  $2, LAST;    \
	BEQ  both;        \
	LOAD_STRIDE2(d);  \
	TO_PADDING($1);   \
	B    last;        \
both: \
	TO_PADDING($1);   \
	B    pixel

// depthwise_5x5s2_8ch__neondot computes two output rows by SDOT, at a stride of 2.
//
// func depthwise_5x5s2_8ch__neondot(call *depthwiseCall)
TEXT ·depthwise_5x5s2_8ch__neondot(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	LOAD_CALL
panel:
	LOAD_PANEL
	CBNZ COUNT, pad1
	LOAD_STRIDE2(4)
	B    column2
pad1:
	PAD_STRIDE2(4)
column2:
	CMP  $2, COUNT
	BEQ  pad2
	LOAD_STRIDE2(6)
	B    column3
pad2:
	PAD_STRIDE2(6)
column3:
	LOAD_STRIDE2(8)
	MOVD depthwiseCall_width(CALL), COUNT
	CBZ  LAST, pixel1
	SUBS $1, COUNT
	BEQ  end5
	PIXEL_STRIDE2(pixel1, last1, slow1, store1, end1, 4, 6, 8, 10, 12)
	PIXEL_STRIDE2(pixel2, last2, slow2, store2, end2, 8, 10, 12, 4, 6)
	PIXEL_STRIDE2(pixel3, last3, slow3, store3, end3, 12, 4, 6, 8, 10)
	PIXEL_STRIDE2(pixel4, last4, slow4, store4, end4, 6, 8, 10, 12, 4)
	PIXEL_STRIDE2(pixel5, last5, slow5, store5, end5, 10, 12, 4, 6, 8)
	B    pixel1
	END_STRIDE2(end1, both1, pixel2, last2, 4)
	END_STRIDE2(end2, both2, pixel3, last3, 8)
	END_STRIDE2(end3, both3, pixel4, last4, 12)
	END_STRIDE2(end4, both4, pixel5, last5, 6)
	END_STRIDE2(end5, both5, pixel1, last1, 10)
next:
	ADD  $const_depthwisePanel5x5, PANEL
	SUBS $1, BLOCKS
	BNE  panel
	RET
	SLOW(slow1, store1)
	SLOW(slow2, store2)
	SLOW(slow3, store3)
	SLOW(slow4, store4)
	SLOW(slow5, store5)
