// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/rights.h"

#define INITIAL_USER_NAMESPACE	0xeffffffdu	/* PROC_USER_INIT_INO of the kernel */
#define ALONE	" is missing in the initial user namespace"
#define BOTH	" are missing in the initial user namespace"

/* The effective capabilities, one bit each. */
static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static bool has(uint64_t set, int capability)
{
	return set >> capability & 1;
}

/* Also if that is unknown. */
static bool in_initial_user_namespace(void)
{
	struct stat space;

	return stat("/proc/self/ns/user", &space) || space.st_ino == INITIAL_USER_NAMESPACE;
}

const char *rights_missing(void)
{
	uint64_t set = capabilities();
	bool admin = has(set, CAP_NET_ADMIN), perfmon = has(set, CAP_PERFMON) || has(set, CAP_SYS_ADMIN);

	if (!in_initial_user_namespace())
		return RIGHTS_RULE " are needed in the initial user namespace, but this is another one";
	if (!admin && !perfmon)
		return RIGHTS_RULE BOTH;
	if (!admin)
		return "CAP_NET_ADMIN" ALONE;
	return perfmon ? NULL : "CAP_PERFMON (or CAP_SYS_ADMIN)" ALONE;
}

const char *rights_missing_for_bpf(void)
{
	const char *missing = rights_missing();
	uint64_t set = capabilities();

	if (missing || has(set, CAP_BPF) || has(set, CAP_SYS_ADMIN))
		return missing;
	return "CAP_BPF (or CAP_SYS_ADMIN)" ALONE;
}

void rights_explain(char *text, size_t size)
{
	const char *missing = rights_missing();

	if (missing)
		snprintf(text, size, "needs root: %s: use sudo", missing);
	else if (geteuid())
		snprintf(text, size, "needs root: the files below /proc/tcptrace belong to root: use sudo");
	else
		snprintf(text, size, "refused, although no capability is missing: maybe by a security module");
}
