//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

#define ZERO16 24
#define LO     22
#define HI     23
#define SPARE  27
#define ZERO32 28 // not used
#include "requant_arm64.h"

// multiply__neon multiplies two tensors, sixteen elements at a time.
//
//	V0…V3   sixteen elements of A, then the product    V4…V6   of B
//	V16 the zero point of A    V17 of B
//	V20 the multiplier         V21 its shift
//
//	dst = clamp(zero + mul·((A − aZero)·(B − bZero)))
//
// func multiply__neon(call *multiplication)
TEXT ·multiply__neon(SB), NOSPLIT, $0-8
	MOVD  call+0(FP), R4
	LDP   multiplication_a(R4), (R0, R1)
	LDP   multiplication_dst(R4), (R2, R3)
	FLDPQ multiplication_aZero(R4), (F16, F17)
	FLDPQ multiplication_mul(R4), (F20, F21)
	FLDPQ multiplication_lo(R4), (F22, F23)
	FMOVQ multiplication_zero(R4), F24

#define EACH4(OP, x) OP(0, x); OP(1, x); OP(2, x); OP(3, x)

block:
	FMOVQ.P 16(R0), F0
	FMOVQ.P 16(R1), F4
	SUBS  $1, R3
	SSUBL2(16, 0, 2)
	SSUBL(16, 0, 0)
	SSUBL2(17, 4, 6)
	SSUBL(17, 4, 4)
	SMULL2_H(6, 2, 3)
	SMULL_H(6, 2, 2)
	SMULL2_H(4, 0, 1)
	SMULL_H(4, 0, 0)
	EACH4(MULTIPLY, 20)
	EACH4(AWAY, _)
	EACH4(SHIFT_RIGHT, 21)
	NARROW(0, 1, 2, 3)
	FMOVQ.P F0, 16(R2)
	BNE   block
	RET
