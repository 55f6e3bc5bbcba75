// SPDX-License-Identifier: GPL-2.0-only
/*
 * status and unload with a simulated module: libmnl's socket and libkmod's calls into the kernel are replaced. Any
 * names of readers, and any other content of the module's answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libkmod.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "tcptrace.h"
#include "tcptrace_netlink.h"
#include "test.h"

#define FAMILY	31

/* As in the kernel: up to 15 bytes, cut anywhere. */
static const struct {
	const char *name, *shown;
} readers[] = {
	{ "tcptrace-ctl", "tcptrace-ctl" },
	{ "\033]0;pwned\a", "\\x1b]0;pwned\\x07" },
	{ "a\nb 1 fake", "a\\x0ab 1 fake" },
	{ "\xff\xfe\"bad", "\\xff\\xfe\"bad" },
	{ "\xc2\x9b" "31mC1", "\\xc2\\x9b31mC1" },
	{ "\x9b" "31mraw", "\\x9b31mraw" },
	{ "\xed\xa0\x80\xc0\xaf", "\\xed\\xa0\\x80\\xc0\\xaf" },
	{ "cut-here-abcde\xc3", "cut-here-abcde\\xc3" },
	{ "na\xc3\xafve C:\\x", "na\xc3\xafve C:\\x" },
	{ "\\x1b", "\\x5cx1b" },
	{ "\033\033\033\033\033\033\033\033\033\033\033\033\033\033\033",
	  "\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b\\x1b" },
};

#define READERS	(sizeof(readers) / sizeof(readers[0]))

static bool terminated;	/* the module's strings end with a NUL */

/* ---- libmnl: what the kernel answers ---- */

static struct {
	char data[32768];
	size_t size, read;
} answer;

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	(void)bus;
	(void)flags;
	return (void *)&answer;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return 7;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	(void)nl;
	return 0;
}

static struct nlmsghdr *add_message(const struct nlmsghdr *request, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(answer.data + answer.size);

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	message->nlmsg_seq = request->nlmsg_seq;
	message->nlmsg_pid = 7;
	return message;
}

static void end_message(const struct nlmsghdr *message)
{
	answer.size += MNL_ALIGN(message->nlmsg_len);
}

static struct nlmsghdr *add_answer(const struct nlmsghdr *request, uint8_t cmd)
{
	struct nlmsghdr *message = add_message(request, request->nlmsg_type, NLM_F_MULTI);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->cmd = cmd;
	return message;
}

static void put_string(struct nlmsghdr *message, uint16_t type, const char *text)
{
	mnl_attr_put(message, type, strlen(text) + terminated, text);
	/* Attributes of a newer module are unknown, and skipped. */
	if (!terminated)
		mnl_attr_put_strz(message, 99, "and more");
}

static void answer_info(const struct nlmsghdr *request)
{
	struct nlmsghdr *message = add_answer(request, TCPTRACE_CMD_INFO_GET);

	put_string(message, TCPTRACE_A_INFO_VERSION, "1.0\033c");
	mnl_attr_put_u32(message, TCPTRACE_A_INFO_READERS, READERS);
	end_message(message);
}

static void answer_probe(const struct nlmsghdr *request)
{
	struct nlmsghdr *message = add_answer(request, TCPTRACE_CMD_PROBE_GET);

	put_string(message, TCPTRACE_A_PROBE_SYMBOL, "tcp\nset_state");
	mnl_attr_put_u32(message, TCPTRACE_A_PROBE_METHOD, TCPTRACE_METHOD_FTRACE);
	end_message(message);
}

static void answer_filters(const struct nlmsghdr *request)
{
	size_t i;

	for (i = 0; i < READERS; i++) {
		struct nlmsghdr *message = add_answer(request, TCPTRACE_CMD_FILTER_GET);

		mnl_attr_put_u32(message, TCPTRACE_A_FILTER_READER, i + 1);
		mnl_attr_put_u32(message, TCPTRACE_A_FILTER_PID, 1000 + i);
		put_string(message, TCPTRACE_A_FILTER_COMM, readers[i].name);
		mnl_attr_put_u32(message, TCPTRACE_A_FILTER_LEVEL, TCPTRACE_L_QUEUE);
		end_message(message);
	}
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *data, size_t size)
{
	const struct nlmsghdr *request = data;
	const struct genlmsghdr *header = mnl_nlmsg_get_payload(request);
	struct nlmsghdr *message;

	(void)nl;
	answer.size = answer.read = 0;
	if (request->nlmsg_type == GENL_ID_CTRL) {
		message = add_answer(request, CTRL_CMD_NEWFAMILY);
		mnl_attr_put_u16(message, CTRL_ATTR_FAMILY_ID, FAMILY);
		end_message(message);
	} else if (header->cmd == TCPTRACE_CMD_INFO_GET) {
		answer_info(request);
	} else if (header->cmd == TCPTRACE_CMD_PROBE_GET) {
		answer_probe(request);
	} else if (header->cmd == TCPTRACE_CMD_FILTER_GET) {
		answer_filters(request);
	}
	message = add_message(request, NLMSG_DONE, NLM_F_MULTI);
	mnl_nlmsg_put_extra_header(message, sizeof(int));
	end_message(message);
	return size;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buffer, size_t size)
{
	(void)nl;
	(void)size;
	memcpy(buffer, answer.data, answer.size);
	return answer.size;
}

