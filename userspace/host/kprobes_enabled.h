/* SPDX-License-Identifier: GPL-2.0-only */
/* Kprobes can be disabled globally through debugfs: registering one then succeeds, but none fires. */
#ifndef TCPTRACE_KPROBES_ENABLED_H
#define TCPTRACE_KPROBES_ENABLED_H

#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"
#define KPROBES_REMEDY	"echo 1 | sudo tee " KPROBES_ENABLED

/* 1; 0: disabled; -errno if unknown: reading it requires root, and debugfs mounted in its usual place. */
int kprobes_enabled(void);

#endif
