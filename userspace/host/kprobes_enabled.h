/* SPDX-License-Identifier: GPL-2.0-only */
/* Kprobes can be switched off as a whole, by debugfs: registering one succeeds then, and none is hit. */
#ifndef TCPTRACE_KPROBES_ENABLED_H
#define TCPTRACE_KPROBES_ENABLED_H

#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"
#define KPROBES_REMEDY	"echo 1 | sudo tee " KPROBES_ENABLED

/* 1, or 0: switched off; -errno where that cannot be seen: it takes root, and debugfs where it belongs. */
int kprobes_enabled(void);

#endif
