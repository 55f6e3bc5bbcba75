// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "base/signals.h"

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t received;

static void (*last_words)(void);

static void die(int signal_number)
{
	if (last_words)
		last_words();
	/* The signal is blocked until this handler returns; one raised by the CPU occurs again. */
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void note(int signal_number)
{
	if (last_words && received == signal_number)
		die(signal_number);
	received = signal_number;
}

void signals_catch(void)
{
	/* No SA_RESTART: a sleeping system call has to return. */
	struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESETHAND };
	struct sigaction old;
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		if (caught[i] == SIGHUP && !sigaction(SIGHUP, NULL, &old) &&
		    old.sa_handler == SIG_IGN)
			continue;
		sigaction(caught[i], &action, NULL);
	}
}

void signals_last_words(void (*say)(void))
{
	static const int deadly[] = {
		SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGSYS,
	};
	struct sigaction action = { .sa_handler = die }, old;
	size_t i;

	last_words = say;
	for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], say ? die : SIG_DFL);
	/* No SA_RESETHAND here: the second one has to be handled. */
	action.sa_handler = note;
	action.sa_flags = say ? 0 : SA_RESETHAND;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (!sigaction(caught[i], NULL, &old) && old.sa_handler == note)
			sigaction(caught[i], &action, NULL);
}

bool signals_stop(void)
{
	return received;
}

int signals_which(void)
{
	return received;
}

int signals_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000l,
	};
	sigset_t block, old;
	int result;
	size_t i;

	sigemptyset(&block);
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaddset(&block, caught[i]);
	sigprocmask(SIG_BLOCK, &block, &old);
	result = received ? -EINTR : ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, &old);
	if (result == -1)
		result = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return result;
}
