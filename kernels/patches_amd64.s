//go:build !purego

#include "textflag.h"

// func patches8(dst, src *byte, count, rows, row, pitch, step int)
//
// For each patch, for each of its rows: the first 8 bytes and the last 8, which overlap.
//
// DI dst, SI the patch in src, CX patches that remain, R8 rows, R9 row, R10 pitch, R11 step;
// AX the row in src, DX rows that remain.
TEXT ·patches8(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ count+16(FP), CX
	MOVQ rows+24(FP), R8
	MOVQ row+32(FP), R9
	MOVQ pitch+40(FP), R10
	MOVQ step+48(FP), R11

patch:
	MOVQ SI, AX
	MOVQ R8, DX

row:
	MOVQ (AX), BX
	MOVQ -8(AX)(R9*1), R12
	MOVQ BX, (DI)
	MOVQ R12, -8(DI)(R9*1)
	ADDQ R10, AX
	ADDQ R9, DI
	DECQ DX
	JNZ  row
	ADDQ R11, SI
	DECQ CX
	JNZ  patch
	RET

// func patches16(dst, src *byte, count, rows, row, pitch, step int)
//
// The same with 16 bytes.
TEXT ·patches16(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ count+16(FP), CX
	MOVQ rows+24(FP), R8
	MOVQ row+32(FP), R9
	MOVQ pitch+40(FP), R10
	MOVQ step+48(FP), R11

patch:
	MOVQ SI, AX
	MOVQ R8, DX

row:
	MOVOU (AX), X0
	MOVOU -16(AX)(R9*1), X1
	MOVOU X0, (DI)
	MOVOU X1, -16(DI)(R9*1)
	ADDQ  R10, AX
	ADDQ  R9, DI
	DECQ  DX
	JNZ   row
	ADDQ  R11, SI
	DECQ  CX
	JNZ   patch
	RET
