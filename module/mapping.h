/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapping of the rings: read-only, and populated when a page is touched. */
#ifndef TCPTRACE_MAPPING_H
#define TCPTRACE_MAPPING_H

struct vm_area_struct;

/* For mmap() of a file that holds the rings: see tcptrace_ring_hold(). -EPERM, -EINVAL. */
int tcptrace_mapping_make(struct vm_area_struct *vma);

#endif
