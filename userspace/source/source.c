// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "host/device.h"
#include "source/source_open.h"

void source_describe_host(struct source *source)
{
	struct timespec real, monotonic;
	struct utsname name;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME, &real);
	source->realtime = (real.tv_sec - monotonic.tv_sec) * 1000000000ll + real.tv_nsec -
			   monotonic.tv_nsec;
	device_names_live(host_device_name, DEVICE_AGAIN_NS);
	if (uname(&name))
		return;
	snprintf(source->host, sizeof(source->host), "%s", name.nodename);
	snprintf(source->release, sizeof(source->release), "%s", name.release);
}

#ifdef TCPTRACE_NO_BPF
int source_bpf_open(const struct source_request *request, struct source **source, char *error,
		    size_t error_size)
{
	(void)request;
	(void)source;
	snprintf(error, error_size, "BPF: this tcptrace-ctl was built without it (clang and bpftool were missing)");
	return -EOPNOTSUPP;
}
#endif

/* The module if it is loaded; else BPF, with a message. */
static int open_auto(const struct source_request *request, struct source **source, char *error,
		     size_t error_size)
{
	char why[256];
	int result;

	/* A user who may not look into the folder gets the error of the module's source. */
	if (!access(TCPTRACE_PROC_EVENTS, F_OK) || errno != ENOENT)
		return source_module_open(request, source, error, error_size);
	result = source_bpf_open(request, source, why, sizeof(why));
	if (result)
		snprintf(error, error_size, "the module is not loaded (sudo tcptrace-ctl load), and %.180s", why);
	else
		fprintf(stderr, "the module is not loaded: records come from BPF (--source=bpf)\n");
	return result;
}

/* If --source is not given. */
static const char *chosen(const char *spec)
{
	const char *wanted = spec ?: getenv("TCPTRACE_SOURCE");

	return wanted ?: "auto";
}

bool source_is_live(const char *spec)
{
	spec = chosen(spec);
	return !strcmp(spec, "auto") || !strcmp(spec, "module") || !strcmp(spec, "bpf");
}

int source_open(const char *spec, const struct source_request *request, struct source **source,
		char *error, size_t error_size)
{
	spec = chosen(spec);
	if (!strcmp(spec, "auto"))
		return open_auto(request, source, error, error_size);
	if (!strcmp(spec, "module"))
		return source_module_open(request, source, error, error_size);
	if (!strcmp(spec, "bpf"))
		return source_bpf_open(request, source, error, error_size);
	if (!*spec) {
		snprintf(error, error_size, "--source: empty; choose auto, module, bpf or a file");
		return -EINVAL;
	}
	return source_file_open(spec, source, error, error_size);
}
