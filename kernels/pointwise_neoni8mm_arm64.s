//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "requant_arm64.h"
#include "pointwise_8ch_arm64.h"
#include "pointwise_arm64.h"

// Pointwise by SMMLA, 8 output channels at a time. SMMLA multiplies two rows of eight by two rows of eight: two pixels by
// two output channels, eight input channels each.
//
//	                 n0 k0…k7     n1 k0…k7              V4i+j: accumulators of pixels 2i, 2i+1
//	                 └──── a vector ────┘                              by channels 2j, 2j+1
//	p0 k0…k7 ┐       [ p0·n0    p0·n1
//	p1 k0…k7 ┘ ────▶   p1·n0    p1·n1 ]
//
//	V16…V23   16 input channels of each pixel; then, in pairs, their second eights: V17, V19, V21, V23
//	V28…V31   their first eights: V28 of pixels 0 and 1, …
//	V24…V27   weights of the first eight input channels: V24 of channels 0 and 1, …; V16, V18, V20, V22 of the second
//
//	for each tile {
//		acc[p][n] = bias[n]
//		for each 16 input channels { 2 eights }
//		an eight that is left
//		a pixel's channels are brought together
//		acc[p][n] += correction[n]·sums[p]
//		dst[p][n] = requant(acc[p][n])
//	}

#define SET(a, b)

// BIAS4 makes the accumulators of the first two pixels the bias.
#define BIAS4 \
	FLDPQ channels8_bias(PANEL), (F16, F17); \
	VDUP  V16.D[0], V0.D2;                   \
	VDUP  V16.D[1], V1.D2;                   \
	VDUP  V17.D[0], V2.D2;                   \
	VDUP  V17.D[1], V3.D2
#define COPY4(a) MOV(0, (a)); MOV(1, (a)+1); MOV(2, (a)+2); MOV(3, (a)+3)

// PAIR brings the eights of two pixels p and q together: the first ones to low, the second ones to q.
#define PAIR(p, q, low) ZIP1_D(q, p, low); ZIP2_D(q, p, q)

// PRODUCTS adds the products of a pair of pixels x and the weights w0…w3 to the accumulators from a on.
#define PRODUCTS(x, a, w0, w1, w2, w3) \
	SMMLA(w0, x, (a)); SMMLA(w1, x, (a)+1); SMMLA(w2, x, (a)+2); SMMLA(w3, x, (a)+3)

// BY_PIXEL turns the accumulators from a on, of two pixels, into channels 0…3 and 4…7 of the first, then of the second.
#define BY_PIXEL(a) \
	UZP2_D((a)+1, (a), 16);        \
	UZP1_D((a)+1, (a), (a));       \
	UZP1_D((a)+3, (a)+2, (a)+1);   \
	UZP2_D((a)+3, (a)+2, (a)+3);   \
	MOV(16, (a)+2)

#define SECOND_WEIGHTS \
	FLDPQ   (W), (F16, F18);       \
	FLDPQ   32(W), (F20, F22);     \
	ADD     $64, W

// pointwise_8x8c8__neoni8mm computes tiles of 8 pixels × 8 output channels.
//
// func pointwise_8x8c8__neoni8mm(call *pointwiseCall)
TEXT ·pointwise_8x8c8__neoni8mm(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	LOAD_PIXELS8
	ADD  $channels8__size, PANEL, W
	BIAS4
	COPY4(4)
	COPY4(8)
	COPY4(12)
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	FMOVQ.P 16(P0), F16
	FMOVQ.P 16(P1), F17
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	FMOVQ.P 16(P2), F18
	FMOVQ.P 16(P3), F19
	FMOVQ.P 16(P4), F20
	FMOVQ.P 16(P5), F21
	FMOVQ.P 16(P6), F22
	FMOVQ.P 16(P7), F23
	SUBS    $1, COUNT
	PAIR(16, 17, 28)
	PAIR(18, 19, 29)
	PAIR(20, 21, 30)
	PAIR(22, 23, 31)
	SECOND_WEIGHTS
	PRODUCTS(28, 0, 24, 25, 26, 27)
	PRODUCTS(29, 4, 24, 25, 26, 27)
	PRODUCTS(30, 8, 24, 25, 26, 27)
	PRODUCTS(31, 12, 24, 25, 26, 27)
	PRODUCTS(17, 0, 16, 18, 20, 22)
	PRODUCTS(19, 4, 16, 18, 20, 22)
	PRODUCTS(21, 8, 16, 18, 20, 22)
	PRODUCTS(23, 12, 16, 18, 20, 22)
	BNE     step

rest:
	CBZ   REST, together
	FMOVD (P0), F16
	FMOVD (P1), F17
	FMOVD (P2), F18
	FMOVD (P3), F19
	FMOVD (P4), F20
	FMOVD (P5), F21
	FMOVD (P6), F22
	FMOVD (P7), F23
	VLD1  (W), [V24.B16, V25.B16, V26.B16, V27.B16]
	ZIP1_D(17, 16, 28)
	ZIP1_D(19, 18, 29)
	ZIP1_D(21, 20, 30)
	ZIP1_D(23, 22, 31)
	PRODUCTS(28, 0, 24, 25, 26, 27)
	PRODUCTS(29, 4, 24, 25, 26, 27)
	PRODUCTS(30, 8, 24, 25, 26, 27)
	PRODUCTS(31, 12, 24, 25, 26, 27)

together:
	BY_PIXEL(0)
	BY_PIXEL(4)
	BY_PIXEL(8)
	BY_PIXEL(12)
	CBZ CORRECTS, requant
	CORRECT8

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH16, QUADS8)

