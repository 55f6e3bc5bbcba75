// SPDX-License-Identifier: GPL-2.0-only
/* top on a terminal: its keys, another size, and that the terminal is restored. Without a shell in between. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <utmp.h>

#include "program.h"

#define PATIENCE_MS	60000	/* limit for a hang, not a measurement */
#define BEGINS		"\033[?1049h"	/* xterm's other screen, */
#define ENDS		"\033[?1049l"	/* and back */

/*
 * The slave is kept open until the last expected output has arrived: when the last one closes it, a reader may see the
 * end before the last bytes (n_tty_read() checks both, one after the other).
 */
static int terminal, slave;
static pid_t child;
static struct termios before;
static size_t held;

static const int good[] = { SIGINT, SIGTERM, SIGHUP };
static const int bad[] = { SIGQUIT, SIGSEGV, SIGABRT, SIGPIPE, SIGUSR1, SIGALRM };

/* The parent of this test may ignore some signals, as nohup does, and the child would inherit that. */
static void heed_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		signal(good[i], SIG_DFL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		signal(bad[i], SIG_DFL);
}

static void start(const char *source, unsigned short lines, unsigned short columns)
{
	struct winsize size = { .ws_row = lines, .ws_col = columns };
	const char *build = getenv("BUILD");
	char program[PATH_MAX], argument[PATH_MAX + 16];

	snprintf(program, sizeof(program), "%s/tcptrace-ctl", build ? build : "build");
	snprintf(argument, sizeof(argument), "--source=%s", source);
	/* Read before there is a child that could have changed them. */
	if (openpty(&terminal, &slave, NULL, NULL, &size) || tcgetattr(slave, &before))
		abort();
	child = fork();
	if (child < 0)
		abort();
	if (!child) {
		close(terminal);
		if (login_tty(slave))
			_exit(127);
		setenv("TERM", "xterm", 1);
		heed_all();
		execl(program, program, "top", argument, (char *)NULL);
		_exit(127);
	}
	held = 0;
	out.text[0] = '\0';
}

/* Reads until `text` appears; what was before it is discarded. False: it ended, or took too long. */
static bool comes(const char *text)
{
	struct pollfd fd = { .fd = terminal, .events = POLLIN };
	char *found;

	while (!(found = strstr(out.text, text))) {
		ssize_t got;

		if (held > sizeof(out.text) / 2)
			held = 0;
		if (poll(&fd, 1, PATIENCE_MS) <= 0)
			return false;
		got = read(terminal, out.text + held, sizeof(out.text) - 1 - held);
		if (got <= 0)
			return false;
		held += got;
		out.text[held] = '\0';
	}
	found += strlen(text);
	held = strlen(found);
	memmove(out.text, found, held + 1);
	return true;
}

static void type(const char *keys)
{
	if (write(terminal, keys, strlen(keys)) < 0)
		abort();
}

static bool as_found(void)
{
	struct termios now;

	return !tcgetattr(terminal, &now) && now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag &&
	       now.c_cflag == before.c_cflag && now.c_lflag == before.c_lflag &&
	       !memcmp(now.c_cc, before.c_cc, sizeof(now.c_cc));
}

/* It ends by `signal` (0: by itself, successfully), and the terminal is restored. */
static void ends(int signal_number, const char *how)
{
	int status;

	ok(comes(ENDS), "%s: the other screen is left", how);
	close(slave);
	while (comes("\n"))
		;
	waitpid(child, &status, 0);
	ok(as_found(), "%s: the terminal's settings are those of before", how);
	if (signal_number)
		is_int(WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal_number, "%s: the signal", how);
	else
		ok(WIFEXITED(status) && !WEXITSTATUS(status), "%s: status 0", how);
	close(terminal);
}

static void shown(unsigned short lines, unsigned short columns)
{
	start(file(), lines, columns);
	ok(comes(BEGINS), "the other screen");
	ok(comes("q quit"), "the keys are named");
	ok(!as_found(), "the settings are others meanwhile");
}

static void test_keys(void)
{
	struct winsize small = { .ws_row = 10, .ws_col = 40 }, large = { .ws_row = 30, .ws_col = 130 };

	shown(30, 130);
	ok(comes("end of the recording"), "it is played to its end");
	type("r");
	ok(comes("Recv-Q"), "another order");
	type(" ");
	ok(comes("PAUSED"), "a pause");
	type(" /");
	ok(comes("filter: "), "a filter is asked for");
	type("sport = :x\r");
	ok(comes("not a port"), "what is wrong with it is said");
	type("/state listening\r");
	ok(comes("q quit"), "and one that is right is taken");
	ioctl(terminal, TIOCSWINSZ, &small);
	ok(comes("q quit / filter"), "40 columns: shorter names of keys");
	ioctl(terminal, TIOCSWINSZ, &large);
	ok(comes("R reverse"), "and back");
	type("q");
	ends(0, "q");
}

static void test_signals(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		shown(24, 80);
		kill(child, good[i]);
		ends(0, strsignal(good[i]));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		shown(24, 80);
		kill(child, bad[i]);
		ends(bad[i], strsignal(bad[i]));
	}
}

/* Has the last signal been delivered? */
static bool is_pending(void)
{
	char path[64], line[128];
	bool pending = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", child);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "ShdPnd:", 7))
			pending = strtoull(line + 7, NULL, 16);
	if (status)
		fclose(status);
	return pending;
}

/* A silent source: the first Ctrl-C waits for it, the second one does not. */
static void test_second_signal(void)
{
	char name[PATH_MAX];
	int fifo;

	snprintf(name, sizeof(name), "%s/fifo", folder);
	if (mkfifo(name, 0600))
		abort();
	fifo = open(name, O_RDWR | O_CLOEXEC);
	if (fifo < 0 || write(fifo, capture.data, sizeof(struct capture_header)) < 0)
		abort();
	start(name, 24, 80);
	ok(comes(BEGINS), "the other screen, of nothing yet");
	kill(child, SIGINT);
	while (is_pending())
		usleep(1000);
	is_int(waitpid(child, NULL, WNOHANG), 0, "it waits for its source");
	kill(child, SIGINT);
	ends(SIGINT, "a second Interrupt");
	close(fifo);
	unlink(name);
}

static void test_no_terminal(void)
{
	const char *build = getenv("BUILD");
	char command[2 * PATH_MAX];

	/* script(1) gives it a terminal. newterm() frees nothing when it fails. */
	snprintf(command, sizeof(command),
		 "TERM=nosuchterminal ASAN_OPTIONS=detect_leaks=0 script -qec '%s/tcptrace-ctl top --source=%s' /dev/null",
		 build ? build : "build", file());
	run_command(command);
	is_int(out.status, 1, "an unknown TERM: status");
	ok(line_with("--batch"), "what helps is said");
	is_int(out.count, 1, "in one line");
}

int main(void)
{
	program_begin();
	stream_begin(&stream);
	listen_begins(&stream);
	handshake(&stream);
	sends(&stream, &stream.client, 5000);
	save(0);
	test_keys();
	test_signals();
	test_second_signal();
	test_no_terminal();
	program_end();
	return done_testing();
}
