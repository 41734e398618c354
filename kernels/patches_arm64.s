//go:build !purego

#include "textflag.h"

// Rows are copied in two words, the second ending where the row ends:
//
//	R8  the row in src    R9 rows left    R7 where the second word begins    R0 the row in dst
//
//	for each patch { for each row { two words } }
#define LOAD \
	MOVD dst+0(FP), R0;    \
	MOVD src+8(FP), R1;    \
	MOVD count+16(FP), R2; \
	MOVD rows+24(FP), R3;  \
	MOVD row+32(FP), R4;   \
	MOVD pitch+40(FP), R5; \
	MOVD step+48(FP), R6

// func patches8(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches8(SB), NOSPLIT, $0-56
	LOAD
	SUB $8, R4, R7

patch:
	MOVD R1, R8
	MOVD R3, R9
	ADD  R6, R1

row:
	MOVD (R8), R10
	MOVD (R8)(R7), R11
	ADD  R5, R8
	SUBS $1, R9
	MOVD R10, (R0)
	MOVD R11, (R0)(R7)
	ADD  R4, R0
	BNE  row
	SUBS $1, R2
	BNE  patch
	RET

// func patches16(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches16(SB), NOSPLIT, $0-56
	LOAD
	SUB $16, R4, R7

patch:
	MOVD R1, R8
	MOVD R3, R9
	ADD  R6, R1

row:
	ADD   R7, R8, R12
	ADD   R7, R0, R13
	FMOVQ (R8), F0
	FMOVQ (R12), F1
	ADD   R5, R8
	SUBS  $1, R9
	FMOVQ F0, (R0)
	FMOVQ F1, (R13)
	ADD   R4, R0
	BNE   row
	SUBS  $1, R2
	BNE   patch
	RET
