package main

// dpbusdVEX writes VPDPBUSD on registers of 32 or 16 bytes with the VEX encoding, for AVX-VNNI, as bytes:
// acc += activations · weights. Go's assembler has only the encoding of AVX-512.
func (c *code) dpbusdVEX(size, weights, activations, acc int) {
	high := func(register, shift int) int { return (^register >> 3 & 1) << shift } // inverted
	c.line("\tBYTE $0xc4; BYTE $%#02x; BYTE $%#02x; BYTE $0x50; BYTE $%#02x // VPDPBUSD %s, %s, %s",
		high(acc, 7)|1<<6|high(weights, 5)|2, (^activations&15)<<3|size/32<<2|1, 3<<6|(acc&7)<<3|weights&7,
		vector(size, weights), vector(size, activations), vector(size, acc))
}
