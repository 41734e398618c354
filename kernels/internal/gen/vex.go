package main

// dotVEX is VPDPBUSD with the VEX encoding, for AVX-VNNI: Go's assembler only writes that of AVX-512.
func (d *depthwise) dotVEX(weights, activations, acc int) { d.dpbusdVEX(weights, activations, acc) }

// dpbusdVEX writes VPDPBUSD on 256-bit registers as bytes: acc += activations · weights.
func (c *code) dpbusdVEX(weights, activations, acc int) {
	bit := func(register, shift int) int { return (^register >> 3 & 1) << shift } // inverted
	c.line("\tBYTE $0xc4; BYTE $%#02x; BYTE $%#02x; BYTE $0x50; BYTE $%#02x // VPDPBUSD Y%d, Y%d, Y%d",
		bit(acc, 7)|1<<6|bit(weights, 5)|2, (^activations&15)<<3|1<<2|1, 3<<6|(acc&7)<<3|weights&7,
		weights, activations, acc)
}
