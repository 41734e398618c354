// From accumulators (int32 lanes) to activations (int8). Whoever includes this says where the constants ZERO16, LO, HI
// and ZERO32 lie, and which register is SPARE.

// The steps of Multiplier.Apply, on the four lanes of v.
#define SHIFT_LEFT(v, left)  SSHL(left, v, v)
#define MULTIPLY(v, m)       SQRDMULH(m, v, v)
#define AWAY(v, _)           SSRA_31(v, v)            // a negative value's half rounds down: away from zero
#define AWAY_ANY(v, right)   AND(right, v, SPARE); SSRA_31(SPARE, v) // only where right isn't 0
#define SHIFT_RIGHT(v, right) SRSHL(right, v, v)
#define OFFSET(v, _)         ADD_S(ZERO32, v, v)

// ONCE is Multiplier.ApplyOnce: the product, 64 bits wide, is rounded once. SPARE, SPARE2 and SPARE3 are used.
#define ONCE(v, m, right) \
	SMULL_S(m, v, SPARE);          \
	SMULL2_S(m, v, SPARE2);        \
	SXTL_S(right, SPARE3);         \
	SRSHL_D(SPARE3, SPARE, SPARE); \
	SXTL2_S(right, SPARE3);        \
	SRSHL_D(SPARE3, SPARE2, SPARE2); \
	XTN_D(SPARE, v);               \
	XTN2_D(SPARE2, v)

// NARROW turns the accumulators a, b, c, d into the sixteen activations a.
#define NARROW(a, b, c, d) \
	SQXTN_S(a, a);          \
	SQXTN_S(c, c);          \
	SQXTN2_S(b, a);         \
	SQXTN2_S(d, c);         \
	SQADD_H(ZERO16, a, a);  \
	SQADD_H(ZERO16, c, c);  \
	SQXTN_H(a, a);          \
	SQXTN2_H(c, a);         \
	SMAX_B(LO, a, a);       \
	SMIN_B(HI, a, a)

// NARROW_RELU does it for requantRelu, where LO is −128: the top bit of each byte.
#define NARROW_RELU(a, b, c, d) \
	UZP1_H(b, a, a);        \
	UZP1_H(d, c, c);        \
	SQXTUN_H(a, a);         \
	SQXTUN2_H(c, a);        \
	EOR(LO, a, a)
