// SPDX-License-Identifier: GPL-2.0-only
/* `tcptrace-ctl record`, run as a whole on recordings. */
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "capture_make.h"
#include "test.h"

static struct capture capture;
static char output[65536];	/* of the last command, both streams */

/* Runs a line of shell in a folder of this test, with the program as $ctl. Returns its status. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	size_t length;
	FILE *pipe;
	int status;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	pipe = popen(line, "r");
	length = pipe ? fread(output, 1, sizeof(output) - 1, pipe) : 0;
	output[length] = '\0';
	status = pipe ? pclose(pipe) : -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static off_t size_of(const char *name)
{
	struct stat status;

	return stat(name, &status) ? -1 : status.st_size;
}

static void copies(void)
{
	capture_begin(&capture);
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 1, 80);
	capture_add(&capture, TCPTRACE_T_SNAPSHOT, 2, 9090);
	capture_add(&capture, TCPTRACE_T_STATE, 1000, 80);
	capture_add(&capture, TCPTRACE_T_STATE, 1001, 9090);
	capture_lost(&capture, 1002, 5);
	capture_add(&capture, TCPTRACE_T_STATE, 1003, 80);
	capture_add(&capture, TCPTRACE_T_STATE, 1000001000, 80);
	capture_add(&capture, TCPTRACE_T_STATE, 1000001001, 9090);
	capture_end(&capture, 5);
	capture_save(&capture, "in");

	is_int(run("$ctl record --source=in out 2>&1"), 0, "a recording of a recording");
	is_str(output, "2 sockets, 5 events, 12 lost\n", "its tally");
	is_int(run("tail -c +257 in | head -c -192 >a; tail -c +257 out | head -c -192 | cmp - a 2>&1"), 0,
	       "its records are the same");
	is_int(run("$ctl record --source=out again 2>&1 && cmp out again"), 0, "and so on");

	is_int(run("$ctl record --source=in filtered 9090 2>&1"), 0, "filtered");
	is_str(output, "1 socket, 2 events, 12 lost\n", "by a port");
	is_int(run("$ctl record --source=in f6 -6 2>&1"), 0, "by family");
	is_str(output, "0 sockets, 0 events, 12 lost\n", "of which there is none");
	is_int(run("$ctl record --source=in count --count=3 2>&1"), 0, "the first three");
	is_str(output, "2 sockets, 3 events, 5 lost\n", "of them");
	is_int(run("$ctl record --source=in duration --duration=1 2>&1"), 0, "the first second");
	is_str(output, "2 sockets, 3 events, 5 lost\n", "and a microsecond is too late");
	is_int(run("$ctl record --source=count count2 2>&1"), 0, "what was cut short is whole");

	is_int(run("$ctl record --source=- piped <in 2>&1 && cmp piped out"), 0, "standard input");
	is_int(run("$ctl record --source=in - 2>/dev/null | cmp - out"), 0, "standard output");
	is_int(run("$ctl record --source=in json --json"), 0, "as JSON");
	is_str(output, "{\"type\":\"lost\",\"lost\":5,\"unknown\":0,\"missed\":7,\"events\":5,\"sockets\":2}\n",
	       "the tally is an object");
	is_int(run("$ctl record -q --source=in quiet 2>&1"), 0, "quiet");
	is_str(output, "", "says nothing");
	is_int(run("$ctl record --fail-on-loss -q --source=in lossy 2>&1"), 3, "--fail-on-loss");
	is_int(run("cmp lossy out"), 0, "and the recording is there");
}

static void files(void)
{
	is_int(run("$ctl record --source=in out 2>&1"), 1, "a file that exists");
	is_str(output, "tcptrace-ctl: out: exists; --force overwrites it\n", "is not overwritten");
	is_int(run("cmp out piped"), 0, "and is as it was");
	is_int(run("$ctl record -q --source=in --force out 2>&1"), 0, "--force does it");
	is_int(run("$ctl record --source=nowhere --force out 2>&1"), 1, "no source");
	is_int(size_of("out"), size_of("piped"), "then the file is not touched");
	is_int(run("$ctl record --source=nowhere new 2>&1; test ! -e new"), 0, "nor made");
	is_int(run("$ctl record --source=in /nowhere/x 2>&1"), 1, "a folder that is not there");
	is_str(output, "tcptrace-ctl: /nowhere/x: No such file or directory\n", "is named");
	is_int(run("$ctl record -q --source=in /dev/null 2>&1"), 0, "a device is written to");
	is_int(run("$ctl record --source=in /dev/full 2>&1"), 1, "a full disk");
	is_str(output, "tcptrace-ctl: /dev/full: No space left on device; the recording is truncated\n",
	       "is said");
	/* The reader is gone before anything is written. Not by popen's own pipe, which we read. */
	is_int(run("{ sleep 0.2; $ctl record --source=in - 2>err; echo $? >status; } | true; "
		   "cat err status"), 0, "a pipe that nobody reads");
	is_str(output, "141\n", "ends it quietly, by SIGPIPE");
}

