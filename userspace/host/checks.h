/* SPDX-License-Identifier: GPL-2.0-only */
/* What on this host would keep tcptrace from working, one check at a time. */
#ifndef TCPTRACE_CHECKS_H
#define TCPTRACE_CHECKS_H

#include <libkmod.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/module_state.h"

enum check_result {
	CHECK_OK,
	CHECK_WARN,	/* works, with restrictions */
	CHECK_FAIL,	/* will not work */
	CHECK_SKIP,	/* cannot be checked from here; the text says why */
};

/* Facts that several checks need, gathered once. */
struct check_facts {
	char release[65];
	const char *missing;		/* see rights_missing() */
	bool loaded;
	bool bpf;			/* records can be provided by BPF, without the module */
	struct kmod_module *module;	/* the one that would be loaded; NULL: none */
	bool installed;			/* in /lib/modules */
	int state_error;		/* 0: `state` has the module's answer */
	struct module_state state;
};

struct check_answer {
	enum check_result result;
	char text[256];
	char remedy[256];		/* "": none needed, or none known */
};

struct check {
	const char *name;
	void (*ask)(const struct check_facts *facts, struct check_answer *answer);
};

extern const struct check checks[];
extern const size_t check_count;

/* Never fails: the checks report facts that are missing. */
void check_facts_get(struct kmod_ctx *context, struct check_facts *facts);
void check_facts_free(struct check_facts *facts);

#endif
