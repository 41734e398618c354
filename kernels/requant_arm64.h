// From accumulators (int32 lanes) to activations (int8). The constants lie in the registers below, which a tile's
// inputs use before; the accumulators are V0 and up. Where a panel has eight channels, those of 0…3 come first.

#define MULTIPLIER   16 // and 17
#define MULTIPLIER_B 17
#define RIGHT        18 // and 19
#define RIGHT_B      19
#define LEFT         20 // and 21
#define LEFT_B       21
#define ZERO16       22
#define LO           23
#define HI           24
#define ZERO32       25
#define SPARE        26

// The steps of Multiplier.Apply, on the four lanes of v.
#define SHIFT_LEFT(v, left)  SSHL(left, v, v)
#define MULTIPLY(v, m)       SQRDMULH(m, v, v)
#define AWAY(v, _)           SSRA_31(v, v)            // a negative value's half rounds down: away from zero
#define AWAY_ANY(v, right)   AND(right, v, SPARE); SSRA_31(SPARE, v) // only where right isn't 0
#define SHIFT_RIGHT(v, right) SRSHL(right, v, v)
#define OFFSET(v, _)         ADD_S(ZERO32, v, v)

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
