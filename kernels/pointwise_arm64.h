// What the pointwise kernels have in common: all but the products. Whoever includes this says which registers are which, how
// many CHANNELS a panel has, and where its constants are (LOAD_REQUANT…).

#define LOAD_CALL(call) \
	MOVD call, CALL;                              \
	MOVD pointwiseCall_srcStride(CALL), SSTRIDE;  \
	MOVD pointwiseCall_dstStride(CALL), DSTRIDE;  \
	MOVD pointwiseCall_steps(CALL), STEPS;        \
	MOVD pointwiseCall_rest(CALL), REST;          \
	MOVD pointwiseCall_dst(CALL), COLUMN;         \
	MOVD pointwiseCall_panel(CALL), PANEL;        \
	MOVD pointwiseCall_panels(CALL), PANELS;      \
	MOVD pointwiseCall_panelSize(CALL), SIZE

// ONCE_BY is ONCE by the multiplier m, whose shift is in the register after the next.
#define ONCE_BY(v, m) ONCE(v, m, ((m)+2))

// REQUANTIZE turns the accumulators of a tile into activations, stores them, and goes on to the next tile and panel. A
// tile's sizes differ in what is done for EACH accumulator, and for QUADS of them. LOAD_REQUANT comes before.
#define REQUANTIZE(EACH, QUADS) \
	CBNZ KIND, signed;                      \
	EACH(MULTIPLY, MULTIPLIER, MULTIPLIER_B); \
	EACH(SHIFT_RIGHT, RIGHT, RIGHT_B);      \
	QUADS(NARROW_RELU);                     \
	SUBS $1, TILES;                         \
	BNE  tile;                              \
next: \
	ADD  SIZE, PANEL;                       \
	ADD  $CHANNELS, COLUMN;                 \
	SUBS $1, PANELS;                        \
	BNE  panel;                             \
	RET;                                    \
signed: \
	LOAD_REQUANT_SIGNED;                    \
	TBNZ $1, KIND, any;                     \
	EACH(MULTIPLY, MULTIPLIER, MULTIPLIER_B); \
	EACH(AWAY, _, _);                       \
	EACH(SHIFT_RIGHT, RIGHT, RIGHT_B);      \
narrow: \
	QUADS(NARROW);                          \
	SUBS $1, TILES;                         \
	BNE  tile;                              \
	B    next;                              \
any: \
	LOAD_REQUANT_ANY;                       \
	TBNZ $0, KIND, once;                    \
	EACH(SHIFT_LEFT, LEFT, LEFT_B);         \
	EACH(MULTIPLY, MULTIPLIER, MULTIPLIER_B); \
	EACH(AWAY_ANY, RIGHT, RIGHT_B);         \
	EACH(SHIFT_RIGHT, RIGHT, RIGHT_B);      \
offset: \
	EACH(OFFSET, _, _);                     \
	B    narrow;                            \
once: \
	EACH(ONCE_BY, MULTIPLIER, MULTIPLIER_B); \
	B    offset
