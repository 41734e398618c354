// NEON instructions that Go's assembler lacks, one macro each. Arguments are register numbers in Go's order: sources
// first, destination last. What follows // is the instruction as GNU's assembler writes it, with the arguments' names
// in the place of numbers: TestEncodings decodes every macro and compares.

#define SDOT_LANE(i, m, n, d) WORD $(0x4f80e000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d)) // sdot vd.4s, vn.16b, vm.4b[i]
#define SDOT(m, n, d)         WORD $(0x4e809400 | (m)<<16 | (n)<<5 | (d)) // sdot vd.4s, vn.16b, vm.16b
#define SMMLA(m, n, d)        WORD $(0x4e80a400 | (m)<<16 | (n)<<5 | (d)) // smmla vd.4s, vn.16b, vm.16b

#define SMULL(m, n, d)        WORD $(0x0e20c000 | (m)<<16 | (n)<<5 | (d)) // smull vd.8h, vn.8b, vm.8b
#define SMULL2(m, n, d)       WORD $(0x4e20c000 | (m)<<16 | (n)<<5 | (d)) // smull2 vd.8h, vn.16b, vm.16b
#define SMLAL(m, n, d)        WORD $(0x0e208000 | (m)<<16 | (n)<<5 | (d)) // smlal vd.8h, vn.8b, vm.8b
#define SMLAL2(m, n, d)       WORD $(0x4e208000 | (m)<<16 | (n)<<5 | (d)) // smlal2 vd.8h, vn.16b, vm.16b
#define SMLAL_H(m, n, d)      WORD $(0x0e608000 | (m)<<16 | (n)<<5 | (d)) // smlal vd.4s, vn.4h, vm.4h
#define SMLAL2_H(m, n, d)     WORD $(0x4e608000 | (m)<<16 | (n)<<5 | (d)) // smlal2 vd.4s, vn.8h, vm.8h

#define SMULL_H(m, n, d)      WORD $(0x0e60c000 | (m)<<16 | (n)<<5 | (d)) // smull vd.4s, vn.4h, vm.4h
#define SMULL2_H(m, n, d)     WORD $(0x4e60c000 | (m)<<16 | (n)<<5 | (d)) // smull2 vd.4s, vn.8h, vm.8h

#define SMULL_S(m, n, d)      WORD $(0x0ea0c000 | (m)<<16 | (n)<<5 | (d)) // smull vd.2d, vn.2s, vm.2s
#define SMULL2_S(m, n, d)     WORD $(0x4ea0c000 | (m)<<16 | (n)<<5 | (d)) // smull2 vd.2d, vn.4s, vm.4s

#define SADDLP_B(n, d)        WORD $(0x4e202800 | (n)<<5 | (d)) // saddlp vd.8h, vn.16b
#define SADDLP_H(n, d)        WORD $(0x4e602800 | (n)<<5 | (d)) // saddlp vd.4s, vn.8h
#define SADALP_H(n, d)        WORD $(0x4e606800 | (n)<<5 | (d)) // sadalp vd.4s, vn.8h
#define SADDW_B(m, n, d)      WORD $(0x0e201000 | (m)<<16 | (n)<<5 | (d)) // saddw vd.8h, vn.8h, vm.8b
#define SADDW2_B(m, n, d)     WORD $(0x4e201000 | (m)<<16 | (n)<<5 | (d)) // saddw2 vd.8h, vn.8h, vm.16b
#define SADDW_H(m, n, d)      WORD $(0x0e601000 | (m)<<16 | (n)<<5 | (d)) // saddw vd.4s, vn.4s, vm.4h
#define SADDW2_H(m, n, d)     WORD $(0x4e601000 | (m)<<16 | (n)<<5 | (d)) // saddw2 vd.4s, vn.4s, vm.8h
#define SADDL_H(m, n, d)      WORD $(0x0e600000 | (m)<<16 | (n)<<5 | (d)) // saddl vd.4s, vn.4h, vm.4h
#define SADDL2_H(m, n, d)     WORD $(0x4e600000 | (m)<<16 | (n)<<5 | (d)) // saddl2 vd.4s, vn.8h, vm.8h
#define SSUBL(m, n, d)        WORD $(0x0e202000 | (m)<<16 | (n)<<5 | (d)) // ssubl vd.8h, vn.8b, vm.8b
#define SSUBL2(m, n, d)       WORD $(0x4e202000 | (m)<<16 | (n)<<5 | (d)) // ssubl2 vd.8h, vn.16b, vm.16b
#define SXTL_B(n, d)          WORD $(0x0f08a400 | (n)<<5 | (d)) // sxtl vd.8h, vn.8b
#define SXTL_S(n, d)          WORD $(0x0f20a400 | (n)<<5 | (d)) // sxtl vd.2d, vn.2s
#define SXTL2_S(n, d)         WORD $(0x4f20a400 | (n)<<5 | (d)) // sxtl2 vd.2d, vn.4s
#define SHL_4(n, d)           WORD $(0x4f145400 | (n)<<5 | (d)) // shl vd.8h, vn.8h, #4
#define SHLL_H(n, d)          WORD $(0x2e613800 | (n)<<5 | (d)) // shll vd.4s, vn.4h, #16
#define SHLL2_H(n, d)         WORD $(0x6e613800 | (n)<<5 | (d)) // shll2 vd.4s, vn.8h, #16

