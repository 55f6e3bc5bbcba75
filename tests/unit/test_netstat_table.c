// SPDX-License-Identifier: GPL-2.0-only
/* The program name in netstat -p, for this test's own process, compared with the real netstat. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "view/table/netstat_table.h"

static struct out out;

/* A listener on IPv4, and its record. */
static struct tcptrace_record listener(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct tcptrace_record record = {
		.type = TCPTRACE_T_SNAPSHOT, .kind = TCPTRACE_K_FULL, .family = AF_INET,
		.old_state = TCPTRACE_S_LISTEN, .new_state = TCPTRACE_S_LISTEN,
		.saddr = { [10] = 0xff, 0xff, 127, 0, 0, 1 }, .daddr = { [10] = 0xff, 0xff },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat stats;

	if (fd < 0 || bind(fd, (void *)&address, size) || listen(fd, 5) || getsockname(fd, (void *)&address, &size) ||
	    fstat(fd, &stats))
		abort();
	record.sport = ntohs(address.sin_port);
	record.u.listen.inode = stats.st_ino;
	return record;
}

static const char *by_netstat(uint16_t port)
{
	static char text[4096];
	char command[128];
	size_t size;
	FILE *pipe;

	snprintf(command, sizeof(command), "netstat -4ltnp 2>/dev/null | grep -a ':%u '", port);
	pipe = popen(command, "r");
	if (!pipe)
		abort();
	size = fread(text, 1, sizeof(text) - 1, pipe);
	pclose(pipe);
	text[size] = '\0';
	return text;
}

static const char *by_us(const struct tcptrace_record *record)
{
	static char text[4096];
	struct processes *processes = processes_new();
	struct netstat_table table = {
		.out = &out, .programs = true, .listening = true, .processes = processes,
		.numeric_hosts = true, .numeric_ports = true, .numeric_users = true,
	};
	int fd = memfd_create("row", MFD_CLOEXEC);
	ssize_t size;

	processes_want_all(processes);
	processes_scan(processes, "/proc");
	out_init(&out, fd);
	netstat_table_row(&table, record);
	out_flush(&out);
	size = pread(fd, text, sizeof(text) - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	netstat_table_end(&table);
	processes_free(processes);
	close(fd);
	return text;
}

/* In a process of its own: names are remembered by process. */
static bool is_right(char *own, const char *name, const char *shown)
{
	struct tcptrace_record record = listener();
	char wanted[4096];

	memset(own, 0, strlen(own));
	strcpy(own, name);
	snprintf(wanted, sizeof(wanted), "%s", by_netstat(record.sport));
	if (shown)
		snprintf(wanted, sizeof(wanted), " %d/%s ", getpid(), shown);
	if (strstr(by_us(&record), wanted) && *wanted)
		return true;
	diag("got %s, wanted %s", by_us(&record), wanted);
	fflush(stdout);
	return false;
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name, *shown;	/* NULL: to the letter */
	} names[] = {
		{ "nc", NULL }, { "/usr/sbin/nginx", NULL }, { "na\xc3\xafve", NULL }, { "a 'b\"c", NULL }, { "C:\\x", NULL },
		{ "longer than there is room", NULL },
		{ "\033[1m", "\\x1b[1m" }, { "a\nb", "a\\x0ab" }, { "\xff", "\\xff" }, { "\xc2\x9b", "\\xc2\\x9b" },
		{ "\\x1b", "\\x5cx1b" },
	};
	int status;
	pid_t child;
	size_t i;

	(void)argc;
	if (!*by_netstat(listener().sport)) {
		skip("netstat (net-tools) is not installed, or sees nothing");
		return done_testing();
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		child = fork();
		if (!child)
			/* /proc/PID/cmdline shows this memory; this program's own path is longer. */
			_exit(strlen(names[i].name) < strlen(argv[0]) && is_right(argv[0], names[i].name, names[i].shown) ? 0 : 1);
		waitpid(child, &status, 0);
		ok(!status, "%s", names[i].shown ? names[i].shown : names[i].name);
	}
	return done_testing();
}
