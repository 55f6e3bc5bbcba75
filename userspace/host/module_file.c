// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host/module_file.h"

/* Its messages are about what our own messages report. */
static void quiet(void *data, int priority, const char *file, int line, const char *function,
		  const char *format, va_list arguments)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)function;
	(void)format;
	(void)arguments;
}

struct kmod_ctx *module_context(void)
{
	struct kmod_ctx *context = kmod_new(NULL, NULL);

	if (context)
		kmod_set_log_fn(context, quiet, NULL);
	return context;
}

bool module_loaded(struct kmod_ctx *context)
{
	struct kmod_module *module;
	int state;

	if (kmod_module_new_from_name(context, MODULE_NAME, &module) < 0)
		return false;
	state = kmod_module_get_initstate(module);
	kmod_module_unref(module);
	return state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN;
}

static struct kmod_module *find_installed(struct kmod_ctx *context)
{
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;

	if (kmod_module_new_from_lookup(context, MODULE_NAME, &list) < 0 || !list)
		return NULL;
	module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	if (module && !kmod_module_get_path(module)) {
		kmod_module_unref(module);
		return NULL;
	}
	return module;
}

/* Not from the current directory, which may be anybody's: root must not load a module from there unasked. */
static struct kmod_module *find_built(struct kmod_ctx *context)
{
	char program[PATH_MAX], path[PATH_MAX + 128];
	struct kmod_module *module;
	struct utsname system;
	ssize_t length;
	char *slash;

	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0 || uname(&system))
		return NULL;
	program[length] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	snprintf(path, sizeof(path), "%s/%s/" MODULE_NAME ".ko", program, system.release);
	if (access(path, R_OK) || kmod_module_new_from_path(context, path, &module) < 0)
		return NULL;
	return module;
}

struct kmod_module *module_find(struct kmod_ctx *context, bool *installed)
{
	struct kmod_module *module = find_installed(context);

	*installed = module;
	return module ? module : find_built(context);
}

void module_info(struct kmod_module *module, const char *key, char *value, size_t size)
{
	struct kmod_list *list = NULL, *item;

	*value = '\0';
	if (kmod_module_get_info(module, &list) < 0)
		return;
	kmod_list_foreach(item, list)
		if (!strcmp(kmod_module_info_get_key(item), key))
			snprintf(value, size, "%s", kmod_module_info_get_value(item));
	kmod_module_info_free_list(list);
}

bool module_has_parameter(struct kmod_module *module, const char *name, size_t length)
{
	struct kmod_list *list = NULL, *item;
	bool found = false;

	if (kmod_module_get_info(module, &list) < 0)
		return true;
	kmod_list_foreach(item, list) {
		const char *value = kmod_module_info_get_value(item);

		/* "ring:Records in each ..." */
		if (!strcmp(kmod_module_info_get_key(item), "parm") &&
		    !strncmp(value, name, length) && value[length] == ':')
			found = true;
	}
	kmod_module_info_free_list(list);
	return found;
}