// pointwise_4x8c8__neoni8mm computes tiles of 4 pixels × 8 output channels.
//
// func pointwise_4x8c8__neoni8mm(call *pointwiseCall)
TEXT ·pointwise_4x8c8__neoni8mm(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	LOAD_PIXELS4
	ADD  $channels8__size, PANEL, W
	BIAS4
	COPY4(4)
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	FMOVQ.P 16(P0), F16
	FMOVQ.P 16(P1), F17
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	FMOVQ.P 16(P2), F18
	FMOVQ.P 16(P3), F19
	SUBS    $1, COUNT
	PAIR(16, 17, 28)
	PAIR(18, 19, 29)
	SECOND_WEIGHTS
	PRODUCTS(28, 0, 24, 25, 26, 27)
	PRODUCTS(29, 4, 24, 25, 26, 27)
	PRODUCTS(17, 0, 16, 18, 20, 22)
	PRODUCTS(19, 4, 16, 18, 20, 22)
	BNE     step

rest:
	CBZ   REST, together
	FMOVD (P0), F16
	FMOVD (P1), F17
	FMOVD (P2), F18
	FMOVD (P3), F19
	VLD1  (W), [V24.B16, V25.B16, V26.B16, V27.B16]
	ZIP1_D(17, 16, 28)
	ZIP1_D(19, 18, 29)
	PRODUCTS(28, 0, 24, 25, 26, 27)
	PRODUCTS(29, 4, 24, 25, 26, 27)

together:
	BY_PIXEL(0)
	BY_PIXEL(4)
	CBZ CORRECTS, requant
	CORRECT4

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH8, QUADS4)

// pointwise_1x8c8__neoni8mm computes one pixel × 8 output channels.
//
// The pixel takes the place of a second one, too. Its sums of products are in two sets of accumulators, as one SMMLA waits
// for another with the same: V0…V3 and V4…V7.
//
// func pointwise_1x8c8__neoni8mm(call *pointwiseCall)
TEXT ·pointwise_1x8c8__neoni8mm(SB), NOSPLIT, $0-8
	LOAD_CALL(call+0(FP))

panel:
	LOAD_PANEL

tile:
	ADD  $channels8__size, PANEL, W
	BIAS4
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	MOVD STEPS, COUNT
	CBZ  COUNT, rest

step:
	VLD1R.P 8(SRC), [V20.D2]
	VLD1R.P 8(SRC), [V21.D2]
	VLD1.P  64(W), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1.P  64(W), [V28.B16, V29.B16, V30.B16, V31.B16]
	SUBS    $1, COUNT
	PRODUCTS(20, 0, 24, 25, 26, 27)
	PRODUCTS(21, 4, 28, 29, 30, 31)
	BNE     step

rest:
	CBZ   REST, together
	VLD1R (SRC), [V20.D2]
	VLD1  (W), [V24.B16, V25.B16, V26.B16, V27.B16]
	PRODUCTS(20, 0, 24, 25, 26, 27)

together:
	ADD_S(4, 0, 0)
	ADD_S(5, 1, 1)
	ADD_S(6, 2, 2)
	ADD_S(7, 3, 3)
	BY_PIXEL(0)
	CBZ CORRECTS, requant
	CORRECT1

requant:
	LOAD_REQUANT
	REQUANTIZE(EACH2, QUADS1)
