// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/safe_text.h"
#include "host/bpf_allowed.h"
#include "host/checks.h"
#include "host/kprobes_enabled.h"
#include "host/module_file.h"
#include "host/rights.h"
#include "version.h"

/* ---- answers ---- */

/* Releases, paths and versions contain text that others have chosen. */
static void put(char *text, size_t size, const char *format, va_list arguments)
{
	vsnprintf(text, size, format, arguments);
	strcpy(text, safe_string_cut(text, size - 1));
}

static void __attribute__((format(printf, 3, 4)))
say(struct check_answer *answer, enum check_result result, const char *format, ...)
{
	va_list arguments;

	answer->result = result;
	va_start(arguments, format);
	put(answer->text, sizeof(answer->text), format, arguments);
	va_end(arguments);
}

static void __attribute__((format(printf, 2, 3)))
advise(struct check_answer *answer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put(answer->remedy, sizeof(answer->remedy), format, arguments);
	va_end(arguments);
}

/* The first line of a small file. Returns 0 or errno. */
static int read_line(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return errno;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return errno;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* ---- facts ---- */

#ifdef TCPTRACE_NO_BPF
#define BUILT_WITH_BPF	false
#else
#define BUILT_WITH_BPF	true
#endif

void check_facts_get(struct kmod_ctx *context, struct check_facts *facts)
{
	struct channel *channel;
	struct utsname system;

	memset(facts, 0, sizeof(*facts));
	if (!uname(&system))
		snprintf(facts->release, sizeof(facts->release), "%s", system.release);
	facts->missing = rights_missing();
	facts->loaded = module_loaded(context);
	facts->bpf = BUILT_WITH_BPF && !access(BTF_FILE, F_OK) && !bpf_locked_out();
	facts->module = module_find(context, &facts->installed);
	facts->state_error = channel_open(&channel);
	if (!facts->state_error) {
		facts->state_error = module_state_get(channel, &facts->state);
		channel_close(channel);
	}
}

void check_facts_free(struct check_facts *facts)
{
	if (facts->module)
		kmod_module_unref(facts->module);
	if (!facts->state_error)
		module_state_free(&facts->state);
}

/* ---- the host ---- */

static void ask_rights(const struct check_facts *facts, struct check_answer *answer)
{
	if (!facts->missing) {
		say(answer, CHECK_OK, RIGHTS_RULE " in the initial user namespace");
		return;
	}
	say(answer, CHECK_FAIL, "%s: only recordings can be read", facts->missing);
	advise(answer, "use sudo, outside containers");
}

/* Without the module, BPF may still work: then this is no failure. */
static enum check_result without_module(const struct check_facts *facts)
{
	return facts->bpf ? CHECK_WARN : CHECK_FAIL;
}

static void ask_kernel(const struct check_facts *facts, struct check_answer *answer)
{
	char symbol[256];
	bool kprobes = false, state = false;
	FILE *file = fopen("/proc/kallsyms", "r");

	if (!file) {
		say(answer, without_module(facts), "Linux %s without /proc/kallsyms: kprobes need CONFIG_KALLSYMS",
		    facts->release);
		return;
	}
	/* "ffff... T symbol [module]" */
	while (fscanf(file, "%*s %*s %255s%*[^\n]", symbol) == 1 && !(kprobes && state)) {
		kprobes |= !strcmp(symbol, "register_kprobe");
		state |= !strcmp(symbol, "tcp_set_state");
	}
	fclose(file);
	if (!kprobes) {
		say(answer, without_module(facts), "Linux %s has no kprobes", facts->release);
		advise(answer, "a kernel with CONFIG_KPROBES=y is needed");
	} else if (!state) {
		say(answer, CHECK_FAIL, "Linux %s has no symbol tcp_set_state", facts->release);
		advise(answer, "a kernel with CONFIG_INET=y and CONFIG_KALLSYMS=y is needed");
	} else {
		say(answer, CHECK_OK, "Linux %s has kprobes and tcp_set_state", facts->release);
	}
}

static void ask_bpf(const struct check_facts *facts, struct check_answer *answer)
{
	enum check_result result = facts->loaded ? CHECK_OK : CHECK_WARN;

	if (facts->bpf) {
		say(answer, CHECK_OK, "the kernel has type information: --source=bpf needs no module");
	} else if (!BUILT_WITH_BPF) {
		say(answer, result, "this tcptrace-ctl was built without BPF (clang and bpftool were missing)");
		advise(answer, "sudo apt-get install clang bpftool libbpf-dev, then make && sudo make install, in the sources");
	} else if (access(BTF_FILE, F_OK)) {
		say(answer, result, "the kernel has no type information (" BTF_FILE "), which --source=bpf needs");
		advise(answer, "use the module, or a kernel with CONFIG_DEBUG_INFO_BTF=y");
	} else {
		say(answer, result, "lockdown mode is confidentiality: BPF programs may not read kernel memory");
		advise(answer, "boot with lockdown=integrity");
	}
}

static void ask_modules(const struct check_facts *facts, struct check_answer *answer)
{
	char text[16] = "";

	if (access("/proc/modules", F_OK)) {
		say(answer, without_module(facts), "this kernel has no loadable modules");
		advise(answer, "a kernel with CONFIG_MODULES=y is needed");
	} else if (!read_line("/proc/sys/kernel/modules_disabled", text, sizeof(text)) &&
		   !strcmp(text, "1")) {
		say(answer, facts->loaded ? CHECK_OK : without_module(facts),
		    "kernel.modules_disabled is 1: no module can be loaded until the next boot");
		if (!facts->loaded)
			advise(answer, "reboot, and load the module before this is set");
	} else {
		say(answer, CHECK_OK, "this kernel loads modules");
	}
}

static void ask_lockdown(const struct check_facts *facts, struct check_answer *answer)
{
	char text[64];
	int error = read_line("/sys/kernel/security/lockdown", text, sizeof(text));

	if (error == EACCES)
		say(answer, CHECK_SKIP, "only root can see whether the kernel is locked down");
	else if (error || strstr(text, "[none]"))
		say(answer, CHECK_OK, "the kernel is not locked down");
	else if (strstr(text, "[confidentiality]")) {
		say(answer, CHECK_FAIL, "lockdown mode is confidentiality: the kernel refuses kprobes");
		advise(answer, "boot with lockdown=none or lockdown=integrity");
	} else {
		say(answer, facts->loaded ? CHECK_OK : CHECK_WARN,
		    "lockdown mode is integrity: only signed modules can be loaded");
		if (!facts->loaded)
			advise(answer, "sign the module with an enrolled key (mokutil --import), "
				       "or turn Secure Boot off; --source=bpf needs no module");
	}
}

static void ask_signature(const struct check_facts *facts, struct check_answer *answer)
{
	char text[16] = "", signer[128] = "";

	if (read_line("/sys/module/module/parameters/sig_enforce", text, sizeof(text)) ||
	    strcmp(text, "Y")) {
		say(answer, CHECK_OK, "modules need no signature");
		return;
	}
	if (facts->module)
		module_info(facts->module, "signer", signer, sizeof(signer));
	if (facts->loaded)
		say(answer, CHECK_OK, "modules need a signature; this one was accepted");
	else if (*signer)
		say(answer, CHECK_OK, "modules need a signature; this one is signed by %s", signer);
	else {
		say(answer, without_module(facts), "modules need a signature (module.sig_enforce); this one has none");
		advise(answer, "sign the module with an enrolled key (mokutil --import), "
			       "or boot without module.sig_enforce");
	}
}

static void ask_ftrace(const struct check_facts *facts, struct check_answer *answer)
{
	char text[16];
	int error = read_line("/proc/sys/kernel/ftrace_enabled", text, sizeof(text));

	(void)facts;
	if (error == ENOENT)
		say(answer, CHECK_OK, "this kernel has no ftrace; kprobes work without it");
	else if (error)
		say(answer, CHECK_SKIP, "kernel.ftrace_enabled: %s", strerror(error));
	else if (!strcmp(text, "0")) {
		say(answer, CHECK_FAIL, "kernel.ftrace_enabled is 0: probes would attach but never fire");
		advise(answer, "sudo sysctl kernel.ftrace_enabled=1");
	} else {
		say(answer, CHECK_OK, "kernel.ftrace_enabled is on");
	}
}

static void ask_kprobes(const struct check_facts *facts, struct check_answer *answer)
{
	int enabled = kprobes_enabled();

	(void)facts;
	if (enabled == -EACCES)
		say(answer, CHECK_SKIP, "only root can see whether kprobes are switched off as a whole");
	else if (enabled < 0)
		say(answer, CHECK_SKIP, "debugfs is not mounted: cannot check whether kprobes are switched off");
	else if (!enabled) {
		say(answer, CHECK_FAIL, "kprobes are switched off as a whole: they would attach but never fire");
		advise(answer, KPROBES_REMEDY);
	} else {
		say(answer, CHECK_OK, "kprobes are not switched off");
	}
}

/* ---- the module ---- */

static void ask_headers(const struct check_facts *facts, struct check_answer *answer)
{
	char path[128];

	snprintf(path, sizeof(path), "/lib/modules/%s/build/Makefile", facts->release);
	if (!access(path, F_OK)) {
		say(answer, CHECK_OK, "this kernel's headers are installed");
	} else if (facts->module || facts->loaded) {
		say(answer, CHECK_OK, "this kernel's headers are not installed, and not needed: the module is built");
	} else {
		say(answer, without_module(facts), "this kernel's headers are not installed: the module cannot be built");
		advise(answer, "sudo apt-get install linux-headers-%s", facts->release);
	}
}

/* vermagic is "RELEASE flags"; comparing the release finds most mistakes. */
static bool fits(const struct check_facts *facts, char *magic, size_t size)
{
	module_info(facts->module, "vermagic", magic, size);
	magic[strcspn(magic, " ")] = '\0';
	return !*magic || !strcmp(magic, facts->release);
}

static void ask_module(const struct check_facts *facts, struct check_answer *answer)
{
	char magic[128];

	if (facts->loaded) {
		say(answer, CHECK_OK, "loaded");
	} else if (!facts->module) {
		say(answer, without_module(facts), "neither loaded nor installed for this kernel");
		advise(answer, "make && sudo make install, in the sources");
	} else if (!fits(facts, magic, sizeof(magic))) {
		say(answer, CHECK_WARN, "%.128s is built for %.64s",
		    kmod_module_get_path(facts->module), magic);
		advise(answer, "make && sudo make install, in the sources");
	} else {
		say(answer, CHECK_WARN, "not loaded; \"tcptrace-ctl load\" would load %.160s",
		    kmod_module_get_path(facts->module));
		advise(answer, "sudo tcptrace-ctl load");
	}
}

/* For the checks that query the module. True: it answered. */
static bool answered(const struct check_facts *facts, struct check_answer *answer)
{
	if (!facts->state_error)
		return true;
	if (!facts->loaded) {
		say(answer, CHECK_SKIP, "the module is not loaded");
	} else if (facts->state_error == -EPERM) {
		say(answer, CHECK_SKIP, "only root may query the module");
	} else if (facts->state_error == -ENOENT) {
		say(answer, CHECK_SKIP, "the module's netlink family is not visible from this network namespace");
	} else {
		say(answer, CHECK_FAIL, "the module does not answer: %s", strerror(-facts->state_error));
		advise(answer, "install matching versions of module and tcptrace-ctl");
	}
	return false;
}

static void ask_abi(const struct check_facts *facts, struct check_answer *answer)
{
	const struct module_info *info = &facts->state.info;

	if (!answered(facts, answer))
		return;
	if (info->abi != TCPTRACE_ABI) {
		say(answer, CHECK_FAIL, "the module uses ABI %u, this tcptrace-ctl uses %u", info->abi,
		    TCPTRACE_ABI);
		advise(answer, "install matching versions, then unload and load");
	} else if (strcmp(info->version, TCPTRACE_VERSION)) {
		say(answer, CHECK_WARN, "the module is version %s, this tcptrace-ctl is version %s; both use ABI %u",
		    info->version, TCPTRACE_VERSION, TCPTRACE_ABI);
		advise(answer, "install matching versions, then unload and load");
	} else {
		say(answer, CHECK_OK, "module and tcptrace-ctl both have version %s, ABI %u", info->version,
		    info->abi);
	}
}

static void ask_probes(const struct check_facts *facts, struct check_answer *answer)
{
	const struct module_state *state = &facts->state;
	size_t absent = 0, i;
	char names[160] = "";

	if (!answered(facts, answer))
		return;
	for (i = 0; i < state->probe_count; i++) {
		size_t length = strlen(names);

		if (state->probes[i].method != TCPTRACE_METHOD_ABSENT)
			continue;
		snprintf(names + length, sizeof(names) - length, "%s%s", absent ? ", " : "",
			 state->probes[i].symbol);
		absent++;
	}
	if (!absent) {
		say(answer, CHECK_OK, "all %zu probes can be attached", state->probe_count);
		return;
	}
	say(answer, CHECK_WARN, "%zu of %zu probes are not visible on this kernel: %s", absent,
	    state->probe_count, names);
	advise(answer, "tcptrace-ctl status has details; what these probes show is missing");
}

static void ask_losses(const struct check_facts *facts, struct check_answer *answer)
{
	const struct module_state *state = &facts->state;
	uint64_t lost = 0, missed = 0;
	size_t i;

	if (!answered(facts, answer))
		return;
	for (i = 0; i < state->cpu_count; i++)
		lost += state->cpus[i].lost;
	for (i = 0; i < state->probe_count; i++)
		missed += state->probes[i].missed;
	if (!lost && !missed) {
		say(answer, CHECK_OK, "no event was lost since the module was loaded");
		return;
	}
	say(answer, CHECK_WARN, "since the module was loaded: %" PRIu64 " lost because the ring had no room, %" PRIu64
	    " missed by probes", lost, missed);
	if (lost)
		advise(answer, "use a larger ring: tcptrace-ctl unload, tcptrace-ctl load ring=%u",
		       state->info.slots * 4);
}

const struct check checks[] = {
	{ "rights",	ask_rights },
	{ "kernel",	ask_kernel },
	{ "bpf",	ask_bpf },
	{ "modules",	ask_modules },
	{ "lockdown",	ask_lockdown },
	{ "signature",	ask_signature },
	{ "ftrace",	ask_ftrace },
	{ "kprobes",	ask_kprobes },
	{ "headers",	ask_headers },
	{ "module",	ask_module },
	{ "versions",	ask_abi },
	{ "probes",	ask_probes },
	{ "losses",	ask_losses },
};

const size_t check_count = sizeof(checks) / sizeof(checks[0]);
