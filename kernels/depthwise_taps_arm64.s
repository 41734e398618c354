//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

#define ZERO16 28
#define LO     29
#define HI     30
#define SPARE  31
#define ZERO32 31
#include "requant_arm64.h"
#include "depthwise_arm64.h"

// Depthwise with a window of any size, for output pixels next to each other whose windows lie inside of the input, or
// are cut off by its borders at the same places. Eight channels after another, with 16 bits.
//
//	V0, V1    accumulators
//	V2…V6     activations, minus their zero point, of up to five columns    V13…V17 their weights
//	V7        the activations' zero point
//	V22, V23  bias    V24, V25 multipliers    V26, V27 shifts    V28 zero point    V29, V30 clamp range
//
//	for each panel of eight channels {
//		for each output pixel {
//			acc = bias
//			for each row of the window { for each column { acc += (src − zero)·weight } }
//			dst = requant(acc)
//		}
//	}

#define PANEL   R0
#define BLOCKS  R1
#define CALL    R2
#define PIXEL   R3 // the first tap of the next output pixel
#define SRC     R4 // the first tap of the next row
#define STEP    R5 // from column to column
#define ROW     R6 // from row to row
#define STRIDE  R7 // from pixel to pixel
#define DST     R8
#define DSTEP   R9
#define COUNT   R10
#define ROWS    R11
#define COLUMNS R12
#define TAP     R13
#define LEFT    R14
#define W       R15
#define WROW    R16
#define WEIGHTS R17
#define I       R19
#define KIND    R20
#define CHANNEL R21
#define WSKIP   R22
#define SIZE    R23

#define ADD_TAP(v, w) SMLAL_H(w, v, 0); SMLAL2_H(w, v, 1)

// depthwise_taps_8ch__neon computes output pixels of a window of any size, 8 channels after another.
//
// func depthwise_taps_8ch__neon(call *tapsCall)
TEXT ·depthwise_taps_8ch__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), CALL
	MOVD tapsCall_panel(CALL), PANEL
	MOVD tapsCall_blocks(CALL), BLOCKS
	MOVD tapsCall_panelSize(CALL), SIZE
	MOVD tapsCall_step(CALL), STEP
	MOVD tapsCall_rowStep(CALL), ROW
	MOVD tapsCall_pixelStep(CALL), STRIDE
	MOVD tapsCall_dstStep(CALL), DSTEP
	MOVD tapsCall_rows(CALL), ROWS
	MOVD tapsCall_columns(CALL), COLUMNS
	MOVD tapsCall_weightRow(CALL), WROW
	MOVD tapsCall_firstWeight(CALL), WSKIP
	FMOVD tapsCall_zero(CALL), F7

panel:
	MOVD  (channels8_header+header_channel)(PANEL), CHANNEL
	MOVD  (channels8_header+header_kind)(PANEL), KIND
	MOVD  tapsCall_src(CALL), PIXEL
	MOVD  tapsCall_dst(CALL), DST
	MOVD  tapsCall_width(CALL), COUNT
	ADD   CHANNEL, PIXEL
	ADD   CHANNEL, DST
	ADD   $channels8__size, PANEL, WEIGHTS
	ADD   WSKIP, WEIGHTS
	FLDPQ channels8_bias(PANEL), (F22, F23)
	FLDPQ channels8_multiplier(PANEL), (F24, F25)
	FLDPQ channels8_right(PANEL), (F26, F27)
	FMOVQ (channels8_header+header_zero16)(PANEL), F28
	FLDPQ (channels8_header+header_lo)(PANEL), (F29, F30)

pixel:
	MOVD PIXEL, SRC
	ADD  STRIDE, PIXEL
	MOVD WEIGHTS, W
	MOVD ROWS, I
	MOV(22, 0)
	MOV(23, 1)
	CMP  $5, COLUMNS
	BNE  row

row5: // five columns at once
	MOVD   SRC, TAP
	ADD    ROW, SRC
	VLD1.P (TAP)(STEP), [V2.B8]
	VLD1.P (TAP)(STEP), [V3.B8]
	VLD1.P (TAP)(STEP), [V4.B8]
	VLD1.P (TAP)(STEP), [V5.B8]
	VLD1   (TAP), [V6.B8]
	VLD1   (W), [V13.B16, V14.B16, V15.B16, V16.B16]
	FMOVQ  64(W), F17
	ADD    WROW, W
	SUBS   $1, I
	SSUBL(7, 2, 2)
	SSUBL(7, 3, 3)
	SSUBL(7, 4, 4)
	SSUBL(7, 5, 5)
	SSUBL(7, 6, 6)
	ADD_TAP(2, 13)
	ADD_TAP(3, 14)
	ADD_TAP(4, 15)
	ADD_TAP(5, 16)
	ADD_TAP(6, 17)
	BNE    row5
	B      requant

row:
	MOVD SRC, TAP
	ADD  ROW, SRC
	MOVD COLUMNS, LEFT
	MOVD W, R24
	ADD  WROW, W

column:
	VLD1.P  (TAP)(STEP), [V2.B8]
	FMOVQ.P 16(R24), F13
	SUBS    $1, LEFT
	SSUBL(7, 2, 2)
	ADD_TAP(2, 13)
	BNE     column
	SUBS    $1, I
	BNE     row

requant:
	CBNZ KIND, other
	RELU1

store:
	VST1.P [V0.B8], (DST)(DSTEP)
	SUBS $1, COUNT
	BNE  pixel
	ADD  SIZE, PANEL
	SUBS $1, BLOCKS
	BNE  panel
	RET

other:
	OTHER1
	B    store
