/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of ss. */
#ifndef TCPTRACE_SS_OPTIONS_H
#define TCPTRACE_SS_OPTIONS_H

#include "session/options.h"
#include "view/table/ss_details.h"

#define SS_EXIT_USAGE	255	/* as ss has it */

struct ss_options {
	struct options options;
	struct ss_wanted wanted;
	uint32_t states;		/* -a, -l; 0: neither */
	bool tcp;			/* tables were named, and TCP's is the only one */
	bool tables;			/* some were named, or a family was */
	bool hosts, summary;
	bool history;
	unsigned long long duration;	/* ns, of --history */
	const char *netns;
	char **words;			/* of the filter, that of -F included; ends with NULL */
	int word_count;
};

/* Ends the program where it is not understood. */
void ss_options_parse(struct ss_options *options, int argc, char *argv[]);

#endif