/* ---- libkmod: the module is loaded, and in use ---- */

int kmod_module_get_initstate(const struct kmod_module *module)
{
	(void)module;
	return KMOD_MODULE_LIVE;
}

int kmod_module_remove_module(struct kmod_module *module, unsigned int flags)
{
	(void)module;
	(void)flags;
	return -EAGAIN;
}

/* ---- the commands ---- */

static char text[65536];

/* The output of a command, on both streams. Returns its status. */
static int run(const struct command *command, char *option)
{
	char *words[] = { (char *)command->name, option, NULL };
	FILE *file = tmpfile();
	int status, old_out, old_err;
	size_t size;

	fflush(stdout);
	old_out = dup(STDOUT_FILENO);
	old_err = dup(STDERR_FILENO);
	if (!file || dup2(fileno(file), STDOUT_FILENO) < 0 || dup2(fileno(file), STDERR_FILENO) < 0)
		abort();
	status = command->run(option ? 2 : 1, words);
	fflush(stdout);
	dup2(old_out, STDOUT_FILENO);
	dup2(old_err, STDERR_FILENO);
	close(old_out);
	close(old_err);
	rewind(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	return status;
}

/* No control characters except newlines; the only non-ASCII letter is in the name of a reader. */
static bool is_harmless(void)
{
	const unsigned char *p;

	for (p = (void *)text; *p; p++)
		if ((*p < ' ' && *p != '\n') || *p == 0x7f ||
		    (*p >= 0x80 && strncmp((char *)p, "\xc3\xaf", 2) && strncmp((char *)p - 1, "\xc3\xaf", 2)))
			return false;
	return true;
}

/* Of characters, each one wide. */
static size_t columns(const char *from, const char *to)
{
	size_t count = 0;

	for (; from < to; from++)
		count += (*from & 0xc0) != 0x80;
	return count;
}

/* A line for each reader, with its columns below their headings. */
static void test_text(void)
{
	char *line, *heading = NULL, *level;
	size_t found = 0, moved = 0;

	is_int(run(&cmd_status, NULL), 0, "status");
	ok(is_harmless(), "its text is harmless");
	ok(strstr(text, "module   version 1.0\\x1bc, ABI"), "the version");
	ok(strstr(text, "\ntcp\\x0aset_state "), "a symbol");
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "READER", 6)) {
			heading = line;
			continue;
		}
		if (!heading || found == READERS)
			continue;
		level = line + (strstr(heading, "COMMAND") - heading);
		if (!strncmp(level, readers[found].shown, strlen(readers[found].shown)))
			level += strlen(readers[found++].shown);
		level = strstr(level, " queue ");
		moved += !level || columns(line, level + 1) != columns(heading, strstr(heading, "LEVEL"));
	}
	is_int(found, READERS, "each reader");
	is_int(moved, 0, "no column is moved by a name");
}

static void test_json(void)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object, *list, *reader, *comm;
	size_t i, right = 0;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	is_int(run(&cmd_status, "--json"), 0, "status --json");
	ok(is_harmless(), "its text is harmless");
	object = json_tokener_parse_ex(tokener, text, strlen(text));
	ok(object, "it is JSON, in UTF-8: %s", json_tokener_error_desc(json_tokener_get_error(tokener)));
	for (i = 0; json_object_object_get_ex(object, "readers", &list) && i < json_object_array_length(list); i++) {
		reader = json_object_array_get_idx(list, i);
		right += json_object_object_get_ex(reader, "comm", &comm) &&
			 !strcmp(json_object_get_string(comm), readers[i].shown);
	}
	is_int(right, READERS, "each reader");
	json_object_put(object);
	json_tokener_free(tokener);
}

/* ---- unload ---- */

static pid_t hold(const char *file, const char *name)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		abort();
	child = fork();
	if (child < 0)
		abort();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (open(file, O_RDONLY) < 0 || write(ready[1], "", 1) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void test_unload(void)
{
	char folder[] = "/tmp/tcptrace_unit.XXXXXX", path[PATH_MAX], file[PATH_MAX], wanted[128];
	pid_t child;
	size_t i;
	int fd;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/tcptrace", folder);
	snprintf(file, sizeof(file), "%s/tcptrace/events", folder);
	fd = mkdir(path, 0700) ? -1 : open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	close(fd);
	for (i = 0; i < READERS; i++) {
		child = hold(file, readers[i].name);
		is_int(run(&cmd_unload, NULL), 1, "unload, in use");
		snprintf(wanted, sizeof(wanted), "%s (pid %d)", readers[i].shown, (int)child);
		ok(is_harmless() && strstr(text, wanted) && strchr(text, '\n') == text + strlen(text) - 1, "one line: %s", wanted);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	unlink(file);
	rmdir(path);
	rmdir(folder);
}

int main(void)
{
	terminated = true;
	test_text();
	test_json();
	terminated = false;
	test_text();
	test_json();
	test_unload();
	return done_testing();
}
