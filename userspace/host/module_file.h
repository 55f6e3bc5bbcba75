/* SPDX-License-Identifier: GPL-2.0-only */
/* The module as a file, and in the kernel, through libkmod. */
#ifndef TCPTRACE_MODULE_FILE_H
#define TCPTRACE_MODULE_FILE_H

#include <libkmod.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define MODULE_NAME	"tcptrace"

/* A libkmod context that prints nothing itself; NULL: no memory. */
struct kmod_ctx *module_context(void);

/* Whether it is in the kernel, according to /sys/module. */
bool module_loaded(struct kmod_ctx *context);

/*
 * The module that `load` loads: the file installed for this kernel, else the one built next to this program
 * (FOLDER/RELEASE/tcptrace.ko, where FOLDER is the program's). NULL: neither exists; else to be unreferenced.
 * *installed says which.
 */
struct kmod_module *module_find(struct kmod_ctx *context, bool *installed);

/* modinfo's value of `key`, "" if it has none. */
void module_info(struct kmod_module *module, const char *key, char *value, size_t size);

/* Whether modinfo lists a parameter of that name. Also true if the list cannot be read. */
bool module_has_parameter(struct kmod_module *module, const char *name, size_t length);

#endif
