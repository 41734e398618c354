// Tiles of 8 output channels: what the sets neon-dot and neon-i8mm have in common. Pixel i's
// accumulators are V(2i), channels 0…3, and V(2i+1), channels 4…7, of up to eight pixels.

#define CHANNELS 8
#define SRC      R0
#define DST      R1
#define SSTRIDE  R2
#define DSTRIDE  R3
#define P0       R4 // to P7: the pixels of a tile
#define P1       R5
#define P2       R6
#define P3       R7
#define P4       R8
#define P5       R9
#define P6       R10
#define P7       R11
#define W        R12
#define COUNT    R13
#define TILES    R14
#define PANEL    R15
#define STEPS    R16
#define REST     R17
#define SUMS     R19
#define KIND     R20
#define CORRECTS R21

#define CALL     R22
#define PANELS   R23
#define SIZE     R24
#define COLUMN   R25 // of the output: where a panel's first pixel goes

#define LOAD_PANEL \
	MOVD COLUMN, DST;                     \
	MOVD pointwiseCall_src(CALL), SRC;    \
	MOVD pointwiseCall_sums(CALL), SUMS;  \
	MOVD pointwiseCall_tiles(CALL), TILES; \
	MOVD (channels8_header+header_kind)(PANEL), KIND; \
	MOVD (channels8_header+header_corrects)(PANEL), CORRECTS

// The constants of requantization, where pixels and weights were. Of eight channels, those of 0…3 come first.
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
#define SPARE2       27
#define SPARE3       28

#define LOAD_REQUANT \
	FLDPQ channels8_multiplier(PANEL), (F16, F17);      \
	FLDPQ channels8_right(PANEL), (F18, F19);           \
	FMOVQ (channels8_header+header_lo)(PANEL), F23

#define LOAD_REQUANT_SIGNED \
	FMOVQ (channels8_header+header_zero16)(PANEL), F22; \
	FMOVQ (channels8_header+header_hi)(PANEL), F24

#define LOAD_REQUANT_ANY \
	FLDPQ channels8_left(PANEL), (F20, F21);            \
	FMOVQ (channels8_header+header_zero32)(PANEL), F25

#define EACH16(OP, x, y) EACH8(OP, x, y); \
	OP(8, x); OP(9, y); OP(10, x); OP(11, y); OP(12, x); OP(13, y); OP(14, x); OP(15, y)
#define EACH8(OP, x, y) EACH2(OP, x, y); OP(2, x); OP(3, y); OP(4, x); OP(5, y); OP(6, x); OP(7, y)
#define EACH2(OP, x, y) OP(0, x); OP(1, y)

// CORRECT adds correction[n]·sums[p] for the two accumulators of pixel i of the sums in register sums.
#define CORRECT(i, sums, a, b) MLA_S_LANE(i, sums, 18, a); MLA_S_LANE(i, sums, 19, b)

// STORE writes a pair of pixels.
#define STORE(v0) VST1.P v0.D[0], (DST)(DSTRIDE); VST1.P v0.D[1], (DST)(DSTRIDE)

// QUADS of accumulators are two pixels. Once they are stored, SET does what the next tile's want.
#define QUADS8(OP) \
	QUADS4(OP); \
	OP(8, 9, 10, 11);   STORE(V8);  SET(F8, F9);   SET(F10, F11); \
	OP(12, 13, 14, 15); STORE(V12); SET(F12, F13); SET(F14, F15)
#define QUADS4(OP) \
	OP(0, 1, 2, 3); STORE(V0); SET(F0, F1); SET(F2, F3); \
	OP(4, 5, 6, 7); STORE(V4); SET(F4, F5); SET(F6, F7)
#define QUADS1(OP) OP(0, 1, 2, 3); FMOVD F0, (DST)

// LOAD_PIXELS8 lets P0 to P7 be the tile's pixels.
#define LOAD_PIXELS8 \
	MOVD SRC, P0;          \
	ADD  SSTRIDE, P0, P1;  \
	ADD  SSTRIDE, P1, P2;  \
	ADD  SSTRIDE, P2, P3;  \
	ADD  SSTRIDE, P3, P4;  \
	ADD  SSTRIDE, P4, P5;  \
	ADD  SSTRIDE, P5, P6;  \
	ADD  SSTRIDE, P6, P7;  \
	ADD  SSTRIDE, P7, SRC
#define LOAD_PIXELS4 \
	MOVD SRC, P0;          \
	ADD  SSTRIDE, P0, P1;  \
	ADD  SSTRIDE, P1, P2;  \
	ADD  SSTRIDE, P2, P3;  \
	ADD  SSTRIDE, P3, SRC

// CORRECT8 adds the corrections of eight pixels.
#define CORRECT8 \
	FLDPQ.P 32(SUMS), (F16, F17);                 \
	FLDPQ channels8_correction(PANEL), (F18, F19); \
	CORRECT(0, 16, 0, 1); CORRECT(1, 16, 2, 3); CORRECT(2, 16, 4, 5); CORRECT(3, 16, 6, 7); \
	CORRECT(0, 17, 8, 9); CORRECT(1, 17, 10, 11); CORRECT(2, 17, 12, 13); CORRECT(3, 17, 14, 15)
#define CORRECT4 \
	FMOVQ.P 16(SUMS), F16;                        \
	FLDPQ channels8_correction(PANEL), (F18, F19); \
	CORRECT(0, 16, 0, 1); CORRECT(1, 16, 2, 3); CORRECT(2, 16, 4, 5); CORRECT(3, 16, 6, 7)
#define CORRECT1 \
	FMOVS.P 4(SUMS), F16;                         \
	FLDPQ channels8_correction(PANEL), (F18, F19); \
	CORRECT(0, 16, 0, 1)
