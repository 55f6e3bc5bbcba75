/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/tcptrace/status: text for people, not an ABI. */
#ifndef TCPTRACE_STATUS_H
#define TCPTRACE_STATUS_H

struct seq_file;

int tcptrace_status_show(struct seq_file *seq, void *unused);

#endif
