// QEMU plugin (API v1): how often each instruction of the guest's program was executed. At exit it writes lines "address
// count", hexadecimal and decimal, to the file that the environment variable COUNTS names.
//
//	gcc -O2 -shared -fPIC -o counts.so counts.c    (declares what it needs: no QEMU headers)
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t id;
struct tb;
struct insn;
enum op { ADD_U64 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(id, void (*)(id, struct tb *));
extern void qemu_plugin_register_atexit_cb(id, void (*)(id, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct insn *, enum op, void *, uint64_t);

int qemu_plugin_version = 1;

enum { WORDS = 8 << 20 }; // the program lies in the first 32 MiB
static uint64_t *counts;

static void translated(id i, struct tb *t) {
	for (size_t n = 0; n < qemu_plugin_tb_n_insns(t); n++) {
		struct insn *in = qemu_plugin_tb_get_insn(t, n);
		uint64_t word = qemu_plugin_insn_vaddr(in) / 4;
		if (word < WORDS)
			qemu_plugin_register_vcpu_insn_exec_inline(in, ADD_U64, &counts[word], 1);
	}
}

static void finished(id i, void *unused) {
	FILE *f = fopen(getenv("COUNTS"), "w");
	for (uint64_t w = 0; f && w < WORDS; w++)
		if (counts[w])
			fprintf(f, "%" PRIx64 " %" PRIu64 "\n", 4 * w, counts[w]);
	if (f)
		fclose(f);
}

int qemu_plugin_install(id i, const void *info, int argc, char **argv) {
	counts = calloc(WORDS, sizeof *counts);
	qemu_plugin_register_vcpu_tb_trans_cb(i, translated);
	qemu_plugin_register_atexit_cb(i, finished, NULL);
	return counts && getenv("COUNTS") ? 0 : 1;
}
