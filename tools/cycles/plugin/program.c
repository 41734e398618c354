// QEMU plugin (API v1): how often each instruction of any guest program is executed between its first two calls of getppid,
// to the file that the environment variable COUNTS names: lines "address word count", hexadecimal and decimal.
//
//	gcc -O2 -shared -fPIC -o program.so program.c    (declares what it needs: no QEMU headers)
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t id;
struct tb;
struct insn;
enum op { ADD_U64 };
extern void qemu_plugin_register_vcpu_tb_trans_cb(id, void (*)(id, struct tb *));
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
extern const void *qemu_plugin_insn_data(const struct insn *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct insn *, enum op, void *, uint64_t);
extern void qemu_plugin_register_vcpu_syscall_cb(id, void (*)(id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t,
	uint64_t, uint64_t, uint64_t, uint64_t));

int qemu_plugin_version = 1;

enum { GETPPID = 173, SLOTS = 1 << 22 }; // a hash table of addresses, open
static struct slot { uint64_t address, count, before; uint32_t word; } *slots;
static int calls;

static struct slot *find(uint64_t address) {
	uint64_t i = (address / 4 * 0x9e3779b97f4a7c15u) >> 42;
	while (slots[i].address && slots[i].address != address)
		i = (i + 1) % SLOTS;
	slots[i].address = address;
	return &slots[i];
}

static void translated(id i, struct tb *t) {
	for (size_t n = 0; n < qemu_plugin_tb_n_insns(t); n++) {
		struct insn *in = qemu_plugin_tb_get_insn(t, n);
		struct slot *s = find(qemu_plugin_insn_vaddr(in));
		memcpy(&s->word, qemu_plugin_insn_data(in), 4);
		qemu_plugin_register_vcpu_insn_exec_inline(in, ADD_U64, &s->count, 1);
	}
}

static void syscalled(id i, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
	uint64_t g, uint64_t h) {
	if (number != GETPPID)
		return;
	if (++calls == 1)
		for (size_t s = 0; s < SLOTS; s++)
			slots[s].before = slots[s].count;
	if (calls != 2)
		return;
	FILE *out = fopen(getenv("COUNTS"), "w");
	for (size_t s = 0; out && s < SLOTS; s++)
		if (slots[s].count > slots[s].before)
			fprintf(out, "%" PRIx64 " %08" PRIx32 " %" PRIu64 "\n", slots[s].address, slots[s].word, slots[s].count - slots[s].before);
	if (out)
		fclose(out);
}

int qemu_plugin_install(id i, const void *info, int argc, char **argv) {
	slots = calloc(SLOTS, sizeof *slots);
	qemu_plugin_register_vcpu_tb_trans_cb(i, translated);
	qemu_plugin_register_vcpu_syscall_cb(i, syscalled);
	return slots && getenv("COUNTS") ? 0 : 1;
}
