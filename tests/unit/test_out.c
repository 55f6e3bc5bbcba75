// SPDX-License-Identifier: GPL-2.0-only
/* The writers that replace printf(), compared with printf(); and where processes are looked up. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/out.h"
#include "host/process.h"
#include "record/record.h"
#include "test.h"

static char text[256];

static const char *ended(char *end)
{
	*end = '\0';
	return text;
}

static void test_numbers(void)
{
	static const uint64_t values[] = {
		0, 1, 9, 10, 99, 100, 101, 999, 1000, 1001, 9999, 10000, 65535, 99999, 100000, 999999,
		1000000, 4294967295u, 4294967296ull, 18446744073709551615ull,
	};
	unsigned int i, wrong = 0;
	char wanted[64];

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)values[i]);
		is_str(ended(put_u64(text, values[i])), wanted, "put_u64(%s)", wanted);
		snprintf(wanted, sizeof(wanted), "%6llu", (unsigned long long)values[i]);
		is_str(ended(put_right(text, values[i], 6)), wanted, "put_right(%s)", wanted);
	}
	for (i = 0; i < 200000; i++) {
		snprintf(wanted, sizeof(wanted), "%u", i);
		wrong += !!strcmp(ended(put_u64(text, i)), wanted);
	}
	is_int(wrong, 0, "put_u64() of all up to 200000");
	for (i = 0, wrong = 0; i < 1000; i++) {
		snprintf(wanted, sizeof(wanted), "%03u", i);
		wrong += !!strcmp(ended(put_3(text, i)), wanted);
	}
	is_int(wrong, 0, "put_3() of all");
}

static void test_durations(void)
{
	static const struct {
		uint64_t ns;
		const char *wanted;
	} durations[] = {
		{ 0, "0ns" }, { 999, "999ns" }, { 1000, "1.00us" }, { 9999, "9.99us" },
		{ 10000, "10.0us" }, { 99999, "99.9us" }, { 100000, "100us" }, { 999999, "999us" },
		{ 1000000, "1.00ms" }, { 1240000, "1.24ms" }, { 999999999, "999ms" },
		{ 1000000000, "1.00s" }, { 60000000000, "60.0s" }, { 999999999999, "999s" },
		{ 1000000000000, "1000s" }, { 86400000000000, "86400s" },
		{ 18446744073709551615ull, "18446744073s" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		is_str(ended(put_duration(text, durations[i].ns)), durations[i].wanted, "%llu ns",
		       (unsigned long long)durations[i].ns);
}

static void test_clock(void)
{
	struct put_clock clock = { 0 };

	setenv("TZ", "UTC", 1);
	is_str(ended(put_clock(text, &clock, 0)), "00:00:00.000000", "the beginning");
	is_str(ended(put_clock(text, &clock, 999)), "00:00:00.000000", "less than it shows");
	is_str(ended(put_clock(text, &clock, 86399999999999)), "23:59:59.999999", "a day's end");
	is_str(ended(put_clock(text, &clock, 86399999999999 - 1500000)), "23:59:59.998499",
	       "back by some");
	is_str(ended(put_clock(text, &clock, 86400000000000)), "00:00:00.000000", "the next day");
}

static void test_columns(void)
{
	unsigned int i;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < 40; i++)
		if (put_column(text, text + i) != text + i || strspn(text, " ") < i)
			break;
	is_int(i, 40, "put_column() fills up to the column");
	ok(put_column(text + 5, text + 3) == text + 5, "and never goes back");
}

static void test_flush(void)
{
	static struct out out;
	FILE *file = tmpfile();
	unsigned int i, lines = 0;
	char line[64];

	out_init(&out, fileno(file));
	for (i = 0; i < 20000; i++) {
		char *p = out_room(&out);

		p = put_u64(p, i);
		*p++ = '\n';
		out_done(&out, p);
	}
	out_write(&out, "end\n", 4);
	is_int(out_flush(&out), 0, "written");
	rewind(file);
	while (fgets(line, sizeof(line), file) && strtoul(line, NULL, 10) == lines)
		lines++;
	is_int(lines, 20000, "each line, in order");
	is_str(line, "end\n", "the last one");
	fclose(file);

	out_init(&out, -1);
	out_write(&out, "x", 1);
	ok(out_flush(&out) < 0, "an error is told");
	ok(out_flush(&out) < 0, "and stays");
}

static void test_addresses(void)
{
	static const uint8_t v4[TCPTRACE_ADDR_LEN] = { [10] = 0xff, 0xff, 10, 0, 200, 255 };
	static const uint8_t v6[TCPTRACE_ADDR_LEN] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

	is_str(ended(record_put_address(text, AF_INET, v4)), "10.0.200.255", "IPv4");
	is_str(ended(record_put_address(text, AF_INET6, v4)), "::ffff:10.0.200.255", "mapped");
	is_str(ended(record_put_address(text, AF_INET6, v6)), "2001:db8::7", "IPv6");
	is_str(ended(record_put_address(text, AF_INET6, v6)), "2001:db8::7", "the same again");
	is_str(ended(record_put_endpoint(text, AF_INET, v4, 80)), "10.0.200.255:80", "with a port");
	is_str(ended(record_put_endpoint(text, AF_INET6, v6, 65535)), "[2001:db8::7]:65535",
	       "IPv6 with a port");
	is_str(ended(record_put_endpoint(text, AF_INET, v4, 1000)), "10.0.200.255:1000",
	       "a port with zeros");
	is_str(ended(record_put_endpoint(text, AF_INET, v4, 10001)), "10.0.200.255:10001",
	       "another one");
}

static void test_processes(void)
{
	struct processes *processes = processes_new();
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	const struct process *owner;
	struct stat status;
	char comm[32] = "";
	FILE *file = fopen("/proc/self/comm", "r");

	if (!file || !fgets(comm, sizeof(comm), file) || fstat(fd, &status))
		abort();
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	processes_want(processes, status.st_ino);
	processes_want(processes, 1);
	processes_want(processes, 0);
	processes_scan(processes, "/proc");
	owner = processes_find(processes, status.st_ino);
	ok(owner, "the process of a socket");
	is_int(owner ? owner->pid : 0, getpid(), "its pid");
	is_str(owner ? owner->comm : "", comm, "its name");
	ok(!processes_find(processes, 1), "an inode of no socket");
	ok(!processes_find(processes, 2), "one that nobody asked for");
	close(fd);
	processes_free(processes);

	processes = processes_new();
	processes_want(processes, 1);
	processes_scan(processes, "/nowhere");
	ok(!processes_find(processes, 1), "no /proc: no process");
	processes_free(processes);
}

int main(void)
{
	test_numbers();
	test_durations();
	test_clock();
	test_columns();
	test_flush();
	test_addresses();
	test_processes();
	return done_testing();
}