static void broken(void)
{
	is_int(run("head -c 700 in >cut; $ctl record --source=cut cut2 2>&1"), 4, "a truncated source");
	is_str(output, "2 sockets, 0 events, 0 lost\n"
	       "tcptrace-ctl: cut: byte 700: truncated after 2 records, or still being written\n", "is said");
	is_int(run("$ctl record --source=cut2 cut3 2>&1"), 4, "and what was made of it is truncated, too");
	is_int(run("echo hello >text; $ctl record --source=text t 2>&1"), 4, "no recording at all");
	is_str(output, "tcptrace-ctl: text: byte 0: not a recording of tcptrace (tcptrace-ctl record makes one)\n",
	       "is said in one line");
}

static void usage(void)
{
	is_int(run("$ctl record 2>&1"), 2, "no file");
	is_int(run("$ctl record --source=in x --level=all 2>&1"), 2, "no level");
	ok(strstr(output, "--level=all: not a level; choose life, queue or segment\n"), "says which there are");
	is_int(run("$ctl record --source=in x --count=0 2>&1"), 2, "none at all");
	is_int(run("$ctl record --source=in x --count=-1 2>&1"), 2, "less than none");
	is_int(run("$ctl record --source=in x --duration=nan 2>&1"), 2, "no duration");
	is_int(run("$ctl record --source=in x --duration=1e300 2>&1"), 2, "too long a duration");
	is_int(run("$ctl record --source=in - --json 2>&1"), 2, "two things on one output");
	is_int(run("$ctl record --source=in x sport = 2>&1"), 255, "half a filter");
	is_int(run("test ! -e x"), 0, "none of them made a file");
	is_int(run("$ctl nonsense 2>&1"), 2, "no such command");
	is_str(output, "tcptrace-ctl: nonsense: no such command; --help lists them\n", "is said in one line");
	is_int(run("$ctl --version"), 0, "the version");
	is_int(run("$ctl --version 2>&1 >/dev/full"), 1, "which argp prints by itself, and which could not be printed");
	is_str(output, "tcptrace-ctl: standard output: No space left on device\n", "is no success either");
	is_int(run("$ctl record --source=in j --json >/dev/full 2>err; s=$?; cat err; exit $s"), 1,
	       "a tally that could not be printed");
	is_str(output, "tcptrace-ctl: standard output: No space left on device\n", "is no success");
}

int main(void)
{
	const char *build = getenv("BUILD");
	char folder[] = "/tmp/tcptrace-record-XXXXXX", program[4096];

	if (!build || !mkdtemp(folder) || chdir(folder)) {
		ok(false, "BUILD says where the program is, and there is a folder to work in");
		return done_testing();
	}
	snprintf(program, sizeof(program), "%s/tcptrace-ctl", build);
	setenv("ctl", program, 1);
	copies();
	files();
	broken();
	usage();
	run("rm -r %s", folder);
	return done_testing();
}
