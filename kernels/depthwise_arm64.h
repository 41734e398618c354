// From a pixel's accumulators, V0 (channels 0…3) and V1, to its activations, or from those of a pixel each of two output rows. V24
// and V25 hold the multipliers, V26 and V27 the shifts. Whoever includes this says where PANEL, DST0, DST1, DSTEP0 and DSTEP1 lie,
// and what requant_arm64.h wants.

#define BIAS1 FLDPQ channels8_bias(PANEL), (F0, F1)
#define BIAS2 BIAS1; FLDPQ channels8_bias(PANEL), (F2, F3)

#define RELU1 \
	MULTIPLY(0, 24); MULTIPLY(1, 25); \
	SHIFT_RIGHT(0, 26); SHIFT_RIGHT(1, 27); \
	UZP1_H(1, 0, 0);       \
	SQXTUN_H(0, 0);        \
	EOR(LO, 0, 0)
#define OTHER1 \
	FMOVQ (channels8_left+0)(PANEL), F31;  \
	SHIFT_LEFT(0, 31);                     \
	FMOVQ (channels8_left+16)(PANEL), F31; \
	SHIFT_LEFT(1, 31);                     \
	MULTIPLY(0, 24); MULTIPLY(1, 25);      \
	AWAY_ANY(0, 26); AWAY_ANY(1, 27);      \
	SHIFT_RIGHT(0, 26); SHIFT_RIGHT(1, 27); \
	FMOVQ (channels8_header+header_zero32)(PANEL), F31; \
	OFFSET(0, _); OFFSET(1, _); \
	SQXTN_S(0, 0);         \
	SQXTN2_S(1, 0);        \
	SQADD_H(ZERO16, 0, 0); \
	SQXTN_H(0, 0);         \
	SMAX_B(LO, 0, 0);      \
	SMIN_B(HI, 0, 0)
#define STORE1 VST1.P [V0.B8], (DST0)(DSTEP0)

// Two rows: V0 and V1, V2 and V3.
#define RELU2 \
	MULTIPLY(0, 24); MULTIPLY(1, 25); MULTIPLY(2, 24); MULTIPLY(3, 25); \
	SHIFT_RIGHT(0, 26); SHIFT_RIGHT(1, 27); SHIFT_RIGHT(2, 26); SHIFT_RIGHT(3, 27); \
	NARROW_RELU(0, 1, 2, 3)
#define OTHER2 \
	FMOVQ (channels8_left+0)(PANEL), F31;  \
	SHIFT_LEFT(0, 31); SHIFT_LEFT(2, 31);  \
	FMOVQ (channels8_left+16)(PANEL), F31; \
	SHIFT_LEFT(1, 31); SHIFT_LEFT(3, 31);  \
	MULTIPLY(0, 24); MULTIPLY(1, 25); MULTIPLY(2, 24); MULTIPLY(3, 25); \
	AWAY_ANY(0, 26); AWAY_ANY(1, 27); AWAY_ANY(2, 26); AWAY_ANY(3, 27); \
	SHIFT_RIGHT(0, 26); SHIFT_RIGHT(1, 27); SHIFT_RIGHT(2, 26); SHIFT_RIGHT(3, 27); \
	FMOVQ (channels8_header+header_zero32)(PANEL), F31; \
	OFFSET(0, _); OFFSET(1, _); OFFSET(2, _); OFFSET(3, _); \
	NARROW(0, 1, 2, 3)
#define STORE2 VST1.P V0.D[0], (DST0)(DSTEP0); VST1.P V0.D[1], (DST1)(DSTEP1)
