/* SPDX-License-Identifier: GPL-2.0-only */
/* The mapping of the rings: read-only, and filled as rings come. */
#ifndef TCPTRACE_MAPPING_H
#define TCPTRACE_MAPPING_H

struct vm_area_struct;

/* For mmap() of a file that holds the rings. -EPERM, -EINVAL, -ENOMEM. */
int tcptrace_mapping_make(struct vm_area_struct *vma);

#endif
