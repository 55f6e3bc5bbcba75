/* SPDX-License-Identifier: GPL-2.0-only */
/* Differences between kernels, found out from the type information of the running one: the twin of module/compat/. */
#ifndef TCPTRACE_BPF_QUESTIONS_H
#define TCPTRACE_BPF_QUESTIONS_H

#include <stdbool.h>
#include <bpf/btf.h>

#include "source/bpf/shared.h"

/* To be called first. Only functions of the probe table, and those named in questions.c, can be looked up. */
void kernel_ask(const struct btf *btf);

/* Whether there is a function of this name to which a program can be attached. */
bool kernel_has(const char *function);

/* Its id in the type information; 0: there is none. */
int kernel_function(const char *function);

/* The number of its arguments. */
int kernel_arguments(const struct btf *btf, const char *function);

/* Those of a tracepoint; 0: there is none of this name. Searches all types. */
int kernel_tracepoint_arguments(const struct btf *btf, const char *tracepoint);

/* The number of arguments before its return value; 0: it returns nothing. */
int kernel_result(const struct btf *btf, const char *function);

/* Fills the part of the configuration that depends on the kernel. */
void kernel_answers(const struct btf *btf, struct bpf_config *config);

#endif
