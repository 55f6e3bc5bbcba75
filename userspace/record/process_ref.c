// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/index_pool.h"
#include "base/out.h"
#include "record/process_ref.h"

struct entry {
	uint32_t next;			/* in its chain */
	uint32_t users;
	struct process process;
};

#define BITS_FIRST	6

static struct index_pool entries = INDEX_POOL(sizeof(struct entry));
static uint32_t *heads, count;
static unsigned int bits;

static inline struct entry *entry_at(uint32_t number)
{
	return index_pool_at(&entries, number);
}

const struct process *process_at(process_ref ref)
{
	static const struct process nobody;

	return ref ? &entry_at(ref)->process : &nobody;
}

static inline uint32_t *head_of(uint32_t pid, const char comm[TCPTRACE_COMM_LEN])
{
	return &heads[hash_place(hash_16(comm, pid), bits)];
}

/* Without memory for more heads, chains just get longer. False: there are no heads. */
static bool grow(void)
{
	uint32_t *old = heads, *more = calloc((size_t)1 << (old ? bits + 1 : BITS_FIRST), sizeof(*more));
	uint32_t i, old_count = old ? 1u << bits : 0;

	if (!more)
		return old;
	heads = more;
	bits = old ? bits + 1 : BITS_FIRST;
	for (i = 0; i < old_count; i++) {
		uint32_t number = old[i];

		while (number) {
			struct entry *entry = entry_at(number);
			uint32_t next = entry->next, *head = head_of(entry->process.pid, entry->process.comm);

			entry->next = *head;
			*head = number;
			number = next;
		}
	}
	free(old);
	return true;
}

static inline bool is(const struct process *process, uint32_t pid, const char *comm)
{
	return process->pid == pid && !memcmp(process->comm, comm, sizeof(process->comm));
}

static uint32_t find(uint32_t number, uint32_t pid, const char *comm)
{
	while (number && !is(process_at(number), pid, comm))
		number = entry_at(number)->next;
	return number;
}

/* 0: no memory. */
static uint32_t add(uint32_t *head, uint32_t pid, const char *comm)
{
	uint32_t number = index_pool_take(&entries);
	struct entry *entry;

	if (!number)
		return 0;
	entry = entry_at(number);
	entry->process.pid = pid;
	memcpy(entry->process.comm, comm, sizeof(entry->process.comm));
	entry->next = *head;
	*head = number;
	count++;
	return number;
}

void process_ref_set(process_ref *ref, uint32_t pid, const char comm[TCPTRACE_COMM_LEN])
{
	uint32_t found = 0, *head;

	if (is(process_at(*ref), pid, comm))
		return;
	if (pid && ((heads && !(count >> bits)) || grow())) {
		head = head_of(pid, comm);
		found = find(*head, pid, comm) ?: add(head, pid, comm);
	}
	process_ref_share(ref, found);
}

void process_ref_share(process_ref *ref, process_ref other)
{
	if (other)
		entry_at(other)->users++;
	process_ref_drop(ref);
	*ref = other;
}

void process_ref_drop(process_ref *ref)
{
	uint32_t gone = *ref, *link;

	*ref = 0;
	if (!gone || --entry_at(gone)->users)
		return;
	for (link = head_of(process_at(gone)->pid, process_at(gone)->comm); *link != gone;)
		link = &entry_at(*link)->next;
	*link = entry_at(gone)->next;
	index_pool_give(&entries, gone);
	count--;
}

char *put_process(char *p, uint32_t pid, const char *comm)
{
	p = put_safe(p, comm, TCPTRACE_COMM_LEN);
	*p++ = '/';
	return put_u64(p, pid);
}

char *put_process_ref(char *p, process_ref ref)
{
	const struct process *process = process_at(ref);

	return process->pid ? put_process(p, process->pid, process->comm) : p;
}
