// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes with names of any bytes. Each NAME is the name of one process, as its argv[0] and, the first 15 bytes, in
 * the kernel. It has FILE open, and a socket that listens on 127.0.0.1: the first one on PORT, the next one on the next
 * port. Prints a line for each; they stay until SIGTERM:
 *
 *	pid=PID
 *	# ready
 */
#include <argp.h>
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLE	"stay, and write to 3"	/* argv[1] of such a process */
#define READY	3

static const char *file;
static int port, count;
static char **names;

static const struct argp_option options[] = {
	{ "file", 'f', "FILE", 0, "to open", 0 },
	{ "port", 'p', "PORT", 0, "of the first listener", 0 },
	{ }
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 'f':
		file = argument;
		return 0;
	case 'p':
		port = atoi(argument);
		return 0;
	case ARGP_KEY_ARGS:
		names = state->argv + state->next;
		count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { .options = options, .parser = parse, .args_doc = "NAME..." };

/* Open files survive execv(). */
static void open_all(int number)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port + number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd;

	if (file && open(file, O_RDWR) < 0)
		err(1, "%s", file);
	if (!port)
		return;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) || listen(fd, 5))
		err(1, "port %d", port + number);
}

static pid_t start(int number)
{
	pid_t parent = getpid(), child;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		err(1, "pipe");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || dup2(ready[1], READY) < 0)
			_exit(1);
		fcntl(READY, F_SETFD, 0);
		/* The module notes the name of a process when it opens the file; exec changes the name. */
		prctl(PR_SET_NAME, names[number]);
		open_all(number);
		execv("/proc/self/exe", (char *[]){ names[number], ROLE, NULL });
		err(1, "exec");
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "process %d has ended", number);
	close(ready[0]);
	printf("pid=%d\n", child);
	return child;
}

static void stay(const char *name)
{
	prctl(PR_SET_NAME, name);
	if (write(READY, "", 1) < 0)
		err(1, "write");
	close(READY);
	for (;;)
		pause();
}

int main(int argc, char *argv[])
{
	sigset_t end;
	pid_t *children;
	int i, number;

	if (argc == 2 && !strcmp(argv[1], ROLE))
		stay(argv[0]);
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	children = calloc(count, sizeof(*children));
	if (!children)
		err(1, "memory");
	for (i = 0; i < count; i++)
		children[i] = start(i);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigprocmask(SIG_BLOCK, &end, NULL);
	puts("# ready");
	fflush(stdout);
	sigwait(&end, &number);
	/* They must not outlive this process. */
	for (i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
