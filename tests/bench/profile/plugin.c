// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's translator that counts the instructions that the guest runs between two marks of
 * the workload (BENCH_MARK in workload.h), by address: out=PREFIX names the files PREFIX.1, PREFIX.2, ...,
 * one for each pair of marks, each line an address and how many instructions ran in the block there.
 *
 * QEMU's package has no header for plugins; what is used of it stands below.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../workload.h"

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *ptr, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*cb)(unsigned int, void *), int flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* Blocks that were translated. The same address may come again, in another process or after a flush. */
struct block {
	struct block *next;
	uint64_t address;
	uint64_t count;
};

static struct block *blocks;
static const char *prefix;
static bool counting;
static unsigned int pairs;

static void dump(void)
{
	const struct block *block;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.%u", prefix, ++pairs);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	for (block = blocks; block; block = block->next)
		if (block->count)
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", block->address, block->count);
	fclose(file);
}

static void on_mark(unsigned int cpu, void *data)
{
	struct block *block;

	(void)cpu;
	(void)data;
	if (counting)
		dump();
	else
		for (block = blocks; block; block = block->next)
			block->count = 0;
	counting = !counting;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char mark[] = { BENCH_MARK_BYTES };
	struct block *block = calloc(1, sizeof(*block));
	size_t i, count = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;

	(void)id;
	if (!block)
		abort();
	block->address = qemu_plugin_tb_vaddr(tb);
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &block->count, count);
	for (i = 0; i < count; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_size(insn) == sizeof(mark) &&
		    !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: out=PREFIX is wanted\n");
		return -1;
	}
	prefix = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
