// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/netns.h"
#include "record/record_check.h"
#include "source/bpf/sockets.h"

#define BUFFER	((size_t)1365 * sizeof(struct tcptrace_record))	/* 256 KiB */

static int hand_out(unsigned char *buffer, size_t size, source_each each, void *arg, uint64_t *unknown)
{
	size_t at;
	int result = 0;

	for (at = 0; at < size && !result; at += sizeof(struct tcptrace_record)) {
		struct tcptrace_record *record = (void *)(buffer + at);

		if (record_known(record) && record_sound(record))
			result = each(record, arg);
		else
			(*unknown)++;
	}
	return result;
}

struct walk {
	int link;
	unsigned char *buffer;
	source_each each;
	void *arg;
	uint64_t *unknown;
};

/* Of the namespace that this thread is in. */
static int walk_here(void *arg)
{
	const struct walk *walk = arg;
	int fd = bpf_iter_create(walk->link), result = 0;
	size_t held = 0, whole;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (!result && (got = read(fd, walk->buffer + held, BUFFER - held))) {
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0) {
			result = -errno;
			break;
		}
		held += got;
		whole = held - held % sizeof(struct tcptrace_record);
		result = hand_out(walk->buffer, whole, walk->each, walk->arg, walk->unknown);
		held -= whole;
		memmove(walk->buffer, walk->buffer + whole, held);
	}
	close(fd);
	return result;
}

int sockets_each(const struct bpf_program *snapshot, source_each each, void *arg, uint64_t *unknown)
{
	struct bpf_link *link = bpf_program__attach_iter(snapshot, NULL);
	struct walk walk = { .each = each, .arg = arg, .unknown = unknown };
	int result = -ENOMEM;

	if (!link)
		return -errno;
	walk.link = bpf_link__fd(link);
	walk.buffer = malloc(BUFFER);
	if (walk.buffer)
		result = netns_each(walk_here, &walk);
	free(walk.buffer);
	bpf_link__destroy(link);
	return result;
}
