/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of ss. */
#ifndef TCPTRACE_SS_OPTIONS_H
#define TCPTRACE_SS_OPTIONS_H

#include "session/options.h"
#include "view/table/ss_details.h"

#define SS_EXIT_USAGE	255	/* as in ss */

struct ss_options {
	struct options options;
	struct ss_wanted wanted;
	uint32_t states;		/* -a, -l; 0: neither */
	bool tcp;			/* only TCP's table was selected */
	bool tables;			/* tables or a family were selected */
	bool hosts, summary;
	bool history;
	unsigned long long duration;	/* ns, for --history */
	const char *netns;
	char **words;			/* of the filter, including that of -F; NULL-terminated */
	int word_count;
	size_t word_room;
};

/* Ends the program if the command line is invalid. */
void ss_options_parse(struct ss_options *options, int argc, char *argv[]);

#endif
