//go:build !purego

#include "textflag.h"

// func windowSums(src *byte, rows, columns, pitch, step int, sums *[16]uint16)
//
// sums[c] = Σ_i,j src[i·pitch + j·step + c]: 16 channels are a vector of words.
//
// SI the row of the window, R8 rows that remain, R9 columns, R10 pitch, R11 step; AX the pixel, CX pixels that remain.
TEXT ·windowSums(SB), NOSPLIT, $0-48
	MOVQ  src+0(FP), SI
	MOVQ  rows+8(FP), R8
	MOVQ  columns+16(FP), R9
	MOVQ  pitch+24(FP), R10
	MOVQ  step+32(FP), R11
	MOVQ  sums+40(FP), DI
	VPXOR Y0, Y0, Y0

row:
	MOVQ SI, AX
	MOVQ R9, CX

pixel:
	VPMOVZXBW (AX), Y1
	VPADDW    Y1, Y0, Y0
	ADDQ      R11, AX
	DECQ      CX
	JNZ       pixel
	ADDQ      R10, SI
	DECQ      R8
	JNZ       row
	VMOVDQU   Y0, (DI)
	VZEROUPPER
	RET
