//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

#define ZERO16 24
#define LO     25
#define HI     26
#define SPARE  27
#define ZERO32 28 // not used, as there is no wider sum
#include "requant_arm64.h"

// add__neon adds two tensors, sixteen elements at a time.
//
// One input's multiplier, A's, doesn't shift, so that it is rounded once.
//
//	V0…V3   sixteen elements of A, then the sum    V4…V7   of B
//	V16 the zero point of A    V17 of B
//	V18 the multiplier of A    V19 of B    V20 of the sum
//	V21 the shift of B         V22 of the sum
//
//	dst = clamp(zero + mul·(aMul·((A − aZero) << 20) + bMul·((B − bZero) << 20)))
//
// func add__neon(call *addCall)
TEXT ·add__neon(SB), NOSPLIT, $0-8
	MOVD  call+0(FP), R4
	LDP   addCall_a(R4), (R0, R1)
	LDP   addCall_dst(R4), (R2, R3)
	FLDPQ addCall_aZero(R4), (F16, F17)
	FLDPQ addCall_aMul(R4), (F18, F19)
	FLDPQ addCall_mul(R4), (F20, F21)
	FLDPQ addCall_right(R4), (F22, F24)
	FLDPQ addCall_lo(R4), (F25, F26)

// WIDEN makes four vectors of v's sixteen elements, times 2^20: the first from v itself.
#define WIDEN(zero, v) \
	SSUBL2(zero, (v), (v)+2);  \
	SSUBL(zero, (v), (v));     \
	SHL_4((v)+2, (v)+2);       \
	SHL_4((v), (v));           \
	SHLL2_H((v)+2, (v)+3);     \
	SHLL_H((v)+2, (v)+2);      \
	SHLL2_H((v), (v)+1);       \
	SHLL_H((v), (v))
#define EACH4(OP, v, x) OP((v), x); OP((v)+1, x); OP((v)+2, x); OP((v)+3, x)

block:
	FMOVQ.P 16(R0), F0
	FMOVQ.P 16(R1), F4
	SUBS  $1, R3
	WIDEN(16, 0)
	WIDEN(17, 4)
	EACH4(MULTIPLY, 0, 18)
	EACH4(MULTIPLY, 4, 19)
	EACH4(AWAY_ANY, 4, 21)
	EACH4(SHIFT_RIGHT, 4, 21)
	ADD_S(4, 0, 0)
	ADD_S(5, 1, 1)
	ADD_S(6, 2, 2)
	ADD_S(7, 3, 3)
	EACH4(MULTIPLY, 0, 20)
	EACH4(AWAY, 0, _)
	EACH4(SHIFT_RIGHT, 0, 22)
	NARROW(0, 1, 2, 3)
	FMOVQ.P F0, 16(R2)
	BNE   block
	RET

// windowsums__neon sums the activations of a window of at most 255 pixels, for 16 channels.
//
//	V0, V1 the sums so far, int16; V2 the next pixel
//
//	for each row { for each column { sums += src } }
//
// func windowsums__neon(call *windowCall)
TEXT ·windowsums__neon(SB), NOSPLIT, $0-8
	MOVD call+0(FP), R8
	MOVD windowCall_src(R8), R0
	MOVD windowCall_rows(R8), R2
	MOVD windowCall_columns(R8), R3
	MOVD windowCall_step(R8), R4
	MOVD windowCall_rowStep(R8), R5
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

row:
	MOVD R0, R6
	ADD  R5, R0
	MOVD R3, R7

column:
	VLD1.P (R6)(R4), [V2.B16]
	SUBS $1, R7
	SADDW_B(2, 0, 0)
	SADDW2_B(2, 1, 1)
	BNE  column
	SUBS $1, R2
	BNE  row
	VST1 [V0.H8, V1.H8], (R8)
	RET
