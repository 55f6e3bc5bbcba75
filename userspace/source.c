// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source_open.h"

bool source_is_module(const char *spec)
{
	return !spec || !strcmp(spec, "auto") || !strcmp(spec, "module");
}

int source_open(const char *spec, const struct source_request *request, struct source **source,
		char *error, size_t error_size)
{
	if (source_is_module(spec))
		return source_module_open(request, source, error, error_size);
	/* Kept free: that a file of this name were read in its place would be a surprise later. */
	if (!strcmp(spec, "bpf")) {
		snprintf(error, error_size,
			 "--source=bpf: not in this version; it is module, a file, or ./bpf for a file of that name");
		return -EOPNOTSUPP;
	}
	if (!*spec) {
		snprintf(error, error_size, "--source: empty; it is auto, module, or a file");
		return -EINVAL;
	}
	return source_file_open(spec, source, error, error_size);
}