#define PRFM_X(x, b)          WORD $(0xf8a06800 | (x)<<16 | (b)<<5) // prfm pldl1keep, [xb,xx]
#define LDR_D(b, t)           WORD $(0xfd400000 | (b)<<5 | (t)) // ldr dt, [xb]

#define MOV(n, d)             WORD $(0x4ea01c00 | (n)<<16 | (n)<<5 | (d)) // mov vd.16b, vn.16b
#define ADD_S(m, n, d)        WORD $(0x4ea08400 | (m)<<16 | (n)<<5 | (d)) // add vd.4s, vn.4s, vm.4s
#define ADDP_H(m, n, d)       WORD $(0x4e60bc00 | (m)<<16 | (n)<<5 | (d)) // addp vd.8h, vn.8h, vm.8h
#define ADDP_S(m, n, d)       WORD $(0x4ea0bc00 | (m)<<16 | (n)<<5 | (d)) // addp vd.4s, vn.4s, vm.4s
#define EOR(m, n, d)          WORD $(0x6e201c00 | (m)<<16 | (n)<<5 | (d)) // eor vd.16b, vn.16b, vm.16b
#define AND(m, n, d)          WORD $(0x4e201c00 | (m)<<16 | (n)<<5 | (d)) // and vd.16b, vn.16b, vm.16b
#define MLA_S_LANE(i, m, n, d) WORD $(0x6f800000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d)) // mla vd.4s, vn.4s, vm.s[i]
#define UZP1_H(m, n, d)       WORD $(0x4e401800 | (m)<<16 | (n)<<5 | (d)) // uzp1 vd.8h, vn.8h, vm.8h
#define ZIP1_D(m, n, d)       WORD $(0x4ec03800 | (m)<<16 | (n)<<5 | (d)) // zip1 vd.2d, vn.2d, vm.2d
#define ZIP2_D(m, n, d)       WORD $(0x4ec07800 | (m)<<16 | (n)<<5 | (d)) // zip2 vd.2d, vn.2d, vm.2d
#define UZP1_D(m, n, d)       WORD $(0x4ec01800 | (m)<<16 | (n)<<5 | (d)) // uzp1 vd.2d, vn.2d, vm.2d
#define UZP2_D(m, n, d)       WORD $(0x4ec05800 | (m)<<16 | (n)<<5 | (d)) // uzp2 vd.2d, vn.2d, vm.2d
#define ZIP1_B(m, n, d)       WORD $(0x4e003800 | (m)<<16 | (n)<<5 | (d)) // zip1 vd.16b, vn.16b, vm.16b
#define ZIP1_H(m, n, d)       WORD $(0x4e403800 | (m)<<16 | (n)<<5 | (d)) // zip1 vd.8h, vn.8h, vm.8h
#define ZIP2_H(m, n, d)       WORD $(0x4e407800 | (m)<<16 | (n)<<5 | (d)) // zip2 vd.8h, vn.8h, vm.8h

#define SQRDMULH(m, n, d)     WORD $(0x6ea0b400 | (m)<<16 | (n)<<5 | (d)) // sqrdmulh vd.4s, vn.4s, vm.4s
#define SSHL(m, n, d)         WORD $(0x4ea04400 | (m)<<16 | (n)<<5 | (d)) // sshl vd.4s, vn.4s, vm.4s
#define SRSHL(m, n, d)        WORD $(0x4ea05400 | (m)<<16 | (n)<<5 | (d)) // srshl vd.4s, vn.4s, vm.4s
#define SRSHL_D(m, n, d)      WORD $(0x4ee05400 | (m)<<16 | (n)<<5 | (d)) // srshl vd.2d, vn.2d, vm.2d
#define SSRA_31(n, d)         WORD $(0x4f211400 | (n)<<5 | (d)) // ssra vd.4s, vn.4s, #31
#define XTN_D(n, d)           WORD $(0x0ea12800 | (n)<<5 | (d)) // xtn vd.2s, vn.2d
#define XTN2_D(n, d)          WORD $(0x4ea12800 | (n)<<5 | (d)) // xtn2 vd.4s, vn.2d
#define SQXTN_S(n, d)         WORD $(0x0e614800 | (n)<<5 | (d)) // sqxtn vd.4h, vn.4s
#define SQXTN2_S(n, d)        WORD $(0x4e614800 | (n)<<5 | (d)) // sqxtn2 vd.8h, vn.4s
#define SQXTN_H(n, d)         WORD $(0x0e214800 | (n)<<5 | (d)) // sqxtn vd.8b, vn.8h
#define SQXTN2_H(n, d)        WORD $(0x4e214800 | (n)<<5 | (d)) // sqxtn2 vd.16b, vn.8h
#define SQXTUN_H(n, d)        WORD $(0x2e212800 | (n)<<5 | (d)) // sqxtun vd.8b, vn.8h
#define SQXTUN2_H(n, d)       WORD $(0x6e212800 | (n)<<5 | (d)) // sqxtun2 vd.16b, vn.8h
#define SQADD_H(m, n, d)      WORD $(0x4e600c00 | (m)<<16 | (n)<<5 | (d)) // sqadd vd.8h, vn.8h, vm.8h
#define SMAX_B(m, n, d)       WORD $(0x4e206400 | (m)<<16 | (n)<<5 | (d)) // smax vd.16b, vn.16b, vm.16b
#define SMIN_B(m, n, d)       WORD $(0x4e206c00 | (m)<<16 | (n)<<5 | (d)) // smin vd.16b, vn.16b, vm.16b
