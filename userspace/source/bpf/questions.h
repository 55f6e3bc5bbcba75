/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels, asked of the running one's type information: twin of module/compat/. */
#ifndef TCPTRACE_BPF_QUESTIONS_H
#define TCPTRACE_BPF_QUESTIONS_H

#include <stdbool.h>
#include <bpf/btf.h>

#include "source/bpf/shared.h"

/* Before any question. Functions can be asked for that are in the probe table or that questions.c names. */
void kernel_ask(const struct btf *btf);

/* Is there a function of this name, that a program can be attached to? */
bool kernel_has(const char *function);

/* Its number in the type information; 0: there is none. */
int kernel_function(const char *function);

/* How many arguments it has. */
int kernel_arguments(const struct btf *btf, const char *function);

/* Behind how many arguments comes what it returns; 0: it returns nothing. */
int kernel_result(const struct btf *btf, const char *function);

/* Fills all of the configuration that depends on the kernel. */
void kernel_answers(const struct btf *btf, struct bpf_config *config);

#endif
