// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests as much of the module as one program can, and prints where the limit is: files, and clauses in all of them.
 * Then it gives one of each back, to check that they are free again, and takes them once more.
 *
 *   limits files      then holds all files, without any filter, until it is stopped
 *   limits clauses    the same with all clauses, all different, that match nothing, at level life
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clauses.h"

#define MANY	200

static int files[MANY];

static bool take_file(int *file)
{
	*file = open(TCPTRACE_PROC_EVENTS, O_RDWR | O_CLOEXEC);
	return *file >= 0;
}

static void end_here(const char *what, unsigned int count)
{
	printf("%s: %u, then %s\n", what, count, strerrorname_np(errno));
}

static void retry(const char *what, bool taken)
{
	printf("%s: %s\n", what, taken ? "fine" : strerrorname_np(errno));
}

static void all_files(void)
{
	unsigned int count = 0;

	while (count < MANY && take_file(&files[count]))
		count++;
	end_here("files", count);
	close(files[0]);
	retry("after one was closed", take_file(&files[0]));
	retry("and one more", take_file(&files[count]));
}

/* The maximum for one reader, all different from the previous ones. */
static bool take_clauses(int file, unsigned int clauses)
{
	static unsigned int number;
	struct wish wish;

	wish_init(&wish, TCPTRACE_L_LIFE);
	while (wish.filter.clauses < clauses) {
		char text[80];

		/* Of all prefix lengths, for addresses that nobody has. */
		snprintf(text, sizeof(text), "saddr=100::%x/%u,sport=%u-65535", number, 9 + number % 120, 1 + number);
		wish_add(&wish, text);
		number++;
	}
	return write(file, &wish, wish_size(&wish)) == (ssize_t)wish_size(&wish);
}

static void all_clauses(void)
{
	unsigned int count = 0;

	while (count < MANY && take_file(&files[count]) && take_clauses(files[count], TCPTRACE_CLAUSES_MAX))
		count++;
	end_here("filters of 32 clauses", count);
	retry("without a clause", take_clauses(files[count], 0));
	retry("asking for nothing", write(files[count], &(struct tcptrace_filter) { .abi = TCPTRACE_ABI },
					  sizeof(struct tcptrace_filter)) > 0);
	retry("with one more", take_clauses(files[count], 1));
	retry("another in place of the own", take_clauses(files[0], TCPTRACE_CLAUSES_MAX));
	close(files[0]);
	retry("after one was closed", take_clauses(files[count], TCPTRACE_CLAUSES_MAX));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "files"))
		all_files();
	else if (argc == 2 && !strcmp(argv[1], "clauses"))
		all_clauses();
	else
		errx(2, "usage: limits files|clauses");
	printf("# ready\n");
	fflush(stdout);
	pause();
	return 0;
}
