//go:build !purego

// The x86 kernels. The heart of them is generated (go generate; the generator is internal/gen), as each is one loop in
// many sizes:
//
//	pointwise_avx512vnni_amd64.s, pointwise_avxvnni_amd64.s, pointwise_avx2_amd64.s   a tile of pixels × output channels
//	depthwise_avx512vnni_amd64.s, depthwise_avxvnni_amd64.s, depthwise_avx2_amd64.s   a row of outputs × a block of channels
//	add_amd64.s                                                                   two tensors
//
// Here are the small ones, by hand. What calls them all is in the .go files of the same names; avx2_amd64.go and
// avx512vnni_amd64.go put the sets together.

#include "textflag.h"

// windowsums__avx2 sums the activations of a window, for 16 channels.
//
// sums[c] = Σ_i,j src[i·pitch + j·step + c]: 16 channels are a vector of words.
//
// SI the row of the window, R8 rows that remain, R9 columns, R10 pitch, R11 step; AX the pixel, CX pixels that remain.
//
// func windowsums__avx2(src *byte, rows, columns, pitch, step int, sums *[16]uint16)
TEXT ·windowsums__avx2(SB), NOSPLIT, $0-48
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

// patches_8b copies patches whose rows have 8 to 16 bytes.
//
// For each patch, for each of its rows: the first 8 bytes and the last 8, which overlap.
//
// DI dst, SI the patch in src, CX patches that remain, R8 rows, R9 row, R10 pitch, R11 step;
// AX the row in src, DX rows that remain.
//
// func patches_8b(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches_8b(SB), NOSPLIT, $0-56
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

// patches_16b copies patches whose rows have 16 to 32 bytes.
//
// func patches_16b(dst, src *byte, count, rows, row, pitch, step int)
TEXT ·patches_16b(SB), NOSPLIT, $0-56
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
